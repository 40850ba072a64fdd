"""/api/v1/deployments."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Status
from pydantic import Field

from apps.core.access import allowed
from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.secrecy import masked
from apps.deployments import selectors, services
from apps.deployments.models import Deployment
from apps.environments.selectors import environment_get

router = Router(tags=["deployments"])


class ImageIn(Input):
    repository: str = Field(max_length=255)
    tag: str = Field(max_length=128)


class SliceIn(Input):
    """core: percent of one card; memory_gib: GiB, 0 with whole cards."""

    core: int
    memory_gib: int = 0


class ServiceIn(Input):
    """type: ClusterIP, Internal (with subnet_id) or Public (with public_confirmed)."""

    type: str = "ClusterIP"
    subnet_id: str = ""


class WishIn(Input):
    """What should run.  The digest of the image and the file of the checkpoint are looked up."""

    image: ImageIn
    checkpoint: int
    flags: list[str] = ["--api"]
    extra_args: list[str] = []
    environment: dict[str, str] = {}
    folders: list[str] = ["models/Lora", "models/VAE"]
    slice: SliceIn
    replicas: int = 1
    cpu: float = 4
    memory_gib: int = 16
    deadline_minutes: int = 30
    auto_rollback: bool = False
    service: ServiceIn = ServiceIn()


class CreateIn(Input):
    environment: str
    name: str
    spec: WishIn
    public_confirmed: bool = False
    reason: str = Field("", max_length=500)


class ChangeIn(Input):
    """`generation` is what the editor saw; 409 when somebody moved it meanwhile."""

    spec: WishIn
    generation: int | None = None
    public_confirmed: bool = False
    reason: str = Field("", max_length=500)


class PlanRefOut(Output):
    id: int
    number: str
    status: str

    @staticmethod
    def resolve_number(plan: Any) -> str:
        return str(plan)


class PlannedOut(Output):
    """Nothing happens before the plan is applied, unless its environment applies at once."""

    plan: PlanRefOut


class PodOut(Output):
    name: str
    node: str
    ip: str
    phase: str
    ready: bool
    restarts: int
    reason: str

    @staticmethod
    def resolve_reason(pod: Any) -> str:
        return str(pod.say)


class DeploymentOut(Output):
    """`phase`: draft pending working ready degraded blocked paused deleting."""

    id: int
    name: str
    environment: str
    phase: str
    message: str
    done: int
    total: int
    generation: int
    observed_generation: int
    revision: int
    drifted: bool
    spec: dict[str, Any]
    address: str
    run_id: int | None
    updated_at: datetime

    @staticmethod
    def resolve_environment(row: Deployment) -> str:
        return row.environment.name

    @staticmethod
    def resolve_message(row: Deployment) -> str:
        return str(row.message_say)

    @staticmethod
    def resolve_spec(row: Deployment, context: Any) -> dict[str, Any]:
        """Variables named like a password are covered for whoever may not change them."""
        may_change = allowed(context["request"].user, "deployment.plan")
        spec: dict[str, Any] = row.spec if may_change else masked(row.spec)
        return spec

    @staticmethod
    def resolve_drifted(row: Deployment) -> bool:
        return bool(row.drift)

    @staticmethod
    def resolve_address(row: Deployment) -> str:
        found: str = row.observed.get("address", "")
        return found


class DeploymentDetailOut(DeploymentOut):
    pods: list[PodOut]

    @staticmethod
    def resolve_pods(row: Deployment) -> Any:
        return selectors.pods(row)


@router.get("", response=Page[DeploymentOut])
@api_requires("console.view")
def deployments(
    request: HttpRequest, cursor: str = "", limit: int = 50, environment: str = "", phase: str = ""
) -> dict[str, Any]:
    found = selectors.deployment_list()
    if environment:
        found = found.filter(environment__name=environment)
    if phase:
        found = found.filter(phase=phase)
    return page(found, cursor, limit)


@router.post("", response={202: PlannedOut})
@api_requires("deployment.plan")
def create(request: HttpRequest, body: CreateIn) -> Any:
    """Draft a deployment and plan it; nothing runs before the plan is applied."""
    plan = services.deployment_create(
        person=request.user,  # type: ignore[arg-type]
        environment=environment_get(body.environment),
        name=body.name,
        wish=body.spec.model_dump(),
        public_confirmed=body.public_confirmed,
        reason=body.reason,
        trigger="api",
    )
    return Status(202, {"plan": plan})


@router.get("/{int:pk}", response=DeploymentDetailOut)
@api_requires("console.view")
def one(request: HttpRequest, pk: int) -> Deployment:
    return get(pk)


@router.put("/{int:pk}", response={202: PlannedOut})
@api_requires("deployment.plan")
def change(request: HttpRequest, pk: int, body: ChangeIn) -> Any:
    """Plan another spec."""
    plan = services.deployment_change(
        person=request.user,  # type: ignore[arg-type]
        row=get(pk),
        wish=body.spec.model_dump(),
        seen=body.generation,
        public_confirmed=body.public_confirmed,
        reason=body.reason,
        trigger="api",
    )
    return Status(202, {"plan": plan})


@router.delete("/{int:pk}", response={202: PlannedOut})
@api_requires("deployment.plan")
def delete(request: HttpRequest, pk: int) -> Any:
    """Plan the removal; the files on CFS stay."""
    plan = services.deployment_delete(person=request.user, row=get(pk), trigger="api")  # type: ignore[arg-type]
    return Status(202, {"plan": plan})


def get(pk: int) -> Deployment:
    row = selectors.deployment_get(pk)
    if row is None:
        raise Http404
    return row
