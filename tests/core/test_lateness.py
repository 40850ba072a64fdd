"""A world that shows late what was done to it, or refuses for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from django.utils import timezone

from apps.core import kinds, reconcile, runs
from apps.core.models import Intent, Run, RunStatus, Trigger
from apps.core.phases import Phase
from apps.core.words import Say
from cloud.errors import AlreadyExists, LostAnswer, NotAuthorized
from tests.core.test_loop import look, wish
from tests.core.things import reconciler as things
from tests.core.things.reconciler import KIND, SERVICE

pytestmark = pytest.mark.django_db


class Slow(things.Paint):
    shows_within_s: ClassVar[float] = 30.0


@pytest.fixture
def blind(monkeypatch):
    """What is made does not show until the test says so."""
    shown: dict[str, bool] = {"yes": False}

    def observe(row, want):
        return things.observe(row, want) if shown["yes"] else None

    def plan(want, have):
        return [Slow(one.name, one.colour, one.old) for one in things.plan(want, have)]

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, observe=observe, plan=plan))
    return shown


def time_passes(seconds: float) -> None:
    for intent in Intent.objects.all():
        Intent.objects.filter(pk=intent.pk).update(
            created_at=intent.created_at - timedelta(seconds=seconds)
        )


def test_what_was_made_and_does_not_show_yet_is_not_made_again(thing, blind):
    wish(thing, "red")
    look(thing)
    look(thing)
    assert SERVICE.writes == ["thing/lamp"]
    assert (thing.phase, thing.due_at is not None) == (Phase.WORKING, True)
    blind["yes"] = True
    look(thing)
    assert (thing.phase, SERVICE.writes) == (Phase.READY, ["thing/lamp"])


def test_a_lost_answer_is_not_resolved_before_the_world_can_show_it(thing, blind):
    def lose(name):
        raise LostAnswer("the connection closed", service="things")

    SERVICE.after = lose
    wish(thing, "red")
    look(thing)
    SERVICE.after = lambda name: None
    look(thing)
    assert (SERVICE.writes, Intent.objects.get().state) == (["thing/lamp"], "unknown")
    blind["yes"] = True
    look(thing)
    assert (SERVICE.writes, Intent.objects.get().state) == (["thing/lamp"], "ok")


def test_what_does_not_show_after_that_time_is_made_again(thing, blind):
    wish(thing, "red")
    look(thing)
    time_passes(31)
    look(thing)
    assert SERVICE.writes == ["thing/lamp"] * 2


def test_another_wish_does_not_wait_for_the_one_before(thing, blind):
    wish(thing, "red")
    look(thing)
    wish(thing, "green")
    look(thing)
    assert SERVICE.colours == {"lamp": "green"}


def test_one_visit_sends_a_call_once_even_if_the_service_keeps_another_value(thing, monkeypatch):
    def observe(row, want):
        have = things.observe(row, want)
        return have and (have[0], have[1].upper())

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, observe=observe))
    wish(thing, "red")
    look(thing)
    assert SERVICE.writes == ["thing/lamp"]
    assert thing.phase == Phase.WORKING


def test_a_name_that_is_taken_is_looked_at_again_not_given_up(thing):
    def taken(name):
        SERVICE.before = lambda name: None
        SERVICE.colours[name] = "red"  # ours, by a call whose trace was lost
        raise AlreadyExists("the name is taken", service="things")

    SERVICE.before = taken
    wish(thing, "red")
    look(thing)
    assert thing.phase == Phase.DEGRADED
    look(thing)
    assert (thing.phase, SERVICE.writes) == (Phase.READY, [])


def test_a_key_that_is_let_in_again_needs_nobodys_click(thing):
    run = runs.run_open(
        title=Say("Paint"), scope="demo", rows=[wish(thing, "red")], trigger=Trigger.PERSON
    )

    def refuse(name):
        raise NotAuthorized("The key is not known.", service="things")

    SERVICE.before = refuse
    look(thing)
    assert (thing.phase, Run.objects.get().status) == (Phase.BLOCKED, RunStatus.FAILED)
    assert thing.due_at > timezone.now() + timedelta(seconds=reconcile.REFUSED_AGAIN_S / 2)
    SERVICE.before = lambda name: None
    look(thing)
    run.refresh_from_db()
    assert (thing.phase, run.status) == (Phase.READY, RunStatus.SUCCEEDED)
