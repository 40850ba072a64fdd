"""Shape of a request for pictures as it is typed; what is true of it the services check."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.generation.models import Job
from apps.generation.rules import (
    CFG_LEAST,
    CFG_MOST,
    COUNT_MOST,
    PROMPT_MOST,
    SAMPLER_MOST,
    SAMPLERS,
    SEED_DRAWN,
    SEED_MOST,
    SIDE_LEAST,
    SIDE_MOST,
    SIDE_STEP,
    SIZES,
    STEPS_MOST,
    Wish,
)
from apps.generation.selectors import Place

OWN_SIZE = "own"
SIDES = {"min": SIDE_LEAST, "max": SIDE_MOST, "step": SIDE_STEP}


def size_choices() -> list[tuple[str, Any]]:
    return [*((f"{w}x{h}", f"{w}×{h}") for w, h in SIZES), (OWN_SIZE, _("Other"))]


class GenerationForm(forms.Form):
    """Limits of numbers stand here for the browser alone; rules.py says the sentence."""

    deployment = forms.IntegerField(
        label=_("Draw with"), error_messages={"required": _("Choose a deployment to draw with.")}
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        error_messages={"required": _("Say what should be drawn.")},
        widget=forms.Textarea(
            attrs={"rows": 4, "maxlength": PROMPT_MOST, "data-counted": "", "autofocus": True}
        ),
    )
    negative_prompt = forms.CharField(
        label=_("Negative prompt"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": PROMPT_MOST}),
    )
    size = forms.ChoiceField(
        label=_("Size"), choices=size_choices, initial="512x512", widget=forms.RadioSelect
    )
    width = forms.IntegerField(label=_("Width"), initial=512, required=False)
    height = forms.IntegerField(label=_("Height"), initial=512, required=False)
    steps = forms.IntegerField(label=_("Sampling steps"), initial=20)
    cfg_scale = forms.DecimalField(label=_("CFG scale"), initial=7)
    sampler = forms.CharField(label=_("Sampler"), initial=SAMPLERS[0])
    seed = forms.IntegerField(
        label=_("Seed"), initial=SEED_DRAWN, help_text=_("-1 draws one; it is kept with the job.")
    )
    count = forms.IntegerField(label=_("Pictures"), initial=4)
    # Sent twice by a double click or a reload, it is one request all the same.
    request_key = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, places: Sequence[Place], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places
        first = next((one.deployment.pk for one in places if one.ready), None)
        self.fields["deployment"].initial = first
        self.fields["request_key"].initial = uuid4().hex
        for name, limits in {
            "width": SIDES,
            "height": SIDES,
            "steps": {"min": 1, "max": STEPS_MOST},
            "cfg_scale": {"min": CFG_LEAST, "max": CFG_MOST, "step": "0.5"},
            "seed": {"min": SEED_DRAWN, "max": SEED_MOST},
            "count": {"min": 1, "max": COUNT_MOST},
            "sampler": {"list": "samplers", "maxlength": SAMPLER_MOST, "autocomplete": "off"},
        }.items():
            self.fields[name].widget.attrs.update(limits)

    @property
    def chosen(self) -> int | None:
        """The deployment that is marked, as typed or to begin with."""
        value = str(self["deployment"].value() or "")
        return int(value) if value.isdecimal() else None

    def wish(self) -> Wish:
        """What was typed, valid or not: the rules have the word."""
        typed = self.cleaned_data
        width, height = typed["width"] or 0, typed["height"] or 0
        if typed["size"] != OWN_SIZE:
            width, height = (int(side) for side in typed["size"].split("x"))
        return Wish(
            prompt=typed["prompt"],
            negative_prompt=typed["negative_prompt"],
            steps=typed["steps"],
            cfg_scale=Decimal(typed["cfg_scale"]),
            width=width,
            height=height,
            sampler=typed["sampler"],
            seed=typed["seed"],
            count=typed["count"],
        )


def initial_of(row: Job, *, same_seed: bool) -> dict[str, Any]:
    """The form as it was when `row` was asked; with its seed, or with one to be drawn."""
    size = f"{row.width}x{row.height}"
    known = dict(size_choices())
    return {
        "deployment": row.deployment_id,
        "prompt": row.prompt,
        "negative_prompt": row.negative_prompt,
        "size": size if size in known else OWN_SIZE,
        "width": row.width,
        "height": row.height,
        "steps": row.steps,
        "cfg_scale": row.cfg_scale.normalize() if row.cfg_scale % 1 else int(row.cfg_scale),
        "sampler": row.sampler,
        "seed": row.seed if same_seed else SEED_DRAWN,
        "count": row.count,
    }
