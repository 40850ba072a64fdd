"""Back to the last good revision when a rollout failed for good, if the wish asks for that."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.core.errors import RuleViolation
from apps.core.kinds import Kind, kind_of
from apps.core.models import Plan, Reconcilable, Revision, Trigger
from apps.core.pauses import place_of
from apps.core.phases import Phase
from apps.core.plans import Draft, plan_open
from apps.core.words import Say


def roll_back(kind_name: str, pk: int) -> Plan | None:
    """Fence the row's revision and plan the last one that became ready; None = nothing to do.

    Once: a rollback that fails itself is fenced too, and then waits for a person.  The plan runs
    without being asked for: the accepted wish asked for it.
    """
    kind = kind_of(kind_name)
    with transaction.atomic():
        row = kind.model.objects.select_for_update().filter(pk=pk).first()
        if row is None or row.deleting or row.phase == Phase.READY or not kind.rolls_back(row):
            return None
        if row.observed_generation != row.generation or not fence(kind, row):
            return None  # another wish is on its way, or this one was dealt with already
        if row.run and row.run.trigger == Trigger.ROLLBACK:
            return None
        good = last_good(kind, row)
        if good is None:
            return None
        place = place_of(row)
        return plan_open(
            title=Say.of(
                gettext_noop("Roll %(name)s back to r%(number)s"), name=str(row), number=good.number
            ),
            scope=place.name if place else "",
            policy="auto",
            author=None,
            drafts=[Draft(row, good.spec, _("Back to r%(number)d") % {"number": good.number})],
            reason=str(row.message_say),
            trigger=Trigger.ROLLBACK,
        )


def fence(kind: Kind, row: Reconcilable) -> bool:
    """Mark the accepted revision as bad, with the reason; False if it is marked already."""
    mine = Revision.objects.filter(kind=kind.name, object_id=row.pk, number=row.revision)
    fenced = mine.filter(fenced_at=None, ready_at=None)
    return bool(fenced.update(fenced_at=timezone.now(), fence_reason=row.message))


def last_good(kind: Kind, row: Reconcilable) -> Revision | None:
    """The newest revision the world arrived at, that is not fenced and can still be wished for."""
    found = Revision.objects.filter(
        kind=kind.name, object_id=row.pk, ready_at__isnull=False, fenced_at=None
    ).exclude(number=row.revision)
    for revision in found.order_by("-ready_at"):
        try:
            if kind.repeats:
                kind.repeats(revision.spec)
        except RuleViolation:
            continue  # what it names is gone meanwhile
        return revision
    return None
