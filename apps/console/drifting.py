"""Reads of what differs from what was asked, over every kind, and of what is left alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.accounts.permissions import can
from apps.console.selectors import Link, named, row_link
from apps.core.changes import Change, Field
from apps.core.diffing import text_of
from apps.core.drift import Overlooked, can_ignore, drift_of, object_of, overlooked
from apps.core.kinds import Kind, all_kinds, kind_of
from apps.core.models import Reconcilable
from apps.core.pauses import place_of
from apps.core.words import Say
from apps.environments.models import Environment
from apps.environments.selectors import SECRETS

MOST = 500  # rows of one kind that a list shows
# Who may decide about rows of a kind; whoever may apply plans for those not named here.
RIGHTS = {
    "deployment": "deployment.plan",
    "gateway-source": "gateway.plan",
    "gateway-service": "gateway.plan",
    "gateway-route": "gateway.plan",
    "preparation": "environment.change",
    "publication": "model.publish",
    "visibility": "moderation.release",
    "generation": "generate",
    "orphan": "environment.change",
}


def right_of(kind: Kind) -> str:
    return RIGHTS.get(kind.name, "plan.apply")


@dataclass(frozen=True)
class Line:
    """One field that differs.  `at`: when it was changed, as the world tells."""

    field: Field
    object: str
    can_ignore: bool

    @property
    def label(self) -> str:
        return str(Say(self.field.label)) or self.field.path

    @property
    def declared(self) -> str:
        return text_of(self.field.new)

    @property
    def live(self) -> str:
        return text_of(self.field.old)

    @property
    def at(self) -> datetime | None:
        return parse_datetime(self.field.changed_at) if self.field.changed_at else None


@dataclass(frozen=True)
class Differing:
    """One object of the world that is not as asked."""

    change: Change
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Drifted:
    """One row and what of it differs."""

    kind: Kind
    row: Reconcilable
    link: Link
    environment: Environment | None
    objects: tuple[Differing, ...]
    may_decide: bool

    @property
    def kind_word(self) -> str:
        return self.link.kind

    @property
    def name(self) -> str:
        return self.link.label

    @property
    def place(self) -> str:
        return self.environment.name if self.environment else ""

    @property
    def since(self) -> datetime | None:
        return self.row.drift_since

    @property
    def lines(self) -> list[Line]:
        return [line for differing in self.objects for line in differing.lines]

    @property
    def who(self) -> str:
        """Everybody who is on record, for sorting and searching."""
        return ", ".join(sorted({line.field.changed_by for line in self.lines} - {""}))

    @property
    def paths(self) -> str:
        return " ".join(f"{line.object} {line.field.path}" for line in self.lines)

    @property
    def can_take_over(self) -> bool:
        return self.kind.adopt is not None and all(
            one.change.op == "change" for one in self.objects
        )


def rows_of(kind: Kind) -> QuerySet[Any]:
    """Rows of a kind with their environment, but not with its secrets."""
    rows = named(kind)
    if kind.place:
        rows = rows.select_related(kind.place).defer(*(f"{kind.place}__{s}" for s in SECRETS))
    return rows


def row_get(kind_name: str, pk: int) -> tuple[Kind, Reconcilable]:
    """Raises Http404."""
    try:
        kind = kind_of(kind_name)
    except KeyError:
        raise Http404(f"No kind {kind_name}.") from None
    row = rows_of(kind).filter(pk=pk).first()
    if row is None:
        raise Http404(f"No {kind_name} {pk}.")
    return kind, row


@dataclass(frozen=True)
class Unsteady:
    """Everything that is not simply in step, as the drift page shows it."""

    drifted: list[Drifted]
    ignoring: list["Ignoring"]
    paused: list["Paused"]


def unsteady(person: Any, environment: Environment | None = None) -> Unsteady:
    """What differs, is ignored or is left alone; one query per kind.  `environment` narrows what
    differs; None = of all."""
    found = Unsteady([], [], paused_environments(person))
    now = timezone.now()
    for kind in all_kinds():
        shown = Q(drift_since__isnull=False)
        if not kind.heals:
            shown |= Q(paused_until__gt=now)
        if kind.overlook:
            shown |= ~Q(ignored=[])
        rows = rows_of(kind).filter(shown)
        for row in rows.order_by("drift_since")[:MOST]:
            here = environment is None or (kind.place and place_of(row).pk == environment.pk)
            if here and row.drift_since:
                one = drifted_row(kind, row, person)
                found.drifted.extend([one] if one.objects else [])
            if row.ignored:
                found.ignoring.extend(ignoring_of(kind, row, person))
            if row.paused:
                found.paused.append(paused_row(kind, row, person))
    return found


def drifted(person: Any, environment: Environment | None = None) -> list[Drifted]:
    return unsteady(person, environment).drifted


def drifted_row(kind: Kind, row: Reconcilable, person: Any) -> Drifted:
    return Drifted(
        kind=kind,
        row=row,
        link=row_link(row, kind.name),
        environment=place_of(row) if kind.place else None,
        objects=tuple(differing(kind, change) for change in drift_of(row)),
        may_decide=can(person, right_of(kind)),
    )


def differing(kind: Kind, change: Change) -> Differing:
    lines = tuple(
        Line(line, object_of(change), can_ignore(kind, change, line))
        for line in change.fields
        if line.op != "none"
    )
    return Differing(change, lines)


@dataclass(frozen=True)
class Ignoring:
    """One difference that nobody minds."""

    kind: Kind
    row: Reconcilable
    link: Link
    entry: Overlooked
    may_decide: bool


def ignoring_of(kind: Kind, row: Reconcilable, person: Any) -> list[Ignoring]:
    link = row_link(row, kind.name)
    may = can(person, right_of(kind))
    return [Ignoring(kind, row, link, entry, may) for entry in overlooked(row)]


@dataclass(frozen=True)
class Paused:
    """A row or a whole environment (`kind` empty) that is left alone."""

    kind: str
    pk: int
    link: Link
    environment: Environment | None
    until: datetime
    by: str
    reason: str
    may_resume: bool


def paused_environments(person: Any) -> list[Paused]:
    places = Environment.objects.defer(*SECRETS).filter(paused_until__gt=timezone.now())
    may = can(person, "environment.change")
    return [
        Paused(
            kind="",
            pk=one.pk,
            link=Link(one.name, reverse("environment-detail", args=[one.name]), ""),
            environment=one,
            until=one.paused_until,  # type: ignore[arg-type]
            by=one.paused_by,
            reason=one.pause_reason,
            may_resume=may,
        )
        for one in places
    ]


def paused_row(kind: Kind, row: Reconcilable, person: Any) -> Paused:
    return Paused(
        kind=kind.name,
        pk=row.pk,
        link=row_link(row, kind.name),
        environment=place_of(row) if kind.place else None,
        until=row.paused_until,  # type: ignore[arg-type]
        by=row.paused_by,
        reason=row.pause_reason,
        may_resume=can(person, right_of(kind)),
    )
