"""Plans: what is shown is what runs, or nothing runs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from apps.core import kinds, plans, reconcile
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan, PlanStatus, Revision, Run, Step
from apps.core.phases import Phase
from apps.core.plans import Draft
from apps.core.words import Say
from cloud.errors import Unreachable
from tests.core.things.models import Thing
from tests.core.things.reconciler import KIND, SERVICE

pytestmark = pytest.mark.django_db


@pytest.fixture
def author():
    return get_user_model().objects.create_user("author")


@pytest.fixture
def other():
    return get_user_model().objects.create_user("other")


def propose(thing, colour, author, policy="confirm"):
    spec = None if colour is None else {"colour": colour}
    plan = plans.plan_open(
        title=Say("Paint"),
        scope="demo",
        policy=policy,
        author=author,
        drafts=[Draft(thing, spec, "because")],
    )
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    return plan


def test_a_plan_shows_the_change_and_touches_nothing(thing, author):
    plan = propose(thing, "red", author)
    thing.refresh_from_db()
    change = plan.items.get().change_list[0]
    assert (plan.status, change.op, change.fields[0].new) == (PlanStatus.READY, "create", "red")
    assert (SERVICE.writes, thing.generation, thing.phase) == ([], 0, Phase.DRAFT)


def test_an_accepted_plan_becomes_a_run_whose_steps_are_known_beforehand(thing, author):
    plan = propose(thing, "red", author)
    run = plans.plan_apply(plan, author)
    assert list(Step.objects.values_list("key", "status")) == [("thing/lamp", "pending")]
    reconcile.run("thing", thing.pk)
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert SERVICE.colours == {"lamp": "red"}


def test_a_plan_is_refused_when_the_object_moved_since(thing, author):
    first, second = propose(thing, "red", author), propose(thing, "blue", author)
    plans.plan_apply(first, author)
    with pytest.raises(Conflict):
        plans.plan_apply(second, author)
    thing.refresh_from_db()
    assert thing.spec == {"colour": "red"}
    assert Run.objects.count() == 1


def test_a_plan_runs_once_however_often_it_is_clicked(thing, author):
    plan = propose(thing, "red", author)
    plans.plan_apply(plan, author)
    with pytest.raises(RuleViolation):
        plans.plan_apply(plan, author)


def test_an_old_plan_is_refused(thing, author):
    plan = propose(thing, "red", author)
    Plan.objects.filter(pk=plan.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(RuleViolation):
        plans.plan_apply(plan, author)


def test_four_eyes_means_another_person(thing, author, other):
    plan = propose(thing, "red", author, policy="four-eyes")
    with pytest.raises(RuleViolation):
        plans.plan_apply(plan, author)
    run = plans.plan_apply(plan, other)
    assert (run.person, run.approver) == (author, other)


def test_policy_auto_applies_at_once(thing, author):
    plan = propose(thing, "red", author, policy="auto")
    assert plan.status == PlanStatus.APPLIED


def test_discarding_drops_an_object_that_was_only_drafted(thing, author):
    plan = propose(thing, "red", author)
    plans.plan_discard(plan, author)
    assert not Thing.objects.exists()
    assert not Revision.objects.exists()


def test_discarding_keeps_an_object_that_runs(thing, author):
    plans.plan_apply(propose(thing, "red", author), author)
    reconcile.run("thing", thing.pk)
    plan = propose(thing, "blue", author)
    plans.plan_discard(plan, author)
    thing.refresh_from_db()
    assert thing.spec == {"colour": "red"}


def test_revisions_are_numbered_and_keep_author_and_reason(thing, author):
    propose(thing, "red", author)
    propose(thing, "blue", author)
    found = Revision.objects.order_by("number").values_list("number", "spec", "message")
    assert list(found) == [(1, {"colour": "red"}, "because"), (2, {"colour": "blue"}, "because")]


def test_an_unreachable_cloud_fails_the_plan_and_it_can_be_made_again(thing, author):
    def away(row, want):
        raise Unreachable("no route", service="things")

    kinds.register(replace(KIND, observe=away))
    plan = propose(thing, "red", author)
    kinds.register(KIND)
    assert plan.status == PlanStatus.FAILED
    assert "no route" in str(plan.error_say)
    fresh = plans.plan_again(plan, author)
    plans.plan_compute(fresh.pk)
    fresh.refresh_from_db()
    plan.refresh_from_db()
    assert (plan.status, fresh.status) == (PlanStatus.STALE, PlanStatus.READY)


def test_deleting_is_planned_like_everything_else(thing, author):
    plans.plan_apply(propose(thing, "red", author), author)
    reconcile.run("thing", thing.pk)
    thing.refresh_from_db()
    plan = propose(thing, None, author)
    assert plan.items.get().change_list[0].destructive
    run = plans.plan_apply(plan, author)
    reconcile.run("thing", thing.pk)
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert not Thing.objects.exists()


def test_an_approved_plan_runs_after_one_more_look(thing, author):
    plan = propose(thing, "red", author)
    plans.plan_approve(plan, author)
    assert not Run.objects.exists()
    plans.plan_start(plan.pk)
    plans.plan_start(plan.pk)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.APPLIED
    assert Run.objects.count() == 1


def test_what_was_approved_does_not_run_when_the_world_moved(thing, author):
    plan = propose(thing, "red", author)
    plans.plan_approve(plan, author)
    SERVICE.colours["lamp"] = "blue"
    plans.plan_start(plan.pk)
    plan.refresh_from_db()
    fresh = Plan.objects.latest("pk")
    plans.plan_compute(fresh.pk)
    assert plan.status == PlanStatus.STALE
    assert str(fresh) in str(plan.error_say)
    assert fresh.items.get().change_list[0].fields[0].old == "blue"
    assert not Run.objects.exists()


def test_what_was_approved_does_not_run_when_somebody_else_was_faster(thing, author, other):
    first, second = propose(thing, "red", author), propose(thing, "blue", other)
    plans.plan_approve(second, other)
    plans.plan_apply(first, author)
    plans.plan_start(second.pk)
    second.refresh_from_db()
    thing.refresh_from_db()
    assert second.status == PlanStatus.STALE
    assert thing.spec == {"colour": "red"}


def test_a_plan_that_crashes_says_so_instead_of_waiting_for_ever(thing, author, monkeypatch):
    def broken(row, spec):
        raise KeyError("colour")

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, desired=broken))
    with pytest.raises(KeyError):
        propose(thing, "red", author)
    plan = Plan.objects.get()
    assert plan.status == PlanStatus.FAILED
    assert "the log has the details" in str(plan.error_say)


def test_a_plan_discarded_while_it_is_made_stays_discarded(thing, author, monkeypatch):
    def meanwhile(row, want):
        Plan.objects.update(status=PlanStatus.DISCARDED)
        raise Unreachable("no route", service="things")

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, observe=meanwhile))
    assert propose(thing, "red", author).status == PlanStatus.DISCARDED


def test_what_a_plan_waits_for_is_said_in_words(thing, author, monkeypatch):
    def early(row, want):
        raise kinds.Waiting(Say.of("%(name)s is not there yet.", name="the shelf"))

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, observe=early))
    plan = propose(thing, "red", author)
    assert "the shelf is not there yet." in str(plan.error_say)


def test_planning_again_for_an_object_that_is_gone_is_refused(thing, author):
    plan = propose(thing, "red", author)
    thing.delete()
    with pytest.raises(RuleViolation, match="lamp is not there any more"):
        plans.plan_again(plan, author)


def test_planning_again_leaves_the_wish_its_author(thing, author, other):
    plan = propose(thing, "red", author, policy="four-eyes")
    fresh = plans.plan_again(plan, other)
    plans.plan_compute(fresh.pk)
    with pytest.raises(RuleViolation, match="second person"):
        plans.plan_approve(fresh, author)


def test_policy_auto_leaves_the_choice_to_a_person_when_somebody_was_faster(thing, author):
    plan = propose(thing, "red", author)
    late = plans.plan_open(
        title=Say("Paint"),
        scope="demo",
        policy="auto",
        author=author,
        drafts=[Draft(thing, {"colour": "blue"})],
    )
    plans.plan_apply(plan, author)
    plans.plan_compute(late.pk)
    late.refresh_from_db()
    thing.refresh_from_db()
    assert (late.status, thing.spec) == (PlanStatus.READY, {"colour": "red"})


def test_columns_that_repeat_the_spec_follow_when_it_is_accepted(thing, author, monkeypatch):
    repeats = replace(KIND, repeats=lambda spec: {"name": f"{spec['colour']} lamp"})
    monkeypatch.setitem(kinds._KINDS, "thing", repeats)
    plan = propose(thing, "red", author)
    thing.refresh_from_db()
    assert thing.name == "lamp", "a wish is only a wish"
    plans.plan_apply(plan, author)
    thing.refresh_from_db()
    assert thing.name == "red lamp"
