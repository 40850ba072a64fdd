"""What preparing the adopted resources takes."""

from dataclasses import replace

import pytest

from apps.core.phases import Phase
from apps.environments import rules
from apps.environments.plan import (
    Have,
    MakeNamespace,
    SetCors,
    Want,
    judge,
    plan,
    rule_for,
)
from cloud.types import CorsRule

ORIGINS = ("https://console.example",)
OURS = rule_for(ORIGINS)
THEIRS = CorsRule(("https://shop.example",), ("GET",), id="shop")
WANT = Want("sd", "b-1", ORIGINS)
CASES = {
    "nothing there": (WANT, Have(), [MakeNamespace("sd"), SetCors("b-1", OURS)]),
    "in step": (WANT, Have("Active", (OURS,)), []),
    "their rule stays": (WANT, Have("Active", (THEIRS,)), [SetCors("b-1", OURS, None, (THEIRS,))]),
    "order does not count": (
        WANT,
        Have("Active", (replace(OURS, methods=tuple(reversed(OURS.methods))),)),
        [],
    ),
    "letter case of headers does not count": (
        WANT,
        Have("Active", (replace(OURS, expose=tuple(name.upper() for name in OURS.expose)),)),
        [],
    ),
    "a terminating namespace is not made twice": (WANT, Have("Terminating", (OURS,)), []),
    "nothing wanted": (None, Have("Active", (OURS,)), []),
    "no bucket": (Want("sd"), Have(), [MakeNamespace("sd")]),
}


@pytest.mark.parametrize(("want", "have", "actions"), CASES.values(), ids=CASES)
def test_plan(want, have, actions):
    assert plan(want, have) == actions


def test_another_origin_is_a_change_of_our_rule_alone():
    old = rule_for(("https://old.example",))
    (action,) = plan(WANT, Have("Active", (old, THEIRS)))
    assert action.change.op == "change"
    assert action.change.fields[0].old == ["https://old.example"]
    assert action.others == (THEIRS,)


def test_a_namespace_that_is_going_away_waits_for_a_person():
    assert judge(WANT, Have("Terminating", (OURS,))).phase == Phase.BLOCKED
    assert judge(WANT, Have("Active", (OURS,))).phase == Phase.READY


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("https://console.example/path", ("https://console.example",)),
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000", "http://localhost:8000")),
        ("ftp://x", ()),
        ("", ()),
    ],
)
def test_origins(url, origins):
    assert rules.origins(url) == origins
