"""What is taken away must have been agreed to: by the wish to delete the object whole, or call by
call in the plan that was accepted.

The world may move between the approval and the call, and a stored wish may be damaged; either could
make a plan that deletes what nobody spoke of.
"""

from collections.abc import Sequence

from django.utils.translation import gettext_noop

from apps.core import runs
from apps.core.kinds import Action, Blocked, Kind
from apps.core.models import Reconcilable
from apps.core.words import Say

NOT_AGREED = gettext_noop(
    "%(object)s %(name)s would be deleted, and no accepted plan says so: it is left as it is. Plan"
    " the change again to see all of it."
)


def check_agreed(kind: Kind, row: Reconcilable, actions: Sequence[Action]) -> None:
    """Raises Blocked if one of `actions` deletes what nobody agreed to lose."""
    changes = [(action.key, action.change) for action in actions]
    deletions = [(key, change) for key, change in changes if change.op in ("delete", "replace")]
    if row.deleting or not deletions:
        return
    item = runs.item_of(row, kind.name)
    planned = item is not None and item.run.plan_id is not None
    if row.revision and not planned:
        return  # work of its own without a plan, such as clearing away after an upload
    foreseen = set(item.steps.values_list("key", "op")) if item else set()
    for key, change in deletions:
        if (key, change.op) not in foreseen:
            raise Blocked(Say.of(NOT_AGREED, object=change.object_kind, name=change.name))
