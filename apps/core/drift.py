"""What differs between wish and world, without what people chose to ignore."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from apps.core.changes import Change, Field
from apps.core.kinds import Action, Ignored, Kind
from apps.core.models import Reconcilable


@dataclass(frozen=True)
class Overlooked:
    """One entry of `Reconcilable.ignored`: a field of an object, and who chose that (`at` is ISO
    8601)."""

    object: str  # "Deployment/web"
    path: str
    by: str = ""
    at: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @property
    def since(self) -> datetime | None:
        return datetime.fromisoformat(self.at) if self.at else None


def object_of(change: Change) -> str:
    return f"{change.object_kind}/{change.name}"


def overlooked(row: Reconcilable) -> list[Overlooked]:
    return [Overlooked(**stored) for stored in row.ignored]


def ignored_of(row: Reconcilable) -> Ignored:
    return frozenset((one.object, one.path) for one in overlooked(row))


def can_ignore(kind: Kind, change: Change, line: Field) -> bool:
    """What must hold cannot be ignored, nor an object that is missing or should not be there."""
    return kind.overlook is not None and not kind.heals and change.op == "change" and bool(line.op)


def differences(kind: Kind, row: Reconcilable, want: Any, have: Any) -> list[Action]:
    """The calls that would bring the world in step with `want`, ignored differences left out."""
    ignored = ignored_of(row)
    if kind.overlook and ignored and want is not None and have is not None:
        want, have = kind.overlook(want, have, ignored)
    return list(kind.plan(want, have))


def without_ignored(changes: list[Change], ignored: Ignored) -> list[Change]:
    """`changes` without ignored fields, and without changes that then have none left."""
    kept = []
    for change in changes:
        lines = tuple(
            line for line in change.fields if (object_of(change), line.path) not in ignored
        )
        if lines or not change.fields or change.op != "change":
            kept.append(replace(change, fields=lines))
    return kept


def drift_of(row: Reconcilable) -> list[Change]:
    """What differs while nobody asked for a change, as last seen."""
    stored = [Change.from_json(one) for one in row.drift]
    return without_ignored(stored, ignored_of(row))
