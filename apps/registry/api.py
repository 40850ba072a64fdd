"""/api/v1/models: upload in parts straight to COS, read versions, delete them.

An upload, step by step, with the standard library of any language:
1. POST /uploads with name, size and type: the answer holds `start_url`;
2. POST (empty) to `start_url`: COS answers XML with an UploadId, which POST /uploads/{id}/started
   tells the console;
3. POST /uploads/{id}/parts with part numbers (at most 64): PUT each part's bytes to its URL;
4. POST /uploads/{id}/seal with sha256 and, if known, the decimal CRC64: the version and its run.
After a break, GET /uploads/{id} and its `list_url` tell which parts are there already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Status
from pydantic import Field

from apps.core.api import Input, Output, Page, api_requires, page
from apps.core.models import Plan, Trigger
from apps.environments.selectors import environment_get
from apps.registry import rules, selectors, services
from apps.registry.models import ModelType, Upload, Version

router = Router(tags=["models"])
SUM = Field(default="", max_length=64)


class UploadIn(Input):
    """`sha256` of the whole file and `fingerprint` (sha256 of its header) are optional claims."""

    environment: str = Field(max_length=40)
    model: str = Field(max_length=80)
    type: ModelType = ModelType.CHECKPOINT
    file_name: str = Field(max_length=1000)
    size_bytes: int
    sha256: str = SUM
    fingerprint: str = SUM
    header: dict[str, str] = Field(default_factory=dict, max_length=8)


class StartedIn(Input):
    upload_id: str = Field(min_length=1, max_length=200)


class PartsIn(Input):
    """Part numbers from 1; `parts_done` tells others how far you are."""

    numbers: list[int] = Field(max_length=1000)
    parts_done: int | None = None


class SealIn(Input):
    """`crc64`: CRC-64/XZ (ECMA) of the whole file as a decimal number, as COS writes it."""

    sha256: str = SUM
    crc64: str = Field(default="", max_length=20)


class VersionOut(Output):
    id: int
    name: str
    model: str
    number: int
    type: str
    environment: str
    phase: str
    message: str
    verdict: str
    file_name: str
    path: str
    size_bytes: int
    copied_bytes: int
    sha256: str
    crc64: str
    family: str
    precision: str
    facts: dict[str, Any]
    users: int
    run_id: int | None
    created_at: datetime
    published_at: datetime | None
    url: str

    @staticmethod
    def resolve_name(version: Version) -> str:
        return str(version)

    @staticmethod
    def resolve_model(version: Version) -> str:
        return version.model.name

    @staticmethod
    def resolve_type(version: Version) -> str:
        return version.model.type

    @staticmethod
    def resolve_environment(version: Version) -> str:
        return version.environment.name

    @staticmethod
    def resolve_message(version: Version) -> str:
        return str(version.message_say)

    @staticmethod
    def resolve_users(version: Any) -> int:
        return getattr(version, "users", 0)

    @staticmethod
    def resolve_url(version: Version) -> str:
        return version.get_absolute_url()


class UploadOut(Output):
    """`state`: open, sealed (a worker publishes it), done, aborted."""

    id: str
    environment: str
    model: str
    type: str
    file_name: str
    size_bytes: int
    part_size: int
    parts_total: int
    parts_done: int
    state: str
    fingerprint: str
    header: dict[str, Any]
    person: str
    created_at: datetime
    touched_at: datetime
    version: VersionOut | None

    @staticmethod
    def resolve_id(upload: Upload) -> str:
        return upload.token

    @staticmethod
    def resolve_environment(upload: Upload) -> str:
        return upload.environment.name

    @staticmethod
    def resolve_model(upload: Upload) -> str:
        return upload.model_name

    @staticmethod
    def resolve_person(upload: Upload) -> str:
        return str(upload.person or "")


class UploadDetail(UploadOut):
    """With URLs signed for you: secrets, good for `expires_s` seconds; ask again for fresh ones."""

    start_url: str
    list_url: str
    abort_url: str
    expires_s: int

    @staticmethod
    def of(upload: Upload) -> Any:
        """The row with its doors as attributes, so that the resolvers above see a row."""
        doors: Any = services.upload_doors(upload)
        row: Any = upload
        row.start_url, row.list_url, row.abort_url = doors.start, doors.listing, doors.abort
        row.expires_s = doors.expires_s
        return row


class UrlsOut(Output):
    """Part number -> URL to PUT that part's bytes to."""

    urls: dict[int, str]
    expires_s: int


class SealedOut(Output):
    version: VersionOut
    run_id: int | None


class PlanRef(Output):
    id: int
    status: str


class DeletedOut(Output):
    """`plan`: to be applied; `run_id`: under way already, since nothing lay on the disk."""

    plan: PlanRef | None
    run_id: int | None


@router.post("/uploads", response={201: UploadDetail})
@api_requires("model.upload")
def upload_open(request: HttpRequest, wish: UploadIn) -> Any:
    """Reserve room for a file.  422 says in one sentence why it is not taken."""
    upload = services.upload_open(
        person=request.user,  # type: ignore[arg-type]
        environment=environment_get(wish.environment),
        model_name=wish.model,
        type=wish.type.value,
        file_name=wish.file_name,
        size_bytes=wish.size_bytes,
        sha256=wish.sha256.lower(),
        fingerprint=wish.fingerprint.lower(),
        header=wish.header,
    )
    return Status(201, UploadDetail.of(found(upload.token)))


@router.get("/uploads", response=list[UploadOut])
@api_requires("console.view")
def upload_list(request: HttpRequest, environment: str = "") -> Any:
    """Uploads under way, and those finished within the last minutes."""
    return selectors.uploads_shown(environment_get(environment) if environment else None)


@router.get("/uploads/{id}", response=UploadDetail)
@api_requires("model.upload")
def upload_detail(request: HttpRequest, id: str) -> Any:
    """With fresh URLs, so that anybody who may upload can go on with it anywhere."""
    return UploadDetail.of(found(id))


@router.post("/uploads/{id}/started", response=UploadDetail)
@api_requires("model.upload")
def upload_started(request: HttpRequest, id: str, told: StartedIn) -> Any:
    services.upload_started(upload=found(id), upload_id=told.upload_id)
    return UploadDetail.of(found(id))


@router.post("/uploads/{id}/parts", response=UrlsOut)
@api_requires("model.upload")
def upload_parts(request: HttpRequest, id: str, asked: PartsIn) -> Any:
    upload = found(id)
    if asked.parts_done is not None:
        services.upload_progress(upload=upload, parts_done=asked.parts_done)
    urls = services.upload_part_urls(upload=upload, numbers=asked.numbers) if asked.numbers else {}
    return {"urls": urls, "expires_s": rules.URL_LIFE_S}


@router.post("/uploads/{id}/seal", response={202: SealedOut})
@api_requires("model.upload")
def upload_seal(request: HttpRequest, id: str, claim: SealIn) -> Any:
    """All parts are there: a worker joins, inspects, publishes.  Repeating it is harmless."""
    by_token = bool(getattr(request.user, "token_scopes", None))
    version = services.upload_seal(
        person=request.user,  # type: ignore[arg-type]
        upload=found(id),
        sha256=claim.sha256.lower(),
        crc64=claim.crc64,
        trigger=Trigger.API if by_token else Trigger.UPLOAD,
    )
    made = selectors.version_get(version.pk)
    return Status(202, {"version": made, "run_id": version.run_id})


@router.delete("/uploads/{id}", response={204: None})
@api_requires("model.upload")
def upload_abort(request: HttpRequest, id: str) -> Any:
    """Give it up; what COS holds of it is freed."""
    services.upload_abort(person=request.user, upload=found(id))  # type: ignore[arg-type]
    return Status(204, None)


@router.get("/versions", response=Page[VersionOut])
@api_requires("console.view")
def version_list(
    request: HttpRequest,
    environment: str = "",
    type: str = "",
    phase: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> Any:
    rows = selectors.versions(environment_get(environment) if environment else None)
    if type:
        rows = rows.filter(model__type=type)
    if phase:
        rows = rows.filter(phase=phase)
    return page(rows, cursor, limit)


@router.get("/versions/{id}", response=VersionOut)
@api_requires("console.view")
def version_detail(request: HttpRequest, id: int) -> Any:
    return version(id)


@router.delete("/versions/{id}", response={202: DeletedOut})
@api_requires("model.delete")
def version_delete(request: HttpRequest, id: int) -> Any:
    """422 names the deployments that use it."""
    made = services.version_delete(person=request.user, version=version(id))  # type: ignore[arg-type]
    if isinstance(made, Plan):
        return Status(202, {"plan": {"id": made.pk, "status": made.status}, "run_id": None})
    return Status(202, {"plan": None, "run_id": made.pk})


def found(token: str) -> Upload:
    upload = selectors.upload_get(token)
    if upload is None:
        raise Http404
    return upload


def version(pk: int) -> Version:
    row = selectors.version_get(pk)
    if row is None:
        raise Http404
    return row
