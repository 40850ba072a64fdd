"""The marks every page is built of: `{% load console %}`.

State is always icon, word and colour.  Drawn bits are SVG with attributes: the CSP refuses inline
style.  The drawing itself is in drawing.py, the words of time and size in measures.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from apps.core import diffing, drawing, measures
from apps.core.changes import Change
from apps.core.listing import Listing
from apps.core.phases import Phase
from apps.core.words import Say

register = template.Library()

# phase -> state (colour role), icon, does it turn
PHASE_MARKS: dict[str, tuple[str, str, bool]] = {
    Phase.DRAFT: ("hold", "pencil", False),
    Phase.PENDING: ("run", "clock", False),
    Phase.WORKING: ("run", "loader-2", True),
    Phase.READY: ("ok", "circle-check", False),
    Phase.DEGRADED: ("warn", "alert-triangle", False),
    Phase.BLOCKED: ("bad", "alert-octagon", False),
    Phase.PAUSED: ("hold", "player-pause", False),
    Phase.DELETING: ("warn", "loader-2", True),
    Phase.GONE: ("hold", "circle-off", False),
}
STATE_ICONS = {
    "ok": "circle-check",
    "run": "info-circle",
    "warn": "alert-triangle",
    "bad": "alert-octagon",
    "drift": "git-compare",
    "hold": "info-circle",
}
STEP_ICONS = {
    "ok": "check",
    "run": "loader-2",
    "bad": "x",
    "warn": "alert-triangle",
    "skip": "player-skip-forward",
    "": "clock",
}
LEVELS = {
    "success": ("ok", "circle-check"),
    "info": ("run", "info-circle"),
    "debug": ("hold", "info-circle"),
    "warning": ("warn", "alert-triangle"),
    "error": ("bad", "alert-octagon"),
}


@register.simple_tag
def icon(name: str, size: str = "", extra: str = "", label: str = "") -> SafeString:
    """Icon `name` of the sprite (it must be listed in static/icons.txt).

    size: "" 16px, "s" 14, "l" 20, "xl" 32.  Silent for a screen reader unless `label` names it.
    """
    classes = " ".join(part for part in ("sd-i", f"sd-i-{size}" if size else "", extra) if part)
    voice = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"')
    )
    return format_html(
        '<svg class="{}" {}><use href="{}#{}"/></svg>', classes, voice, static("icons.svg"), name
    )


@register.simple_tag
def badge(
    state: str, words: Any, name: str = "", plain: bool = False, spin: bool = False, title: Any = ""
) -> SafeString:
    """Icon, word and colour.  state: ok run warn bad drift hold; `plain` without ground, for dense
    cells; `spin` only while something really moves."""
    return format_html(
        '<span class="sd-badge{}" data-s="{}"{}>{}{}</span>',
        " sd-plain" if plain else "",
        state,
        format_html(' title="{}"', title) if title else "",
        icon(name or STATE_ICONS.get(state, "info-circle"), "", "sd-spin" if spin else ""),
        words,
    )


@register.simple_tag
def phase_badge(row: Any, plain: bool = False, counted: bool = True) -> SafeString:
    """How `row` (a Reconcilable, or the phase itself as a word) is doing.  While it works, n/m
    stands beside it; its sentence is the title."""
    # What is left alone is neither well nor ill: nobody looks.
    phase = Phase.PAUSED if getattr(row, "paused", False) else getattr(row, "phase", row)
    state, name, spin = PHASE_MARKS.get(phase, ("hold", "info-circle", False))
    word = Phase(phase).label if phase in PHASE_MARKS else phase
    mark = badge(state, word, name, plain, spin, str(getattr(row, "message_say", "")))
    total = getattr(row, "total", 0)
    if counted and spin and total:
        return format_html(
            '{}<span class="sd-badge-n">{}/{}</span>', mark, getattr(row, "done", 0), total
        )
    return mark


@register.simple_tag
def chip(words: Any, title: Any = "") -> SafeString:
    """A kind (SDXL, FLUX, A10), never a state."""
    return format_html(
        '<span class="sd-chip"{}>{}</span>',
        format_html(' title="{}"', title) if title else "",
        words,
    )


@register.simple_tag
def env_mark(environment: Any, link: str = "") -> SafeString:
    """Coloured square and name wherever an object of an environment appears.  `environment` has
    name and stage (prod is red so that nobody mistakes it); "–" if None."""
    if environment is None:
        return mark_safe('<span class="sd-3rd">–</span>')
    name = conditional_escape(environment.name)
    if link:
        name = format_html('<a class="sd-name" href="{}">{}</a>', link, name)
    return format_html('<span class="sd-envm" data-e="{}">{}</span>', environment.stage, name)


@register.simple_tag
def kbd(keys: str) -> SafeString:
    """A key hint, beside the action it triggers."""
    return format_html('<kbd class="sd-kbd">{}</kbd>', keys)


@register.simple_tag
def bar(
    done: int, total: int, failing: int = 0, width: int = 48, coming: int = 0, text: bool = True
) -> SafeString:
    """n of m: green ready, blue coming, red failing, then `n/m` in words.  `width` in px."""
    drawn = drawing.bar(done, total, failing, coming, width)
    if not text:
        return drawn
    return format_html(
        '<span class="sd-bar-n">{}<span><span class="sd-m">{}</span>'
        '<span class="sd-3rd">/{}</span></span></span>',
        drawn,
        done,
        total,
    )


@register.simple_tag
def progress(
    done: float, total: float, words: Any = "", state: str = "run", label: Any = "", size: str = ""
) -> SafeString:
    """A live bar with its sentence beside it.  `label` names it for a screen reader (default: the
    words).  size "l" = 8px high.  An unknown total (0) draws an empty track."""
    share = min(1.0, max(0.0, done / total)) if total else 0.0
    drawn = drawing.track([(share, state)], size, _("%(n)d%%") % {"n": round(share * 100)})
    meter = format_html(
        '<div role="progressbar" aria-label="{}" aria-valuemin="0" aria-valuemax="100"'
        ' aria-valuenow="{}">{}</div>',
        label or words or _("Progress"),
        round(share * 100),
        drawn,
    )
    if not words:
        return meter
    return format_html('<div class="sd-progress">{}<span>{}</span></div>', meter, words)


@register.simple_tag
def steps_bar(states: Sequence[str], label: Any = "") -> SafeString:
    """One equal piece per step of a run, coloured by its state ("" = still to come)."""
    share = 1 / len(states) if states else 1
    return drawing.track([(share, state) for state in states], "l", str(label), gap=True)


@register.simple_tag
def spark(
    values: Sequence[float], width: int = 72, height: int = 20, label: Any = ""
) -> SafeString:
    """24 h in one ink, last point in accent.  Put the current value beside it."""
    return drawing.spark(values, width, height, str(label))


@register.simple_tag
def heat(cells: Sequence[tuple[Any, int]], label: Any = "", top: int = 4) -> SafeString:
    """One cell per (title, number), one hue in four steps; `top` or more is the darkest."""
    return drawing.heat(cells, str(label), top)


@register.filter
def size(count: int | None) -> str:
    """Bytes as MiB or GiB with three digits: 6.46 GiB, 218 MiB.  "–" if None."""
    return "–" if count is None else measures.size(count)


@register.filter
def took(seconds: float | None) -> str:
    """A duration: 212 ms, 1.21 s, 4 min 02 s.  "–" if None."""
    return "–" if seconds is None else measures.took(seconds)


@register.filter
def say(value: Any) -> str:
    """A stored sentence (core.words.Say or its JSON) in the reader's language."""
    return str(Say.from_json(value))


@register.simple_tag
def when(moment: datetime | None, empty: str = "–") -> SafeString:
    """Relative time that ticks (when.js), the exact one in the title and in the machine's form."""
    if moment is None:
        return format_html('<span class="sd-3rd">{}</span>', empty)
    here = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-when>{}</time>',
        moment.isoformat(timespec="seconds"),
        date_format(here, "Y-m-d H:i:s") + here.strftime(" %Z"),
        measures.ago(moment, timezone.now()),
    )


@register.simple_tag
def clock(moment: datetime | None) -> SafeString:
    """The time of day to the second, for timelines; the date is in the title."""
    if moment is None:
        return mark_safe('<span class="sd-3rd">–</span>')
    here = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="milliseconds"),
        date_format(here, "Y-m-d H:i:s"),
        date_format(here, "H:i:s"),
    )


@register.simple_tag
def copy(value: Any, short_len: int = 0, label: Any = "") -> SafeString:
    """An id in monospace with a button that copies all of it.  Longer than `short_len` it is
    shortened in the middle, full on hover; 0 = never.  "–" if empty."""
    text = "" if value is None else str(value)
    if not text:
        return mark_safe('<span class="sd-3rd">–</span>')
    return format_html(
        '<span class="sd-id" title="{}">{}<button class="sd-copy sd-js" type="button"'
        ' data-copy="{}" aria-label="{}">{}</button></span>',
        text,
        measures.short(text, short_len),
        text,
        _("Copy %(what)s") % {"what": label or text},
        icon("copy"),
    )


@register.simple_tag
def sort_th(
    key: str, words: Any, listing: Listing[Any], num: bool = False, extra: str = ""
) -> SafeString:
    """Head cell of a column.  A click sorts by it, a second click turns the order; plain text if
    the listing cannot sort by `key`."""
    sort = listing.sorts.get(key)
    classes = " ".join(part for part in ("sd-num" if num else "", extra) if part)
    attrs = format_html(' class="{}"', classes) if classes else ""
    if sort is None:
        return format_html('<th scope="col"{}>{}</th>', attrs, words)
    return format_html(
        '<th scope="col"{}{}><a {}>{}{}</a></th>',
        attrs,
        format_html(' aria-sort="{}"', sort.order) if sort.order else "",
        to_rows(sort.url),
        words,
        icon("arrow-up" if sort.order == "ascending" else "arrow-down", "s"),
    )


@register.simple_tag
def to_rows(url: str) -> SafeString:
    """Attributes of a link that swaps `#rows` in place, and is a plain link without a script."""
    return format_html(
        'href="{0}" hx-get="{0}" hx-target="#rows" hx-swap="outerMorph" hx-push-url="true"', url
    )


@register.simple_tag
def op(sign: str) -> SafeString:
    """Terraform's mark: + ~ -/+ - ! with a true minus sign, coloured."""
    return format_html('<span class="sd-op" data-o="{}">{}</span>', sign, sign.replace("-", "−"))


@register.inclusion_tag("components/_diff_rows.html")
def diff_rows(change: Change | dict[str, Any]) -> dict[str, Any]:
    """The field rows of a Change (or its JSON): op, field, old → new, the changed part marked."""
    value = change if isinstance(change, Change) else Change.from_json(change)
    return {"rows": [diffing.row(value.op, line) for line in value.fields], "change": value}


@register.simple_block_tag(takes_context=False)
def timeline_step(
    content: str,
    state: str,
    title: Any,
    detail: Any = "",
    call: str = "",
    request_id: str = "",
    took_s: float | None = None,
    attempts: int | None = None,
    at: datetime | None = None,
    name: str = "",
) -> SafeString:
    """One step of a run's timeline: `{% timeline_step "ok" _("Update Deployment") call="PATCH" %}…
    {% endtimeline_step %}`; what stands between is shown below it (cause, raw error, fix).

    state: ok run bad warn skip, "" = still to come (then took_s is an estimate).  Goes inside
    <ol class="sd-tl">.
    """
    return mark_safe(
        render_to_string(
            "components/_timeline_step.html",
            {
                "state": state,
                "icon_name": name or STEP_ICONS.get(state, "clock"),
                "turns": "sd-spin" if state == "run" else "",
                "title": title,
                "detail": detail,
                "call": call,
                "request_id": request_id,
                "took_s": took_s,
                "attempts": attempts,
                "at": at,
                "content": mark_safe(content.strip()),  # rendered inside the tag
            },
        )
    )


@register.simple_tag
def empty(
    name: str, sentence: Any, next_step: Any = "", url: str = "", action: Any = ""
) -> SafeString:
    """An empty state: icon, one sentence, what to do next, and the link that does it."""
    return mark_safe(
        render_to_string(
            "components/_empty.html",
            {
                "icon_name": name,
                "sentence": sentence,
                "next_step": next_step,
                "url": url,
                "action": action,
            },
        )
    )


@register.simple_tag
def notice(
    state: str, sentence: Any, url: str = "", action: Any = "", name: str = ""
) -> SafeString:
    """One line with a way on at the right.  state: ok run warn bad drift hold."""
    return format_html(
        '<div class="sd-note" data-s="{}"{}>{}<span class="sd-grow">{}</span>{}</div>',
        state,
        mark_safe(' role="alert"') if state == "bad" else "",
        icon(name or STATE_ICONS.get(state, "info-circle")),
        sentence,
        format_html('<span class="sd-end"><a href="{}">{}</a></span>', url, action) if url else "",
    )


@register.filter
def toast_state(level_tag: str | None) -> str:
    """Colour role of a Django message's level."""
    return LEVELS.get(level_tag or "", ("hold", ""))[0]


@register.filter
def toast_icon(level_tag: str | None) -> str:
    return LEVELS.get(level_tag or "", ("", "info-circle"))[1]


@register.simple_tag
def field(
    bound: BoundField, wide: bool = False, unit: Any = "", css: str = "", help_text: Any = ""
) -> SafeString:
    """Label, control, help and error of one form field.  `unit` stands at its right ("GiB")."""
    return mark_safe(
        render_to_string(
            "components/_field.html",
            {"field": bound, "wide": wide, "unit": unit, "css": css, "help_text": help_text},
        )
    )


@register.simple_tag
def facts(pairs: Sequence[tuple[Any, Any]]) -> SafeString:
    """The line of facts under a page's head: (label, value) pairs; empty values are left out."""
    return format_html(
        '<dl class="sd-facts">{}</dl>',
        format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", [p for p in pairs if p[1]]),
    )
