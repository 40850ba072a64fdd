"""Cases: one for every picture, opened again when its bytes change, hinted at by callbacks."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.core.workqueue import ring
from apps.environments.models import Environment
from apps.generation.models import Image
from apps.moderation import rules
from apps.moderation.models import Case, CaseState, Policy, Skip, wish
from cloud.types import JobResult

TAKE_IN = 500  # pictures looked at in one round
PREFIX = "images/"


def take_in(within: timedelta | None = None) -> int:
    """A case for every picture that has none; how many.  Private until a verdict says otherwise.

    `within`: only pictures made so recently, which an index answers however many there are."""
    fresh_ones = Image.objects.filter(case__isnull=True).exclude(job__environment__bucket="")
    if within is not None:
        fresh_ones = fresh_ones.filter(created_at__gte=timezone.now() - within)
    found = list(fresh_ones.select_related("job__environment").order_by("pk")[:TAKE_IN])
    if not found:
        return 0
    policies = {
        environment.pk: policy_of(environment)
        for environment in {image.job.environment for image in found}
    }
    now = timezone.now()
    fresh = [
        Case(
            environment_id=image.job.environment_id,
            image=image,
            policy=policies[image.job.environment_id],
            author_id=image.job.person_id,
            bucket=image.job.environment.bucket,
            key=image.key,
            etag=image.etag,
            spec={"visibility": "private", "not_before": ""},
            revision=1,
            generation=1,
            phase="pending",
            due_at=now,
        )
        for image in found
    ]
    # Two workers may meet here: the picture's uniqueness decides, the other one adds nothing.
    Case.objects.bulk_create(fresh, ignore_conflicts=True)
    made = Case.objects.filter(image__in=found, generation=1, lease_owner="")
    for pk in made.values_list("pk", flat=True):
        ring("visibility", pk)
    return len(found)


def policy_of(environment: Environment) -> Policy:
    """The newest policy of the environment; its first one is made when it is needed."""
    mine = Policy.objects.filter(environment=environment, prefix=PREFIX)
    newest = mine.order_by("-number").first()
    if newest is None:
        Policy.objects.bulk_create(
            [Policy(environment=environment, prefix=PREFIX, biz_type=environment.biz_type)],
            ignore_conflicts=True,
        )
        return mine.get(number=1)
    return newest


def case_reopen(case: Case, etag: str) -> None:
    """Other bytes lie under the key: nothing that was decided holds for them."""
    now = timezone.now()
    with transaction.atomic():
        moved = Case.objects.filter(pk=case.pk, etag=case.etag).update(
            **wish("private"),
            etag=etag,
            state=CaseState.PENDING,
            severity=rules.QUIET,
            score=0,
            label="",
            sub_label="",
            scenes=[],
            reason={},
            policy_label="",
            data_id="",
            job_id=None,
            hinted_job_id="",
            attempts=0,
            submit_due_at=now,
            verdict_due_at=None,
            submitted_at=None,
            verdict_at=None,
            holder=None,
            claim_until=None,
            claim_token=F("claim_token") + 1,
            escalated_at=None,
        )
        if moved:
            Skip.objects.filter(case_id=case.pk).delete()
            Image.objects.filter(pk=case.image_id).update(hidden=True)
            ring("visibility", case.pk)


def hint(environment_pk: int, found: JobResult) -> bool:
    """A callback named a job.  True if it may be one of ours: it is asked about at once then.

    Nothing of the callback's own words is believed; a repeated or late one changes nothing."""
    if not rules.JOB_ID.fullmatch(found.job_id):
        return False
    now = timezone.now()
    mine = Case.objects.filter(environment_id=environment_pk, state=CaseState.PENDING)
    if mine.filter(job_id=found.job_id).update(verdict_due_at=now):
        return True
    if not found.data_id:
        return False
    return bool(
        mine.filter(data_id=found.data_id[:32], job_id__isnull=True)
        .exclude(data_id="")
        .update(hinted_job_id=found.job_id, verdict_due_at=now)
    )
