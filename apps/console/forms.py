"""Shape of what people type at the front desk."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

HOURS = [
    (1, _("1 hour")),
    (4, _("4 hours")),
    (24, _("1 day")),
    (72, _("3 days")),
    (168, _("1 week")),
    (720, _("30 days")),
]


class PauseForm(forms.Form):
    """Every pause has an end and a reason."""

    hours = forms.TypedChoiceField(label=_("For"), choices=HOURS, coerce=int, initial=4)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Shown wherever the object appears, and kept in the audit record."),
    )

    def until(self) -> datetime:
        return timezone.now() + timedelta(hours=self.cleaned_data["hours"])
