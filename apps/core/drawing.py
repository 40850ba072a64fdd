"""Small pictures as SVG text: bar, track, sparkline, heat strip.  Lengths are attributes, colours
are classes and data-s, because the CSP refuses inline style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def _percent(value: float) -> str:
    return f"{value * 100:.2f}".rstrip("0").rstrip(".") + "%"


def _pieces(shares: Sequence[tuple[float, str]], gap: bool) -> SafeString:
    """Rectangles one after the other; with `gap`, a hair of ground between them."""
    drawn, start = [], 0.0
    for share, state in shares:
        if state and share > 0:
            width = max(0.0, share - (0.0015 if gap else 0))
            drawn.append((_percent(start), _percent(width), state))
        start += share
    return format_html_join("", '<rect x="{}" width="{}" height="100%" data-s="{}"/>', drawn)


def bar(done: int, total: int, failing: int, coming: int, width: int) -> SafeString:
    """n of m as a small bar, `width` px."""
    whole = max(total, done + failing + coming, 1)
    shares = [(done / whole, "ok"), (coming / whole, "run"), (failing / whole, "bad")]
    said = _("%(done)d of %(total)d ready") % {"done": done, "total": total}
    if failing:
        said += _(", %(n)d failing") % {"n": failing}
    return format_html(
        '<svg class="sd-bar" width="{}" height="6" role="img" aria-label="{}">{}</svg>',
        width,
        said,
        _pieces(shares, gap=sum(1 for share, _state in shares if share) > 1),
    )


def track(
    shares: Sequence[tuple[float, str]], size: str, label: str, gap: bool = False
) -> SafeString:
    """A bar as wide as its place; shares of 1 with a state each, "" = empty."""
    return format_html(
        '<svg class="sd-prog"{} role="img" aria-label="{}">{}</svg>',
        format_html(' data-size="{}"', size) if size else "",
        label,
        _pieces(shares, gap),
    )


def spark(values: Sequence[float], width: int, height: int, label: str) -> SafeString:
    """A line over its own range with 2px of air; a flat row lies on the ground; empty below two
    points."""
    if len(values) < 2:
        return format_html(
            '<svg class="sd-spark" width="{}" height="{}" role="img" aria-label="{}"></svg>',
            width,
            height,
            label or _("no data yet"),
        )
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = (width - 4) / (len(values) - 1)
    points = [
        (2 + index * step, height - 3 - (value - low) / span * (height - 6))
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    end_x, end_y = points[-1]
    said = label or _("from %(low)s to %(high)s, now %(now)s") % {
        "low": f"{low:g}",
        "high": f"{high:g}",
        "now": f"{values[-1]:g}",
    }
    return format_html(
        '<svg class="sd-spark" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img"'
        ' aria-label="{2}"><path class="sd-area" d="M{3} V{1} H2Z"/><path d="M{3}"/>'
        '<circle cx="{4}" cy="{5}" r="1.75"/></svg>',
        width,
        height,
        said,
        line,
        f"{end_x:.1f}",
        f"{end_y:.1f}",
    )


def heat(cells: Sequence[tuple[Any, int]], label: str, top: int) -> SafeString:
    """16px per cell; steps 1 to 4 up to `top`; the title of a cell says its number in words."""
    drawn = [
        (index * 16 + 1, 0 if number <= 0 else min(4, -(-number * 4 // top)), title, number)
        for index, (title, number) in enumerate(cells)
    ]
    return format_html(
        '<svg class="sd-heat" viewBox="0 0 {} 16" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>',
        max(len(cells), 1) * 16,
        label,
        format_html_join(
            "",
            '<rect x="{}" y="1" width="14" height="14" rx="2" data-n="{}">'
            "<title>{}: {}</title></rect>",
            drawn,
        ),
    )
