"""Tags of objects (10 at most) and of buckets (50)."""

from typing import Any
from urllib.parse import parse_qsl

from sandbox.cos.errors import CosError
from sandbox.cos.markup import many


def _checked(pairs: list[tuple[str, str]], most: int) -> dict[str, str]:
    tags = dict(pairs)
    if len(pairs) > most or len(tags) != len(pairs):
        raise CosError("InvalidTag", "Too many tags, or one key twice.")
    if any(not 1 <= len(key) <= 128 or len(value) > 256 for key, value in pairs):
        raise CosError("InvalidTag")
    return tags


def from_markup(content: dict[str, Any], most: int = 10) -> dict[str, str]:
    """The tags of a Tagging element.  Raises CosError InvalidTag."""
    listed = content.get("TagSet")
    tags = many(listed.get("Tag") if isinstance(listed, dict) else None)
    return _checked([(tag.get("Key") or "", tag.get("Value") or "") for tag in tags], most)


def from_header(text: str) -> dict[str, str]:
    """The tags of an `x-cos-tagging` header, `a=1&b=2`."""
    return _checked(parse_qsl(text, keep_blank_values=True), 10)


def to_markup(tags: dict[str, str]) -> dict[str, Any]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSet": {"Tag": listed} if listed else None}
