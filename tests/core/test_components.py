"""The shell and its components, rendered as a browser gets them."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.template import Context, Template
from django.template.loader import get_template, render_to_string
from django.test import Client, RequestFactory
from django.utils import translation

from apps.core import context
from apps.core.context import Count
from tests.cast import signed_in

ROOT = Path(settings.BASE_DIR)
PAGE = '{% extends "base.html" %}{% block title %}T{% endblock %}{% block content %}C{% endblock %}'


class Person(SimpleNamespace):
    """Someone of whom the shell asks only what it needs."""

    is_authenticated = True
    theme = ""

    def can(self, capability: str) -> bool:
        return capability in self.may

    def __str__(self) -> str:
        return str(self.username)


def page(path: str = "/settings/", may: set[str] | None = None, **cookies: str) -> str:
    request = RequestFactory().get(path)
    request.user = Person(pk=1, username="olga", may={"console.view"} if may is None else may)  # type: ignore[assignment]
    request.COOKIES |= cookies
    values = {"user": request.user, **context.shell(request)}
    return Template(PAGE).render(Context({"request": request, "csrf_token": "t0ken", **values}))


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(context, "_COUNTS", {})
    monkeypatch.setattr(context, "_environments", list)
    yield


# ---- shell ----------------------------------------------------------------------------------


def test_the_navigation_shows_only_what_leads_somewhere_and_may_be_seen(numbers: None) -> None:
    everything = page(may={"console.view", "audit.read"})
    links = re.findall(r'<a href="(/[^"]*)"[^>]*data-go', everything)
    assert links
    for link in links:
        assert context._leads_somewhere(link[1:], settings.ROOT_URLCONF), link
    assert 'href="/audit/"' in everything
    assert 'href="/audit/"' not in page()
    assert "data-go" not in page(may=set()).split("<main")[0].split("<nav")[1]


def test_the_current_place_is_marked(numbers: None) -> None:
    shown = page("/settings/people/")
    assert re.search(r'<a href="/settings/" aria-current="page"', shown)
    assert shown.count('aria-current="page"') == 1


def test_a_number_stands_beside_its_entry(numbers: None) -> None:
    context.count_register("settings", lambda user: Count(4, "bad", "failing"))
    context.count_register("needs-me", lambda user: Count(2))
    shown = page()
    assert '<b data-s="bad" title="failing">4' in shown


def test_a_fragment_asks_for_no_number(numbers: None) -> None:
    def refuse(user: object) -> Count:
        raise AssertionError("a fragment draws no navigation")

    context.count_register("settings", refuse)
    request = RequestFactory().get("/")
    request.user = Person(pk=1, username="olga", may={"console.view"})  # type: ignore[assignment]
    assert Template("row").render(Context(context.shell(request))) == "row"


@pytest.mark.parametrize(
    ("cookie", "account", "theme"),
    [
        ("", "", "system"),
        ("", "dark", "dark"),
        ("light", "dark", "light"),
        ("system", "dark", "system"),
        ('"><script>', "", "system"),
    ],
)
def test_the_theme_is_in_the_first_byte(
    numbers: None, cookie: str, account: str, theme: str
) -> None:
    request = RequestFactory().get("/")
    request.user = Person(pk=1, username="olga", may=set(), theme=account)  # type: ignore[assignment]
    if cookie:
        request.COOKIES[context.THEME_COOKIE] = cookie
    assert context.theme_of(request) == theme
    assert f'data-theme="{theme}"' in page(**({context.THEME_COOKIE: theme}))


@pytest.mark.parametrize("cookie", ["", "x", "²", "-1", "1" * 30])
def test_a_broken_environment_cookie_means_all(cookie: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES[context.ENVIRONMENT_COOKIE] = cookie
    assert context.environment_chosen(request) is None


def test_the_environment_switch_shows_the_choice(numbers: None) -> None:
    one = SimpleNamespace(pk=3, name="prod-gz", stage="prod", region="ap-guangzhou")
    context.environments_register(lambda: [one])
    assert "All environments" in page().split("sd-pop")[0]
    chosen = page(**{context.ENVIRONMENT_COOKIE: "3"})
    assert 'data-e="prod">prod-gz' in chosen.split("sd-pop")[0]


def test_the_shell_speaks_both_languages(numbers: None) -> None:
    with translation.override("en"):
        english = page()
    with translation.override("zh-hans"):
        chinese = page()
    assert '<html lang="en"' in english and "Skip to content" in english
    assert '<html lang="zh-CN"' in chinese and "跳到正文" in chinese
    assert "设置" in chinese


def test_csrf_is_inherited_by_every_request(numbers: None) -> None:
    assert """hx-headers:inherited='{"X-CSRFToken": "t0ken"}'""" in page()


# ---- house rules of templates ---------------------------------------------------------------


def test_no_template_carries_inline_style_or_script() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\sstyle=", text), path
        assert "<style" not in text, path
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"\s(on\w+|hx-on[:\w-]*)=", text), path


def test_every_shared_template_compiles() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        if path.parent.name in ("components", "registration", "templates", "widgets", "forms"):
            get_template(str(path.relative_to(ROOT / "templates")))


def test_every_sheet_is_imported_once_and_knows_its_layer() -> None:
    css = ROOT / "static/css"
    listed = re.findall(r'@import "([^".]+\.css)"', (css / "app.css").read_text())
    present = {str(p.relative_to(css)) for p in css.rglob("*.css")} - {"app.css"}
    assert sorted(listed) == sorted(present)
    for name in present:
        text = (css / name).read_text()
        assert re.search(r"^@layer (tokens|base|layout|components|pages|utilities) \{", text, re.M)
        assert text.count("{") == text.count("}"), name


def test_colours_come_from_tokens_alone() -> None:
    css = ROOT / "static/css"
    for path in css.rglob("*.css"):
        # Pages about pictures lay marks over them, which are black or white in both themes.
        if path.name in ("tokens.css",) or path.parent.name == "pages":
            continue
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", path.read_text()), path


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_ink_is_readable_on_every_ground(theme: int) -> None:
    sheet = (ROOT / "static/css/tokens.css").read_text()
    found = re.findall(r"--sd-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheet)
    token = {name: (light, dark)[theme] for name, light, dark in found}
    roles = ["ok", "run", "warn", "bad", "drift", "hold"]
    inks = ["ink", "ink-2", "ink-3", "accent", *(f"{role}-fg" for role in roles)]
    pairs = [
        *((ink, ground) for ink in inks for ground in ("canvas", "surface", "sunken", "select")),
        *((f"{role}-fg", f"{role}-bg") for role in roles),
        ("ink-3", "hold-bg"),
        ("on-accent", "accent"),
        ("on-accent", "accent-h"),
        ("on-bad", "bad-fg"),
    ]
    for ink, ground in pairs:
        high, low = sorted((luminance(token[ink]), luminance(token[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{ink} on {ground}"


# ---- forms ----------------------------------------------------------------------------------


class Wish(forms.Form):
    name = forms.CharField(help_text="Lower case.")
    gpu = forms.ChoiceField(choices=[("a", "A10")])
    memory = forms.IntegerField(required=False, min_value=1)
    notes = forms.CharField(widget=forms.Textarea, required=False)
    api = forms.BooleanField(required=False, help_text="Opens the API.")
    policy = forms.ChoiceField(choices=[("x", "X"), ("y", "Y")], widget=forms.RadioSelect)
    token = forms.CharField(widget=forms.HiddenInput, required=False)


def test_a_form_renders_in_our_look() -> None:
    said = str(Wish())
    assert re.search(r'<input type="text" name="name" class="form-control"', said)
    assert re.search(r'<select name="gpu" class="form-select"', said)
    assert re.search(r'<textarea name="notes" class="form-control"', said)
    assert re.search(r'<input type="checkbox" name="api" class="form-check-input"', said)
    assert said.count('class="form-check-input"') == 3
    assert 'type="hidden"' in said and 'class="form-control" id="id_token"' not in said
    assert said.count("optional") == 2
    assert 'for="id_name"' in said and "Lower case." in said


def test_a_wrong_field_says_so_beside_itself() -> None:
    form = Wish({"name": "", "gpu": "a", "policy": "x"})
    said = str(form)
    assert re.search(r'aria-invalid="true"', said)
    assert re.search(r'id="id_name_error"[^>]*>.*This field is required', said, re.S)
    form.add_error(None, "The slice is too small.")
    assert "The slice is too small." in str(form)


def test_the_field_tag_takes_a_unit() -> None:
    said = Template('{% load console %}{% field f unit="GiB" wide=True %}').render(
        Context({"f": Wish()["memory"]})
    )
    assert '<div class="sd-unit">' in said and "<span>GiB</span>" in said and "is-wide" in said


# ---- toasts and pages outside the shell -----------------------------------------------------


def test_a_message_is_a_toast_that_can_be_dismissed() -> None:
    message = Message(40, "It failed.")
    said = render_to_string("components/_toast.html", {"message": message})
    assert 'data-s="bad"' in said and 'role="alert"' in said and "data-dismiss" in said


def test_a_fragment_adds_its_toasts_out_of_band() -> None:
    said = render_to_string("components/_toasts_oob.html", {"messages": [Message(25, "Saved.")]})
    assert 'hx-swap-oob="beforeend"' in said and "Saved." in said
    assert not render_to_string("components/_toasts_oob.html", {"messages": []}).strip()


@pytest.mark.parametrize("name", ["404.html", "500.html", "403_csrf.html"])
def test_error_pages_need_no_context(name: str) -> None:
    said = render_to_string(name)
    assert '<html lang="en"' in said and 'href="/"' in said


# ---- what is chosen in the top bar ----------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_language_is_kept_in_a_cookie_and_on_the_account(olga: Any) -> None:
    client = signed_in(olga)
    answer = client.post("/preferences/language/", {"language": "en", "next": "/settings/"})
    assert (answer.status_code, answer["Location"]) == (302, "/settings/")
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"
    olga.refresh_from_db()
    assert olga.language == "en"


def test_a_theme_is_kept_and_system_means_no_wish(olga: Any) -> None:
    client = signed_in(olga)
    client.post("/preferences/theme/", {"theme": "dark"})
    olga.refresh_from_db()
    assert olga.theme == "dark"
    answer = client.post(
        "/preferences/theme/", {"theme": "system"}, headers={"X-Requested-With": "fetch"}
    )
    olga.refresh_from_db()
    assert (olga.theme, answer.status_code) == ("", 204)


def test_the_door_has_a_language_too() -> None:
    answer = Client().post("/preferences/language/", {"language": "zh-hans"})
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == "zh-hans"


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_a_choice_never_leads_to_another_site(olga: Any, where: str) -> None:
    answer = signed_in(olga).post("/preferences/theme/", {"theme": "dark", "next": where})
    assert answer["Location"] == "/"


def test_made_up_choices_change_nothing(olga: Any) -> None:
    client = signed_in(olga)
    assert not client.post("/preferences/theme/", {"theme": "pink"}).cookies
    assert not client.post("/preferences/language/", {"language": "xx"}).cookies
    assert client.get("/preferences/theme/").status_code == 405
    olga.refresh_from_db()
    assert (olga.theme, olga.language) == ("", "")


def test_an_environment_is_chosen_and_left(olga: Any) -> None:
    client = signed_in(olga)
    answer = client.post("/preferences/environment/", {"environment": "3"})
    assert answer.cookies[context.ENVIRONMENT_COOKIE].value == "3"
    answer = client.post("/preferences/environment/", {"environment": ""})
    assert answer.cookies[context.ENVIRONMENT_COOKIE].value == ""
