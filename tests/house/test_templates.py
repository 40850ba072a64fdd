"""Templates: they compile, link to what is there, name icons that are drawn, and obey the CSP."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.template import Template, engines
from django.template.base import Lexer, Node, TokenType
from django.template.defaulttags import URLNode
from django.template.library import SimpleNode
from django.urls import get_resolver

from apps.core.templatetags import console
from tests.house.source import ROOT, modules, short, tree, written

PAGES = [path for path in written() if path.is_relative_to(ROOT / "templates")]
NAMES = [str(path.relative_to(ROOT / "templates")) for path in PAGES]
SCRIPTS = [path for path in written() if path.is_relative_to(ROOT / "static/js")]
LISTED = {
    line
    for line in (ROOT / "static/icons.txt").read_text().split("\n")
    if line and not line.startswith("#")
}
# Inside quotes, or the name of a tag's attribute: `data-on=` and `hx-trigger="once"` are none.
TAG = re.compile(r"<[a-zA-Z][^<>]*>")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


@cache
def source(name: str) -> str:
    return (ROOT / "templates" / name).read_text()


@cache
def compiled(name: str) -> Template:
    template: Any = engines["django"].get_template(name)
    return template.template  # type: ignore[no-any-return]


def nodes(name: str, kind: type[Node]) -> list[Any]:
    found = list(compiled(name).nodelist.get_nodes_by_type(kind))
    # What {% partialdef %} sets aside is reached by its name alone.
    for partial in getattr(compiled(name).origin, "partial_contents", {}).values():
        found += partial.nodelist.get_nodes_by_type(kind)
    return found


def without_template_tags(text: str) -> str:
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)


def tags_of(text: str) -> Iterator[str]:
    """The HTML tags of a template, with what stands between quotes taken out."""
    for tag in TAG.findall(without_template_tags(text)):
        yield QUOTED.sub('""', tag)


@pytest.mark.parametrize("name", NAMES)
def test_it_compiles_and_says_what_it_needs(name: str) -> None:
    compiled(name)
    if not name.startswith("django/"):  # those replace Django's own, whose context is Django's
        assert source(name).lstrip().startswith(("{#", "{% comment %}"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_inline_that_the_csp_refuses(name: str) -> None:
    refused = [
        tag
        for tag in tags_of(source(name))
        if re.search(r"\s(style|on\w+|hx-on[\w:-]*)\s*=", tag)
        or re.match(r"<style\b", tag)
        or (re.match(r"<script\b", tag) and not re.search(r"\ssrc\s*=", tag))
    ]
    assert refused == []
    assert "javascript:" not in source(name)


def test_html_written_in_python_is_not_styled_inline_either() -> None:
    html = re.compile(r"<[^<>]*\s(style|on[a-z]+)=|<style\b|<script>")
    found = [
        f"{short(path)}:{node.lineno}"
        for path in modules("apps")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and html.search(node.value)
    ]
    assert found == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_do_what_the_csp_allows(path: Path) -> None:
    refused = re.findall(
        r"setAttribute\(.style|\beval\(|new Function\(|set(?:Timeout|Interval)\(['\"]",
        path.read_text(),
    )
    assert refused == []


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ('<p style="x">', True),
        ("<button onclick='x'>", True),
        ('<a hx-on:click="x">', True),
        ('<p title="style=x" data-on="1" hx-trigger="load once">', False),
    ],
)
def test_the_rule_sees_attributes_and_no_text(text: str, refused: bool) -> None:
    (tag,) = tags_of(text)
    assert bool(re.search(r"\s(style|on\w+|hx-on[\w:-]*)\s*=", tag)) is refused


# ---- {% empty %} means two things ----------------------------------------------------------------


def empties(text: str) -> Iterator[tuple[int, bool, bool]]:
    """(line, has arguments, stands right in a {% for %}) of every {% empty %}."""
    tokens = [one for one in Lexer(text).tokenize() if one.token_type == TokenType.BLOCK]
    words = [one.contents.split()[0] for one in tokens]
    opened: list[str] = []
    for token, word in zip(tokens, words, strict=True):
        if word == "empty":
            arguments = len(token.split_contents()) > 1
            loop = bool(opened) and opened[-1] == "for"
            yield token.lineno or 0, arguments, loop
            if loop:  # from here to {% endfor %} the word has but one meaning
                opened[-1] = "for's other branch"
        elif word.startswith("end") and opened and opened[-1].startswith(word[3:]):
            opened.pop()
        elif f"end{word}" in words:
            opened.append(word)


@pytest.mark.parametrize("name", NAMES)
def test_empty_is_the_other_branch_of_a_loop_or_an_empty_state(name: str) -> None:
    """Right inside a loop Django takes `{% empty "icon" … %}` for its other branch, silently."""
    mixed_up = [line for line, state, loop in empties(source(name)) if state == loop]
    assert mixed_up == [], f"lines {mixed_up}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{% for a in b %}{% empty %}{% endfor %}", (1, False, True)),
        ('{% if a %}\n{% empty "x" _("y") %}{% endif %}', (2, True, False)),
        (
            '{% for a in b %}{% if a %}{% empty "x" _("y") %}{% endif %}{% endfor %}',
            (1, True, False),
        ),
        ('{% for a in b %}{% empty "x" _("y") %}{% endfor %}', (1, True, True)),
    ],
)
def test_the_two_meanings_are_told_apart(text: str, found: tuple[int, bool, bool]) -> None:
    assert list(empties(text)) == [found]


# ---- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_it_links_to_pages_that_exist(name: str) -> None:
    known = {key for key in get_resolver().reverse_dict if isinstance(key, str)}
    named = {node.view_name.var for node in nodes(name, URLNode)}
    assert {one for one in named if isinstance(one, str)} <= known


# ---- icons --------------------------------------------------------------------------------------


def icons_in_template(name: str) -> set[str]:
    """What {% icon %}, {% badge %}, {% notice %} and {% empty %} are told to draw."""
    found = set()
    for node in nodes(name, SimpleNode):
        signature = inspect.signature(inspect.unwrap(node.func))
        if node.func.__module__ != console.__name__ or "name" not in signature.parameters:
            continue
        given = signature.bind_partial(*node.args, **node.kwargs).arguments.get("name")
        if given is not None and isinstance(given.var, str) and given.var:
            found.add(given.var)
    return found | set(re.findall(r'\bicon(?:_name)?="([\w-]+)"', source(name)))


def icons_in_python() -> set[str]:
    named = {
        keyword.value.value
        for path in modules("apps")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("icon", "icon_name") and isinstance(keyword.value, ast.Constant)
    }
    tables = [*console.STATE_ICONS.values(), *console.STEP_ICONS.values()]
    tables += [name for _state, name in console.LEVELS.values()]
    tables += [name for _state, name, _spin in console.PHASE_MARKS.values()]
    return {*named, *tables} - {""}


def test_icons_are_found_where_they_are_named() -> None:
    assert "user" in icons_in_python()
    assert any("alert-octagon" in icons_in_template(name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_names_icons_that_are_in_the_sprite(name: str) -> None:
    assert icons_in_template(name) - LISTED == set()


def test_python_names_icons_that_are_in_the_sprite() -> None:
    assert icons_in_python() - LISTED == set()


def test_the_list_of_icons_is_sorted_and_holds_none_that_nobody_names() -> None:
    lines = [one for one in (ROOT / "static/icons.txt").read_text().split("\n") if one in LISTED]
    assert lines == sorted(set(lines))
    text = "\n".join(path.read_text() for path in (*PAGES, *SCRIPTS, *modules("apps")))
    assert LISTED - set(re.findall(r"[\"'`]([a-z0-9-]+)[\"'`]", text)) == set()
