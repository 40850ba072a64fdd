"""The clock of the house: rings for rows that are due and for periodic work.

Any number may run; an advisory lock lets one act.  What it forgets when killed, the next one reads
from `due_at` again; periodic slots are numbered by time, so a slot is never queued twice.
"""

import logging
import time

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from apps.core.kinds import all_kinds
from apps.core.models import Plan, PlanStatus
from apps.core.pauses import left_alone
from apps.core.workqueue import ring, wake

log = logging.getLogger(__name__)

LOCK = 0x5D_C0_15_01  # "SD console, scheduler"
BATCH = 500  # rows rung for per kind and tick: the rest is due at the next tick too


def lead() -> bool:
    """True if this process is the one that acts.  The lock goes with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def ring_due() -> int:
    """Ring for every row that is due and nobody's; the number of rings."""
    now = timezone.now()
    rung = 0
    for kind in all_kinds():
        due = (
            kind.model.objects.filter(due_at__lte=now)
            .filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now))
            .exclude(left_alone(kind, now))
            .order_by("due_at")
            .values_list("pk", flat=True)[:BATCH]
        )
        for pk in due:
            ring(kind.name, pk)
            rung += 1
    return rung


def ring_plans() -> None:
    """Plans whose wake-up got lost."""
    waiting = Plan.objects.filter(status=PlanStatus.PLANNING).values_list("pk", flat=True)
    for pk in waiting[:BATCH]:
        wake("reconcile", "apps.core.tasks.compute_plan", pk, job_id=f"plan-{pk}")
    approved = Plan.objects.filter(status=PlanStatus.APPROVED).values_list("pk", flat=True)
    for pk in approved[:BATCH]:
        wake("reconcile", "apps.core.tasks.start_plan", pk, job_id=f"plan-start-{pk}")


def ring_periodic(last: dict[str, int]) -> None:
    """Queue each entry of SCHEDULE once per slot; `last` remembers the slot of each name."""
    now = time.time()
    for name, every_s, function, queue in settings.SCHEDULE:
        slot = int(now // every_s)
        if last.get(name) != slot:
            last[name] = slot
            wake(queue, function, job_id=f"tick-{name}")
