"""A field's old and new value as marked text: only the part that changed is coloured."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.core.changes import MASK, SIGNS, Field
from apps.core.words import Say

# Words, numbers with their dots, or single signs; spaces stay with nothing.
_TOKENS = re.compile(r"[^\W_]+(?:\.[^\W_]+)*|\s+|.", re.DOTALL)
# Less alike than this, marking pieces would only be noise: the whole value is marked.
_ALIKE = 0.34


@dataclass(frozen=True)
class Row:
    """One line of `.sd-diff`; `sign` is "" for context that does not change."""

    sign: str
    label: str
    path: str
    old: SafeString | str
    arrow: bool
    new: SafeString | str
    note: Say
    long: bool  # more than one line: old and new stand under each other

    @property
    def glyph(self) -> str:
        """The sign as it is printed, with a true minus."""
        return self.sign.replace("-", "−")


def signed(line: Field) -> Say:
    """Who wrote the old value, where the world keeps that."""
    if not line.changed_by or line.op == "none":
        return Say("")
    return Say.of(gettext_noop("live value set by %(who)s"), who=line.changed_by)


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (list, tuple)) and all(
        isinstance(one, (str, int, float)) for one in value
    ):
        return " ".join(str(one) for one in value)
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return str(value)


def marked(old: str, new: str) -> tuple[SafeString, SafeString]:
    """Both texts, with <del> and <ins> around what differs."""
    left, right = _TOKENS.findall(old), _TOKENS.findall(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if len(left) * len(right) > 40_000 or matcher.ratio() < _ALIKE:
        return format_html("<del>{}</del>", old), format_html("<ins>{}</ins>", new)
    olds, news = [], []
    for what, a, b, c, d in matcher.get_opcodes():
        same = what == "equal"
        olds.append(("" if same else "del", "".join(left[a:b])))
        news.append(("" if same else "ins", "".join(right[c:d])))
    return _joined(olds), _joined(news)


def _joined(pieces: list[tuple[str, str]]) -> SafeString:
    """The pieces as text, the marks drawn tight around the words."""
    return format_html_join("", "{}", ((_mark(tag, text),) for tag, text in pieces if text))


def _mark(tag: str, text: str) -> SafeString | str:
    bare = text.strip()
    if not tag or not bare:
        return text
    before, _bare, after = text.partition(bare)
    return format_html("{0}<{1}>{2}</{1}>{3}", before, tag, bare, after)


def row(op: str, line: Field) -> Row:
    """The line of `line` in a change of kind `op`; a create or delete marks nothing, its sign says
    it."""
    sign = "" if line.op == "none" else SIGNS.get(op, "~")
    # A replaced object may keep fields or gain some; the field's own sign is then the truth.
    if op in ("change", "replace") and line.op in ("create", "delete"):
        sign = SIGNS[line.op]
    old, new = text_of(line.old), text_of(line.new)
    shown_old: SafeString | str = old
    shown_new: SafeString | str = new
    if line.secret:
        shown_old = MASK if line.old is not None else ""
        shown_new = MASK if line.new is not None else ""
        if line.op == "change":
            shown_new = format_html("<ins>{}</ins> {}", MASK, _("new value"))
    elif line.op == "change":
        shown_old, shown_new = marked(old, new)
    elif line.op == "delete" and op != "delete":
        shown_old = format_html("<del>{}</del>", old)
    elif line.op == "create" and op not in ("create",):
        shown_new = format_html("<ins>{}</ins>", new)
    return Row(
        sign=sign,
        label=str(_(line.label)) if line.label else line.path,
        path=line.path,
        old=shown_old,
        arrow=line.op == "change",
        new=shown_new,
        note=line.note or signed(line),
        long="\n" in old or "\n" in new or len(old) + len(new) > 400,
    )
