"""What people do about differences: put back, take over, ignore; and leave things alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.permissions import can
from apps.audit.services import record
from apps.console.drifting import right_of, rows_of
from apps.core.access import Refused
from apps.core.drift import Overlooked, can_ignore, drift_of, object_of, overlooked
from apps.core.errors import RuleViolation
from apps.core.kinds import Kind, all_kinds
from apps.core.models import Plan, Reconcilable, Trigger
from apps.core.pauses import place_of
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.core.workqueue import ring
from apps.environments.models import Environment

if TYPE_CHECKING:
    from apps.accounts.models import User

LONGEST = timedelta(days=30)


@transaction.atomic
def row_put_back(*, person: "User", kind: Kind, row: Reconcilable, reason: str = "") -> Plan:
    """Plan the accepted wish again: what somebody changed in the world is put back.

    Raises Refused, RuleViolation."""
    check(person, kind, row)
    title = Say.of(gettext_noop("Put %(name)s back in step"), name=str(row))
    return propose(person, kind, row, row.spec, title, "put_back", reason)


@transaction.atomic
def row_take_over(*, person: "User", kind: Kind, row: Reconcilable, reason: str = "") -> Plan:
    """Plan a wish that says what is there.  Raises Refused, RuleViolation."""
    check(person, kind, row)
    drift = drift_of(row)
    if kind.adopt is None:
        raise RuleViolation(_("What differs there cannot be taken over; put it back instead."))
    if not drift:
        raise RuleViolation(_("Nothing differs any more."))
    title = Say.of(gettext_noop("Take over into %(name)s what was changed"), name=str(row))
    return propose(person, kind, row, kind.adopt(row, drift), title, "take_over", reason)


@transaction.atomic
def field_ignore(*, person: "User", kind: Kind, row: Reconcilable, object: str, path: str) -> None:
    """From now on this field is neither drift nor sent.  Raises Refused, RuleViolation."""
    check(person, kind, row)
    row = rows_of(kind).select_for_update(of=("self",)).get(pk=row.pk)
    if not any(
        object_of(change) == object and line.path == path and can_ignore(kind, change, line)
        for change in drift_of(row)
        for line in change.fields
    ):
        raise RuleViolation(_("This field does not differ, or cannot be ignored."))
    entry = Overlooked(object, path, str(person), timezone.now().isoformat())
    ignored_write(kind, row, [*overlooked(row), entry])
    record(
        person,
        f"{kind.name}.ignore",
        kind.name,
        row.pk,
        str(row),
        after={"object": object, "path": path},
    )


@transaction.atomic
def field_unignore(
    *, person: "User", kind: Kind, row: Reconcilable, object: str, path: str
) -> None:
    """The field counts again.  Raises Refused, RuleViolation."""
    check(person, kind, row)
    row = rows_of(kind).select_for_update(of=("self",)).get(pk=row.pk)
    kept = [one for one in overlooked(row) if (one.object, one.path) != (object, path)]
    if len(kept) == len(row.ignored):
        raise RuleViolation(_("This field is not ignored."))
    ignored_write(kind, row, kept)
    record(
        person,
        f"{kind.name}.unignore",
        kind.name,
        row.pk,
        str(row),
        before={"object": object, "path": path},
    )


def ignored_write(kind: Kind, row: Reconcilable, entries: list[Overlooked]) -> None:
    """Write what is ignored, and have the loop look at once."""
    now = timezone.now()
    row.ignored = [one.to_json() for one in entries]
    left = drift_of(row)
    kind.model.objects.filter(pk=row.pk).update(
        ignored=row.ignored,
        drift_since=row.drift_since if left else None,
        drift=[change.to_json() for change in left],
        due_at=now,
        updated_at=now,
    )
    ring(kind.name, row.pk)


def check(person: "User", kind: Kind, row: Reconcilable) -> None:
    needed = right_of(kind)
    if not can(person, needed):
        raise Refused(needed)
    if row.deleting:
        raise RuleViolation(_("%(name)s is being deleted.") % {"name": row})
    if not row.revision:
        raise RuleViolation(_("Nothing was accepted for %(name)s yet.") % {"name": row})


def propose(
    person: "User",
    kind: Kind,
    row: Reconcilable,
    spec: dict[str, Any],
    title: Say,
    verb: str,
    reason: str,
) -> Plan:
    place = place_of(row) if kind.place else None
    plan = plan_open(
        title=title,
        scope=place.name if place else "",
        policy=place.policy if place else "confirm",
        author=person,
        drafts=[Draft(row, spec, reason)],
        reason=reason,
        trigger=Trigger.DRIFT,
    )
    record(person, f"{kind.name}.{verb}", kind.name, row.pk, str(row), row.spec, spec, reason)
    return plan


# ---- leaving alone ------------------------------------------------------------------------------


@transaction.atomic
def row_pause(
    *, person: "User", kind: Kind, row: Reconcilable, until: datetime, reason: str
) -> None:
    """The loop leaves the row alone until then; a call under way is the last one it sends.

    Raises Refused, RuleViolation."""
    check_right(person, right_of(kind))
    if kind.heals:
        raise RuleViolation(_("What must hold cannot be paused."))
    check_pause(until, reason)
    kind.model.objects.filter(pk=row.pk).update(
        paused_until=until, pause_reason=reason, paused_by=str(person), **lease_taken()
    )
    told = {"until": until.isoformat()}
    record(person, f"{kind.name}.pause", kind.name, row.pk, str(row), None, told, reason)


@transaction.atomic
def row_resume(*, person: "User", kind: Kind, row: Reconcilable) -> None:
    """The loop looks at the row again, at once.  Raises Refused, RuleViolation."""
    check_right(person, right_of(kind))
    if not row.paused:
        raise RuleViolation(_("%(name)s is not paused.") % {"name": row})
    kind.model.objects.filter(pk=row.pk).update(
        paused_until=None, pause_reason="", paused_by="", due_at=timezone.now()
    )
    ring(kind.name, row.pk)
    record(person, f"{kind.name}.resume", kind.name, row.pk, str(row))


@transaction.atomic
def environment_pause(
    *, person: "User", environment: Environment, until: datetime, reason: str
) -> None:
    """Everything of the environment is left alone until then, except what must hold."""
    check_right(person, "environment.change")
    check_pause(until, reason)
    Environment.objects.filter(pk=environment.pk).update(
        paused_until=until, pause_reason=reason, paused_by=str(person), updated_at=timezone.now()
    )
    for_its_kinds(
        environment,
        lambda kind, mine: mine.filter(leased_until__isnull=False).update(**lease_taken()),
    )
    told = {"until": until.isoformat()}
    name = environment.name
    record(person, "environment.pause", "environment", environment.pk, name, None, told, reason)


@transaction.atomic
def environment_resume(*, person: "User", environment: Environment) -> None:
    """What became due meanwhile is looked at at once.  Raises Refused, RuleViolation."""
    check_right(person, "environment.change")
    if not environment.paused:
        raise RuleViolation(_("%(name)s is not paused.") % {"name": environment})
    now = timezone.now()
    Environment.objects.filter(pk=environment.pk).update(
        paused_until=None, pause_reason="", paused_by="", updated_at=now
    )

    def wake_up(kind: Kind, mine: Any) -> None:
        for pk in mine.filter(due_at__lte=now).values_list("pk", flat=True)[:500]:
            ring(kind.name, pk)

    for_its_kinds(environment, wake_up)
    record(person, "environment.resume", "environment", environment.pk, environment.name)


def for_its_kinds(environment: Environment, act: Callable[[Kind, Any], Any]) -> None:
    for kind in all_kinds():
        if kind.place and not kind.heals:
            act(kind, kind.model.objects.filter(Q(**{kind.place: environment})))


def lease_taken() -> dict[str, Any]:
    """Whoever works on the row now finds its fence moved before its next call, and stops."""
    return {"fence": F("fence") + 1, "leased_until": None, "lease_owner": ""}


def check_right(person: "User", capability: str) -> None:
    if not can(person, capability):
        raise Refused(capability)


def check_pause(until: datetime, reason: str) -> None:
    """A pause names its reason and its end.  Raises RuleViolation."""
    now = timezone.now()
    if not reason.strip():
        raise RuleViolation(_("Say why: whoever finds it paused will ask."), field="reason")
    if len(reason) > 200:
        raise RuleViolation(_("A reason has at most 200 characters."), field="reason")
    if until <= now:
        raise RuleViolation(_("The end of a pause lies in the future."), field="until")
    if until > now + LONGEST:
        raise RuleViolation(_("A pause lasts at most 30 days."), field="until")
