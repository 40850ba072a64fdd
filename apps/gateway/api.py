"""/api/v1/gateway: publish a deployment, read and change what leads to it."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status
from pydantic import Field

from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.errors import RuleViolation
from apps.deployments.selectors import deployment_get
from apps.gateway import selectors, services
from apps.gateway.models import GatewayService, Route, ServiceSource

router = Router(tags=["gateway"])


class ThresholdIn(Input):
    """`unit`: second minute hour day month year."""

    unit: str = Field(max_length=8)
    max: int


class HeaderIn(Input):
    name: str = Field(max_length=80)
    value: str = Field(max_length=1000)


class AnswerIn(Input):
    """What a request over the limit gets."""

    status: int = 429
    body: str = Field("", max_length=9000)
    headers: list[HeaderIn] = Field(default_factory=list, max_length=20)


class LimitIn(Input):
    """`limit_by`: ip (each client for itself) or service (all together).  Every gateway node counts
    for itself."""

    thresholds: list[ThresholdIn] = Field(max_length=6)
    limit_by: str = Field("ip", max_length=12)
    policy: str = Field("local", max_length=16)
    response: AnswerIn | None = None
    hide_headers: bool = False


class RouteIn(Input):
    """Empty `hosts` = any host; `limit` null = none."""

    methods: list[str] = Field(default_factory=lambda: ["ANY"], max_length=20)
    hosts: list[str] = Field(default_factory=list, max_length=50)
    paths: list[str] = Field(default_factory=lambda: ["/"], max_length=50)
    preserve_host: bool = True
    limit: LimitIn | None = None


class ServiceIn(Input):
    """What is left out keeps its value; `hash_on` is "ip" by default where stickiness is needed."""

    timeout_ms: int | None = None
    retries: int | None = None
    algorithm: str | None = Field(default=None, max_length=30)
    hash_on: str | None = Field(default=None, max_length=8)


class PublishIn(Input):
    """`name` of the route; empty = the deployment's."""

    deployment: int
    name: str = Field("", max_length=40)
    route: RouteIn = RouteIn()
    service: ServiceIn = ServiceIn()
    reason: str = Field("", max_length=500)


class RouteChangeIn(Input):
    """What is left out stays; `generation` is what the editor saw, 409 when it moved meanwhile."""

    methods: list[str] | None = Field(None, max_length=20)
    hosts: list[str] | None = Field(None, max_length=50)
    paths: list[str] | None = Field(None, max_length=50)
    preserve_host: bool | None = None
    limit: LimitIn | None = None
    generation: int | None = None
    reason: str = Field("", max_length=500)


class ServiceChangeIn(ServiceIn):
    generation: int | None = None
    reason: str = Field("", max_length=500)


class PlanOut(Output):
    id: int
    number: str
    status: str


class PlannedOut(Output):
    """Nothing happens before the plan is applied, unless its environment applies at once."""

    plan: PlanOut


class RowOut(Output):
    """`phase`: draft pending working ready degraded blocked paused deleting."""

    id: int
    name: str
    environment: str
    gateway: str
    phase: str
    message: str
    done: int
    total: int
    generation: int
    observed_generation: int
    drifted: bool
    run_id: int | None
    updated_at: datetime

    @staticmethod
    def resolve_name(row: Any) -> str:
        return str(row)

    @staticmethod
    def resolve_environment(row: Any) -> str:
        return str(row.environment.name)

    @staticmethod
    def resolve_gateway(row: Any) -> str:
        return str(row.gateway_id)

    @staticmethod
    def resolve_message(row: Any) -> str:
        return str(row.message_say)

    @staticmethod
    def resolve_drifted(row: Any) -> bool:
        return bool(row.drift)


class SourceOut(RowOut):
    cluster: str
    services: int

    @staticmethod
    def resolve_cluster(row: ServiceSource) -> str:
        return row.cluster_id

    @staticmethod
    def resolve_services(row: Any) -> int:
        return int(row.service_count)


class ServiceOut(RowOut):
    """`stickiness`: the hash key last seen at the gateway, "" = not read."""

    external_name: str
    external_id: str
    deployment_id: int | None
    spec: dict[str, Any]
    stickiness: str
    pods: list[str]

    @staticmethod
    def resolve_stickiness(row: GatewayService) -> str:
        return str(row.observed.get("hash_on", ""))

    @staticmethod
    def resolve_pods(row: GatewayService) -> list[str]:
        return [f"{host}:{port}" for host, port, _healthy in row.observed.get("pods", [])]


class RouteOut(RowOut):
    external_name: str
    external_id: str
    service_id: int
    spec: dict[str, Any]
    url: str

    @staticmethod
    def resolve_url(row: Route) -> str:
        wish = selectors.drafted_wishes([row]).get(row.pk) if row.spec else None
        return selectors.url_of(wish, row.environment.gateway_address) if wish else ""


# ---- reading ------------------------------------------------------------------------------------


@router.get("/routes", response=Page[RouteOut], summary="All routes")
@api_requires("console.view")
def routes(
    request: HttpRequest, cursor: str = "", limit: int = 50, environment: str = "", phase: str = ""
) -> Any:
    return page(narrowed(selectors.routes(), environment, phase), cursor, limit)


@router.get("/routes/{int:pk}", response=RouteOut, summary="One route")
@api_requires("console.view")
def route(request: HttpRequest, pk: int) -> Any:
    return found(selectors.route_get(pk))


@router.get("/services", response=Page[ServiceOut], summary="All services")
@api_requires("console.view")
def services_list(
    request: HttpRequest, cursor: str = "", limit: int = 50, environment: str = "", phase: str = ""
) -> Any:
    return page(narrowed(selectors.services(), environment, phase), cursor, limit)


@router.get("/services/{int:pk}", response=ServiceOut, summary="One service")
@api_requires("console.view")
def service(request: HttpRequest, pk: int) -> Any:
    return found(selectors.service_get(pk))


@router.get("/sources", response=Page[SourceOut], summary="Clusters bound to gateways")
@api_requires("console.view")
def sources(
    request: HttpRequest, cursor: str = "", limit: int = 50, environment: str = "", phase: str = ""
) -> Any:
    return page(narrowed(selectors.sources(), environment, phase), cursor, limit)


@router.get("/sources/{int:pk}", response=SourceOut, summary="One bound cluster")
@api_requires("console.view")
def source(request: HttpRequest, pk: int) -> Any:
    return found(selectors.source_get(pk))


def narrowed(rows: Any, environment: str, phase: str) -> Any:
    rows = rows.filter(environment__name=environment) if environment else rows
    return rows.filter(phase=phase) if phase else rows


def found(row: Any) -> Any:
    if row is None:
        raise Http404
    return row


# ---- changing -----------------------------------------------------------------------------------


@router.post("/publish", response={202: PlannedOut}, summary="Put a deployment behind the gateway")
@api_requires("gateway.plan")
def publish(request: HttpRequest, body: PublishIn) -> Any:
    deployment = deployment_get(body.deployment)
    if deployment is None:
        raise RuleViolation(_("There is no deployment of this id."), field="deployment")
    plan = services.deployment_publish(
        person=request.user,  # type: ignore[arg-type]
        deployment=deployment,
        name=body.name or deployment.name,
        route=body.route.model_dump(),
        service=body.service.model_dump(exclude_none=True),
        reason=body.reason,
        trigger="api",
    )
    return planned(plan)


@router.patch("/routes/{int:pk}", response={202: PlannedOut}, summary="Plan another route or limit")
@api_requires("gateway.plan")
def route_change(request: HttpRequest, pk: int, body: RouteChangeIn) -> Any:
    given = body.model_dump(exclude_unset=True, exclude={"generation", "reason"})
    changes = {name: value for name, value in given.items() if value is not None or name == "limit"}
    plan = services.route_change(
        person=request.user,  # type: ignore[arg-type]
        row=found(selectors.route_get(pk)),
        changes=changes,
        seen=body.generation,
        reason=body.reason,
        trigger="api",
    )
    return planned(plan)


@router.patch("/services/{int:pk}", response={202: PlannedOut}, summary="Plan another service")
@api_requires("gateway.plan")
def service_change(request: HttpRequest, pk: int, body: ServiceChangeIn) -> Any:
    plan = services.service_change(
        person=request.user,  # type: ignore[arg-type]
        row=found(selectors.service_get(pk)),
        changes=body.model_dump(exclude_none=True, exclude={"generation", "reason"}),
        seen=body.generation,
        reason=body.reason,
        trigger="api",
    )
    return planned(plan)


@router.delete("/routes/{int:pk}", response={202: PlannedOut}, summary="Plan the end of a route")
@api_requires("gateway.plan")
def route_delete(request: HttpRequest, pk: int, reason: str = "") -> Any:
    """The service goes with its last route, the bound cluster with its last service."""
    plan = services.route_delete(
        person=request.user,  # type: ignore[arg-type]
        row=found(selectors.route_get(pk)),
        reason=reason[:500],
        trigger="api",
    )
    return planned(plan)


@router.delete("/services/{int:pk}", response={202: PlannedOut}, summary="Plan a service's end")
@api_requires("gateway.plan")
def service_delete(request: HttpRequest, pk: int, reason: str = "") -> Any:
    """Its routes go with it."""
    plan = services.service_delete(
        person=request.user,  # type: ignore[arg-type]
        row=found(selectors.service_get(pk)),
        reason=reason[:500],
        trigger="api",
    )
    return planned(plan)


def planned(plan: Any) -> Any:
    return Status(202, {"plan": {"id": plan.pk, "number": str(plan), "status": plan.status}})
