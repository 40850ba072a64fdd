"""What people decide about orphans and about calls whose outcome nobody knows."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.permissions import can
from apps.audit.services import record
from apps.console.drifting import right_of
from apps.console.models import Orphan
from apps.core.access import Refused
from apps.core.errors import RuleViolation
from apps.core.kinds import kind_of
from apps.core.models import Intent, IntentState, Plan
from apps.core.phases import Phase
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.core.workqueue import ring

if TYPE_CHECKING:
    from apps.accounts.models import User

# adopt: it took place.  retry: it did not, send it again.  discard: do not send it again.
DECISIONS = {
    "adopt": IntentState.OK,
    "retry": IntentState.FAILED,
    "discard": IntentState.DROPPED,
}


@transaction.atomic
def orphan_delete(*, person: "User", orphan: Orphan, typed: str, reason: str = "") -> Plan:
    """Plan to delete the object.  `typed`: its name, as the person typed it.

    Raises Refused, RuleViolation."""
    if not can(person, "environment.change"):
        raise Refused("environment.change")
    if typed != orphan.name:
        raise RuleViolation(_("Type the name of the object to delete it."), field="typed")
    if orphan.deleting:
        raise RuleViolation(_("%(name)s is being deleted.") % {"name": orphan.name})
    environment = orphan.environment
    title = Say.of(gettext_noop("Delete orphan %(name)s"), name=str(orphan))
    plan = plan_open(
        title=title,
        scope=environment.name,
        policy="confirm" if environment.policy == "auto" else environment.policy,
        author=person,
        drafts=[Draft(orphan, None)],
        reason=reason,
    )
    record(person, "orphan.delete", "orphan", orphan.pk, str(orphan), orphan.facts, None, reason)
    return plan


@transaction.atomic
def outcome_decide(*, person: "User", intent: Intent, decision: str, reason: str = "") -> None:
    """Close a call whose outcome nobody can look up.  `decision` is a key of DECISIONS.

    Raises Refused, RuleViolation."""
    kind = kind_of(intent.kind)
    needed = right_of(kind)
    if not can(person, needed):
        raise Refused(needed)
    if decision not in DECISIONS:
        raise RuleViolation(_("Choose: adopt, retry or discard."), field="decision")
    now = timezone.now()
    waiting = Intent.objects.filter(pk=intent.pk, state=IntentState.UNKNOWN, asked_at__isnull=False)
    if not waiting.update(state=DECISIONS[decision], closed_at=now):
        raise RuleViolation(_("Somebody decided about this call already."))
    mine = kind.model.objects.filter(pk=intent.object_id)
    mine.filter(phase=Phase.BLOCKED).update(phase=Phase.PENDING)
    if mine.update(due_at=now):
        ring(kind.name, intent.object_id)
    record(
        person,
        f"call.{decision}",
        intent.kind,
        intent.object_id,
        f"{intent.call} {intent.key}",
        before={"state": IntentState.UNKNOWN.value, "error": intent.error},
        after={"state": DECISIONS[decision].value},
        reason=reason,
        request_id=intent.request_id,
    )
