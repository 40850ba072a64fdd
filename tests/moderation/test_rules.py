"""Verdicts, bands, labels, marked words: pure."""

import pytest

from apps.moderation import rules
from apps.moderation.plan import (
    LOOK_LATEST_S,
    Have,
    SetAcl,
    Want,
    judge,
    look_again_s,
    plan,
    proven,
)
from apps.moderation.rules import QUIET, REVIEW, SEVERE, Thresholds, verdict
from cloud.types import JobResult, Scene

CI = Thresholds()


def job(result: int | None, score: int = 0, *scenes: Scene, label: str = "") -> JobResult:
    return JobResult("si1", "d1", "k", "Success", result, label=label, score=score, scenes=scenes)


@pytest.mark.parametrize(
    ("limits", "found", "state", "severity", "score"),
    [
        (CI, job(0, 12), "clean", QUIET, 12),
        (CI, job(0, 60), "clean", QUIET, 60),
        (CI, job(0, 61), "flagged", REVIEW, 61),
        (CI, job(2, 30), "flagged", REVIEW, 30),
        (CI, job(2, 90), "flagged", REVIEW, 90),
        (CI, job(2, 91), "flagged", SEVERE, 91),
        (CI, job(1, 20), "flagged", SEVERE, 20),
        (CI, job(None, 0), "flagged", REVIEW, 0),
        (CI, job(7, 0), "flagged", REVIEW, 0),
        (CI, job(0, -5), "clean", QUIET, 0),
        (CI, job(0, 4000), "flagged", SEVERE, 100),
        (CI, job(0, 10, Scene("ads", 0, 95)), "flagged", SEVERE, 95),
        (Thresholds(30, 50), job(0, 40), "flagged", REVIEW, 40),
        (Thresholds(30, 50), job(0, 50), "flagged", SEVERE, 50),
        (Thresholds(100, 100), job(2, 80), "flagged", REVIEW, 80),
    ],
)
def test_the_verdict_of_a_policy(limits, found, state, severity, score):
    outcome = verdict(limits, found)
    assert (outcome.state, outcome.severity, outcome.score) == (state, severity, score)


def test_a_flagged_picture_is_named_after_its_worst_scene_where_ci_named_none():
    outcome = verdict(CI, job(0, 10, Scene("ads", 0, 95, sub_label="QRCode"), label="Normal"))
    assert (outcome.label, outcome.sub_label) == ("Ads", "QRCode")


@pytest.mark.parametrize(
    ("label", "sub_label", "suggested"),
    [
        ("Terrorism", "Blood", "gore"),
        ("Terrorist", "ColdWeapons", "weapons"),
        ("Porn", "WomenSexy", "sexy"),
        ("Porn", "SexBehavior", "porn"),
        ("Teenager", "", "minors"),
        ("Ads", "QRCode", "ads"),
        ("Politics", "Flag", ""),
        ("", "", ""),
    ],
)
def test_the_label_that_ci_comes_closest_to(label, sub_label, suggested):
    assert rules.suggested(label, sub_label) == suggested


def test_there_are_nine_labels_one_for_each_key():
    assert len(rules.LABELS) == 9


@pytest.mark.parametrize(
    ("prompt", "hits"),
    [
        ("blood on snow, wounded soldiers", ["blood", "wounded"]),
        ("Bloods and GUNS", ["Bloods", "GUNS"]),
        ("a warm award, software", []),
        ("雪地上的血迹", ["血"]),
        ("<b>gun</b> & knife", ["gun", "knife"]),
        ("", []),
    ],
)
def test_words_are_marked_whole_and_nothing_gets_lost(prompt, hits):
    pieces = rules.marked(prompt, rules.WORDS)
    assert [text for text, hit in pieces if hit] == hits
    assert "".join(text for text, _hit in pieces) == prompt


@pytest.mark.parametrize("told", ["", "-4", "soon", None, "9" * 30, "1.5"])
def test_nonsense_about_seeing_is_a_number_all_the_same(told):
    assert 0 <= rules.seen_ms(told) <= 3_600_000


@pytest.mark.parametrize(
    ("want", "have", "actions"),
    [
        (Want("k", "private"), Have("public-read", 200), [SetAcl("k", "private", "public-read")]),
        (Want("k", "private"), Have("default", 403), [SetAcl("k", "private", "default")]),
        (Want("k", "private"), Have("private", 403), []),
        (Want("k", "public"), Have("private", 403), [SetAcl("k", "public-read", "private")]),
        (Want("k", "public"), Have("public-read", 200), []),
        (Want("k", "public", wait_s=3), Have("private", 403), []),
        (Want("k", "public", 3), Have("public-read", 200), [SetAcl("k", "private", "public-read")]),
        (Want("k", "private"), None, []),
        (None, None, []),
    ],
)  # fmt: skip
def test_what_has_to_be_done_to_the_acl(want, have, actions):
    assert plan(want, have) == actions


@pytest.mark.parametrize(
    ("want", "have", "phase", "proof"),
    [
        (Want("k", "private"), Have("private", 403), "ready", True),
        (Want("k", "private"), Have("private", 404), "ready", True),
        (Want("k", "private"), Have("private", 200), "degraded", False),
        (Want("k", "private"), Have("private", 206), "degraded", False),
        (Want("k", "private"), Have("private", 500), "degraded", False),
        (Want("k", "public"), Have("public-read", 200), "ready", True),
        (Want("k", "public"), Have("public-read", 403), "degraded", False),
        (Want("k", "public", wait_s=4), Have("private", 403), "working", True),
        (Want("k", "private"), None, "ready", True),
        (Want("k", "public"), None, "blocked", False),
    ],
)
def test_only_an_anonymous_read_proves_it(want, have, phase, proof):
    assert (judge(want, have).phase, proven(want, have)) == (phase, proof)


def test_what_fails_says_what_the_stranger_got():
    assert "200" in str(judge(Want("k", "private"), Have("private", 200)).message)


@pytest.mark.parametrize(
    ("since_s", "again_s"),
    [(0, 60), (59, 1), (60, 240), (301, 599), (900, 90), (6000, 600), (10**7, LOOK_LATEST_S)],
)
def test_the_next_look_comes_at_the_written_moments_and_then_ever_more_rarely(since_s, again_s):
    assert look_again_s(since_s) == again_s
