"""Services that show a change only some time after they took it.

An action whose service does so says `shows_within_s`.  While that time is not over, what is planned
again is not sent again: a second create would make a second object, or be refused for its name.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.core.kinds import Action
from apps.core.models import Intent, IntentState, Reconcilable

# Taken, or nobody knows: of a refusal nothing will ever show.
PERHAPS_TAKEN = (IntentState.PENDING, IntentState.UNKNOWN, IntentState.OK)


def not_shown_yet(kind_name: str, row: Reconcilable, actions: Sequence[Action]) -> bool:
    """True if one of `actions` was sent for this very wish so recently that it may not show yet."""
    now = timezone.now()
    recent = Q()
    for action in actions:
        within_s = float(getattr(action, "shows_within_s", 0))
        if within_s:
            since = now - timedelta(seconds=within_s)
            recent |= Q(key=action.key, call=action.change.call, created_at__gt=since)
    if not recent:
        return False
    mine = Intent.objects.filter(
        kind=kind_name, object_id=row.pk, generation=row.generation, state__in=PERHAPS_TAKEN
    )
    return mine.filter(recent).exists()
