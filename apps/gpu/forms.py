"""Shape of what is typed about slices."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.gpu.models import SliceProfile


class WhatIfForm(forms.Form):
    """The question beside the card map; it changes nothing."""

    gpu_type = forms.ChoiceField(label=_("Type"), required=False)
    core = forms.IntegerField(label=_("Compute"), min_value=5, max_value=800, initial=50)
    memory_gib = forms.IntegerField(label=_("GPU memory"), min_value=0, max_value=999, initial=10)
    count = forms.IntegerField(label=_("Count"), min_value=1, max_value=500, initial=1)

    def __init__(self, *args: Any, gpu_types: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("all")), *((name, name) for name in gpu_types)]
        self.fields["gpu_type"] = forms.ChoiceField(
            label=_("Type"), required=False, choices=choices
        )


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SliceProfile
        fields = ["name", "gpu_type", "core", "memory_gib", "note"]

    def validate_constraints(self) -> None:
        # The service says the same in words a person can use.
        return


class PriceForm(forms.Form):
    gpu_type = forms.CharField(max_length=32)
    price = forms.DecimalField(
        label=_("¥ per card and hour"), required=False, min_value=0, max_digits=9, decimal_places=2
    )
