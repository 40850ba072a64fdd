"""Reads for the front desk: plans, runs, what needs a person.  Other apps' rows are only read."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.changes import Change
from apps.core.kinds import Kind, all_kinds, kind_of
from apps.core.models import (
    Intent,
    IntentState,
    Plan,
    PlanItem,
    PlanStatus,
    Reconcilable,
    Run,
    RunStatus,
    Step,
)
from apps.core.phases import NEEDS_PERSON, Phase
from apps.core.runs import SETTLE


@dataclass(frozen=True)
class Area:
    """The changes of one part of the world, as a panel of the plan page shows them."""

    name: str
    changes: list[Change]


@dataclass(frozen=True)
class PlanFacts:
    """What a plan does, counted."""

    counts: dict[str, int]  # by op
    areas: list[Area]
    restarts: int
    destructive: int
    calls: int
    costs: list[str]


def plan_list() -> QuerySet[Plan]:
    return Plan.objects.select_related("author", "approver", "run").order_by("-pk")


def plan_facts(items: list[PlanItem]) -> PlanFacts:
    changes = [change for item in items for change in item.change_list]
    areas: dict[str, list[Change]] = {}
    for change in changes:
        areas.setdefault(change.area, []).append(change)
    return PlanFacts(
        counts=dict(Counter(change.op for change in changes)),
        areas=[Area(name, found) for name, found in areas.items()],
        restarts=sum(change.restarts for change in changes),
        destructive=sum(change.destructive for change in changes),
        calls=len(changes),
        costs=[change.cost for change in changes if change.cost],
    )


def run_list() -> QuerySet[Run]:
    done = Count("steps", filter=Q(steps__status__in=["done", "skipped"]))
    return (
        Run.objects.select_related("person", "approver", "plan")
        .annotate(step_count=Count("steps"), steps_done=done)
        .order_by("-pk")
    )


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: `cells` has one state per step, in order."""

    done: int
    total: int
    failed: int
    cells: list[str]


def run_progress(steps: list[Step]) -> RunProgress:
    cells = ["ok" if step.status == "skipped" else STATES[step.status] for step in steps]
    return RunProgress(cells.count("ok"), len(cells), cells.count("bad"), cells)


@dataclass(frozen=True)
class Link:
    """An object somewhere else in the console."""

    label: str
    url: str
    kind: str


def stuck(run: Run) -> list[Reconcilable]:
    """Objects that this run brought as far as a person has to help, in the run's order."""
    found = []
    for item in run.items.all():
        rows = kind_of(item.kind).model.objects.filter(
            pk=item.object_id, run=run, generation=item.generation, phase=Phase.BLOCKED
        )
        found += list(rows)
    return found


def named(kind: Kind) -> QuerySet[Any]:
    """Rows of a kind with what their names and addresses are made of."""
    rows: QuerySet[Any] = kind.model.objects.all()
    return rows.select_related(*kind.named_by) if kind.named_by else rows


def row_link(row: Reconcilable, kind_name: str) -> Link:
    """Where the row's own page is; no address if its app has none."""
    kind = kind_of(kind_name)
    try:
        url = reverse(kind.page, args=[kind.page_arg(row)]) if kind.page else ""
    except NoReverseMatch:
        url = ""
    return Link(str(row), url, str(kind.label))


def item_links(pairs: list[tuple[str, int]]) -> dict[tuple[str, int], Link]:
    """The pages of many objects, one query per kind; what is gone is left out."""
    links: dict[tuple[str, int], Link] = {}
    wanted: dict[str, set[int]] = {}
    for kind_name, pk in pairs:
        wanted.setdefault(kind_name, set()).add(pk)
    for kind_name, pks in wanted.items():
        for row in named(kind_of(kind_name)).filter(pk__in=pks):
            links[kind_name, row.pk] = row_link(row, kind_name)
    return links


# As the partial index of every kind has it.
TROUBLED = Q(phase__in=NEEDS_PERSON) | Q(drift_since__isnull=False)


@dataclass(frozen=True)
class Need:
    """One thing that waits for a person."""

    state: str  # bad, warn
    title: str
    sentence: str
    url: str
    since: object
    action: str
    failing: bool = False


def needs(limit: int = 20) -> list[Need]:
    """What waits for a person, worst first: blocked and failing objects, then plans to decide."""
    found: list[Need] = []
    for kind in all_kinds():
        rows = named(kind).filter(TROUBLED).order_by("-updated_at")
        for row in rows[:limit]:
            link = row_link(row, kind.name)
            if row.phase not in NEEDS_PERSON:
                found.append(drift_need(row, link))
                continue
            state = "bad" if row.phase == "blocked" else "warn"
            title = f"{link.kind} {link.label}".strip()
            said = str(row.message_say)
            found.append(Need(state, title, said, link.url, row.updated_at, _("Look"), True))
    for intent in untold().order_by("-asked_at")[:limit]:
        said = _("The answer was lost, and looking cannot tell how it went.")
        url = reverse("unknown-list")
        found.append(Need("bad", intent.call, said, url, intent.asked_at, _("Decide")))
    for plan in undecided().order_by("-pk")[:limit]:
        url = reverse("plan-detail", args=[plan.pk])
        said = str(plan.title_say)
        found.append(Need("warn", str(plan), said, url, plan.ready_at, _("Review")))
    return sorted(found, key=lambda need: need.state)[:limit]


def drift_need(row: Reconcilable, link: Link) -> Need:
    objects = ", ".join(f"{one['object_kind']} {one['name']}" for one in row.drift[:3])
    said = _("Changed outside of the console: %(objects)s") % {"objects": objects}
    title = f"{link.kind} {link.label}".strip()
    return Need("drift", title, said, reverse("drift-list"), row.drift_since, _("Resolve"))


def untold() -> QuerySet[Intent]:
    """Calls that wait for a person to say how they went."""
    return Intent.objects.filter(state=IntentState.UNKNOWN, asked_at__isnull=False)


def undecided() -> QuerySet[Plan]:
    """Plans that somebody can still accept."""
    return Plan.objects.filter(status=PlanStatus.READY, expires_at__gt=timezone.now())


def needs_count(most: int = 99) -> int:
    """How many things wait for a person, counted no further than `most`; one query."""
    troubled: list[Any] = [
        kind.model.objects.filter(TROUBLED).order_by().values("pk")[:most] for kind in all_kinds()
    ]
    troubled.append(untold().order_by().values("pk")[:most])
    return undecided().order_by().values("pk")[:most].union(*troubled, all=True)[:most].count()


def running_runs() -> int:
    return Run.objects.filter(status=RunStatus.RUNNING)[:99].count()


@dataclass(frozen=True)
class StepView:
    """A step as the timeline shows it.  state: ok run bad skip, "" = still to come."""

    state: str
    title: str
    call: str
    request_id: str
    took_s: float | None
    attempts: int | None
    started_at: datetime | None
    done: int
    total: int
    message: str
    waits: bool
    error_code: str
    error: str


STATES = {"done": "ok", "skipped": "skip", "failed": "bad", "running": "run", "pending": ""}


def step_view(step: Step) -> StepView:
    took_ms = step.took_ms
    return StepView(
        state=STATES[step.status],
        title=step_title(step),
        call=step.call,
        request_id=step.request_id,
        took_s=None if took_ms is None else took_ms / 1000,
        attempts=step.attempts or None,
        started_at=step.started_at,
        done=step.done,
        total=step.total,
        message=str(step.message_say),
        waits=step.key == SETTLE,
        error_code=step.error_code,
        error=step.error,
    )


def step_title(step: Step) -> str:
    # Kinds of the vendors keep their names; ours are words with a translation.
    names = {"kind": _(step.object_kind) if step.object_kind else "", "name": step.name}
    if step.key == SETTLE:
        return _("Wait until %(name)s has arrived") % names
    if step.op == "create":
        return _("Create %(kind)s %(name)s") % names
    if step.op == "delete":
        return _("Delete %(kind)s %(name)s") % names
    if step.op == "replace":
        return _("Replace %(kind)s %(name)s") % names
    return _("Change %(kind)s %(name)s") % names
