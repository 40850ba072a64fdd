"""What people do with plans and runs: check the right, act, write it down."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.permissions import can
from apps.audit.services import record
from apps.console import selectors
from apps.core import plans, runs
from apps.core.access import Refused
from apps.core.errors import RuleViolation
from apps.core.kinds import kind_for, kind_of
from apps.core.models import Plan, Run, RunStatus, Trigger
from apps.core.phases import Phase
from apps.core.words import Say
from apps.core.workqueue import ring

if TYPE_CHECKING:
    from apps.accounts.models import User


def may_apply(plan: Plan, person: "User") -> bool:
    """True if this person may accept this plan, whatever state the plan is in."""
    if plan.policy == "four-eyes":
        return can(person, "plan.approve") and person != plan.author
    return can(person, "plan.apply")


@transaction.atomic
def plan_apply(*, plan: Plan, person: "User", comment: str = "") -> Plan:
    """Accept the plan; it runs once a worker saw that the world has not moved.

    Raises Refused, RuleViolation.
    """
    needed = "plan.approve" if plan.policy == "four-eyes" else "plan.apply"
    if not can(person, needed):
        raise Refused(needed)
    approved = plans.plan_approve(plan, person, comment)
    record(
        person,
        "plan.apply",
        "plan",
        plan.pk,
        f"{plan} {plan.title_say}",
        after={"digest": plan.digest},
        reason=comment,
    )
    return approved


def check_own(plan: Plan, person: "User") -> None:
    """Whoever proposed a plan may take it back; so may who could apply it."""
    if plan.author != person and not can(person, "plan.apply"):
        raise Refused("plan.apply")


@transaction.atomic
def plan_discard(*, plan: Plan, person: "User") -> None:
    """Drop the plan.  Raises RuleViolation when it was decided already."""
    check_own(plan, person)
    plans.plan_discard(plan, person)
    record(person, "plan.discard", "plan", plan.pk, f"{plan} {plan.title_say}")


@transaction.atomic
def plan_again(*, plan: Plan, person: "User") -> Plan:
    """The same wishes planned against the world of now.  Raises RuleViolation once decided."""
    check_own(plan, person)
    fresh = plans.plan_again(plan, person)
    record(person, "plan.again", "plan", fresh.pk, f"{fresh} {plan.title_say}", reason=str(plan))
    return fresh


@transaction.atomic
def run_retry(*, run: Run, person: "User") -> Run:
    """What this run left blocked is tried again as it was accepted, in a run of its own.

    Raises RuleViolation when nothing of it waits for that.
    """
    stuck = selectors.stuck(run)
    if not stuck:
        raise RuleViolation(_("Nothing of this run waits to be tried again."))
    fresh = runs.run_open(
        title=run.title_say,
        scope=run.scope,
        rows=stuck,
        trigger=Trigger.PERSON,
        person=person,
    )
    now = timezone.now()
    for row in stuck:
        kind = kind_for(row)
        kind.model.objects.filter(pk=row.pk).update(phase=Phase.PENDING, due_at=now, failures=0)
        ring(kind.name, row.pk)
    record(person, "run.retry", "run", fresh.pk, f"{fresh} {run.title_say}", reason=str(run))
    return fresh


@transaction.atomic
def run_cancel(*, run: Run, person: "User") -> None:
    """No further call of this run is sent; one under way is waited for.  Raises RuleViolation."""
    now = timezone.now()
    message = Say.of(gettext_noop("Cancelled by %(person)s."), person=str(person))
    running = Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING)
    if not running.update(
        status=RunStatus.CANCELLED,
        cancel_requested_at=now,
        finished_at=now,
        message=message.to_json(),
    ):
        raise RuleViolation(_("This run is over already."))
    for item in run.items.all():
        # What has not arrived yet waits for a person: the rest of its calls is not sent.
        kind_of(item.kind).model.objects.filter(
            pk=item.object_id, run=run, generation=item.generation
        ).exclude(phase=Phase.READY).update(
            due_at=None, phase=Phase.BLOCKED, message=message.to_json()
        )
    record(person, "run.cancel", "run", run.pk, f"{run} {run.title_say}")
