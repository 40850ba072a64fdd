"""/api/v1/environments: what there is, how it is, what was found; make, adopt, read again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from apps.accounts.models import User
from apps.core.api import Input, Output, Page, api_requires, page
from apps.environments import pages, selectors, services
from apps.environments.choices import Choice
from apps.environments.health import Health
from apps.environments.models import Environment, Finding, FindingKind, Policy, Stage

router = Router(tags=["environments"])


class HealthOut(Output):
    """`state`: ok, run (under way), warn, bad, hold (not adopted or off)."""

    key: str
    product: str
    state: str
    word: str
    sentence: str
    remedy: str


class ReadingOut(Output):
    """How the last look at one product went; `permanent` = stopped until somebody asks again."""

    product: str
    read_at: datetime | None
    due_at: datetime | None
    running: bool
    failures: int
    error: str
    remedy: str
    error_code: str
    request_id: str
    permanent: bool

    @staticmethod
    def resolve_error(reading: Any) -> str:
        return str(reading.error_say)

    @staticmethod
    def resolve_remedy(reading: Any) -> str:
        return str(reading.remedy_say)


class EnvironmentOut(Output):
    name: str
    stage: str
    policy: str
    region: str
    adopted: bool
    cluster_id: str
    namespace: str
    vpc_id: str
    cfs_id: str
    cfs_mount_ip: str
    cfs_fsid: str
    cfs_mount_path: str
    tcr_id: str
    tcr_domain: str
    gateway_id: str
    gateway_address: str
    bucket: str
    biz_type: str
    created_at: datetime
    updated_at: datetime


class EnvironmentDetail(EnvironmentOut):
    health: list[HealthOut]
    readings: list[ReadingOut]


class FindingOut(Output):
    kind: str
    external_id: str
    name: str
    seen_at: datetime
    data: dict[str, Any]


class CreateIn(Input):
    """`policy` empty = as the stage suggests."""

    name: str = Field(max_length=40)
    region: str = Field(max_length=32)
    secret_id: str = Field(max_length=80)
    secret_key: str = Field(max_length=4096)
    session_token: str = Field(default="", max_length=8192)
    stage: Stage = Stage.DEV
    policy: Policy | None = None
    namespace: str = Field(default="sd", max_length=63)
    api_endpoint: str = Field(default="", max_length=200)
    api_scheme: str = Field(default="https", pattern="^https?$")
    cos_endpoint: str = Field(default="", max_length=200)
    cos_scheme: str = Field(default="https", pattern="^https?$")


class AdoptIn(Input):
    """Ids as discovery found them; empty = none of that kind."""

    cluster_id: str = Field(default="", max_length=32)
    cfs_id: str = Field(default="", max_length=32)
    tcr_id: str = Field(default="", max_length=32)
    gateway_id: str = Field(default="", max_length=40)
    bucket: str = Field(default="", max_length=100)
    namespace: str = Field(default="sd", max_length=63)
    cfs_mount_path: str | None = Field(default=None, max_length=300)


class AdoptOut(Output):
    """`plan_id`: the plan that prepares namespace and bucket; null if nothing is to be done."""

    plan_id: int | None


class RefreshOut(Output):
    asked: int = Field(description="how many products will be read again")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the API lets nobody else in
    return request.user


def _detail(environment: Environment) -> dict[str, Any]:
    row = pages.rows([environment])[0]
    plain = {name: getattr(environment, name) for name in EnvironmentOut.model_fields}
    return {
        **plain,
        "health": [_health(one) for one in row.products],
        "readings": list(row.looks.values()),
    }


def _health(one: Health) -> dict[str, str]:
    return {
        "key": one.key,
        "product": one.product.value,
        "state": one.state,
        "word": str(one.word),
        "sentence": str(one.sentence),
        "remedy": str(one.remedy),
    }


@router.get("", response=Page[EnvironmentOut], summary="All environments, by name")
@api_requires("console.view")
def environment_list(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Any:
    return page(selectors.environment_list(request.user), cursor, limit, order="name")


@router.get("/{name}", response=EnvironmentDetail, summary="One environment and its health")
@api_requires("console.view")
def environment_detail(request: HttpRequest, name: str) -> Any:
    return _detail(selectors.environment_get(name))


@router.get("/{name}/findings", response=Page[FindingOut], summary="What was found, as last read")
@api_requires("console.view")
def environment_findings(
    request: HttpRequest,
    name: str,
    kind: FindingKind | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Any:
    found = Finding.objects.filter(environment=selectors.environment_get(name))
    if kind is not None:
        found = found.filter(kind=kind)
    return page(found, cursor, limit, order="name")


@router.post("", response={201: EnvironmentDetail}, summary="Make an environment and look around")
@api_requires("environment.change")
def environment_create(request: HttpRequest, body: CreateIn) -> Any:
    values = body.dict()
    values["stage"] = body.stage.value
    values["policy"] = body.policy.value if body.policy else ""
    made = services.environment_create(person=_person(request), **values)
    return Status(201, _detail(made))


@router.post("/{name}/adopt", response=AdoptOut, summary="Choose what belongs")
@api_requires("environment.change")
def environment_adopt(request: HttpRequest, name: str, body: AdoptIn) -> Any:
    values = body.dict()
    mount = values.pop("cfs_mount_path")
    plan = services.environment_adopt(
        environment=selectors.environment_get(name),
        person=_person(request),
        choice=Choice(**values),
        cfs_mount_path=mount,
        trigger="api",
    )
    return {"plan_id": plan.pk if plan else None}


@router.post("/{name}/refresh", response={202: RefreshOut}, summary="Read the region again")
@api_requires("console.view")
def environment_refresh(request: HttpRequest, name: str) -> Any:
    environment = selectors.environment_get(name)
    return Status(202, {"asked": services.refresh_request(environment=environment)})
