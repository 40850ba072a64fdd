"""Ids and times in the many forms Tencent's products write them."""

import secrets
import string
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

_LETTERS = string.ascii_lowercase + string.digits
_BEIJING = timezone(timedelta(hours=8))


def new_id(prefix: str, length: int = 8) -> str:
    """For example `cls-k3v9x0ab`."""
    return f"{prefix}-{''.join(secrets.choice(_LETTERS) for _ in range(length))}"


def new_gateway_id() -> str:
    return f"gateway-{secrets.token_hex(4)}"


def new_uuid() -> str:
    return str(uuid.uuid4())


def free_index(used: Iterable[int]) -> int:
    """The smallest index that is not in `used`: addresses are handed out again after a delete."""
    taken = set(used)
    return next(index for index in range(len(taken) + 1) if index not in taken)


def utc_z(seconds: float) -> str:
    """`2022-12-27T07:46:13Z` (TKE)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def beijing(seconds: float) -> str:
    """`2024-10-08 20:27:38`, Beijing time without saying so (CFS, TSE)."""
    return datetime.fromtimestamp(seconds, _BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def beijing_iso(seconds: float) -> str:
    """`2024-07-19T15:33:22+08:00` (TCR)."""
    return datetime.fromtimestamp(seconds, _BEIJING).isoformat(timespec="seconds")


def go_utc(seconds: float) -> str:
    """`2024-12-10 14:30:36.806284 +0000 UTC` (TCR image times)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC")
