"""Rows that are left alone for a while: they themselves, or everything in their environment.

Nothing is lost by a pause: what is due stays due, and is looked at once the time is over.
"""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.core.kinds import Kind
from apps.core.models import Reconcilable


def left_alone(kind: Kind, now: datetime) -> Q:
    """Rows that nobody may work on at `now`.  What must hold (`heals`) holds in a pause too."""
    alone = Q(paused_until__gt=now)
    if kind.place and not kind.heals:
        alone |= Q(**{f"{kind.place}__paused_until__gt": now})
    return alone


def place_of(row: Reconcilable) -> Any:
    """The environment of the row, or None."""
    return getattr(row, "environment", None)


def paused_until(kind: Kind, row: Reconcilable) -> datetime | None:
    """Until when the row is left alone, by its own pause or its environment's; None = it is not."""
    now = timezone.now()
    found = [row.paused_until]
    if kind.place and not kind.heals:
        found.append(place_of(row).paused_until)
    return max((until for until in found if until and until > now), default=None)
