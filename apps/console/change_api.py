"""/api/v1/plans and /api/v1/runs: read them, accept or drop a plan, follow or cancel a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status
from pydantic import Field

from apps.console import selectors, services
from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.models import Plan, Run, RunItem, Step

router = Router(tags=["plans and runs"])


class FieldOut(Output):
    label: str
    path: str
    old: Any
    new: Any
    op: str
    note: str
    secret: bool
    changed_by: str  # who wrote `old`, and when, where the world keeps that
    changed_at: str

    @staticmethod
    def resolve_note(line: Any) -> str:
        return str(line.note)


class ChangeOut(Output):
    op: str
    area: str
    object_kind: str
    name: str
    call: str
    fields: list[FieldOut]
    notes: list[str]
    restarts: int
    destructive: bool
    cost: str

    @staticmethod
    def resolve_notes(change: Any) -> list[str]:
        return [str(note) for note in change.notes]


class PlanItemOut(Output):
    kind: str
    object_id: int
    label: str
    revision: int | None
    changes: list[ChangeOut]

    @staticmethod
    def resolve_changes(item: Any) -> list[Any]:
        found: list[Any] = item.change_list
        return found


class PlanOut(Output):
    """`status`: planning → ready → approved → applied; or failed (`error`), discarded, stale."""

    id: int
    number: str
    title: str
    environment: str
    policy: str
    status: str
    error: str
    author: str | None
    approver: str | None
    digest: str
    created_at: datetime
    expires_at: datetime | None
    run_id: int | None

    @staticmethod
    def resolve_number(plan: Plan) -> str:
        return str(plan)

    @staticmethod
    def resolve_title(plan: Plan) -> str:
        return str(plan.title_say)

    @staticmethod
    def resolve_environment(plan: Plan) -> str:
        return plan.scope

    @staticmethod
    def resolve_error(plan: Plan) -> str:
        return str(plan.error_say)

    @staticmethod
    def resolve_author(plan: Plan) -> str | None:
        return plan.author.username if plan.author else None

    @staticmethod
    def resolve_approver(plan: Plan) -> str | None:
        return plan.approver.username if plan.approver else None

    @staticmethod
    def resolve_run_id(plan: Plan) -> int | None:
        run = getattr(plan, "run", None)
        return run.pk if run else None


class PlanDetailOut(PlanOut):
    items: list[PlanItemOut]

    @staticmethod
    def resolve_items(plan: Plan) -> list[Any]:
        return list(plan.items.all())


class ApplyIn(Input):
    comment: str = Field("", max_length=500)


class RunRefOut(Output):
    id: int
    number: str

    @staticmethod
    def resolve_number(run: Run) -> str:
        return str(run)


class StepOut(Output):
    key: str
    op: str
    object_kind: str
    name: str
    call: str
    status: str
    attempts: int
    request_id: str
    message: str
    error_code: str
    error: str
    done: int
    total: int
    started_at: datetime | None
    finished_at: datetime | None

    @staticmethod
    def resolve_message(step: Step) -> str:
        return str(step.message_say)


class RunItemOut(Output):
    kind: str
    object_id: int
    label: str
    generation: int
    status: str


class RunOut(RunRefOut):
    """`status` goes running → succeeded; or failed, cancelled, superseded."""

    title: str
    environment: str
    trigger: str
    status: str
    message: str
    person: str | None
    approver: str | None
    plan_id: int | None
    started_at: datetime
    finished_at: datetime | None

    @staticmethod
    def resolve_title(run: Run) -> str:
        return str(run.title_say)

    @staticmethod
    def resolve_environment(run: Run) -> str:
        return run.scope

    @staticmethod
    def resolve_message(run: Run) -> str:
        return str(run.message_say)

    @staticmethod
    def resolve_person(run: Run) -> str | None:
        return run.person.username if run.person else None

    @staticmethod
    def resolve_approver(run: Run) -> str | None:
        return run.approver.username if run.approver else None


class RunDetailOut(RunOut):
    items: list[RunItemOut]
    steps: list[StepOut]

    @staticmethod
    def resolve_items(run: Run) -> list[RunItem]:
        return list(run.items.all())

    @staticmethod
    def resolve_steps(run: Run) -> list[Step]:
        return list(run.steps.all())


@router.get("/plans", response=Page[PlanOut])
@api_requires("console.view")
def plans(
    request: HttpRequest, cursor: str = "", limit: int = 50, status: str = "", environment: str = ""
) -> dict[str, Any]:
    """Newest first."""
    found = selectors.plan_list()
    if status:
        found = found.filter(status=status)
    if environment:
        found = found.filter(scope=environment)
    return page(found, cursor, limit)


@router.get("/plans/{int:plan_id}", response=PlanDetailOut)
@api_requires("console.view")
def plan(request: HttpRequest, plan_id: int) -> Plan:
    """One plan with every change it would make."""
    return get_object_or_404(selectors.plan_list(), pk=plan_id)


@router.post("/plans/{int:plan_id}/apply", response={202: PlanOut})
@api_requires("console.view")
def plan_apply(request: HttpRequest, plan_id: int, body: ApplyIn) -> Status[Plan]:
    """Accept the plan.  It becomes `applied` with a `run_id`, or `stale` if the world moved since.

    422 when it may not run (any more).
    """
    found = get_object_or_404(Plan, pk=plan_id)
    return Status(202, services.plan_apply(plan=found, person=request.user, comment=body.comment))  # type: ignore[arg-type]


@router.post("/plans/{int:plan_id}/discard", response={204: None})
@api_requires("console.view")
def plan_discard(request: HttpRequest, plan_id: int) -> Status[None]:
    """Drop the plan; nothing changes."""
    services.plan_discard(plan=get_object_or_404(Plan, pk=plan_id), person=request.user)  # type: ignore[arg-type]
    return Status(204, None)


@router.post("/plans/{int:plan_id}/again", response={202: PlanOut})
@api_requires("console.view")
def plan_again(request: HttpRequest, plan_id: int) -> Status[Plan]:
    """The same wishes, planned against the world as it is now."""
    found = get_object_or_404(Plan, pk=plan_id)
    return Status(202, services.plan_again(plan=found, person=request.user))  # type: ignore[arg-type]


@router.get("/runs", response=Page[RunOut])
@api_requires("console.view")
def runs(
    request: HttpRequest, cursor: str = "", limit: int = 50, status: str = "", environment: str = ""
) -> dict[str, Any]:
    """Newest first."""
    found = Run.objects.select_related("person", "approver")
    if status:
        found = found.filter(status=status)
    if environment:
        found = found.filter(scope=environment)
    return page(found, cursor, limit)


@router.get("/runs/{int:run_id}", response=RunDetailOut)
@api_requires("console.view")
def run(request: HttpRequest, run_id: int) -> Run:
    """One run with its steps: attempts, request ids, timings, what went wrong."""
    return get_object_or_404(Run.objects.select_related("person", "approver"), pk=run_id)


@router.post("/runs/{int:run_id}/retry", response={202: RunRefOut})
@api_requires("plan.apply")
def run_retry(request: HttpRequest, run_id: int) -> Status[Run]:
    """Try again what the run left blocked; 422 when nothing of it is."""
    found = get_object_or_404(Run, pk=run_id)
    return Status(202, services.run_retry(run=found, person=request.user))  # type: ignore[arg-type]


@router.post("/runs/{int:run_id}/cancel", response={204: None})
@api_requires("plan.apply")
def run_cancel(request: HttpRequest, run_id: int) -> Status[None]:
    """No further call of the run is sent."""
    services.run_cancel(run=get_object_or_404(Run, pk=run_id), person=request.user)  # type: ignore[arg-type]
    return Status(204, None)
