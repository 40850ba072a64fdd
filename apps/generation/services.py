"""The spec pen of generation: ask for pictures, stop, try again."""

import hashlib
import json
import secrets
from dataclasses import asdict, replace
from datetime import UTC
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import User as Person
from apps.audit.services import record
from apps.core.errors import Conflict, RuleViolation
from apps.core.phases import Phase
from apps.core.workqueue import ring
from apps.deployments.models import Deployment
from apps.generation.models import Job
from apps.generation.rules import KEY_MOST, OPEN_IMAGES_MOST, SEED_DRAWN, SEED_MOST, Wish
from apps.generation.selectors import open_images, why_not
from apps.generation.spec import CheckpointSpec, JobSpec
from apps.generation.words import check_wish

if TYPE_CHECKING:
    from apps.accounts.models import User


@transaction.atomic
def job_create(
    *, person: "User", deployment: Deployment, wish: Wish, idempotency_key: str = ""
) -> tuple[Job, bool]:
    """Queue the pictures; the job, and whether it is new.

    The same key with the same wish gives the job it made the first time.  Raises RuleViolation with
    one sentence, Conflict if the key was used for another wish; nothing is kept then.
    """
    wish = tidied(wish)
    check_key(idempotency_key)
    digest = digest_of(deployment, wish)
    Person.objects.select_for_update().get(pk=person.pk)  # one request of a person at a time
    if idempotency_key:
        known = Job.objects.filter(person=person, idempotency_key=idempotency_key).first()
        if known:
            return same(known, digest), False
    check_wish(wish)
    check_place(deployment)
    check_quota(person, wish.count)
    row = new_job(person, deployment, wish)
    row.idempotency_key, row.request_digest = idempotency_key, digest
    row.save()
    record(person, "generation.create", "generation", row.pk, str(row), None, row.spec)
    ring("generation", row.pk)
    return row, True


def new_job(person: "User", deployment: Deployment, wish: Wish) -> Job:
    """The row, not saved: accepted at once, for it changes nothing that stands."""
    if wish.seed == SEED_DRAWN:
        wish = replace(wish, seed=secrets.randbelow(SEED_MOST + 1))
    now = timezone.now()
    checkpoint = deployment.checkpoint
    assert checkpoint is not None  # check_place saw to it
    spec = JobSpec(
        **{**asdict(wish), "cfg_scale": float(wish.cfg_scale)},
        folder=now.astimezone(UTC).strftime("images/%Y/%m/%d"),
        checkpoint=CheckpointSpec(
            version=checkpoint.pk,
            name=checkpoint.file_on_disk.rpartition(".")[0],
            hash=checkpoint.sha256[:10],
        ),
    )
    return Job(
        uuid=uuid4(),
        environment=deployment.environment,
        deployment=deployment,
        deployment_name=deployment.name,
        version=checkpoint,
        person=person,
        spec=spec.model_dump(mode="json"),
        revision=1,
        generation=1,
        phase=Phase.PENDING,
        total=wish.count,
        due_at=now,
        **asdict(wish),
    )


@transaction.atomic
def job_cancel(*, person: "User", row: Job) -> Job:
    """Begin no further picture; the one being drawn is finished and kept."""
    row = Job.objects.select_for_update().get(pk=row.pk)
    if row.cancelled:
        return row
    if row.phase == Phase.READY:
        raise RuleViolation(_("Every picture of this request is there already."))
    now = timezone.now()
    Job.objects.filter(pk=row.pk).update(
        cancelled_at=now, generation=F("generation") + 1, due_at=now, updated_at=now
    )
    record(person, "generation.cancel", "generation", row.pk, str(row))
    ring("generation", row.pk)
    row.refresh_from_db()
    return row


@transaction.atomic
def job_retry(*, person: "User", row: Job) -> Job:
    """Draw what is missing, now that a person has cleared the way."""
    row = Job.objects.select_for_update().get(pk=row.pk)
    if row.phase not in (Phase.BLOCKED, Phase.DEGRADED) or row.cancelled:
        raise RuleViolation(_("There is nothing to try again: this request is not held up."))
    now = timezone.now()
    Job.objects.filter(pk=row.pk).update(
        phase=Phase.PENDING, failures=0, due_at=now, updated_at=now, message={}
    )
    record(person, "generation.retry", "generation", row.pk, str(row))
    ring("generation", row.pk)
    row.refresh_from_db()
    return row


def tidied(wish: Wish) -> Wish:
    """Line ends as Unix writes them, no space around: browsers and shells differ there."""
    return replace(
        wish,
        prompt=plain(wish.prompt),
        negative_prompt=plain(wish.negative_prompt),
        sampler=wish.sampler.strip(),
    )


def plain(words: str) -> str:
    return words.replace("\r\n", "\n").replace("\r", "\n").strip()


def digest_of(deployment: Deployment, wish: Wish) -> str:
    """sha256 of what was asked, before a seed is drawn."""
    scale = str(wish.cfg_scale.normalize())
    asked = {**asdict(wish), "cfg_scale": scale, "deployment": deployment.pk}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def same(known: Job, digest: str) -> Job:
    if known.request_digest != digest:
        raise Conflict(
            _("This idempotency key was used for another request, %(job)s.") % {"job": known},
            current={"id": str(known.uuid), "name": str(known)},
        )
    return known


def check_key(key: str) -> None:
    if len(key) > KEY_MOST or not key.isprintable():
        raise RuleViolation(
            _("An idempotency key has at most 200 printable characters."), field="idempotency_key"
        )


def check_place(deployment: Deployment) -> None:
    missing = why_not(deployment)
    if missing:
        raise RuleViolation(missing, field="deployment")
    if deployment.checkpoint is None:
        raise RuleViolation(_("This deployment has no checkpoint yet."), field="deployment")


def check_quota(person: "User", count: int) -> None:
    waiting = open_images(person)
    if waiting + count > OPEN_IMAGES_MOST:
        raise RuleViolation(
            _("You have %(waiting)d pictures waiting; %(count)d more would be over %(most)d.")
            % {"waiting": waiting, "count": count, "most": OPEN_IMAGES_MOST},
            field="count",
        )
