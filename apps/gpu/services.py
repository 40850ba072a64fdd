"""What ops write about GPUs: named slices and prices."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit.services import record
from apps.core.errors import RuleViolation
from apps.gpu.models import GpuType, SliceProfile
from apps.gpu.rules import SliceAsk
from apps.gpu.words import check_slice

if TYPE_CHECKING:
    from apps.accounts.models import User


@transaction.atomic
def profile_create(
    *, person: "User", name: str, core: int, memory_gib: int, gpu_type: str = "", note: str = ""
) -> SliceProfile:
    """A named slice.  Raises RuleViolation if qGPU has no such slice or the name is taken."""
    check_slice(SliceAsk(core, memory_gib))
    if SliceProfile.objects.filter(name=name).exists():
        raise RuleViolation(_("There is a slice of this name already."), field="name")
    profile = SliceProfile(
        name=name, core=core, memory_gib=memory_gib, gpu_type=gpu_type, note=note
    )
    profile.full_clean()
    profile.save()
    after = {"core": core, "memory_gib": memory_gib, "gpu_type": gpu_type}
    record(person, "slice.create", "slice", profile.pk, name, after=after)
    return profile


@transaction.atomic
def profile_delete(*, person: "User", profile: SliceProfile) -> None:
    """Deployments keep the numbers they were given, so nothing running changes."""
    record(person, "slice.delete", "slice", profile.pk, profile.name, before=str(profile.ask))
    profile.delete()


@transaction.atomic
def price_set(*, person: "User", gpu_type: str, price: Decimal | None) -> GpuType:
    """What one card of this type costs an hour, in ¥; None = not known."""
    kind, _made = GpuType.objects.select_for_update().get_or_create(name=gpu_type)
    before = kind.price_cny_per_hour
    kind.price_cny_per_hour = price
    kind.full_clean()
    kind.save()
    record(person, "gpu.price", "gpu", kind.pk, gpu_type, before=str(before), after=str(price))
    return kind
