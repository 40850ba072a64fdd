"""Changes and the lines of their diff, as plans of the gateway show them.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.changes import Change, Field, Op
from apps.core.words import Say


@dataclass(frozen=True)
class Held:
    """Gone at the gateway, but rows that stand on it are not: it leaves after them."""


def lines_of(
    labels: Sequence[tuple[str, str, str]],
    old: object | None,
    new: object,
    zero_says_something: bool = True,
) -> tuple[Field, ...]:
    """Of something new all that says something; of something changed what differs."""
    lines = []
    for member, label, path in labels:
        before = _shown(getattr(old, member), zero_says_something) if old is not None else None
        after = _shown(getattr(new, member), zero_says_something)
        if before != after:
            lines.append(Field(label, path, before, after))
    return tuple(lines)


def _shown(value: Any, zero_says_something: bool) -> Any:
    """A value as JSON; nothing at all is None.  Pairs read as "name: value"."""
    if isinstance(value, tuple):
        return [": ".join(one) if isinstance(one, tuple) else one for one in value] or None
    if value == "" or (value == 0 and not isinstance(value, bool) and not zero_says_something):
        return None
    return value


def change_of(
    op: Op,
    object_kind: str,
    name: str,
    call: str,
    fields: tuple[Field, ...] = (),
    notes: tuple[Say, ...] = (),
    destructive: bool = False,
) -> Change:
    return Change(op, "gateway", object_kind, name, call, fields, notes, destructive=destructive)
