"""Nothing is deleted that nobody agreed to lose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.core import kinds, plans, reconcile
from apps.core.models import Plan
from apps.core.phases import Phase
from apps.core.plans import Draft
from apps.core.words import Say
from tests.core.test_loop import look, wish
from tests.core.things import reconciler as things
from tests.core.things.models import Thing
from tests.core.things.reconciler import KIND, SERVICE

pytestmark = pytest.mark.django_db


def test_a_row_that_lost_its_wish_deletes_nothing(thing):
    wish(thing, "red")
    look(thing)
    Thing.objects.filter(pk=thing.pk).update(revision=0, generation=2)  # damaged
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}
    assert thing.phase == Phase.BLOCKED
    assert "no accepted plan" in str(thing.message_say)


def accepted(thing: Thing, spec: dict[str, str] | None) -> Plan:
    plan = plans.plan_open(
        title=Say("Paint"), scope="", policy="confirm", author=None, drafts=[Draft(thing, spec)]
    )
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    plans.plan_apply(plan, None)
    thing.refresh_from_db()
    return plan


def test_a_deletion_that_the_accepted_plan_does_not_name_waits_for_a_person(thing, monkeypatch):
    accepted(thing, {"colour": "red"})
    SERVICE.colours["lamp"] = "blue"

    def moved(want, have):
        """The world moved: the way to the wish now leads over a deletion."""
        return [things.Remove(have[0])] if have and want != have else things.plan(want, have)

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, plan=moved))
    look(thing)
    assert SERVICE.colours == {"lamp": "blue"}
    assert thing.phase == Phase.BLOCKED


def test_a_deletion_that_was_planned_is_carried_out(thing):
    accepted(thing, {"colour": "red"})
    look(thing)
    accepted(thing, None)
    reconcile.run("thing", thing.pk)
    assert SERVICE.colours == {}
    assert not Thing.objects.exists()
