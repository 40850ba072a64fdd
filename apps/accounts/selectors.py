"""Reads of people and tokens."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import pgettext

from apps.accounts.models import ApiToken, User
from apps.accounts.permissions import CAPABILITIES, ROLE_WORDS, Role


def person_list() -> QuerySet[User]:
    return User.objects.prefetch_related("groups")


def person_get(pk: int) -> User:
    """Raises User.DoesNotExist."""
    return person_list().get(pk=pk)


def token_list(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user)


def token_find(secret: str) -> ApiToken | None:
    """The live token with this secret, of a person who may still sign in."""
    return (
        ApiToken.objects.select_related("user")
        .filter(sha256=ApiToken.digest(secret), user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        .first()
    )


def administrators() -> QuerySet[User]:
    return User.objects.filter(is_active=True, groups__name=Role.ADMINISTRATOR)


def who_can(capability: str) -> str:
    """The roles that grant `capability`, in words."""
    roles = CAPABILITIES[capability].roles
    return listed(ROLE_WORDS[role] for role in Role if role in roles)


def listed(words: Iterable[object]) -> str:
    """Words one after another, as the reader's language separates them."""
    return pgettext("between the words of a list", ", ").join(map(str, words))
