"""From a file on a laptop to a proven freeze, in a real browser, as three people would do it.

The pictures of the README are taken on the way when SDCONSOLE_PICTURES names a folder.
"""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.loop.checkpoint import write_checkpoint
from tests.loop.conftest import Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
SIZE = {"width": 1440, "height": 900}
FILE_MIB = 80
# Slow enough for a reload to come in between, quick enough for a test.
SLOW_BYTES_S = 24 * 1024 * 1024


@contextmanager
def person(chromium: "Browser", console: Console, name: str) -> Iterator["Page"]:
    """A signed-in person in a browser of their own; a complaint of the browser fails the test."""
    from playwright.sync_api import expect

    context = chromium.new_context(viewport=SIZE, locale="en-US", base_url=console.url)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" else None,
    )
    page.goto("/accounts/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", console.passwords[name])
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)
    try:
        yield page
    except Exception:
        page.screenshot(path=str(console.home / f"failed-{name}.png"), full_page=True)
        raise
    finally:
        context.close()
    assert not complaints, complaints


def picture(page: "Page", name: str) -> None:
    folder = os.environ.get("SDCONSOLE_PICTURES")
    if folder:
        page.mouse.move(0, 0)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def anonymous(url: str) -> int:
    """The status that a read without any sign-in gets."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def apply_plan(page: "Page") -> None:
    """Read the plan, apply it, and follow its run to the end."""
    from playwright.sync_api import expect

    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("#run-body .sd-head .sd-badge")).to_contain_text("Done")


def test_a_checkpoint_becomes_a_moderated_image(
    chromium: "Browser", console: Console, tmp_path: Path
) -> None:
    try:
        with person(chromium, console, "models") as page:
            upload(page, write_checkpoint(tmp_path / "portrait.safetensors", FILE_MIB))
        with person(chromium, console, "ops") as page:
            deploy(page)
            put_behind_the_gateway(page)
            ask_for_images(page)
        with person(chromium, console, "reviewer") as page:
            frozen, approved = review(page)
        assert anonymous(frozen) == 403
        assert anonymous(approved) == 200
        with person(chromium, console, "ops") as page:
            page.goto("/")
            picture(page, "overview")
            page.goto("/gpu/")
            picture(page, "gpu")
    except Exception:
        print(console.log())
        raise


def upload(page: "Page", file: Path) -> None:
    """Drop a file, reload in the middle, go on where it was, and see it published."""
    from playwright.sync_api import expect

    page.goto("/models/")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": SLOW_BYTES_S})
    page.set_input_files("[data-upload-file]", file)
    lane = page.locator(".sdm-lane").filter(has_text=file.name)
    expect(lane.locator("[data-slot=family]")).to_contain_text("SD 1.5")
    lane.locator("[data-do=start]").click()
    # Far enough that whole parts have arrived, not only pieces of the first four.
    expect(lane.locator("[data-slot=percent]")).to_have_text(re.compile(r"[5-8]\d%"))
    page.reload()
    lane = page.locator(".sdm-lane").filter(has_text=file.name)
    there = lane.locator("[data-slot=why]")
    expect(there).to_have_text(re.compile(r"^[1-9]\d* of 11 parts are in COS"))
    page.set_input_files("[data-upload-file]", file)
    # What was there already is not sent again.
    expect(lane.locator("[data-slot=percent]")).to_have_text(re.compile(r"[2-9]\d%"))
    picture(page, "models")
    row = page.locator("#rows tr").filter(has_text="portrait")
    expect(row).to_contain_text("Ready")
    expect(row).to_contain_text("SD 1.5")
    expect(row).to_contain_text("Clean")


def deploy(page: "Page") -> None:
    """Declare, read the plan, apply, and watch two replicas of half a card become ready."""
    from playwright.sync_api import expect

    page.goto("/deployments/new/")
    page.fill("input[name=name]", "portrait")
    choice = page.locator("select[name=checkpoint] option").filter(has_text="portrait v1")
    page.select_option("select[name=checkpoint]", value=choice.get_attribute("value"))
    page.fill("input[name=replicas]", "2")
    page.fill("input[name=core]", "50")
    page.fill("input[name=slice_gib]", "10")
    page.get_by_role("button", name="Show the plan").click()
    page.wait_for_url(re.compile(r"/plans/\d+/$"))
    for kind in ("PersistentVolume", "PersistentVolumeClaim", "Deployment", "Service"):
        expect(page.locator(".sd-obj summary").filter(has_text=kind).first).to_be_visible()
    picture(page, "plan")
    apply_plan(page)
    picture(page, "run")
    page.goto("/deployments/")
    page.get_by_role("link", name="portrait", exact=True).click()
    expect(page.locator("#deployment-body .sd-say")).to_contain_text("2 of 2 replicas ready")
    picture(page, "deployment")
    page.goto("/gpu/")
    both = page.locator(".sdm-gcard").filter(has_text="portrait").locator(".sdm-slice b")
    expect(both.filter(has_text="portrait")).to_have_count(2)


def put_behind_the_gateway(page: "Page") -> None:
    """Source, service, ANY route, a limit that says something, stickiness by client address."""
    from playwright.sync_api import expect

    page.goto("/deployments/")
    page.get_by_role("link", name="portrait", exact=True).click()
    page.get_by_role("link", name="Put behind the gateway").click()
    expect(page.locator("body")).to_contain_text("2 replicas")
    page.fill("input[name$=minute]", "600")
    page.fill("[name$=response_body]", "One moment, please.")
    page.get_by_role("button", name="Show the plan").click()
    page.wait_for_url(re.compile(r"/plans/\d+/$"))
    for kind in ("Service source", "Gateway service", "Stickiness", "Route", "Rate limit"):
        expect(page.locator(".sd-obj summary").filter(has_text=kind).first).to_be_visible()
    apply_plan(page)
    page.goto("/gateway/")
    row = page.locator("#rows tr").filter(has_text="portrait").first
    expect(row).to_contain_text("Ready")
    picture(page, "gateway")


def ask_for_images(page: "Page") -> None:
    from playwright.sync_api import expect

    page.goto("/generate/")
    page.fill("textarea[name=prompt]", "a battlefield in red, blood on the snow, hint of dawn")
    page.fill("input[name=steps]", "8")
    page.fill("input[name=count]", "4")
    page.locator("#ask button[type=submit]").click()
    expect(page.locator("body")).to_contain_text("wait for moderation")
    expect(page.locator("body")).to_contain_text(re.compile("4 wait for moderation"))
    picture(page, "generate")


def review(page: "Page") -> tuple[str, str]:
    """Freeze one and approve one from the keyboard; the public addresses of both, once proven."""
    from playwright.sync_api import expect

    page.goto("/moderation/")
    decide = page.locator("#decide")
    expect(decide).to_be_visible()
    picture(page, "review")
    first = decide.get_attribute("data-case")
    page.wait_for_timeout(400)  # a key pressed at once after the picture came is ignored
    page.keyboard.press("1")
    page.keyboard.press("f")
    expect(page.locator(f"#decide:not([data-case='{first}'])")).to_be_visible()
    second = decide.get_attribute("data-case")
    page.wait_for_timeout(400)
    page.keyboard.press("a")
    expect(page.locator(f"#decide[data-case='{second}']")).to_have_count(0)
    frozen = proven(page, first, "Frozen", "403")
    picture(page, "case")
    approved = proven(page, second, "Approved", "200")
    return frozen, approved


def proven(page: "Page", case: str | None, state: str, status: str) -> str:
    """The case page says that an anonymous read was made and what it was answered."""
    from playwright.sync_api import expect

    page.goto(f"/moderation/cases/{case}/")
    expect(page.locator(".sd-head")).to_contain_text(state)
    expect(page.locator(".sd-head")).to_contain_text("Origin-proven")
    expect(page.locator("body")).to_contain_text(f"answered {status}")
    answer = page.request.get(f"/api/v1/moderation/cases/{case}")
    return str(answer.json()["object_url"])
