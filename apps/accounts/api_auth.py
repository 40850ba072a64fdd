"""Who calls the API: a bearer token, or the browser's session with its CSRF token."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer
from ninja.security.session import SessionAuth
from ninja.throttling import BaseThrottle
from ninja.utils import check_csrf
from redis import RedisError

from apps.accounts import selectors, services
from apps.accounts.models import User

RATE_PER_MINUTE = 1200


class Bearer(HttpBearer):
    """A wrong token is refused at once, even if the browser also has a session."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        found = selectors.token_find(token)
        if found is None:
            raise AuthenticationError(message=_("This token is unknown, expired or revoked."))
        services.token_touch(found)
        user = found.user
        user.token_scopes = frozenset(found.scopes)
        request.user = user
        if user.language:
            translation.activate(user.language)
        return user


class Session(SessionAuth):
    """Unlike ninja's own, it looks for a person first: nobody is 401, a missing CSRF token 403."""

    def __call__(self, request: HttpRequest) -> Any:
        if not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise HttpError(403, _("The CSRF token is missing or wrong."))
        return request.user


class PersonRate(BaseThrottle):
    """So many requests per person and minute, counted in the shared cache; without it, no limit."""

    def allow_request(self, request: HttpRequest) -> bool:
        key = f"api-rate:{request.user.pk}:{int(time.time() // 60)}"
        try:
            cache.add(key, 0, 120)
            return bool(cache.incr(key) <= RATE_PER_MINUTE)
        except (ValueError, RedisError):
            return True

    def wait(self) -> float:
        return 60 - time.time() % 60


bearer = Bearer()
session = Session()
