"""For load balancers: /healthz says that the process answers, /readyz that it can work."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

PATIENCE_S = 2.0


@require_safe
@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200, or 503 with the one that fails named; details stay in the log."""
    found = {name: _answers(look) for name, look in LOOKS.items()}
    status = 200 if all(found.values()) else 503
    words = {name: "ok" if well else "failing" for name, well in found.items()}
    return JsonResponse(words, status=status)


def _postgres() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def _valkey() -> None:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
    ) as valkey:
        valkey.ping()


def _answers(look: Callable[[], None]) -> bool:
    try:
        look()
    except (DatabaseError, redis.RedisError, OSError):
        return False
    return True


LOOKS: dict[str, Callable[[], None]] = {"postgres": _postgres, "valkey": _valkey}
