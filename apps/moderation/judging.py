"""From a case to a verdict: submissions to CI, and their results.

What is about to be sent is committed before it is sent, under a name drawn for it (data_id); a
callback carries that name, so an answer that got lost is found again instead of being asked, and
billed, twice.  Callbacks are unsigned: they only say which job to ask about.
"""

import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.words import Say
from apps.core.workqueue import ring
from apps.environments.clients import cos_for
from apps.environments.models import Environment
from apps.moderation import rules
from apps.moderation.models import Case, CaseState, wish
from cloud import ci
from cloud.cos import CosClient
from cloud.errors import CloudError, LostAnswer, NotAuthorized, Transient
from cloud.types import ImageToJudge, JobResult

log = logging.getLogger(__name__)

ROUND_S = 40.0  # a task gives its place back after this; the next tick goes on
ASK_AT_ONCE = 8  # jobs asked about at the same time
PUT_OFF_S = 10.0  # CI asked to slow down, or nobody answered
NOT_ALLOWED_S = 120.0  # CI is not allowed to read the bucket: a person has to do something
LARGE_BYTES = 5 * 1024 * 1024  # beyond it CI has to shrink the picture first, which is billed


# ---- submissions ---------------------------------------------------------------------------


def submit_due() -> int:
    """Send what waits to be judged; how many pictures."""
    sent, end = 0, time.monotonic() + ROUND_S
    while time.monotonic() < end:
        batches = claim_submissions()
        if not batches:
            break
        for cases in batches:
            submit(cases)
            sent += len(cases)
    return sent


def claim_submissions() -> list[list[Case]]:
    """What is due, in batches of one bucket and policy, each marked as being sent: committed, so
    that neither another worker nor this one after a crash sends it again before ANSWER_LOST_S."""
    now = timezone.now()
    with transaction.atomic():
        give_up_unjudged(now)
        due = list(
            Case.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=CaseState.PENDING, submit_due_at__lte=now)
            .select_related("environment", "policy", "image")
            .order_by("submit_due_at")[: rules.SUBMIT_MOST]
        )
        for case in due:
            case.data_id = secrets.token_hex(16)
            case.attempts += 1
            case.submitted_at = now
            case.submit_due_at = now + timedelta(seconds=rules.ANSWER_LOST_S)
            case.job_id, case.hinted_job_id, case.verdict_due_at = None, "", None
        Case.objects.bulk_update(
            due,
            [
                "data_id",
                "attempts",
                "submitted_at",
                "submit_due_at",
                "job_id",
                "hinted_job_id",
                "verdict_due_at",
            ],
        )
    batches: dict[tuple[int, str, str], list[Case]] = defaultdict(list)
    for case in due:
        batches[case.environment_id, case.bucket, case.policy.biz_type].append(case)
    return list(batches.values())


def give_up_unjudged(now: Any) -> None:
    """Tried often enough: a person judges, and until then it stays private."""
    often = Case.objects.select_for_update(skip_locked=True).filter(
        state=CaseState.PENDING, submit_due_at__lte=now, attempts__gte=rules.ATTEMPTS_MOST
    )
    for case in often:
        why = Say.from_json(case.reason) or Say(gettext_noop("CI gave no answer."))
        flag_unjudged(case, why)


def submit(cases: Sequence[Case]) -> None:
    """One call for all `cases` of one bucket and policy."""
    images = [
        ImageToJudge(case.data_id, case.key, large=case.image.size_bytes > LARGE_BYTES)
        for case in cases
    ]
    first = cases[0]
    try:
        batch = ci.submit(
            cos_for(first.environment, first.bucket),
            images,
            biz_type=first.policy.biz_type,
            callback=callback_url(first.environment),
        )
    except LostAnswer as lost:
        # Perhaps CI has it: its callback will name our data_id.  Sent again only if none comes.
        log.warning("The answer to a submission of %s pictures got lost: %s", len(cases), lost)
        return
    except CloudError as refused:
        put_off(cases, refused)
        return
    now = timezone.now()
    late = now + timedelta(seconds=rules.VERDICT_LATE_S)
    for case, job in zip(cases, batch.jobs, strict=True):
        if job.state == "Failed" or not job.job_id:
            failed(case.pk, case.data_id, job)
            continue
        # A callback may have been faster than this answer: what it hinted at stays due.
        Case.objects.filter(pk=case.pk, data_id=case.data_id, state=CaseState.PENDING).update(
            job_id=job.job_id, submit_due_at=None, reason={}
        )
        Case.objects.filter(
            pk=case.pk, data_id=case.data_id, verdict_due_at__isnull=True, state=CaseState.PENDING
        ).update(verdict_due_at=late)


def callback_url(environment: Environment) -> str:
    base = settings.SDCONSOLE_PUBLIC_URL.rstrip("/")
    return f"{base}/hooks/cos/{environment.callback_token}/"


def put_off(cases: Sequence[Case], refused: CloudError) -> None:
    """Nothing was taken.  What passes by itself costs no attempt."""
    say = Say.of(gettext_noop("CI: %(problem)s"), problem=str(refused))
    costs = not isinstance(refused, Transient | NotAuthorized)
    for case in cases:
        wait_s = rules.retry_s(case.attempts) if costs else PUT_OFF_S
        if isinstance(refused, NotAuthorized):
            wait_s = NOT_ALLOWED_S
        Case.objects.filter(pk=case.pk, data_id=case.data_id, state=CaseState.PENDING).update(
            submit_due_at=timezone.now() + timedelta(seconds=wait_s),
            attempts=case.attempts - (0 if costs else 1),
            reason=say.to_json(),
        )
    log.warning("CI took none of %s pictures: %s", len(cases), refused)


# ---- results ---------------------------------------------------------------------------------


def collect_due() -> int:
    """Ask CI about every job whose time has come; how many were asked."""
    asked, end = 0, time.monotonic() + ROUND_S
    while time.monotonic() < end:
        cases = claim_collections()
        if not cases:
            break
        with ThreadPoolExecutor(ASK_AT_ONCE) as pool:
            answers = list(pool.map(ask, cases, buckets_of(cases)))
        for case, answer in zip(cases, answers, strict=True):
            if not isinstance(answer, CloudError):
                take(case, answer)
        asked += len(cases)
    return asked


def claim_collections() -> list[Case]:
    """Jobs to ask about now.  A worker that dies gives them back by the clock."""
    now = timezone.now()
    with transaction.atomic():
        due = list(
            Case.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=CaseState.PENDING, verdict_due_at__lte=now)
            .filter(Q(job_id__isnull=False) | ~Q(hinted_job_id=""))
            .select_related("environment")
            .order_by("verdict_due_at")[: rules.SUBMIT_MOST]
        )
        Case.objects.filter(pk__in=[case.pk for case in due]).update(
            verdict_due_at=now + timedelta(seconds=rules.VERDICT_LATE_S)
        )
    return due


def buckets_of(cases: Sequence[Case]) -> list[CosClient | CloudError]:
    """One client per bucket; made here, because it reads (and decrypts) the environment's key."""
    known: dict[tuple[int, str], CosClient | CloudError] = {}
    for case in cases:
        place = (case.environment_id, case.bucket)
        if place not in known:
            try:
                known[place] = cos_for(case.environment, case.bucket, timeout_s=10.0)
            except CloudError as refused:
                known[place] = refused
    return [known[case.environment_id, case.bucket] for case in cases]


def ask(case: Case, cos: CosClient | CloudError) -> JobResult | CloudError | None:
    """In a thread without a database connection.  None = CI does not know such a job."""
    if isinstance(cos, CloudError):
        return cos
    try:
        return ci.query(cos, case.job_id or case.hinted_job_id)
    except CloudError as error:
        log.info("Job of %s could not be asked about: %s", case, error)
        return error


def take(case: Case, found: JobResult | None) -> None:
    """What CI itself says about the job, believed only if the job is that of this picture."""
    ours = found is not None and found.data_id == case.data_id and found.key in ("", case.key)
    if not case.job_id:
        if found is None or not ours:
            # Somebody made it up.  Wait for the true one, or send again when that time comes.
            Case.objects.filter(pk=case.pk, hinted_job_id=case.hinted_job_id).update(
                hinted_job_id="", verdict_due_at=None
            )
            return
        moved = Case.objects.filter(
            pk=case.pk, data_id=case.data_id, state=CaseState.PENDING, job_id__isnull=True
        ).update(job_id=found.job_id, hinted_job_id="", submit_due_at=None)
        if not moved:
            return
        case.job_id = found.job_id
    if found is None or not ours:
        # Older than a month, or the bucket was changed: only asking anew can tell.
        unknown = Say(gettext_noop("CI does not know the job any more."))
        send_again(case.pk, case.data_id, unknown)
    elif found.state == "Failed":
        failed(case.pk, case.data_id, found)
    elif found.finished:
        case_judge(case.pk, case.job_id, found)


def failed(pk: int, data_id: str, found: JobResult) -> None:
    why = f"{found.code} {found.message}".strip() or found.state
    send_again(pk, data_id, Say.of(gettext_noop("CI: %(problem)s"), problem=why[:300]))


def send_again(pk: int, data_id: str, why: Say) -> None:
    """Once more, or after ATTEMPTS_MOST times a person judges."""
    with transaction.atomic():
        case = (
            Case.objects.select_for_update()
            .filter(pk=pk, data_id=data_id, state=CaseState.PENDING)
            .first()
        )
        if case is None:
            return
        if case.attempts >= rules.ATTEMPTS_MOST:
            flag_unjudged(case, why)
            return
        wait = timedelta(seconds=rules.retry_s(case.attempts))
        Case.objects.filter(pk=pk).update(
            submit_due_at=timezone.now() + wait,
            verdict_due_at=None,
            job_id=None,
            hinted_job_id="",
            reason=why.to_json(),
        )


def flag_unjudged(case: Case, why: Say) -> None:
    """The safe side: open for review, private until a person decides.  The caller holds the row."""
    now = timezone.now()
    reason = Say.of(rules.UNJUDGED, why=why)
    Case.objects.filter(pk=case.pk, state=CaseState.PENDING).update(
        state=CaseState.FLAGGED,
        severity=rules.REVIEW,
        reason=reason.to_json(),
        submit_due_at=None,
        verdict_due_at=None,
        opened_at=now,
        updated_at=now,
    )


def case_judge(pk: int, job_id: str, found: JobResult) -> bool:
    """Write down the machine's verdict; False if another worker did, or the case moved on."""
    with transaction.atomic():
        case = (
            Case.objects.select_for_update(of=("self",))
            .select_related("policy")
            .filter(pk=pk, state=CaseState.PENDING, job_id=job_id)
            .first()
        )
        if case is None:
            return False
        outcome = rules.verdict(case.policy.limits, found)
        now = timezone.now()
        Case.objects.filter(pk=pk).update(
            # Flagged pictures are private already; that wish need not move.
            **(wish("public") if outcome.state == "clean" else {"updated_at": now}),
            state=outcome.state,
            severity=outcome.severity,
            score=outcome.score,
            label=outcome.label[:40],
            sub_label=outcome.sub_label[:80],
            scenes=[scene_json(scene) for scene in found.scenes],
            reason={},
            verdict_at=now,
            opened_at=now,
            submit_due_at=None,
            verdict_due_at=None,
        )
        if outcome.state == "clean":
            ring("visibility", pk)
        return True


def scene_json(scene: Any) -> dict[str, Any]:
    return {
        "name": scene.name,
        "hit": scene.hit,
        "score": min(100, max(0, scene.score)),
        "label": scene.label,
        "sub_label": scene.sub_label,
        "category": scene.category,
        "texts": list(scene.texts)[:8],
        "boxes": [
            {"name": box.name, "x": box.x, "y": box.y, "width": box.width, "height": box.height}
            for box in scene.boxes[:16]
        ],
    }
