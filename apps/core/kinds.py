"""A reconciled kind is a value made of five functions; each app hands in its own when ready."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apps.core.changes import Change
from apps.core.models import Reconcilable
from apps.core.phases import Phase
from apps.core.words import Say
from cloud.errors import Terminal, Transient

# Differences nobody minds: ("Deployment/web", "spec.replicas").
Ignored = frozenset[tuple[str, str]]


class Action(Protocol):
    """One mutating call, as a frozen value.

    One that says `resolvable = False` leaves no trace that a later look could find: after a lost
    answer a person is asked how it went, and until then it is not sent again.

    One that says `heals = True` is done at once, also when nobody asked for a change and its kind
    leaves differences to a person."""

    @property
    def key(self) -> str:
        """Stable name of the object it touches, unique within one row's plan."""

    @property
    def change(self) -> Change: ...


@dataclass(frozen=True)
class Applied:
    """A call that succeeded."""

    request_id: str = ""
    note: Say | None = None


@dataclass(frozen=True)
class Verdict:
    """How the object is doing.  `again_s`: seconds until the next look; None: the next resync."""

    phase: Phase
    message: Say
    again_s: float | None = None
    done: int = 0
    total: int = 0
    overdue: bool = False  # the world gave up: it will not arrive at this revision any more


class Waiting(Transient):
    """A lower object is not there yet: not a failure, looked at again soon."""

    retry_s = 2

    def __init__(self, say: Say) -> None:
        super().__init__(str(say))
        self.say = say


class Blocked(Terminal):
    """Only a person can clear the way: not looked at again until the wish changes."""

    def __init__(self, say: Say) -> None:
        super().__init__(str(say))
        self.say = say


@dataclass(frozen=True)
class Kind:
    """desired(row, spec) -> want     what the wish (or a candidate `spec`) asks for; None = nothing
    observe(row, want) -> have     what the cloud has of it; None = nothing
    plan(want, have) -> actions    pure; empty = in step
    apply(row, action) -> Applied  one idempotent mutating call
    judge(want, have) -> Verdict   pure; asked when the plan is empty
    """

    name: str
    model: type[Reconcilable]
    queue: str
    desired: Callable[[Any, dict[str, Any] | None], Any]
    observe: Callable[[Any, Any], Any]
    plan: Callable[[Any, Any], Sequence[Action]]
    apply: Callable[[Any, Any], Applied]
    judge: Callable[[Any, Any], Verdict]
    label: Any = ""  # lazy word for people
    # True: what differs in steady state is put back at once (a freeze must hold);
    # False: it is shown as drift and a person chooses.
    heals: bool = False
    # How often an object in step is looked at again, seconds.
    resync_s: float = 60.0
    # Columns that repeat a part of an accepted spec, for foreign keys and queries; None = none do.
    # Raises RuleViolation when the spec names what is not there any more.
    repeats: Callable[[Any], dict[str, Any]] | None = None
    # Path of the name that people search by; empty = its column `name`, if it has one.
    found_by: str = ""
    # Foreign keys that str(row) and page_arg(row) read, so that lists of mixed kinds stay quick.
    named_by: tuple[str, ...] = ()
    # What of the observed state pages may show, as JSON; None = nothing is kept.
    picture: Callable[[Any], dict[str, Any]] | None = None
    # overlook(want, have, ignored) -> (want, have)  pure; both without the differences a person
    # chose to ignore, so that they are neither planned nor sent along.  None = nothing can be.
    overlook: Callable[[Any, Any, Ignored], tuple[Any, Any]] | None = None
    # adopt(row, drift) -> spec  the wish with what differs taken over into it.  Raises
    # RuleViolation naming what no wish can say.  None = it cannot be done.
    adopt: Callable[[Any, Sequence[Change]], dict[str, Any]] | None = None
    # True: when this row's rollout fails for good, the last good revision is put in its place.
    rolls_back: Callable[[Any], bool] = lambda row: False
    # URL name of the page of one row, and the row's value for it.
    page: str = ""
    page_arg: Callable[[Any], Any] = lambda row: row.pk

    @property
    def place(self) -> str:
        """The foreign key from a row to its environment (what has a name, a policy and a pause);
        "" if its rows lie nowhere in particular."""
        columns = {field.name for field in self.model._meta.concrete_fields}
        return "environment" if "environment" in columns else ""


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    _KINDS[kind.name] = kind


def kind_of(name: str) -> Kind:
    """The kind of that name; KeyError if no app brought it."""
    return _KINDS[name]


def all_kinds() -> list[Kind]:
    return list(_KINDS.values())


def kind_for(row: Reconcilable) -> Kind:
    """The kind whose rows `row` belongs to; KeyError if none."""
    for kind in _KINDS.values():
        if kind.model is type(row):
            return kind
    raise KeyError(type(row).__name__)
