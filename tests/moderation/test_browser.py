"""Review in a real Chromium, by the keyboard alone; the pictures come from the sandbox's bucket."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from apps.generation.models import Image
from apps.moderation.models import Case, CaseState, Decision, Habit
from tests.moderation.conftest import RED, make_case, stranger
from tests.stack import loop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["loop"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DEADLINE_S = 45
PICTURES = 4


@pytest.fixture
def cases(picture: Callable[..., Image]) -> list[Case]:
    """Flagged pictures in the order of the queue, the worst first."""
    return [
        make_case(picture(RED, 0.3), score=90 - number, severity=2 if number == 0 else 1)
        for number in range(PICTURES)
    ]


@pytest.fixture
def page(
    chromium: Browser,
    live_server: Any,
    settings: Any,
    sandbox: dict[str, str],
    cases: list[Case],
    rui: Any,
) -> Iterator[Page]:
    """Rui's browser on the queue; any complaint of the browser fails the test."""
    policy = copy.deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["img-src"].append(f"http://{sandbox['cos']}")
    settings.CONTENT_SECURITY_POLICY = policy
    client = Client()
    client.force_login(rui)
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, base_url=live_server.url, locale="en-US"
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
    opened.goto("/moderation/", wait_until="networkidle")
    yield opened
    opened.goto("about:blank")  # polls must not meet an empty database
    context.close()
    assert not complaints


def shows(page: Page, case: Case) -> None:
    page.wait_for_selector(f'#decide[data-case="{case.pk}"]')
    # Keys are for the picture that is seen: the page ignores them for 250 ms after a change.
    page.wait_for_timeout(350)


def eventually(done: Callable[[], Any]) -> Any:
    end = time.monotonic() + DEADLINE_S
    while not (found := done()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)
    return found


def state(case: Case) -> str:
    case.refresh_from_db()
    return case.state


def test_a_reviewer_freezes_one_and_approves_one_and_both_are_proved(
    page: Page, cases: list[Case], loop: None
) -> None:
    frozen, approved, third, _ = cases
    shows(page, frozen)
    page.keyboard.press("2")
    page.keyboard.press("f")
    shows(page, approved)
    page.keyboard.press("a")
    shows(page, third)
    assert (state(frozen), frozen.policy_label) == (CaseState.FROZEN, "weapons")
    assert state(approved) == CaseState.APPROVED
    eventually(lambda: state(approved) and approved.proven_at)
    assert (stranger(frozen), stranger(approved)) == (403, 200)
    assert not Image.objects.get(pk=approved.image_id).hidden
    for case, status in ((frozen, "403"), (approved, "200")):
        page.goto(f"/moderation/cases/{case.pk}/")
        page.wait_for_selector('#case-body[data-proven="yes"]')
        assert status in page.inner_text(".sdm-matrix tbody")


def test_holding_p_shows_the_original_and_is_recorded(page: Page, cases: list[Case]) -> None:
    shows(page, cases[0])
    picture = page.locator("[data-picture]")
    assert picture.get_attribute("data-mode") == "grey"
    page.keyboard.down("p")
    assert picture.get_attribute("data-mode") == "open"
    page.wait_for_timeout(300)
    page.keyboard.up("p")
    assert picture.get_attribute("data-mode") == "grey"
    page.keyboard.press("f")
    shows(page, cases[1])
    made = Decision.objects.get()
    assert made.seen_mode == "open"
    assert made.seen_ms >= 250


def test_u_takes_it_back(page: Page, cases: list[Case]) -> None:
    shows(page, cases[0])
    page.keyboard.press("a")
    shows(page, cases[1])
    page.keyboard.press("u")
    shows(page, cases[0])
    assert state(cases[0]) == CaseState.FLAGGED


def test_escalate_and_skip_go_on(page: Page, cases: list[Case]) -> None:
    shows(page, cases[0])
    page.keyboard.press("e")
    shows(page, cases[1])
    page.keyboard.press("s")
    shows(page, cases[2])
    cases[0].refresh_from_db()
    assert cases[0].escalated_at
    assert cases[1].skips.count() == 1


def test_a_key_held_down_decides_one_picture(page: Page, cases: list[Case]) -> None:
    shows(page, cases[0])
    for _ in range(6):
        page.keyboard.down("a")  # the browser repeats it
    page.keyboard.up("a")
    shows(page, cases[1])
    assert Decision.objects.count() == 1


def test_letters_in_the_reason_decide_nothing(page: Page, cases: list[Case]) -> None:
    shows(page, cases[0])
    page.locator("[name=reason]").click()
    page.keyboard.type("safe after all, 1 pause")
    page.wait_for_timeout(100)
    assert not Decision.objects.exists()
    page.keyboard.press("Tab")
    page.locator("button[value=freeze]").click()
    shows(page, cases[1])
    assert Decision.objects.get().reason == "safe after all, 1 pause"


def test_the_preview_is_ones_own_setting(page: Page, cases: list[Case], rui: Any) -> None:
    shows(page, cases[0])
    page.locator("button[name=preview][value=sketch]").click()
    assert page.locator("[data-picture]").get_attribute("data-mode") == "sketch"
    eventually(lambda: Habit.objects.filter(person=rui, preview="sketch").exists())
    page.reload()
    # Greyscale first: the sketch is drawn from the picture once that has come.
    page.wait_for_selector('[data-picture][data-mode="sketch"]')


def test_it_works_without_a_script(
    chromium: Browser, page: Page, cases: list[Case], live_server: Any
) -> None:
    shows(page, cases[0])
    plain = chromium.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page.context.storage_state(),
    )
    try:
        other = plain.new_page()
        other.goto("/moderation/")
        other.locator(".sdm-lab", has_text="Hate").click()
        other.locator("button[value=freeze]").click()
        other.wait_for_selector(f'#decide[data-case="{cases[1].pk}"]')
    finally:
        plain.close()
    assert (state(cases[0]), cases[0].policy_label) == (CaseState.FROZEN, "hate")


def test_nothing_scrolls_sideways(page: Page, cases: list[Case]) -> None:
    for path in ("/moderation/", "/moderation/cases/", f"/moderation/cases/{cases[0].pk}/"):
        page.goto(path, wait_until="networkidle")
        for width in (1280, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
