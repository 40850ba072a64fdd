"""/api/v1/drift, pauses, orphans and unknown outcomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from apps.console import drift_services, drifting, leftover_services, leftovers
from apps.console.drifting import Drifted, Line, row_get
from apps.console.models import Orphan
from apps.console.selectors import untold
from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.models import Intent, Plan
from apps.environments.selectors import environment_get

router = Router(tags=["drift and pauses"])


class LineOut(Output):
    """One field: what was declared, what is live, and who made it so, where that is on record."""

    object: str
    path: str
    declared: Any
    live: Any
    changed_by: str
    changed_at: str
    can_ignore: bool

    @staticmethod
    def resolve_path(line: Line) -> str:
        return line.field.path

    @staticmethod
    def resolve_declared(line: Line) -> Any:
        return line.field.new

    @staticmethod
    def resolve_live(line: Line) -> Any:
        return line.field.old

    @staticmethod
    def resolve_changed_by(line: Line) -> str:
        return line.field.changed_by

    @staticmethod
    def resolve_changed_at(line: Line) -> str:
        return line.field.changed_at


class DriftOut(Output):
    """One row that differs.  `missing`: objects that are not there any more."""

    kind: str
    id: int
    name: str
    environment: str
    since: datetime | None
    can_take_over: bool
    missing: list[str]
    fields: list[LineOut]

    @staticmethod
    def resolve_kind(one: Drifted) -> str:
        return one.kind.name

    @staticmethod
    def resolve_id(one: Drifted) -> int:
        return int(one.row.pk)

    @staticmethod
    def resolve_environment(one: Drifted) -> str:
        return one.place

    @staticmethod
    def resolve_missing(one: Drifted) -> list[str]:
        gone = (each.change for each in one.objects if each.change.op == "create")
        return [f"{change.object_kind}/{change.name}" for change in gone]

    @staticmethod
    def resolve_fields(one: Drifted) -> list[Line]:
        return [line for each in one.objects if each.change.op == "change" for line in each.lines]


class PlanRef(Output):
    id: int
    number: str
    status: str

    @staticmethod
    def resolve_number(plan: Plan) -> str:
        return str(plan)


class ReasonIn(Input):
    reason: str = Field("", max_length=500)


class FieldIn(Input):
    """`object` and `path` as /drift has them."""

    object: str = Field(max_length=300)
    path: str = Field(max_length=500)


class PauseIn(Input):
    """Both are mandatory; a pause lasts at most 30 days."""

    until: AwareDatetime
    reason: str = Field(max_length=200)


class OrphanOut(Output):
    id: int
    object_kind: str
    name: str
    namespace: str
    environment: str
    uid: str
    found_at: datetime
    seen_at: datetime
    deleting: bool

    @staticmethod
    def resolve_environment(orphan: Orphan) -> str:
        return orphan.environment.name


class OrphanDeleteIn(Input):
    """`name` typed again, so that nobody deletes what they did not mean."""

    name: str = Field(max_length=253)
    reason: str = Field("", max_length=500)


class OutcomeOut(Output):
    """A call whose answer was lost.  `request` is the change it carries out, secrets masked."""

    id: int
    kind: str
    object_id: int
    key: str
    call: str
    request: dict[str, Any]
    request_id: str
    error: str
    created_at: datetime
    asked_at: datetime | None


class DecisionIn(Input):
    """adopt: it took place.  retry: it did not, send it again.  discard: do not send it again."""

    decision: str = Field(max_length=8)
    reason: str = Field("", max_length=500)


@router.get("/drift", response=list[DriftOut])
@api_requires("console.view")
def drift(request: HttpRequest, environment: str = "") -> list[Drifted]:
    """Every object that is not as asked, longest first."""
    place = environment_get(environment) if environment else None
    found = drifting.drifted(request.user, place)
    return sorted(found, key=lambda one: (one.since is None, one.since))


@router.post("/drift/{kind}/{int:pk}/put-back", response={202: PlanRef})
@api_requires("console.view")
def put_back(request: HttpRequest, kind: str, pk: int, body: ReasonIn) -> Status[Plan]:
    """Plan the accepted wish again."""
    of, row = row_get(kind, pk)
    plan = drift_services.row_put_back(person=who(request), kind=of, row=row, reason=body.reason)
    return Status(202, plan)


@router.post("/drift/{kind}/{int:pk}/take-over", response={202: PlanRef})
@api_requires("console.view")
def take_over(request: HttpRequest, kind: str, pk: int, body: ReasonIn) -> Status[Plan]:
    """Plan a wish that says what is live.  422 where no wish can."""
    of, row = row_get(kind, pk)
    plan = drift_services.row_take_over(person=who(request), kind=of, row=row, reason=body.reason)
    return Status(202, plan)


@router.post("/drift/{kind}/{int:pk}/ignore", response={204: None})
@api_requires("console.view")
def ignore(request: HttpRequest, kind: str, pk: int, body: FieldIn) -> Status[None]:
    """This field is neither drift nor sent from now on."""
    of, row = row_get(kind, pk)
    drift_services.field_ignore(
        person=who(request), kind=of, row=row, object=body.object, path=body.path
    )
    return Status(204, None)


@router.post("/drift/{kind}/{int:pk}/unignore", response={204: None})
@api_requires("console.view")
def unignore(request: HttpRequest, kind: str, pk: int, body: FieldIn) -> Status[None]:
    of, row = row_get(kind, pk)
    drift_services.field_unignore(
        person=who(request), kind=of, row=row, object=body.object, path=body.path
    )
    return Status(204, None)


@router.put("/pauses/{kind}/{int:pk}", response={204: None})
@api_requires("console.view")
def pause(request: HttpRequest, kind: str, pk: int, body: PauseIn) -> Status[None]:
    """Leave one object alone until then."""
    of, row = row_get(kind, pk)
    drift_services.row_pause(
        person=who(request), kind=of, row=row, until=body.until, reason=body.reason
    )
    return Status(204, None)


@router.delete("/pauses/{kind}/{int:pk}", response={204: None})
@api_requires("console.view")
def resume(request: HttpRequest, kind: str, pk: int) -> Status[None]:
    of, row = row_get(kind, pk)
    drift_services.row_resume(person=who(request), kind=of, row=row)
    return Status(204, None)


@router.put("/environments/{name}/pause", response={204: None})
@api_requires("environment.change")
def environment_pause(request: HttpRequest, name: str, body: PauseIn) -> Status[None]:
    """Leave everything in the environment alone until then; what must hold still does."""
    drift_services.environment_pause(
        person=who(request),
        environment=environment_get(name),
        until=body.until,
        reason=body.reason,
    )
    return Status(204, None)


@router.delete("/environments/{name}/pause", response={204: None})
@api_requires("environment.change")
def environment_resume(request: HttpRequest, name: str) -> Status[None]:
    drift_services.environment_resume(person=who(request), environment=environment_get(name))
    return Status(204, None)


@router.get("/orphans", response=Page[OrphanOut])
@api_requires("console.view")
def orphans(
    request: HttpRequest, cursor: str = "", limit: int = 50, environment: str = ""
) -> dict[str, Any]:
    """Objects that carry the console's mark and that nothing here accounts for."""
    found = leftovers.orphan_list()
    if environment:
        found = found.filter(environment__name=environment)
    return page(found, cursor, limit)


@router.post("/orphans/{int:pk}/delete", response={202: PlanRef})
@api_requires("environment.change")
def orphan_delete(request: HttpRequest, pk: int, body: OrphanDeleteIn) -> Status[Plan]:
    """Plan to delete it."""
    plan = leftover_services.orphan_delete(
        person=who(request),
        orphan=get_object_or_404(leftovers.orphan_list(), pk=pk),
        typed=body.name,
        reason=body.reason,
    )
    return Status(202, plan)


@router.get("/unknown", response=Page[OutcomeOut])
@api_requires("console.view")
def unknown(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """Calls whose outcome nobody can look up."""
    return page(untold(), cursor, limit)


@router.post("/unknown/{int:pk}/decide", response={204: None})
@api_requires("console.view")
def decide(request: HttpRequest, pk: int, body: DecisionIn) -> Status[None]:
    leftover_services.outcome_decide(
        person=who(request),
        intent=get_object_or_404(Intent, pk=pk),
        decision=body.decision,
        reason=body.reason,
    )
    return Status(204, None)


def who(request: HttpRequest) -> Any:
    return request.user
