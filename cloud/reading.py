"""Reading what vendors send: values that may be missing, null, numbers or strings.

The names say what comes out; none of them raises."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

BEIJING = timezone(timedelta(hours=8))
Data = Mapping[str, Any]


def text(data: Data, key: str, default: str = "") -> str:
    value = data.get(key)
    return default if value is None else str(value)


def whole(data: Data, key: str, default: int = 0) -> int:
    return as_int(data.get(key), default)


def flag(data: Data, key: str, default: bool = False) -> bool:
    value = data.get(key)
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on", "enabled")
    return default if value is None else bool(value)


def part(data: Data, key: str) -> Data:
    """The member as an object, empty if it is missing or something else."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def parts(data: Data, key: str) -> list[Data]:
    """The member as a list of objects; null is no object, a single object is a list of one."""
    value = data.get(key)
    if isinstance(value, Mapping):
        return [value]
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def texts(data: Data, key: str) -> tuple[str, ...]:
    value = data.get(key)
    if value is None or value == "":
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def as_int(value: object, default: int = 0) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        try:
            return int(float(str(value)))
        except (ValueError, OverflowError):
            return default


def when(value: object) -> datetime | None:
    """An aware UTC time from any of the forms Tencent uses, None if it is none of them.

    No zone means Beijing time; whole numbers are seconds or milliseconds since 1970."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float) or str(value).isdigit():
        seconds = float(str(value))
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    words = str(value).strip().removesuffix(" UTC").removesuffix(" CST")
    for form in ("", "%Y-%m-%d %H:%M:%S.%f %z", "%Y-%m-%d %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z"):
        try:
            found = datetime.strptime(words, form) if form else datetime.fromisoformat(words)
        except ValueError:
            continue
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC if words.endswith("GMT") else BEIJING)
        return found.astimezone(UTC)
    return None
