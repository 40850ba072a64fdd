"""The five functions of a thing, over a service that a test can trouble.

`SERVICE` is a world outside of the database: what is in it is what "the cloud" holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.core.changes import Change, Field
from apps.core.kinds import Applied, Kind, Verdict
from apps.core.phases import Phase
from apps.core.words import Say
from tests.core.things.models import Thing


@dataclass
class Service:
    colours: dict[str, str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda name: None
    after: Callable[[str], None] = lambda name: None

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]


SERVICE = Service()


@dataclass(frozen=True)
class Paint:
    name: str
    colour: str
    old: str | None

    @property
    def key(self) -> str:
        return f"thing/{self.name}"

    @property
    def change(self) -> Change:
        op = "change" if self.old else "create"
        lines = (Field("Colour", "colour", self.old, self.colour),)
        return Change(op, "cloud", "Thing", self.name, "PaintThing", lines)


@dataclass(frozen=True)
class Remove:
    name: str

    @property
    def key(self) -> str:
        return f"thing/{self.name}"

    @property
    def change(self) -> Change:
        return Change("delete", "cloud", "Thing", self.name, "DeleteThing", destructive=True)


def desired(row: Thing, spec: dict[str, str] | None) -> tuple[str, str] | None:
    return None if spec is None else (row.name, spec["colour"])


def observe(row: Thing, want: object) -> tuple[str, str] | None:
    colour = SERVICE.colours.get(row.name)
    return None if colour is None else (row.name, colour)


def plan(want: tuple[str, str] | None, have: tuple[str, str] | None) -> list[Paint] | list[Remove]:
    if want is None:
        return [Remove(have[0])] if have else []
    if want == have:
        return []
    return [Paint(want[0], want[1], have[1] if have else None)]


def apply(row: Thing, action: Paint | Remove) -> Applied:
    SERVICE.before(action.name)
    if isinstance(action, Paint):
        SERVICE.colours[action.name] = action.colour
    else:
        SERVICE.colours.pop(action.name, None)
    SERVICE.writes.append(action.key)
    SERVICE.after(action.name)
    return Applied(request_id=f"req-{len(SERVICE.writes)}")


def judge(want: object, have: object) -> Verdict:
    return Verdict(Phase.READY, Say("In step."))


KIND = Kind(
    name="thing",
    model=Thing,
    queue="reconcile",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    label="Thing",
)
