"""Fixtures for every test: the cast, and a browser."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.utils import translation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ("tests.cast", "tests.stack")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: from the first on, Playwright keeps an event loop in this thread,
    in which no test written as a coroutine could start one of its own."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """A request leaves the language of its reader behind in the thread; the next test begins in
    the settings' own."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """The machine's Chromium, for tests marked `browser`; without one they skip, but not in CI."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "needs Chromium: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread, where Django would refuse the database.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    quiet = ["quic", "background-networking", "component-update", "sync", "gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
        )
        yield browser
        browser.close()
