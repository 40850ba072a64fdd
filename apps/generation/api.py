"""/api/v1/generations: ask for pictures, watch them come, stop."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Status
from ninja.params.functions import Header

from apps.core.api import Input, Output, Page, api_requires, page
from apps.deployments.selectors import deployment_get
from apps.environments.selectors import environment_get
from apps.generation import selectors, services
from apps.generation.models import Image, Job
from apps.generation.rules import SEED_DRAWN, Wish

router = Router(tags=["generation"])


class Ask(Input):
    """`deployment` by its id; `seed` -1 draws one; picture n has the seed `seed` + n - 1."""

    deployment: int
    prompt: str
    negative_prompt: str = ""
    steps: int = 20
    cfg_scale: Decimal = Decimal(7)
    width: int = 512
    height: int = 512
    sampler: str = "DPM++ 2M"
    seed: int = SEED_DRAWN
    count: int = 1


class ImageOut(Output):
    """`url` is good for 15 minutes; null while moderation has not passed the picture."""

    number: int
    key: str
    seed: int
    width: int
    height: int
    size_bytes: int
    etag: str
    crc64: str
    model: str
    model_hash: str
    infotext: str
    hidden: bool
    created_at: datetime
    url: str | None


class JobOut(Output):
    """`done` of `count` pictures are there; `seed` is that of the first."""

    id: UUID
    name: str
    phase: str
    message: str
    cancelled: bool
    done: int
    count: int
    environment: str
    deployment: str
    model: str | None
    person: str | None
    prompt: str
    negative_prompt: str
    steps: int
    cfg_scale: float
    width: int
    height: int
    sampler: str
    seed: int
    created_at: datetime


class JobDetailOut(JobOut):
    images: list[ImageOut]


def job_out(row: Job) -> dict[str, Any]:
    return {
        "id": row.uuid,
        "name": str(row),
        "phase": row.phase,
        "message": str(row.message_say),
        "cancelled": row.cancelled,
        "done": len(row.images.all()),
        "count": row.count,
        "environment": row.environment.name,
        "deployment": row.deployment_name,
        "model": str(row.version) if row.version else None,
        "person": row.person.username if row.person else None,
        "prompt": row.prompt,
        "negative_prompt": row.negative_prompt,
        "steps": row.steps,
        "cfg_scale": float(row.cfg_scale),
        "width": row.width,
        "height": row.height,
        "sampler": row.sampler,
        "seed": row.seed,
        "created_at": row.created_at,
    }


def job_detail_out(row: Job) -> dict[str, Any]:
    images = list(row.images.all())
    for image in images:
        image.job = row  # with its environment: signing asks nothing more of the database
    urls = selectors.signed_urls(images)
    return {**job_out(row), "images": [image_out(one, urls.get(one.pk)) for one in images]}


def image_out(image: Image, url: str | None) -> dict[str, Any]:
    return {
        "number": image.number,
        "key": image.key,
        "seed": image.seed,
        "width": image.width,
        "height": image.height,
        "size_bytes": image.size_bytes,
        "etag": image.etag,
        "crc64": image.crc64,
        "model": image.model_name,
        "model_hash": image.model_hash,
        "infotext": image.infotext,
        "hidden": image.hidden,
        "created_at": image.created_at,
        "url": url,
    }


def found(uuid: UUID) -> Job:
    row = selectors.job_get(uuid)
    if row is None:
        raise Http404(f"No generation {uuid}.")
    return row


@router.post("", response={202: JobDetailOut, 200: JobDetailOut})
@api_requires("generate")
def generation_create(
    request: HttpRequest,
    ask: Ask,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key")] = "",
) -> Any:
    """Queue the pictures: 202.  The same key with the same body answers 200 with the same job,
    with another body 409."""
    deployment = deployment_get(ask.deployment)
    if deployment is None:
        raise Http404(f"No deployment {ask.deployment}.")
    row, new = services.job_create(
        person=request.user,  # type: ignore[arg-type]
        deployment=deployment,
        wish=Wish(**ask.model_dump(exclude={"deployment"})),
        idempotency_key=idempotency_key,
    )
    return Status(202 if new else 200, job_detail_out(found(row.uuid)))


@router.get("", response=Page[JobOut])
@api_requires("console.view")
def generation_list(
    request: HttpRequest,
    environment: str = "",
    deployment: str = "",
    person: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> Any:
    """Newest first; `deployment` and `person` by name."""
    rows = selectors.job_list(environment_get(environment) if environment else None)
    if deployment:
        rows = rows.filter(deployment_name=deployment)
    if person:
        rows = rows.filter(person__username=person)
    cut = page(rows, cursor, limit)
    return {**cut, "items": [job_out(row) for row in cut["items"]]}


@router.get("/{uuid}", response=JobDetailOut)
@api_requires("console.view")
def generation_detail(request: HttpRequest, uuid: UUID) -> Any:
    """One request with its pictures."""
    return job_detail_out(found(uuid))


@router.post("/{uuid}/cancel", response={202: JobDetailOut})
@api_requires("generate")
def generation_cancel(request: HttpRequest, uuid: UUID) -> Any:
    """Begin no further picture; what is there stays."""
    row = services.job_cancel(person=request.user, row=found(uuid))  # type: ignore[arg-type]
    return Status(202, job_detail_out(found(row.uuid)))


@router.post("/{uuid}/retry", response={202: JobDetailOut})
@api_requires("generate")
def generation_retry(request: HttpRequest, uuid: UUID) -> Any:
    """Draw what is missing, once what held it up is out of the way."""
    row = services.job_retry(person=request.user, row=found(uuid))  # type: ignore[arg-type]
    return Status(202, job_detail_out(found(row.uuid)))
