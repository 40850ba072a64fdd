"""The rules of rules.py in sentences."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.errors import RuleViolation
from apps.gpu.rules import SliceAsk, Wrong, wrong

SENTENCES: dict[Wrong, Promise] = {
    Wrong.CORE_STEP: _("Compute goes in steps of 5: 5 to 95 percent of a card, or whole cards."),
    Wrong.CORE_WHOLE: _("Above one card only whole cards can be had: 100, 200, 300 …"),
    Wrong.MEMORY_MISSING: _("Below a whole card the memory must be given, in whole GiB from 1."),
    Wrong.MEMORY_WITH_WHOLE: _("Whole cards come with all of their memory; leave it at 0."),
}
FIELDS = {Wrong.CORE_STEP: "core", Wrong.CORE_WHOLE: "core"}


def check_slice(ask: SliceAsk) -> None:
    """Raises RuleViolation with one sentence if qGPU has no such slice."""
    found = wrong(ask)
    if found:
        raise RuleViolation(SENTENCES[found], field=FIELDS.get(found, "memory_gib"))
