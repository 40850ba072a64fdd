"""The shell in a real browser: keys, menus, theme, and not one refusal by the CSP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(chromium: Browser, live_server: Any, olga: Any) -> Iterator[Page]:
    """Olga's browser, signed in, at her settings; any complaint of the browser fails the test."""
    client = Client()
    client.force_login(olga)
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, base_url=live_server.url, color_scheme="dark"
    )
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
    )
    opened = context.new_page()
    complaints: list[str] = []
    opened.on(
        "console", lambda said: complaints.append(said.text) if said.type == "error" else None
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/settings/", wait_until="networkidle")
    yield opened
    context.close()
    assert not complaints


def test_the_page_does_not_scroll_sideways(page: Page) -> None:
    for width in (1280, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_navigation_becomes_a_rail(page: Page) -> None:
    nav = page.locator("nav.sd-nav")
    assert nav.bounding_box()["width"] == 80  # type: ignore[index]
    page.set_viewport_size({"width": 1440, "height": 800})
    assert nav.bounding_box()["width"] == 184  # type: ignore[index]


def test_icons_are_drawn(page: Page) -> None:
    drawn = page.locator("nav.sd-nav a .sd-i use").first.evaluate("use => use.getBBox().width")
    assert drawn > 0


def test_the_theme_turns_at_once_and_stays(page: Page, olga: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)  # the system asks for dark
    page.locator("details:has([data-theme-form]) summary").click()
    with page.expect_response("**/preferences/theme/"):
        page.locator("[data-theme-form] [value=light]").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload(wait_until="networkidle")
    assert page.evaluate(ground) == light
    olga.refresh_from_db()
    assert olga.theme == "light"


def test_the_language_turns_every_word(page: Page) -> None:
    page.locator("button[name=language]").click()
    page.wait_for_selector('html[lang="zh-CN"]')
    assert "设置" in page.inner_text("nav.sd-nav")


def test_question_mark_opens_the_key_sheet_and_escape_closes_it(page: Page) -> None:
    sheet = page.locator("dialog#keys")
    page.keyboard.press("?")
    sheet.wait_for(state="visible")
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")


def test_keys_are_silent_while_someone_writes(page: Page) -> None:
    field = page.locator("input.form-control[type=text]").first
    field.click()
    field.press("?")
    assert not page.locator("dialog#keys").is_visible()


def test_g_and_a_letter_goes_there(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/audit/**")


def test_a_menu_closes_on_escape_and_gives_the_focus_back(page: Page) -> None:
    menu = page.locator("details:has([data-theme-form])")
    menu.locator("summary").click()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "light"
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_shell_works_without_a_script(chromium: Browser, live_server: Any, olga: Any) -> None:
    client = Client()
    client.force_login(olga)
    context = chromium.new_context(java_script_enabled=False, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
    )
    page = context.new_page()
    page.goto("/settings/")
    page.locator("details:has([data-theme-form]) summary").click()
    page.locator("[data-theme-form] [value=dark]").click()
    page.wait_for_url("**/settings/")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert (
        not page.locator("[data-dismiss]").count()
        or not page.locator("[data-dismiss]").first.is_visible()
    )
    context.close()
