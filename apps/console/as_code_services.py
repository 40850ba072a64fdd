"""Applying a text: the whole of it is checked first, then one plan an environment says what would
happen.  Nothing of a text with a mistake is used."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.accounts.permissions import can
from apps.audit.services import record
from apps.console.as_code import BY_KIND, ENVIRONMENT, shaped
from apps.console.drifting import right_of
from apps.console.yaml_reading import Document, Problem, Unreadable, read
from apps.core.access import Refused
from apps.core.as_code import Target
from apps.core.changes import Change
from apps.core.drift import differences
from apps.core.errors import RuleViolation
from apps.core.kinds import Kind, kind_for
from apps.core.models import Plan, Reconcilable
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.environments.as_code import changes as settings_changed
from apps.environments.models import Environment
from apps.environments.services import environment_update

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass
class Asked:
    """What a text asks of one environment that is not so yet."""

    environment: Environment
    targets: list[Target] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.targets or self.settings)


@dataclass(frozen=True)
class Preview:
    """What applying would do to one object."""

    kind: Kind
    row: Reconcilable
    changes: list[Change]


class _Undo(Exception):
    """Leaves the transaction of a dry run."""


def resolve(text: str, public_confirmed: bool) -> list[Asked]:
    """The differences between `text` and the accepted wishes; rows of new objects are drafted.

    Call it inside a transaction.  Raises Unreadable with every mistake."""
    documents = read(text)
    pairs, problems = shaped(documents)
    if problems:
        raise Unreadable(problems)
    places = {one.name: one for one in Environment.objects.all()}
    asked = {name: Asked(place) for name, place in places.items()}
    for document, shape in pairs:
        if document.kind == ENVIRONMENT:
            mine = asked[document.name]
            mine.settings |= settings_changed(mine.environment, shape)
            continue
        mine = asked[document.environment]
        try:
            with transaction.atomic():
                found = BY_KIND[document.kind].from_yaml(
                    mine.environment, document.name, shape, public_confirmed
                )
        except RuleViolation as wrong:
            problems.append(pointed(document, wrong))
            continue
        known = {(type(one.row), one.row.pk) for one in mine.targets}
        mine.targets += [
            one for one in found if one.changed and (type(one.row), one.row.pk) not in known
        ]
    if problems:
        raise Unreadable(problems)
    return [one for one in asked.values() if one]


def pointed(document: Document, wrong: RuleViolation) -> Problem:
    """A rule's sentence at the member it is about."""
    member = {"variables": "environment", "subnet_id": "service", "core": "slice"}
    name = member.get(wrong.field, wrong.field)
    path: tuple[str | int, ...] = ("spec",)
    if name == "name":
        path = ("name",)
    elif name:
        path = ("spec", name)
    return document.problem(path, wrong.message)


def preview(text: str, public_confirmed: bool = False) -> list[tuple[Asked, list[Preview]]]:
    """What applying would do, by looking at the world as a plan does; nothing is changed.

    Raises Unreadable, CloudError."""
    found: list[tuple[Asked, list[Preview]]] = []
    try:
        with transaction.atomic():
            for asked in resolve(text, public_confirmed):
                found.append((asked, [looked(one) for one in asked.targets]))
            raise _Undo
    except _Undo:
        pass
    return found


def looked(target: Target) -> Preview:
    kind = kind_for(target.row)
    want = kind.desired(target.row, target.spec)
    have = kind.observe(target.row, want)
    actions = differences(kind, target.row, want, have)
    return Preview(kind, target.row, [action.change for action in actions])


@transaction.atomic
def apply(
    *, person: "User", text: str, public_confirmed: bool = False, reason: str = ""
) -> list[tuple[Asked, Plan | None]]:
    """Open one plan for each environment that differs.  Settings of environments are not part of a
    plan: `settings_apply` sets them.  Raises Unreadable, Refused."""
    found: list[tuple[Asked, Plan | None]] = []
    for asked in resolve(text, public_confirmed):
        for target in asked.targets:
            needed = right_of(kind_for(target.row))
            if not can(person, needed):
                raise Refused(needed)
        found.append((asked, proposed(person, asked, reason) if asked.targets else None))
    return found


def proposed(person: "User", asked: Asked, reason: str) -> Plan:
    place = asked.environment
    number = len(asked.targets)
    title = Say.of(gettext_noop("Apply a file: %(number)s objects"), number=number)
    plan = plan_open(
        title=title,
        scope=place.name,
        # Whoever sits at a command line has not seen what would happen yet.
        policy="confirm" if place.policy == "auto" else place.policy,
        author=person,
        drafts=[Draft(one.row, one.spec, reason) for one in asked.targets],
        reason=reason,
        trigger="api",
    )
    for one in asked.targets:
        kind = kind_for(one.row).name
        before = one.row.spec or None
        name = str(one.row)
        record(person, f"{kind}.apply", kind, one.row.pk, name, before, one.spec, reason)
    return plan


def settings_apply(*, person: "User", asked: Asked) -> None:
    """Set the console's own settings of an environment.  Raises Refused, RuleViolation."""
    if not can(person, "environment.change"):
        raise Refused("environment.change")
    environment_update(environment=asked.environment, person=person, **asked.settings)
