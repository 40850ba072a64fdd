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


def drifted(person: Any, environment: Environment | None = None) -> list[Drifted]:
    """Every row that differs; one query per kind.  `environment` None = of all."""
    found = []
    for kind in all_kinds():
        rows = rows_of(kind).filter(drift_since__isnull=False)
        if environment is not None and kind.place:
            rows = rows.filter(**{kind.place: environment})
        elif environment is not None:
            continue
        for row in rows.order_by("drift_since")[:MOST]:
            one = drifted_row(kind, row, person)
            if one.objects:
                found.append(one)
    return found


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


def ignoring(person: Any) -> list[Ignoring]:
    """What is ignored anywhere; one query per kind that can ignore."""
    found = []
    for kind in all_kinds():
        if kind.overlook is None:
            continue
        for row in rows_of(kind).exclude(ignored=[])[:MOST]:
            link = row_link(row, kind.name)
            may = can(person, right_of(kind))
            found += [Ignoring(kind, row, link, entry, may) for entry in overlooked(row)]
    return found


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


def paused(person: Any) -> list[Paused]:
    """What is left alone now: environments first."""
    now = timezone.now()
    found = [
        Paused(
            "",
            one.pk,
            Link(one.name, reverse("environment-detail", args=[one.name]), ""),
            one,
            one.paused_until,  # type: ignore[arg-type]
            one.paused_by,
            one.pause_reason,
            can(person, "environment.change"),
        )
        for one in Environment.objects.defer(*SECRETS).filter(paused_until__gt=now)
    ]
    for kind in all_kinds():
        for row in rows_of(kind).filter(Q(paused_until__gt=now))[:MOST]:
            found.append(
                Paused(
                    kind.name,
                    row.pk,
                    row_link(row, kind.name),
                    place_of(row) if kind.place else None,
                    row.paused_until,
                    row.paused_by,
                    row.pause_reason,
                    can(person, right_of(kind)),
                )
            )
    return found
