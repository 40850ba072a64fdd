"""Slows down guessing of passwords: so many tries per user name and address, then a pause.

Counted before the password is looked at, so that parallel guesses count too; a success forgets
them.  Nothing here asks whether the user name exists.  The counters live in the shared cache;
without it people can still sign in, and the log says so.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import NamedTuple

import structlog
from django.core.cache import cache
from redis import RedisError

TRIES = 5
WINDOW_S = 300
log = structlog.get_logger(__name__)


def _key(username: str, ip: str | None) -> str:
    spelled = f"{username.strip().casefold()}\n{ip or ''}"
    return "sign-in:" + hashlib.sha256(spelled.encode()).hexdigest()


class Pause(NamedTuple):
    wait_s: int  # until there is a try again
    fresh: bool  # it begins with this try


def take_try(username: str, ip: str | None) -> Pause | None:
    """Use up one try; None if there was one left."""
    key = _key(username, ip)
    try:
        cache.add(key, 0, WINDOW_S)
        until = cache.get_or_set(f"{key}:until", time.time() + WINDOW_S, WINDOW_S)
        used = cache.incr(key)
    except ValueError:  # the window ended between the lines above
        return None
    except RedisError:
        log.warning("sign_in_throttle_without_cache")
        return None
    if used <= TRIES:
        return None
    wait_s = max(1, math.ceil((until or time.time()) - time.time()))
    return Pause(wait_s, fresh=used == TRIES + 1)


def forget(username: str, ip: str | None) -> None:
    key = _key(username, ip)
    try:
        cache.delete_many([key, f"{key}:until"])
    except RedisError:
        log.warning("sign_in_throttle_without_cache")
