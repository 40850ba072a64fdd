"""Slows down guessing of passwords: so many tries per user name and address, then a pause.

Counted before the password is looked at, so that parallel guesses count too; a success forgets
them.  Nothing here asks whether the user name exists.  The counters live in the shared cache;
without it people can still sign in, and the log says so.
"""

from __future__ import annotations

import hashlib
import math
import time

import structlog
from django.core.cache import cache
from redis import RedisError

TRIES = 5
WINDOW_S = 300
log = structlog.get_logger(__name__)


def _key(username: str, ip: str | None) -> str:
    spelled = f"{username.strip().casefold()}\n{ip or ''}"
    return "sign-in:" + hashlib.sha256(spelled.encode()).hexdigest()


def take_try(username: str, ip: str | None) -> int:
    """Use up one try; 0 if there was one left, else the seconds until there is one again."""
    key = _key(username, ip)
    try:
        cache.add(key, 0, WINDOW_S)
        until = cache.get_or_set(f"{key}:until", time.time() + WINDOW_S, WINDOW_S)
        used = cache.incr(key)
    except ValueError:  # the window ended between the lines above
        return 0
    except RedisError:
        log.warning("sign_in_throttle_without_cache")
        return 0
    if used <= TRIES:
        return 0
    return max(1, math.ceil((until or time.time()) - time.time()))


def forget(username: str, ip: str | None) -> None:
    key = _key(username, ip)
    try:
        cache.delete_many([key, f"{key}:until"])
    except RedisError:
        log.warning("sign_in_throttle_without_cache")
