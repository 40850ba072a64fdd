"""The five functions of a picture's visibility: the object's ACL, and the proof by anonymous reads.

A freeze counts only when a stranger is refused; a picture is shown only when a stranger may see it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.kinds import Applied, Kind, Waiting
from apps.core.words import Say
from apps.environments.clients import cos_for
from apps.generation.models import Image
from apps.moderation.intake import case_reopen
from apps.moderation.models import PUBLIC, Case, Probe
from apps.moderation.plan import (
    MOMENTS,
    OPEN,
    Action,
    Have,
    Visibility,
    Want,
    judge,
    plan,
    proven,
)
from cloud.errors import Terminal, Transient

PATIENCE_S = 10.0
REFUSED_AGAIN_S = 30.0


def desired(row: Case, spec: dict[str, Any] | None) -> Want | None:
    if spec is None:
        return None
    visibility: Visibility = "public" if spec["visibility"] == "public" else "private"
    # `not_before` is read from the candidate, which need not be the accepted one.
    start = Case(spec=spec).not_before
    wait_s = max(0.0, (start - timezone.now()).total_seconds()) if start else 0.0
    return Want(row.key, visibility, wait_s if visibility == "public" else 0.0)


def observe(row: Case, want: Want | None) -> Have | None:
    """The object's ACL and what a stranger is answered; writes down what that proves.

    Raises Waiting when the bytes are not those that were judged: the case is open again then."""
    if want is None:
        return None
    cos = cos_for(row.environment, row.bucket, timeout_s=PATIENCE_S)
    with never_given_up(want):
        head = cos.head(row.key)
        acl = cos.acl_get(row.key) if head else None
        if head is None or acl is None:
            note_floors(row, want, None)
            return None
        if head.etag != row.etag:
            case_reopen(row, head.etag)
            raise Waiting(Say(gettext_noop("The bytes under the key changed; judged anew.")))
        status = cos.anonymous_status(row.key, timeout_s=PATIENCE_S)
    note_floors(row, want, Have(acl.canned, status))
    since_s = (timezone.now() - row.applied_at).total_seconds() if row.applied_at else 0.0
    have = Have(acl.canned, status, since_s)
    write_down(row, want, have)
    return have


def write_down(row: Case, want: Want, have: Have) -> None:
    """Keep this anonymous read if it belongs to the proof: before a change, right after it, at the
    later moments, or whenever it is not as it should be."""
    if want.wait_s > 0 and proven(want, have):
        return
    moment = moment_of(row, want, have)
    if moment:
        Probe.objects.create(
            case=row,
            generation=row.generation,
            moment=moment,
            status=have.status,
            expected=want.expected,
        )


def moment_of(row: Case, want: Want, have: Have) -> str:
    """ "" = nothing new would be said by writing this read down."""
    if plan(want, have):
        return "before"
    mine = Probe.objects.filter(case=row, generation=row.generation)
    if row.applied_at:
        mine = mine.filter(at__gte=row.applied_at)
    told = set(mine.exclude(moment="before").values_list("moment", flat=True))
    reached = [name for name, at_s in MOMENTS if have.since_s >= at_s]
    if not told or (reached[-1] not in told and proven(want, have)):
        return reached[-1] if told else "after"
    last = mine.order_by("-pk").values_list("status", flat=True).first()
    return "look" if last is not None and last != have.status else ""


def note_floors(row: Case, want: Want, have: Have | None) -> None:
    """How far the present wish has come; and only what is proved public is shown in the console.

    Under the row's lock: a freeze decided at this very moment must not be overtaken."""
    now = timezone.now()
    in_step = not plan(want, have)
    shown = want.now == "public" and have is not None and have.status in OPEN and in_step
    with transaction.atomic():
        fresh = (
            Case.objects.select_for_update(of=("self",))
            .filter(pk=row.pk, fence=row.fence, generation=row.generation)
            .first()
        )
        if fresh is None:
            return
        floors: dict[str, Any] = {}
        if want.wait_s <= 0 and in_step and fresh.applied_at is None:
            floors["applied_at"] = now
        if want.wait_s <= 0 and in_step and proven(want, have):
            floors["proven_at"] = fresh.proven_at or now
        elif fresh.proven_at is not None:
            floors["proven_at"] = None
        if floors:
            Case.objects.filter(pk=row.pk).update(**floors)
            for name, value in floors.items():
                setattr(row, name, value)
        hidden = not (shown and fresh.state in PUBLIC)
        Image.objects.filter(pk=row.image_id).exclude(hidden=hidden).update(hidden=hidden)


@contextmanager
def never_given_up(want: Want) -> Iterator[None]:
    """A refusal of COS stops nothing that closes a picture: it is tried again, not left to wait."""
    try:
        yield
    except Terminal as refusal:
        if want.now == "public":
            raise
        raise Transient(
            refusal.message,
            code=refusal.code,
            request_id=refusal.request_id,
            service=refusal.service,
            retry_s=REFUSED_AGAIN_S,
        ) from refusal


def apply(row: Case, action: Action) -> Applied:
    cos = cos_for(row.environment, row.bucket, timeout_s=PATIENCE_S)
    want = Want(row.key, "private" if action.canned == "private" else "public")
    with never_given_up(want):
        done = cos.acl_set(action.object_key, action.canned)
    now = timezone.now()
    # From here on the anonymous reads count again.
    Case.objects.filter(pk=row.pk, fence=row.fence, generation=row.generation).update(
        applied_at=now, proven_at=None
    )
    row.applied_at, row.proven_at = now, None
    return Applied(done.request_id)


def picture(have: Have | None) -> dict[str, Any]:
    if have is None:
        return {"gone": True}
    return {"acl": have.acl, "status": have.status}


KIND = Kind(
    name="visibility",
    model=Case,
    queue="reconcile",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    picture=picture,
    label=_("Visibility"),
    heals=True,
    page="case-detail",
)
