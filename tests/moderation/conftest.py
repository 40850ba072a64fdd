"""Pictures in a real bucket, and cases in any state, each valid with no arguments."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from PIL import Image as Drawing

from apps.core import reconcile
from apps.environments.clients import cos_for
from apps.environments.models import Environment
from apps.generation.models import Image, Job
from apps.moderation import intake
from apps.moderation.models import Case, CaseState
from tests.environments.factories import make_environment
from tests.stack import environment, sandbox, seeded

__all__ = ["environment", "sandbox", "seeded"]

RED, YELLOW, GREEN = (220, 30, 30), (240, 210, 40), (40, 160, 80)
BUCKET = "sd-demo-1250000000"


def drawn(colour: tuple[int, int, int] = GREEN, share: float = 1.0, side: int = 96) -> bytes:
    """A PNG of which `share` has `colour`: the sandbox judges by hue and area."""
    picture = Drawing.new("RGB", (side, side), (128, 128, 128))
    picture.paste(colour, (0, 0, side, round(side * share)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def make_job(environment: Environment, person: Any = None, **overrides: Any) -> Job:
    values: dict[str, Any] = {
        "environment": environment,
        "deployment_name": "anime",
        "person": person,
        "prompt": "a castle by a lake, blood moon",
        "negative_prompt": "lowres",
        "steps": 20,
        "cfg_scale": 7,
        "width": 512,
        "height": 512,
        "sampler": "Euler a",
        "seed": 1234,
        "count": 16,
    }
    return Job.objects.create(**{**values, **overrides})


def make_image(job: Job, **overrides: Any) -> Image:
    number = job.images.count() + 1
    values: dict[str, Any] = {
        "number": number,
        "key": f"images/2026/11/22/{job.uuid}-{number}.png",
        "etag": "e" * 32,
        "seed": job.seed + number - 1,
        "width": 512,
        "height": 512,
        "size_bytes": 1000,
    }
    return Image.objects.create(job=job, **{**values, **overrides})


def make_case(image: Image | None = None, **overrides: Any) -> Case:
    """Flagged and waiting, unless told otherwise; nothing of it exists in a bucket."""
    if image is None:
        environment = Environment.objects.first() or make_environment(bucket=BUCKET)
        job = Job.objects.first()
        if job is None or job.images.count() >= 16:
            job = make_job(environment)
        image = make_image(job)
    environment = image.job.environment
    values: dict[str, Any] = {
        "environment": environment,
        "image": image,
        "policy": intake.policy_of(environment),
        "author_id": image.job.person_id,
        "bucket": environment.bucket or BUCKET,
        "key": image.key,
        "etag": image.etag,
        "state": CaseState.FLAGGED,
        "severity": 1,
        "score": 80,
        "label": "Terrorism",
        "sub_label": "Blood",
        "scenes": [{"name": "terrorism", "score": 80, "hit": 2, "boxes": [], "texts": []}],
        "spec": {"visibility": "private", "not_before": ""},
        "revision": 1,
        "generation": 1,
        "submit_due_at": None,
        "verdict_at": timezone.now(),
    }
    return Case.objects.create(**{**values, **overrides})


@pytest.fixture
def picture(environment: Environment) -> Callable[..., Image]:
    """`picture(RED, 0.2)`: a private PNG in the sandbox's bucket with its Image row."""

    def put(colour: tuple[int, int, int] = GREEN, share: float = 1.0, person: Any = None) -> Image:
        job = make_job(environment, person)
        image = make_image(job)
        put_again(image, colour, share)
        image.refresh_from_db()
        return image

    return put


def put_again(
    image: Image, colour: tuple[int, int, int], share: float = 1.0, *, tell: bool = True
) -> None:
    """Put bytes under the picture's key; `tell` = the row knows their etag."""
    cos = cos_for(image.job.environment)
    etag = cos.put(image.key, drawn(colour, share), content_type="image/png", acl="private").etag
    if tell:
        Image.objects.filter(pk=image.pk).update(etag=etag)


def look(case: Case) -> Any:
    """One visit of the loop, as if it were due."""
    verdict = reconcile.run("visibility", case.pk)
    case.refresh_from_db()
    return verdict


def time_passes(case: Case, seconds: float) -> None:
    """As if everything about the case had happened `seconds` earlier."""
    back = timedelta(seconds=seconds)
    case.refresh_from_db()
    moved: dict[str, Any] = {
        name: getattr(case, name) - back
        for name in ("submit_due_at", "verdict_due_at", "claim_until", "applied_at", "due_at")
        if getattr(case, name)
    }
    if case.not_before:
        spec = {**case.spec, "not_before": (case.not_before - back).isoformat()}
        moved["spec"] = spec
    Case.objects.filter(pk=case.pk).update(**moved)
    case.probes.update(at=F("at") - back)
    case.refresh_from_db()


def stranger(case: Case) -> int:
    """The HTTP status of an anonymous read, asked of the bucket itself."""
    return cos_for(case.environment, case.bucket).anonymous_status(case.key)
