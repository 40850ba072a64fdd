"""How COS writes points in time."""

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime


def iso(seconds: float) -> str:
    """`2026-01-31T12:00:00.000Z`, in XML."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http(seconds: float) -> str:
    """`Sat, 31 Jan 2026 12:00:00 GMT`, in headers."""
    return formatdate(seconds, usegmt=True)


def from_http(text: str) -> float | None:
    """Epoch seconds of a header's date; None if it is not one."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
