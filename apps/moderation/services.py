"""What reviewers decide: freeze, approve, escalate, undo, overrule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.audit.services import record
from apps.core.errors import RuleViolation
from apps.core.workqueue import ring, wake
from apps.generation.models import Image
from apps.moderation import intake, rules
from apps.moderation.claims import check_not_own, conflict
from apps.moderation.models import (
    DECIDED,
    Case,
    CaseState,
    Choice,
    Decision,
    Habit,
    Preview,
    wish,
)
from cloud.types import JobResult

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True)
class Seen:
    """How the person saw the picture: preview mode, and how long the original was open."""

    mode: str = ""
    open_ms: int = 0


# ---- decisions -----------------------------------------------------------------------------


@transaction.atomic
def case_decide(
    *,
    person: "User",
    case: Case,
    token: int,
    verdict: str,
    label: str = "",
    reason: str = "",
    seen: Seen | None = None,
    idempotency_key: str = "",
) -> Decision:
    """Decide an open case that the person holds under `token`.

    A freeze stands at once (the picture is private already); an approval is published after
    UNDO_S.  Raises Conflict (who decided what, when) if the claim is not theirs any more,
    RuleViolation if the label is missing.  The same idempotency key gives the same decision."""
    said = said_before(person, case, idempotency_key)
    if said:
        return said
    label = check_words(verdict, label, reason)
    check_not_own(case, person)
    now = timezone.now()
    mine = Case.objects.filter(
        pk=case.pk,
        state=CaseState.FLAGGED,
        holder=person,
        claim_token=token,
        claim_until__gt=now,
    )
    if not mine.update(**effect(verdict, label)):
        # Two tabs may have sent the same: the other one was faster.
        said = said_before(person, case, idempotency_key)
        if said:
            return said
        raise conflict(case.pk, person)
    took = now - case.claimed_at if case.claimed_at else timedelta()
    return decision_add(
        case,
        person,
        verdict,
        label=label,
        reason=reason,
        token=token,
        state_before=CaseState.FLAGGED,
        seen=seen or Seen(),
        took_ms=max(0, round(took.total_seconds() * 1000)),
        idempotency_key=idempotency_key,
    )


def said_before(person: "User", case: Case, idempotency_key: str) -> Decision | None:
    if not idempotency_key:
        return None
    said = Decision.objects.filter(person=person, idempotency_key=idempotency_key).first()
    if said and said.case_id != case.pk:
        raise RuleViolation(_("This idempotency key was used for another case."))
    return said


def check_words(verdict: str, label: str, reason: str) -> str:
    """The label that counts.  Raises RuleViolation."""
    if verdict not in (Choice.FREEZE, Choice.APPROVE, Choice.ESCALATE):
        raise RuleViolation(_("A verdict is freeze, approve or escalate."), field="verdict")
    if label and label not in rules.LABELS:
        raise RuleViolation(_("There is no such label."), field="label")
    if verdict == Choice.FREEZE and not label:
        raise RuleViolation(_("A freeze needs a label: press 1 to 9."), field="label")
    if len(reason) > 500:
        raise RuleViolation(_("A reason has at most 500 characters."), field="reason")
    if "\x00" in reason:
        raise RuleViolation(_("The reason holds a character that is no text."), field="reason")
    return label if verdict == Choice.FREEZE else ""


def effect(verdict: str, label: str, wait_s: float = rules.UNDO_S) -> dict[str, object]:
    """What a verdict writes on the case."""
    free: dict[str, object] = {"holder": None, "claim_until": None}
    if verdict == Choice.FREEZE:
        return {**free, **wish("private"), "state": CaseState.FROZEN, "policy_label": label}
    if verdict == Choice.APPROVE:
        state = {"state": CaseState.APPROVED, "policy_label": ""}
        return {**free, **wish("public", wait_s), **state}
    now = timezone.now()
    return {**free, "escalated_at": now, "updated_at": now}


def decision_add(
    case: Case,
    person: "User",
    verdict: str,
    *,
    token: int,
    state_before: str,
    label: str = "",
    reason: str = "",
    seen: Seen,
    took_ms: int = 0,
    idempotency_key: str = "",
    undoes: Decision | None = None,
) -> Decision:
    """The row and its entry in the record; the loop is rung, the picture hidden unless public."""
    made = Decision.objects.create(
        case=case,
        person=person,
        verdict=verdict,
        label=label,
        reason=reason,
        policy_id=case.policy_id,
        etag=case.etag,
        claim_token=token,
        state_before=state_before,
        seen_mode=seen.mode if seen.mode in (*Preview.values, "open") else "",
        seen_ms=seen.open_ms,
        took_ms=took_ms,
        idempotency_key=idempotency_key,
        undoes=undoes,
    )
    if verdict != Choice.APPROVE:
        Image.objects.filter(pk=case.image_id).update(hidden=True)
    record(
        person,
        f"case.{verdict}",
        "case",
        case.pk,
        str(case),
        before={"state": state_before},
        after={
            "state": Case.objects.values_list("state", flat=True).get(pk=case.pk),
            "label": label,
            "policy": case.policy_id,
            "key": case.key,
        },
        reason=reason,
    )
    ring("visibility", case.pk)
    return made


@transaction.atomic
def decision_undo(*, person: "User", decision: Decision) -> Decision:
    """Take one's own decision back within UNDO_S: the case is open again, and theirs.

    Raises RuleViolation when it is too late, Conflict when something else happened since."""
    case = (
        Case.objects.select_for_update(of=("self",))
        .select_related("policy")
        .get(pk=decision.case_id)
    )
    if decision.person_id != person.pk:
        raise RuleViolation(_("Only the person who decided can undo it."))
    if decision.verdict == Choice.UNDO or case.decisions.filter(undoes=decision).exists():
        raise RuleViolation(_("This was undone already."))
    if (timezone.now() - decision.at).total_seconds() > rules.UNDO_S:
        raise RuleViolation(
            _("The %(seconds)d seconds to undo it are over; a lead reviewer can overrule it.")
            % {"seconds": rules.UNDO_S}
        )
    if (
        decision.state_before != CaseState.FLAGGED
        or case.decisions.filter(pk__gt=decision.pk).exists()
    ):
        raise conflict(case.pk, person)
    if case.etag != decision.etag:
        raise conflict(case.pk, person)
    if decision.verdict == Choice.ESCALATE and case.claimed and case.holder_id != person.pk:
        raise conflict(case.pk, person)
    now = timezone.now()
    state = case.state
    Case.objects.filter(pk=case.pk).update(
        **wish("private"),
        state=CaseState.FLAGGED,
        policy_label="",
        escalated_at=None,
        holder=person,
        claimed_at=now,
        claim_until=now + timedelta(seconds=rules.CLAIM_S),
        claim_token=F("claim_token") + 1,
    )
    return decision_add(
        case,
        person,
        Choice.UNDO,
        token=case.claim_token + 1,
        state_before=state,
        seen=Seen(),
        undoes=decision,
    )


@transaction.atomic
def case_overrule(
    *,
    person: "User",
    case: Case,
    verdict: str,
    label: str = "",
    reason: str = "",
    generation: int | None = None,
    idempotency_key: str = "",
) -> Decision:
    """A lead changes what was decided: releases a frozen picture or freezes a published one.

    `generation` is the case as the lead saw it.  Raises RuleViolation, Conflict."""
    said = said_before(person, case, idempotency_key)
    if said:
        return said
    label = check_words(verdict, label, reason)
    if verdict == Choice.ESCALATE:
        raise RuleViolation(_("A decided case is released or frozen."), field="verdict")
    if not reason.strip():
        raise RuleViolation(_("Say why: overruling needs a reason."), field="reason")
    check_not_own(case, person)
    case = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if case.state not in DECIDED:
        raise RuleViolation(_("This case is not decided yet."))
    if generation is not None and generation != case.generation:
        raise conflict(case.pk, person)
    if case.public == (verdict == Choice.APPROVE):
        raise RuleViolation(
            _("It is public already.") if case.public else _("It is frozen already.")
        )
    before = case.state
    Case.objects.filter(pk=case.pk).update(**effect(verdict, label, wait_s=0))
    return decision_add(
        case,
        person,
        verdict,
        label=label,
        reason=reason.strip(),
        token=case.claim_token,
        state_before=before,
        seen=Seen(),
        idempotency_key=idempotency_key,
    )


def preview_choose(*, person: "User", preview: str) -> None:
    if preview not in Preview.values:
        raise RuleViolation(_("There is no such preview."))
    Habit.objects.update_or_create(person=person, defaults={"preview": preview})


# ---- callbacks ------------------------------------------------------------------------------


def callback_take(*, environment_pk: int, found: Sequence[JobResult]) -> int:
    """Callbacks are hints: how many name a job that is waited for.  Workers ask CI about those."""
    known = sum(intake.hint(environment_pk, one) for one in found)
    if known:
        wake("reconcile", "apps.moderation.tasks.collect", job_id="moderation-collect-hint")
    return known
