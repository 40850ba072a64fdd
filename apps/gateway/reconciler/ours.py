"""Which objects of a gateway are ours.

Nothing there carries a mark of ours but its name.  An object of that name is ours if we know its
id, or if a create call of this very row is on record whose id was never learnt.
"""

from apps.core.kinds import Blocked
from apps.core.models import Intent, IntentState
from apps.core.words import Say
from apps.gateway import words
from apps.gateway.models import GatewayService, Route, ServiceSource


def gone(row: ServiceSource | GatewayService | Route, want: object) -> None:
    """What a gateway that is not there any more means: fine for who is leaving.  Raises Blocked."""
    if want is not None:
        raise Blocked(Say.of(words.NO_GATEWAY, gateway=row.gateway_id)) from None


def claim(row: GatewayService | Route, found_id: str, create_call: str) -> bool:
    """True if the object of our name with this id is ours; its id is kept then."""
    if found_id == row.external_id:
        return True
    sent = Intent.objects.filter(
        kind="gateway-route" if isinstance(row, Route) else "gateway-service",
        object_id=row.pk,
        call=create_call,
    )
    open_still = sent.filter(state__in=[IntentState.PENDING, IntentState.UNKNOWN])
    known_made = not row.external_id and sent.filter(state=IntentState.OK).exists()
    if not known_made and not open_still.exists():
        return False
    type(row).objects.filter(pk=row.pk).update(external_id=found_id)
    row.external_id = found_id
    return True


def forget_id(row: GatewayService | Route) -> None:
    """Before creating: whatever id we knew is not of what comes now."""
    type(row).objects.filter(pk=row.pk).update(external_id="")
    row.external_id = ""
