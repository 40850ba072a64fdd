"""The marks every page is built of."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone, translation

from apps.core import context, measures
from apps.core.changes import MASK, Change, Field
from apps.core.phases import Phase
from apps.core.templatetags import console
from apps.core.words import Say

ROOT = Path(settings.BASE_DIR)
ICONS = {
    line
    for line in (ROOT / "static/icons.txt").read_text().splitlines()
    if line and not line.startswith("#")
}


def drawn(source: str, **values: object) -> str:
    return Template("{% load console %}" + source).render(Context(values))


# ---- icons ----------------------------------------------------------------------------------


def test_an_icon_is_silent_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in drawn('{% icon "rocket" %}')
    assert "icons.svg#rocket" in drawn('{% icon "rocket" "s" %}')
    named = drawn('{% icon "rocket" label="Starts" %}')
    assert 'aria-label="Starts"' in named and "aria-hidden" not in named


def test_every_icon_that_a_template_or_tag_names_is_listed() -> None:
    used: dict[str, str] = {}
    for page in (ROOT / "templates").rglob("*.html"):
        text = page.read_text()
        for name in re.findall(r'{%\s*(?:icon|empty)\s+"([a-z0-9-]+)"', text):
            used[name] = page.name
        for name in re.findall(
            r'{%\s*badge\s+"\w+"\s+(?:_\("[^"]*"\)|"[^"]*"|[\w.|]+)\s+"([a-z0-9-]+)"', text
        ):
            used[name] = page.name
    for module in (ROOT / "apps").rglob("*.py"):
        for name in re.findall(r'\bicon(?:_name)?\s*=\s*"([a-z0-9-]+)"', module.read_text()):
            used[name] = module.name
    marks = [name for _state, name, _spin in console.PHASE_MARKS.values()]
    marks += [*console.STATE_ICONS.values(), *console.STEP_ICONS.values()]
    marks += [name for _state, name in console.LEVELS.values()]
    marks += [entry.icon for entry in (context.OVERVIEW, *context.FLOW, *context.RECORDS)]
    used |= dict.fromkeys(marks, "console.py")
    missing = {name: where for name, where in used.items() if name not in ICONS}
    assert not missing, f"add to static/icons.txt: {missing}"


def test_the_list_of_icons_is_sorted_and_names_each_once() -> None:
    lines = [
        line
        for line in (ROOT / "static/icons.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert lines == sorted(set(lines))


# ---- states ---------------------------------------------------------------------------------


def test_every_phase_has_state_icon_and_word_in_both_languages() -> None:
    for phase in Phase.values:
        with translation.override("en"):
            english = drawn("{% phase_badge row %}", row=SimpleNamespace(phase=phase))
        with translation.override("zh-hans"):
            chinese = drawn("{% phase_badge row %}", row=SimpleNamespace(phase=phase))
        assert "data-s=" in english and "<use" in english
        assert re.search(r"[一-鿿]", chinese), phase
        assert not re.search(r"[一-鿿]", english), phase


def test_only_what_moves_turns_and_shows_how_far_it_is() -> None:
    row = SimpleNamespace(phase="working", done=1, total=4, message_say=Say.of("Two left."))
    busy = drawn("{% phase_badge row %}", row=row)
    assert "sd-spin" in busy and "1/4" in busy and 'title="Two left."' in busy
    row.phase = "ready"
    assert "sd-spin" not in drawn("{% phase_badge row %}", row=row)


def test_words_are_escaped() -> None:
    assert "<u>" not in drawn('{% badge "ok" words %}', words="<u>")
    assert "<u>" not in drawn("{% chip words %}", words="<u>")
    assert "<u>" not in drawn("{% copy words %}", words="<u>")
    assert "<u>" not in drawn('{% notice "bad" words %}', words="<u>")
    assert "<u>" not in drawn('{% empty "inbox" words words %}', words="<u>")
    assert "<script>" not in drawn(
        "{% env_mark e %}", e=SimpleNamespace(name="<script>", stage="prod")
    )


def test_an_environment_is_a_square_and_a_name() -> None:
    prod = SimpleNamespace(name="prod-gz", stage="prod")
    assert 'data-e="prod"' in drawn("{% env_mark e %}", e=prod)
    assert 'href="/x/"' in drawn('{% env_mark e "/x/" %}', e=prod)
    assert "–" in drawn("{% env_mark e %}", e=None)


# ---- measures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1024 * 1024, "1.00 MiB"),
        (218 * 1024**2, "218 MiB"),
        (999 * 1024**2, "999 MiB"),
        (1023 * 1024**2, "1.00 GiB"),
        (int(6.459 * 1024**3), "6.46 GiB"),
        (int(11.1 * 1024**3), "11.1 GiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_size_has_three_digits(count: int, words: str) -> None:
    assert measures.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "12 ms"),
        (1.2, "1.20 s"),
        (16.14, "16.1 s"),
        (40, "40 s"),
        (59.97, "60.0 s"),
        (242, "4 min 02 s"),
        (7260, "2 h 01 min"),
    ],
)
def test_a_duration_reads_by_its_length(seconds: float, words: str) -> None:
    assert measures.took(seconds) == words


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=14, seconds=50), "14 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6, hours=23), "6 days ago"),
        (timedelta(days=8), "14 Nov"),
        (timedelta(days=400), "2025-10-18"),
        (-timedelta(minutes=20), "in 20 min"),
        (-timedelta(days=2, minutes=1), "in 2 days"),
    ],
)
def test_time_is_relative_for_six_days(delta: timedelta, words: str) -> None:
    now = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    assert measures.ago(now - delta, now) == words


def test_time_is_said_in_chinese() -> None:
    now = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    with translation.override("zh-hans"):
        assert measures.ago(now - timedelta(minutes=6), now) == "6 分钟前"
        assert measures.ago(now - timedelta(days=10), now) == "11 月 12 日"
        assert measures.took(242) == "4 分 02 秒"


def test_a_moment_carries_its_exact_time() -> None:
    moment = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        said = drawn("{% when moment %}", moment=moment)
    assert 'datetime="2026-11-22T04:00:00+00:00"' in said
    assert 'title="2026-11-22 12:00:00 CST"' in said
    assert "–" in drawn("{% when moment %}", moment=None)


def test_an_id_is_shortened_to_look_at_and_whole_to_copy() -> None:
    digest = "5be0d2a8c41f77889900aabbccdd"
    said = drawn("{% copy value 12 %}", value=digest)
    assert f'data-copy="{digest}"' in said and f'title="{digest}"' in said
    assert ">5be0d2a8…ccdd<" in said
    assert "…" not in drawn("{% copy value %}", value=digest)
    assert "data-copy" not in drawn("{% copy value %}", value="")


def test_a_stored_sentence_is_said_in_the_readers_language() -> None:
    stored = Say.of("Waiting %(n)d", n=3).to_json()
    assert drawn("{{ value|say }}", value=stored) == "Waiting 3"
    with translation.override("zh-hans"):
        assert drawn("{{ value|say }}", value=Say.of("Deleted.").to_json()) == "已删除。"
    assert drawn("{{ value|say }}", value={}) == ""


# ---- drawings -------------------------------------------------------------------------------


def test_no_drawing_uses_an_inline_style() -> None:
    whole = drawn(
        '{% bar 3 4 1 %}{% progress 1 4 "x" %}{% steps_bar steps %}'
        '{% spark v %}{% heat cells "x" %}',
        steps=["ok", "bad", ""],
        v=[1, 2, 3],
        cells=[("Nov 1", 2)],
    )
    assert "style=" not in whole


def test_a_bar_is_as_long_as_its_numbers() -> None:
    said = drawn("{% bar 3 4 1 %}")
    assert 'width="74.85%"' in said and 'data-s="bad"' in said
    assert 'aria-label="3 of 4 ready, 1 failing"' in said
    assert 'width="100%"' in drawn("{% bar 4 4 %}")
    assert "<rect" not in drawn("{% bar 0 0 %}")


def test_progress_stays_within_its_track() -> None:
    assert 'aria-valuenow="100"' in drawn("{% progress 9 4 %}")
    assert 'aria-valuenow="0"' in drawn("{% progress 5 0 %}")


def test_a_sparkline_survives_any_values() -> None:
    assert "<path" not in drawn("{% spark v %}", v=[])
    assert "<path" not in drawn("{% spark v %}", v=[4])
    flat = drawn("{% spark v %}", v=[4, 4, 4])
    assert "nan" not in flat.lower() and flat.count("<path") == 2
    assert "now 9" in drawn("{% spark v %}", v=[1, 9])


def test_a_heat_strip_has_four_steps_and_says_its_numbers() -> None:
    said = drawn('{% heat cells "drift" %}', cells=[("a", 0), ("b", 1), ("c", 4), ("d", 99)])
    assert re.findall(r'data-n="(\d)"', said) == ["0", "1", "4", "4"]
    assert "<title>d: 99</title>" in said


# ---- plans ----------------------------------------------------------------------------------


def change(op: str, *fields: Field) -> Change:
    return Change(op, "kubernetes", "Deployment", "anime-v5", "PATCH", fields=fields)  # type: ignore[arg-type]


def test_only_the_part_that_changed_is_marked() -> None:
    said = drawn(
        "{% diff_rows c %}", c=change("change", Field("Image", "", "1.9.4-taco3", "1.10.1-taco3"))
    )
    assert "<del>1.9.4</del>-taco3" in said and "<ins>1.10.1</ins>-taco3" in said
    assert "→" in said


def test_a_value_that_has_nothing_in_common_is_marked_whole() -> None:
    said = drawn(
        "{% diff_rows c %}", c=change("change", Field("Path", "", "/ping", "sdapi models"))
    )
    assert "<del>/ping</del>" in said and "<ins>sdapi models</ins>" in said


@pytest.mark.parametrize(
    ("op", "field", "sign"),
    [
        ("create", Field("A", "", None, "x"), "+"),
        ("change", Field("A", "", "x", "y"), "~"),
        ("change", Field("A", "", None, "y"), "+"),
        ("change", Field("A", "", "x", None), "−"),
        ("replace", Field("A", "", "x", "y"), "−/+"),
        ("delete", Field("A", "", "x", None), "−"),
        ("change", Field("A", "", 50, 50), ""),
    ],
)
def test_the_sign_of_a_field(op: str, field: Field, sign: str) -> None:
    said = drawn("{% diff_rows c %}", c=change(op, field))
    assert f'<span class="op" role="cell">{sign}</span>' in said


def test_a_secret_is_never_shown() -> None:
    secret = change("change", Field("Key", "", "AKIDold", "AKIDnew", secret=True))
    for value in (secret, secret.to_json()):
        said = drawn("{% diff_rows c %}", c=value)
        assert "AKID" not in said and MASK in said and "new value" in said


def test_a_diff_escapes_what_the_cloud_says() -> None:
    said = drawn("{% diff_rows c %}", c=change("change", Field("A", "", "<i>a</i>", "<i>b</i>")))
    assert "<i>" not in said and "&lt;" in said


def test_a_step_shows_its_call_its_request_and_what_went_wrong() -> None:
    said = drawn(
        '{% timeline_step "bad" "Change limit" call="Modify" request_id="7be1f0c2-93ab" took_s=0.64'
        " attempts=3 %}<b>why</b>{% endtimeline_step %}"
    )
    assert 'data-s="bad"' in said and 'data-copy="7be1f0c2-93ab"' in said
    assert "640 ms" in said and "<b>why</b>" in said and "sd-fg-warn" in said
    later = drawn('{% timeline_step "" "Probe" took_s=40 %}{% endtimeline_step %}')
    assert "about 40 s" in later and 'class="more"' not in later


def test_a_notice_and_an_empty_state_show_a_way_on() -> None:
    assert 'href="/plans/7/"' in drawn('{% notice "warn" "Too small" "/plans/7/" "See plan" %}')
    assert 'role="alert"' in drawn('{% notice "bad" "Broken" %}')
    assert 'href="/new/"' in drawn('{% empty "rocket" "None yet" "Add one." "/new/" "New" %}')
