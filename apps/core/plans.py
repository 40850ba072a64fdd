"""The spec pen: a wish becomes a revision, a revision a plan, and an accepted plan a run."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.core import runs
from apps.core.drift import differences
from apps.core.errors import Conflict, RuleViolation
from apps.core.kinds import Blocked, Kind, kind_for, kind_of
from apps.core.models import Plan, PlanItem, PlanStatus, Reconcilable, Revision, Run, RunItem
from apps.core.phases import Phase
from apps.core.reconcile import CRASHED, sentence
from apps.core.words import Say
from apps.core.workqueue import ring, wake
from cloud.errors import CloudError

if TYPE_CHECKING:
    from apps.accounts.models import User

PLAN_LIFE = timedelta(minutes=30)
OPEN = (PlanStatus.PLANNING, PlanStatus.READY, PlanStatus.APPROVED, PlanStatus.FAILED)


@dataclass(frozen=True)
class Draft:
    """A wish for one object, not yet accepted.  `spec` None = it should be deleted."""

    row: Reconcilable
    spec: dict[str, Any] | None
    message: str = ""


@transaction.atomic
def plan_open(
    *,
    title: Say,
    scope: str,
    policy: str,
    author: "User | None",
    drafts: Sequence[Draft],
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Store the drafts as revisions and ask a worker what accepting them would do.

    Drafts come in dependency order: what others stand on first.
    """
    plan = Plan.objects.create(
        title=title.to_json(),
        scope=scope,
        policy=policy,
        author=author,
        reason=reason,
        trigger=trigger,
    )
    for position, draft in enumerate(drafts):
        kind = kind_for(draft.row)
        revision = None
        if draft.spec is not None:
            revision = revision_add(kind, draft.row, draft.spec, author, draft.message or reason)
        PlanItem.objects.create(
            plan=plan,
            position=position,
            kind=kind.name,
            object_id=draft.row.pk,
            label=str(draft.row),
            revision=revision.number if revision else None,
            generation_seen=draft.row.generation,
        )
    wake("reconcile", "apps.core.tasks.compute_plan", plan.pk, job_id=f"plan-{plan.pk}")
    return plan


def revision_add(
    kind: Kind, row: Reconcilable, spec: dict[str, Any], author: "User | None", message: str
) -> Revision:
    """The next numbered revision of the row."""
    kind.model.objects.select_for_update().get(pk=row.pk)  # one number at a time
    mine = Revision.objects.filter(kind=kind.name, object_id=row.pk)
    last = mine.aggregate(last=Max("number"))["last"] or 0
    return Revision.objects.create(
        kind=kind.name,
        object_id=row.pk,
        number=last + 1,
        spec=spec,
        author=author,
        message=message,
    )


def plan_compute(plan_pk: int) -> None:
    """In a worker: ask the world and fill in the changes.  Repeating it is harmless."""
    plan = Plan.objects.filter(pk=plan_pk, status=PlanStatus.PLANNING).first()
    if plan is None:
        return
    try:
        computed = [(item, item_changes(item)) for item in plan.items.all()]
    except CloudError as error:
        fail(plan, failure(error))
        return
    except Exception:
        fail(plan, Say(CRASHED))
        raise
    for item, changes in computed:
        PlanItem.objects.filter(pk=item.pk).update(changes=changes)
    now = timezone.now()
    Plan.objects.filter(pk=plan_pk, status=PlanStatus.PLANNING).update(
        status=PlanStatus.READY,
        ready_at=now,
        expires_at=now + PLAN_LIFE,
        digest=digest_of([changes for _item, changes in computed]),
    )
    plan.refresh_from_db()
    if plan.policy == "auto" and plan.status == PlanStatus.READY:
        with suppress(Conflict):  # somebody was faster: a person decides what now
            plan_apply(plan, plan.author)


def fail(plan: Plan, say: Say) -> None:
    """There is no plan, for this reason; one that was decided meanwhile keeps its decision."""
    Plan.objects.filter(pk=plan.pk, status=plan.status).update(
        status=PlanStatus.FAILED, error=say.to_json()
    )


def failure(error: CloudError) -> Say:
    """Why there is no plan, with the service's own words unless we have better ones."""
    return Say.of(
        gettext_noop("The plan could not be made. %(sentence)s"), sentence=sentence(error)
    )


def item_changes(item: PlanItem) -> list[dict[str, Any]]:
    """The changes of one object: its candidate spec against the world, each with its step key."""
    kind = kind_of(item.kind)
    row = kind.model.objects.filter(pk=item.object_id).first()
    if row is None:
        raise Blocked(Say.of(gettext_noop("%(name)s is not there any more."), name=item.label))
    want = kind.desired(row, item_spec(item))
    have = kind.observe(row, want)
    actions = differences(kind, row, want, have)
    return [{**action.change.to_json(), "key": action.key} for action in actions]


def item_spec(item: PlanItem) -> dict[str, Any] | None:
    if item.revision is None:
        return None
    revision = Revision.objects.get(kind=item.kind, object_id=item.object_id, number=item.revision)
    spec: dict[str, Any] = revision.spec
    return spec


def digest_of(changes: object) -> str:
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def plan_approve(plan: Plan, person: "User", comment: str = "") -> Plan:
    """A person accepts the plan; a worker looks at the world once more before it runs.

    Raises RuleViolation when it may not run.
    """
    plan = Plan.objects.select_for_update().get(pk=plan.pk)
    check_applicable(plan, person)
    plan.status, plan.approver, plan.comment = PlanStatus.APPROVED, person, comment
    plan.decided_at = timezone.now()
    plan.save(update_fields=["status", "approver", "comment", "decided_at"])
    wake("reconcile", "apps.core.tasks.start_plan", plan.pk, job_id=f"plan-start-{plan.pk}")
    return plan


def plan_start(plan_pk: int) -> None:
    """In a worker: run what was approved if it is still what would happen, else plan it again.

    What a person approved is what runs.  Repeating it is harmless.
    """
    plan = Plan.objects.filter(pk=plan_pk, status=PlanStatus.APPROVED).first()
    if plan is None:
        return
    try:
        now_would = digest_of([item_changes(item) for item in plan.items.all()])
    except CloudError as error:
        fail(plan, failure(error))
        return
    except Exception:
        fail(plan, Say(CRASHED))
        raise
    if now_would != plan.digest:
        refuse_stale(plan)
        return
    try:
        with transaction.atomic():
            locked = Plan.objects.select_for_update().get(pk=plan_pk)
            if locked.status == PlanStatus.APPROVED:
                carry_out(locked, locked.approver)
    except Conflict:
        refuse_stale(plan)


def refuse_stale(plan: Plan) -> None:
    """The world or a wish moved since: nothing runs, and a fresh plan says what would now."""
    with transaction.atomic():
        fresh = plan_again(plan, plan.author)
        say = Say.of(
            gettext_noop(
                "Something moved since this plan was made; %(plan)s says what would happen now."
            ),
            plan=str(fresh),
        )
        Plan.objects.filter(pk=plan.pk).update(error=say.to_json())


@transaction.atomic
def plan_apply(plan: Plan, person: "User | None", comment: str = "") -> Run:
    """Accept the plan: its revisions become the wish, and the loop carries them out.

    Raises RuleViolation when it may not run, Conflict when an object moved since it was made.
    """
    plan = Plan.objects.select_for_update().get(pk=plan.pk)
    check_applicable(plan, person)
    run = carry_out(plan, person)
    Plan.objects.filter(pk=plan.pk).update(comment=comment)
    return run


def carry_out(plan: Plan, person: "User | None") -> Run:
    """Accept every revision of the plan at once.  Raises Conflict when an object moved."""
    now = timezone.now()
    run = Run.objects.create(
        plan=plan,
        title=plan.title,
        scope=plan.scope,
        trigger=plan.trigger,
        person=plan.author,
        approver=person if person != plan.author else None,
    )
    for item in plan.items.all():
        accept(item, run)
    Plan.objects.filter(pk=plan.pk).update(
        status=PlanStatus.APPLIED, approver=person, decided_at=plan.decided_at or now
    )
    return run


def check_applicable(plan: Plan, person: "User | None") -> None:
    if plan.status == PlanStatus.PLANNING:
        raise RuleViolation(_("The plan is still being made."))
    if plan.status != PlanStatus.READY:
        raise RuleViolation(_("This plan is %(status)s.") % {"status": plan.get_status_display()})
    if plan.expired:
        raise RuleViolation(_("This plan is more than 30 minutes old; make it again."))
    if plan.policy == "four-eyes" and person == plan.author:
        raise RuleViolation(_("This environment asks for a second person to approve."))


def accept(item: PlanItem, run: Run) -> None:
    """Move one object's wish to the planned revision, if nobody moved it since."""
    kind = kind_of(item.kind)
    now = timezone.now()
    wish: dict[str, Any] = {
        "generation": F("generation") + 1,
        "due_at": now,
        "updated_at": now,
        "run": run,
        "phase": Phase.PENDING,
        "failures": 0,
    }
    if item.revision is None:
        wish["delete_requested_at"] = now
    else:
        spec = item_spec(item)
        wish["spec"] = spec
        wish["revision"] = item.revision
        if kind.repeats:
            wish |= kind.repeats(spec)
        Revision.objects.filter(
            kind=item.kind, object_id=item.object_id, number=item.revision
        ).update(accepted_at=now)
    row = kind.model.objects.filter(pk=item.object_id).first()
    if row is not None:
        runs.supersede(row, run)
    moved = kind.model.objects.filter(
        pk=item.object_id, generation=item.generation_seen, delete_requested_at__isnull=True
    ).update(**wish)
    if not moved:
        raise Conflict(
            _("%(name)s was changed since this plan was made; make the plan again.")
            % {"name": item.label}
        )
    entry = RunItem.objects.create(
        run=run,
        position=item.position,
        kind=item.kind,
        object_id=item.object_id,
        label=item.label,
        generation=item.generation_seen + 1,
    )
    keys = [stored["key"] for stored in item.changes]
    runs.steps_planned(entry, list(zip(keys, item.change_list, strict=True)))
    ring(item.kind, item.object_id)


@transaction.atomic
def plan_discard(plan: Plan, person: "User | None") -> None:
    """Drop the plan; objects that were only ever drafted go with it."""
    plan = Plan.objects.select_for_update().get(pk=plan.pk)
    if plan.status not in OPEN:
        raise RuleViolation(_("This plan is %(status)s.") % {"status": plan.get_status_display()})
    Plan.objects.filter(pk=plan.pk).update(
        status=PlanStatus.DISCARDED, approver=person, decided_at=timezone.now()
    )
    for item in plan.items.all().reverse():
        drop_unaccepted(item)


def drop_unaccepted(item: PlanItem) -> None:
    others = PlanItem.objects.filter(
        kind=item.kind, object_id=item.object_id, plan__status__in=OPEN
    ).exclude(plan_id=item.plan_id)
    if others.exists():
        return
    model = kind_of(item.kind).model
    if model.objects.filter(pk=item.object_id, generation=0, phase=Phase.DRAFT).delete()[0]:
        Revision.objects.filter(kind=item.kind, object_id=item.object_id).delete()


@transaction.atomic
def plan_again(plan: Plan, person: "User | None") -> Plan:
    """The same wishes, planned against the world as it is now; the old plan is out of date.

    Whoever asks for it, the author stays: with four eyes nobody approves a wish of their own.
    Raises RuleViolation when it was decided, or an object is gone.
    """
    plan = Plan.objects.select_for_update().get(pk=plan.pk)
    if plan.status not in (*OPEN, PlanStatus.STALE):
        raise RuleViolation(_("This plan is %(status)s.") % {"status": plan.get_status_display()})
    fresh = Plan.objects.create(
        title=plan.title,
        scope=plan.scope,
        policy=plan.policy,
        author=plan.author or person,
        reason=plan.reason,
        trigger=plan.trigger,
    )
    for item in plan.items.all():
        row = kind_of(item.kind).model.objects.filter(pk=item.object_id).first()
        if row is None:
            raise RuleViolation(_("%(name)s is not there any more.") % {"name": item.label})
        PlanItem.objects.create(
            plan=fresh,
            position=item.position,
            kind=item.kind,
            object_id=item.object_id,
            label=item.label,
            revision=item.revision,
            generation_seen=row.generation,
        )
    Plan.objects.filter(pk=plan.pk).update(status=PlanStatus.STALE)
    wake("reconcile", "apps.core.tasks.compute_plan", fresh.pk, job_id=f"plan-{fresh.pk}")
    return fresh
