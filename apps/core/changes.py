"""What a plan says it will do, in values: one Change per object, one Field per line of the diff.

Pure: no database, no network, no settings.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from apps.core.words import Say

Op = Literal["create", "change", "replace", "delete"]
Area = Literal["kubernetes", "gateway", "storage", "models", "moderation", "generation", "cloud"]
SIGNS: dict[str, str] = {"create": "+", "change": "~", "replace": "-/+", "delete": "-"}
MASK = "••••••"


@dataclass(frozen=True)
class Field:
    """One line: what is there now, what will be there.  None = absent on that side."""

    label: str  # in words, a msgid
    path: str  # the API's name, e.g. spec.template.spec.containers[webui].image
    old: Any = None
    new: Any = None
    note: Say = field(default_factory=lambda: Say(""))
    secret: bool = False
    # Who wrote the old value there, and when (ISO 8601), where the world keeps that; "" = not told.
    changed_by: str = ""
    changed_at: str = ""

    @property
    def op(self) -> str:
        if self.old == self.new:
            return "none"
        if self.old is None:
            return "create"
        return "delete" if self.new is None else "change"


@dataclass(frozen=True)
class Change:
    """One object of the world and what happens to it."""

    op: Op
    area: Area
    object_kind: str  # "Deployment", "Route"
    name: str
    call: str  # the API call that does it, e.g. "PATCH apps/v1 deployments"
    fields: tuple[Field, ...] = ()
    notes: tuple[Say, ...] = ()
    restarts: int = 0  # pods that restart because of it
    destructive: bool = False  # data is lost or traffic drops
    cost: str = ""  # e.g. "+¥11.60/h"; empty = none

    @property
    def sign(self) -> str:
        return SIGNS[self.op]

    def to_json(self) -> dict[str, Any]:
        stored = asdict(self)
        stored["notes"] = [note.to_json() for note in self.notes]
        stored["fields"] = [_field_json(line) for line in self.fields]
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        values = dict(stored)
        values["notes"] = tuple(Say.from_json(note) for note in stored["notes"])
        values["fields"] = tuple(
            Field(**{**line, "note": Say.from_json(line["note"])}) for line in stored["fields"]
        )
        return cls(**values)


def _field_json(line: Field) -> dict[str, Any]:
    """A secret never reaches the database in a plan: only whether it is set, and if it moves."""
    stored = asdict(line)
    stored["note"] = line.note.to_json()
    if line.secret:
        stored["old"] = None if line.old is None else MASK
        stored["new"] = None if line.new is None else MASK + ("" if line.old == line.new else "*")
    return stored
