"""The rules of rules.py in sentences, and what a failed drawing means for the person who asked."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.errors import RuleViolation
from apps.core.words import Say
from apps.generation.rules import Wish, Wrong, wrong
from cloud.errors import Busy, CloudError, LostAnswer, NotAuthorized, Rejected, Unreachable

SENTENCES: dict[Wrong, Promise] = {
    Wrong.PROMPT_EMPTY: _("Say what should be drawn."),
    Wrong.PROMPT_LONG: _("A prompt has at most 4000 characters."),
    Wrong.PROMPT_CONTROL: _("The prompt holds control characters; type it as plain text."),
    Wrong.NEGATIVE_LONG: _("A negative prompt has at most 4000 characters."),
    Wrong.NEGATIVE_CONTROL: _(
        "The negative prompt holds control characters; type it as plain text."
    ),
    Wrong.STEPS: _("Steps go from 1 to 150."),
    Wrong.CFG: _("The CFG scale goes from 1 to 30."),
    Wrong.CFG_STEP: _("The CFG scale goes in steps of 0.1."),
    Wrong.WIDTH: _("The width is a multiple of 8, from 64 to 2048 pixels."),
    Wrong.HEIGHT: _("The height is a multiple of 8, from 64 to 2048 pixels."),
    Wrong.SAMPLER: _("Name a sampler of the web UI, such as DPM++ 2M."),
    Wrong.SEED: _("A seed goes from 0 to 4294967295; -1 draws one."),
    Wrong.COUNT: _("One request asks for 1 to 16 pictures."),
}
FIELDS: dict[Wrong, str] = {
    Wrong.PROMPT_EMPTY: "prompt",
    Wrong.PROMPT_LONG: "prompt",
    Wrong.PROMPT_CONTROL: "prompt",
    Wrong.NEGATIVE_LONG: "negative_prompt",
    Wrong.NEGATIVE_CONTROL: "negative_prompt",
    Wrong.STEPS: "steps",
    Wrong.CFG: "cfg_scale",
    Wrong.CFG_STEP: "cfg_scale",
    Wrong.WIDTH: "width",
    Wrong.HEIGHT: "height",
    Wrong.SAMPLER: "sampler",
    Wrong.SEED: "seed",
    Wrong.COUNT: "count",
}


def check_wish(wish: Wish) -> None:
    """Raises RuleViolation with one sentence if the wish breaks a rule."""
    found = wrong(wish)
    if found:
        raise RuleViolation(SENTENCES[found], field=FIELDS[found])


DRAWING = gettext_noop("%(done)s of %(total)s pictures are there.")
DRAWN = gettext_noop("All %(total)s pictures are there.")
CANCELLED = gettext_noop("Cancelled; %(done)s of %(total)s pictures had been drawn.")
BEHIND_THE_GATEWAY = gettext_noop("Put %(name)s behind the gateway first.")
GONE = gettext_noop("The deployment %(name)s is gone; ask again with another one.")
OTHER_MODEL = gettext_noop(
    "The web UI drew with %(got)s instead of %(wanted)s, and the picture was thrown away. See"
    " whether the file is on CFS, then restart %(name)s."
)
OTHER_PICTURE = gettext_noop(
    "The web UI drew another picture than asked for (%(what)s %(got)s instead of %(wanted)s); it"
    " was thrown away."
)
BROKEN = gettext_noop("The web UI sent a broken picture (%(problem)s); it is asked again.")
OTHER_BYTES = gettext_noop("COS stored other bytes than were sent; they are sent again.")
NO_API = gettext_noop(
    "The gateway has no way to the web UI of %(name)s: look at its route, and whether it runs"
    " with --api. (%(problem)s)"
)
NO_SAMPLER = gettext_noop("The web UI knows no sampler %(sampler)s; ask again with another one.")
NO_MEMORY = gettext_noop(
    "The card has too little memory for %(width)s×%(height)s. Ask for a smaller picture, or give"
    " %(name)s a larger slice."
)
NOT_LET_IN = gettext_noop(
    "The gateway or the web UI of %(name)s does not let the console in: look at its address list"
    " and its password. (%(problem)s)"
)
REFUSED = gettext_noop("The web UI refused this request: %(problem)s")
FAILED = gettext_noop(
    "The web UI of %(name)s failed to draw and is asked again: %(problem)s If it stays so, its log"
    " tells more."
)
NO_ANSWER = gettext_noop(
    "No pod of %(name)s answers behind the gateway; asked again by itself. (%(problem)s)"
)


def why(error: CloudError, *, name: str, wish: Wish) -> Say | None:
    """What `error` of a drawing means and what helps; None where the loop's own words will do."""
    problem = str(error)
    if isinstance(error, NotAuthorized):
        return Say.of(NOT_LET_IN, name=name, problem=problem)
    if isinstance(error, Rejected):
        if "Sampler not found" in problem:
            return Say.of(NO_SAMPLER, sampler=wish.sampler)
        if "too little memory" in problem:
            return Say.of(NO_MEMORY, width=wish.width, height=wish.height, name=name)
        if "answered 404" in problem:
            return Say.of(NO_API, name=name, problem=problem)
        return Say.of(REFUSED, problem=problem)
    if isinstance(error, Busy):
        return Say.of(FAILED, name=name, problem=problem)
    if isinstance(error, Unreachable | LostAnswer):
        return Say.of(NO_ANSWER, name=name, problem=problem)
    return None
