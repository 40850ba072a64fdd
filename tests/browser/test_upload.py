"""A checkpoint on the Models page, in a real browser: refused, sent, cut off, gone on with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client

from apps.environments.clients import cos_for
from apps.registry import inspection, safetensors
from apps.registry.models import Upload, Version
from apps.registry.refusals import Refusal
from cloud.types import CorsRule
from tests.registry.files import LORA, SD15, head_of, header, model_bytes, write_model
from tests.registry.test_inspection import CASES
from tests.registry.test_rules import NAMES
from tests.registry.test_safetensors import ENTRIES, STARTS, TEXTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WAIT_MS = 60_000
ENOUGH = 64 << 20
SLOW = 12 << 20  # bytes a second
Open = Callable[..., "Page"]


@pytest.fixture
def open_page(
    chromium: Browser, live_server: Any, environment: Any, sandbox: dict[str, str], settings: Any
) -> Iterator[Open]:
    """open_page(person) -> the Models page in a browser of their own; complaints fail the test."""
    policy = deepcopy(django_settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["connect-src"].append(f"{sandbox['scheme']}://{sandbox['cos']}")
    settings.CONTENT_SECURITY_POLICY = policy
    cos_for(environment).cors_put([allowing(live_server.url)])
    contexts, complaints = [], []

    def opened(person: Any, language: str = "en") -> Page:
        person.language = language
        person.save()
        client = Client()
        client.force_login(person)
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": 1280, "height": 800}
        )
        context.set_default_timeout(WAIT_MS)
        name = django_settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error.stack)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("/models/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def allowing(origin: str) -> CorsRule:
    """What the preparation of an environment sets for the console's own address."""
    return CorsRule(
        id="sd-console",
        origins=(origin,),
        methods=("GET", "HEAD", "PUT", "POST"),
        headers=("*",),
        expose=("ETag", "x-cos-request-id", "x-cos-hash-crc64ecma", "Content-Length"),
        max_age_s=600,
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_model(tmp_path / "portrait-v3.safetensors", ENOUGH)


def choose(page: Page, *files: Path | dict[str, Any]) -> None:
    page.set_input_files("[data-upload-file]:not([data-upload-for])", list(files))  # type: ignore[arg-type]


def bytes_of(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def slow(page: Page, bytes_a_second: int = SLOW) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    speed(session, bytes_a_second)
    return session


def speed(session: CDPSession, bytes_a_second: int) -> None:
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": bytes_a_second})


class Parts:
    """Which parts a page has sent to COS, as the browser saw them answered."""

    def __init__(self, page: Page) -> None:
        self.sent: list[int] = []
        self.elsewhere: list[str] = []
        page.on("requestfinished", self.note)

    def note(self, request: Any) -> None:
        query = parse_qs(urlsplit(request.url).query)
        if "partNumber" in query and request.method == "PUT":
            self.sent.append(int(query["partNumber"][0]))


def start(page: Page, model: str = "portrait") -> None:
    page.fill("[name=model]", model)
    page.click("[data-do=start]:visible")


def published(page: Page, name: str = "portrait v1") -> None:
    page.wait_for_selector(f"text=Published as {name}")


def test_a_checkpoint_goes_from_the_disk_to_cfs(
    open_page: Open, mo: Any, checkpoint: Path, loop: None
) -> None:
    page = open_page(mo)
    parts = Parts(page)
    choose(page, checkpoint)
    lane = page.locator("#uploader li.sdm-lane")
    lane.locator("text=SD 1.5").wait_for()
    assert page.input_value("[name=model]") == "portrait"
    assert page.input_value("[name=type]") == "checkpoint"
    start(page)
    published(page)
    version = Version.objects.get()
    disk = (
        Path(version.environment.cfs_mount_path) / "models/Stable-diffusion/portrait-v1.safetensors"
    )
    content = checkpoint.read_bytes()
    assert disk.read_bytes() == content
    assert version.claimed_sha256 == version.sha256 == hashlib.sha256(content).hexdigest()
    # The browser's own sum of the whole, combined from its parts.
    assert version.claimed_crc64 == version.crc64
    assert sorted(parts.sent) == list(range(1, 10))
    page.wait_for_selector(f"#version-row-{version.pk} >> text=Ready")
    page.click("#uploader a:has-text('Details')")
    page.wait_for_selector("h1:has-text('portrait v1')")
    disk.unlink()


def test_a_reload_in_the_middle_loses_nothing(
    open_page: Open, mo: Any, checkpoint: Path, loop: None
) -> None:
    page = open_page(mo)
    first = Parts(page)
    session = slow(page)
    choose(page, checkpoint)
    start(page)
    while len(first.sent) < 3:
        page.wait_for_timeout(50)
    page.reload()
    sent_before = list(first.sent)
    lane = page.locator("#uploader li.sdm-lane")
    lane.locator("text=parts are in COS. Choose the same file to go on.").wait_for()
    lane.locator("text=SD 1.5").wait_for()
    second = Parts(page)
    with page.expect_file_chooser() as chooser:
        lane.locator("[data-do=choose]").click()
    speed(session, -1)
    chooser.value.set_files(checkpoint)
    published(page)
    # A part may have arrived while its page went away: then nobody told, and it is not sent again.
    assert not set(sent_before) & set(second.sent)
    assert len(second.sent) == len(set(second.sent)) <= 9 - len(sent_before)
    version = Version.objects.get()
    disk = Path(version.environment.cfs_mount_path) / version.path
    assert disk.read_bytes() == checkpoint.read_bytes()
    disk.unlink()


def test_another_person_goes_on_in_another_browser(
    open_page: Open, mo: Any, root: Any, checkpoint: Path, tmp_path: Path, loop: None
) -> None:
    page = open_page(mo)
    parts = Parts(page)
    slow(page)
    choose(page, checkpoint)
    start(page)
    while len(parts.sent) < 2:
        page.wait_for_timeout(50)
    page.click("[data-do=pause]")
    page.wait_for_selector("text=Paused")
    page.close()
    other = open_page(root)
    lane = other.locator("#uploader li.sdm-lane")
    # The same size, another header: not the file whose parts lie in COS.
    wrong = bytearray(checkpoint.read_bytes())
    at = wrong.index(b"first_stage_model")
    wrong[at : at + 5] = b"FIRST"
    (tmp_path / "wrong").mkdir()
    liar = tmp_path / "wrong" / checkpoint.name
    liar.write_bytes(wrong)
    with other.expect_file_chooser() as chooser:
        lane.locator("[data-do=choose]").click()
    chooser.value.set_files(liar)
    lane.locator("text=its header differs").wait_for()
    more = Parts(other)
    choose(other, checkpoint)  # dropped again, it finds its own lane
    published(other)
    assert other.locator("#uploader li.sdm-lane").count() == 1
    assert not set(parts.sent) & set(more.sent)
    version = Version.objects.get()
    (Path(version.environment.cfs_mount_path) / version.path).unlink()


def test_pause_go_on_and_give_up(open_page: Open, mo: Any, checkpoint: Path, loop: None) -> None:
    page = open_page(mo)
    parts = Parts(page)
    slow(page)
    choose(page, checkpoint)
    start(page)
    while not parts.sent:
        page.wait_for_timeout(50)
    page.click("[data-do=pause]")
    page.wait_for_selector("text=Paused")
    page.click("[data-do=resume]")
    page.wait_for_selector("[data-slot=left]:has-text('left')")
    page.click("[data-do=abort]")
    page.wait_for_selector("text=was given up")
    assert page.locator("#uploader li.sdm-lane").count() == 0
    assert not Upload.objects.filter(state="open").exists()


def test_parts_that_arrive_changed_or_not_at_all_are_sent_again(
    open_page: Open, mo: Any, checkpoint: Path, loop: None
) -> None:
    page = open_page(mo)
    tried: list[str] = []

    def spoil(route: Route) -> None:
        number = parse_qs(urlsplit(route.request.url).query)["partNumber"][0]
        first = number not in tried
        tried.append(number)
        allow = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
        if route.request.method == "PUT" and first and number == "2":
            route.fulfill(status=200, headers={**allow, "x-cos-hash-crc64ecma": "1"})
        elif route.request.method == "PUT" and first and number == "3":
            route.fulfill(status=503, headers=allow)
        elif route.request.method == "PUT" and first and number == "4":
            route.abort()
        else:
            route.continue_()

    page.route(re.compile("partNumber="), spoil)
    choose(page, checkpoint)
    start(page)
    published(page)
    assert {tried.count(number) for number in "234"} == {2}
    version = Version.objects.get()
    disk = Path(version.environment.cfs_mount_path) / version.path
    assert disk.read_bytes() == checkpoint.read_bytes()
    disk.unlink()


DROP = """async ([name, text]) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name));
  const event = { dataTransfer: carried, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragenter", event));
  const veil = !document.getElementById("drop-veil").hidden;
  document.body.dispatchEvent(new DragEvent("drop", event));
  return veil;
}"""


@pytest.mark.parametrize(
    ("language", "sentence", "cut"),
    [
        ("en", "files are pickles", "The file ends 7 bytes before its last tensor does"),
        ("zh-hans", "文件是 pickle", "文件比最后一个张量少 7 字节"),
    ],
)
def test_what_is_no_model_is_refused_before_a_byte_is_sent(
    open_page: Open, mo: Any, language: str, sentence: str, cut: str
) -> None:
    import base64

    page = open_page(mo, language)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    dropped = base64.b64encode(b"PK\x03\x04" + bytes(100)).decode()
    assert page.evaluate(DROP, ["chilloutmix.ckpt", dropped]) is True
    page.wait_for_selector(f".is-bad >> text={sentence}")
    choose(page, bytes_of("cut.safetensors", model_bytes()[:-7]))
    page.wait_for_selector(f".is-bad >> text={cut}")
    assert set(asked) <= {"GET"}
    assert not Upload.objects.exists()


def test_a_lora_in_the_wrong_folder_is_refused_by_the_form(open_page: Open, mo: Any) -> None:
    page = open_page(mo)
    choose(page, bytes_of("ink.safetensors", model_bytes(LORA)))
    page.wait_for_selector("[data-do=start]:visible")
    assert page.input_value("[name=type]") == "lora"
    page.select_option("[name=type]", "checkpoint")
    page.click("[data-do=start]:visible")
    page.wait_for_selector("text=This is a LoRA, not a checkpoint.")
    assert not Upload.objects.exists()


def test_a_rule_of_the_console_is_said_in_the_lane(open_page: Open, mo: Any) -> None:
    from apps.registry.models import Model

    Model.objects.create(name="taken", type="lora")
    page = open_page(mo)
    choose(page, bytes_of("x.safetensors", model_bytes()))
    start(page, "taken")
    page.wait_for_selector("text=taken is of type LoRA and keeps it")


# ---- browser and console judge alike ------------------------------------------------------------

JUDGE = """async ([limits, files, names]) => {
  const { checkName, headerEnd, parse } = await import("/static/js/registry-safetensors.js");
  const { inspect } = await import("/static/js/registry-inspect.js");
  const code = (work) => {
    try { return work(); } catch (error) { return error.code ?? String(error); }
  };
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  return {
    files: files.map(([text, size]) => code(() => {
      const all = bytes(text);
      const found = inspect(parse(all.slice(8, headerEnd(all.slice(0, 64), size, limits)), size));
      return [found.type, found.family, found.variant, found.precision, found.tensors].join("|");
    })),
    names: names.map((name) => code(() => checkName(name, limits) ?? "")),
  };
}"""


def judged(content: bytes, size: int) -> str:
    """What the console says of the same bytes."""
    try:
        found = inspection.inspect(safetensors.parse(content, size))
    except Refusal as refusal:
        return refusal.code
    told = (found.type, found.family, found.variant, found.precision, found.tensors)
    return "|".join(map(str, told))


def test_the_browser_judges_as_the_console_does(open_page: Open, mo: Any) -> None:
    import base64

    files = [(start, len(start)) for _name, start, _code in STARTS]
    files += [
        (head, len(head))
        for _name, text, code in TEXTS
        if code != "header-twice"  # JSON.parse keeps the last one; the console looks closer
        for head in [head_of(text)]
    ]
    for name, entry, _code in ENTRIES:
        if name == "side a fraction":  # to JavaScript 2.0 is 2; the console looks closer
            continue
        head = head_of({"w": entry})
        files.append((head, len(head) + 16))
    for _name, shapes, _known in CASES:
        head = head_of(header(shapes))
        files.append((head, len(model_bytes(shapes))))
    whole = model_bytes(SD15)
    files += [(whole[:4000], len(whole) - 1), (whole[:4000], len(whole) + 1)]
    page = open_page(mo)
    limits = {"size": 50 << 30, "header": safetensors.HEADER_MOST, "name": 180}
    limits["pickles"] = [".ckpt", ".pt", ".pth", ".bin", ".pkl"]  # type: ignore[assignment]
    sent = [[base64.b64encode(content).decode(), size] for content, size in files]
    found = page.evaluate(JUDGE, [limits, sent, [name for name, _code in NAMES]])
    for (content, size), verdict in zip(files, found["files"], strict=True):
        assert verdict == judged(content, size), content[:200]
    assert found["names"] == [code for _name, code in NAMES]
