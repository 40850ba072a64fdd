"""The loop: one row, one wish, whatever happens in between."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core import kinds, reconcile, runs
from apps.core.kinds import Waiting
from apps.core.lease import KeptAlive, LeaseLost, claim
from apps.core.models import Intent, IntentState, Run, RunStatus, Step, StepStatus, Trigger
from apps.core.phases import Phase
from apps.core.words import Say
from cloud.errors import LostAnswer, Rejected, Throttled, Unreachable
from tests.core.things import reconciler as things_reconciler
from tests.core.things.models import Thing
from tests.core.things.reconciler import KIND, SERVICE

pytestmark = pytest.mark.django_db


def wish(thing, colour):
    thing.spec, thing.revision = {"colour": colour}, thing.revision + 1
    thing.generation += 1
    thing.due_at = timezone.now()
    thing.save()
    return thing


def look(thing):
    verdict = reconcile.run("thing", thing.pk)
    thing.refresh_from_db()
    return verdict


def test_a_wish_is_carried_out_once_and_then_left_alone(thing):
    wish(thing, "red")
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}
    assert (thing.phase, thing.observed_generation, thing.settled) == (Phase.READY, 1, True)
    look(thing)
    look(thing)
    assert SERVICE.writes == ["thing/lamp"]


def test_every_mutating_call_leaves_one_closed_intent_with_its_request_id(thing):
    wish(thing, "red")
    look(thing)
    intent = Intent.objects.get()
    assert (intent.state, intent.request_id) == (IntentState.OK, "req-1")
    assert intent.closed_at is not None


def test_the_intent_is_committed_before_the_call_is_sent(thing, django_db_blocker):
    seen = []
    SERVICE.before = lambda name: seen.extend(Intent.objects.values_list("state", flat=True))
    wish(thing, "red")
    look(thing)
    assert seen == [IntentState.PENDING]


def test_a_lost_answer_is_resolved_by_looking_not_by_sending_again(thing):
    def lose(name):
        raise LostAnswer("the connection closed", service="things")

    SERVICE.after = lose
    wish(thing, "red")
    look(thing)
    assert thing.phase == Phase.DEGRADED
    assert Intent.objects.get().state == IntentState.UNKNOWN
    SERVICE.after = lambda name: None
    look(thing)
    assert thing.phase == Phase.READY
    assert SERVICE.writes == ["thing/lamp"]
    assert Intent.objects.get().state == IntentState.OK


def test_a_call_that_never_arrived_is_sent_again_under_a_new_intent(thing):
    def refuse(name):
        raise LostAnswer("the connection closed", service="things")

    SERVICE.before = refuse
    wish(thing, "red")
    look(thing)
    SERVICE.before = lambda name: None
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}
    assert sorted(Intent.objects.values_list("state", flat=True)) == ["failed", "ok"]


@pytest.mark.parametrize(
    ("error", "phase", "comes_back"),
    [
        (Unreachable("no route", service="things"), Phase.DEGRADED, True),
        (Throttled("slow down", service="things"), Phase.WORKING, True),
        (Rejected("no such colour", service="things"), Phase.BLOCKED, False),
        (Waiting(Say("The shelf is not there yet.")), Phase.WORKING, True),
    ],
)
def test_what_an_error_means_for_the_row(thing, error, phase, comes_back):
    def fail(name):
        raise error

    SERVICE.before = fail
    wish(thing, "red")
    look(thing)
    assert thing.phase == phase
    assert (thing.due_at is not None) == comes_back
    assert thing.observed_generation == 0


def test_a_bug_marks_the_row_and_is_not_hidden(thing):
    def crash(name):
        raise ZeroDivisionError

    SERVICE.before = crash
    wish(thing, "red")
    with pytest.raises(ZeroDivisionError):
        reconcile.run("thing", thing.pk)
    thing.refresh_from_db()
    assert thing.phase == Phase.DEGRADED
    assert thing.leased_until is None


def test_a_change_by_hand_is_shown_as_drift_and_not_undone(thing):
    wish(thing, "red")
    look(thing)
    SERVICE.colours["lamp"] = "blue"
    look(thing)
    assert SERVICE.colours == {"lamp": "blue"}
    assert thing.drift[0]["fields"][0]["old"] == "blue"
    wish(thing, "red")
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}
    assert thing.drift == []


def test_a_wish_that_moves_while_being_carried_out_is_carried_out_too(thing):
    def move(name):
        SERVICE.after = lambda name: None
        wish(Thing.objects.get(pk=thing.pk), "green")

    SERVICE.after = move
    wish(thing, "red")
    look(thing)
    assert SERVICE.colours == {"lamp": "green"}
    assert (thing.observed_generation, thing.settled) == (2, True)


def test_a_wish_that_moves_after_the_last_look_is_not_judged_by_the_old_one(thing):
    wish(thing, "red")
    look(thing)

    def move_late(want, have):
        wish(Thing.objects.get(pk=thing.pk), "green")
        return KIND.judge(want, have)

    kinds.register(replace(KIND, judge=move_late))
    look(thing)
    kinds.register(KIND)
    assert (thing.observed_generation, thing.settled) == (1, False)
    assert thing.due_at <= timezone.now()
    look(thing)
    assert SERVICE.colours == {"lamp": "green"}


def test_deleting_takes_the_row_only_after_the_cloud_let_go(thing):
    wish(thing, "red")
    look(thing)
    Thing.objects.filter(pk=thing.pk).update(delete_requested_at=timezone.now(), generation=2)
    SERVICE.before = lambda name: (_ for _ in ()).throw(Unreachable("away", service="things"))
    reconcile.run("thing", thing.pk)
    assert Thing.objects.filter(pk=thing.pk).exists()
    SERVICE.before = lambda name: None
    reconcile.run("thing", thing.pk)
    assert not Thing.objects.filter(pk=thing.pk).exists()
    assert SERVICE.colours == {}


def test_a_leased_row_is_nobody_elses(thing):
    wish(thing, "red")
    assert claim(Thing, thing.pk) is not None
    assert reconcile.run("thing", thing.pk) is None
    assert SERVICE.writes == []


def test_a_lease_that_ran_out_is_taken_over_with_a_higher_fence(thing):
    first = claim(Thing, thing.pk)
    Thing.objects.filter(pk=thing.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    second = claim(Thing, thing.pk)
    assert second.fence == first.fence + 1
    with pytest.raises(LeaseLost):
        KeptAlive(first).check()


def test_a_worker_that_lost_its_lease_writes_nothing_more(thing):
    wish(thing, "red")

    def steal(row, want):
        Thing.objects.filter(pk=thing.pk).update(fence=99)
        return

    kinds.register(replace(KIND, observe=steal))
    try:
        assert reconcile.run("thing", thing.pk) is None
    finally:
        kinds.register(KIND)
    assert SERVICE.writes == []


def test_a_paused_row_is_left_alone(thing):
    wish(thing, "red")
    Thing.objects.filter(pk=thing.pk).update(paused_until=timezone.now() + timedelta(hours=1))
    assert reconcile.run("thing", thing.pk) is None


def test_a_run_ends_when_its_last_object_arrived(thing):
    wish(thing, "red")
    run = runs.run_open(title=Say("Paint"), scope="demo", rows=[thing], trigger=Trigger.UPLOAD)
    look(thing)
    run.refresh_from_db()
    step = Step.objects.get()
    assert run.status == RunStatus.SUCCEEDED
    assert (step.status, step.attempts, step.request_id) == (StepStatus.DONE, 1, "req-1")


def test_a_refused_call_fails_the_run_with_the_services_own_words(thing):
    def refuse(name):
        raise Rejected("no such colour", code="InvalidParameter", service="things")

    SERVICE.before = refuse
    wish(thing, "red")
    run = runs.run_open(title=Say("Paint"), scope="demo", rows=[thing], trigger=Trigger.UPLOAD)
    look(thing)
    run.refresh_from_db()
    step = Step.objects.get()
    assert run.status == RunStatus.FAILED
    assert (step.status, step.error_code, step.error) == (
        StepStatus.FAILED,
        "InvalidParameter",
        "no such colour",
    )
    assert Run.objects.count() == 1


def test_an_action_that_heals_is_done_where_its_kind_only_shows_drift(thing, monkeypatch):
    class Mend(things_reconciler.Paint):
        heals = True

    wish(thing, "red")
    look(thing)
    SERVICE.colours["lamp"] = "blue"
    look(thing)
    assert SERVICE.colours["lamp"] == "blue"
    plan = KIND.plan

    def mending(want, have):
        return [Mend(one.name, one.colour, one.old) for one in plan(want, have)]

    monkeypatch.setitem(kinds._KINDS, "thing", replace(KIND, plan=mending))
    look(thing)
    assert SERVICE.colours["lamp"] == "red"
    assert (thing.phase, thing.drift) == (Phase.READY, [])


def test_what_only_a_person_can_clear_is_said_in_our_own_words(thing):
    def foreign(name):
        raise kinds.Blocked(Say.of("%(name)s is not ours.", name=name))

    SERVICE.before = foreign
    wish(thing, "red")
    look(thing)
    assert (thing.phase, str(thing.message_say)) == (Phase.BLOCKED, "lamp is not ours.")
    assert thing.due_at is None


def test_a_blocked_object_is_settled_so_that_pages_stop_asking(thing):
    def refuse(name):
        raise Rejected("no such colour", code="InvalidParameterValue", service="things")

    SERVICE.before = refuse
    wish(thing, "octarine")
    look(thing)
    assert (thing.phase, thing.settled) == (Phase.BLOCKED, True)


def test_a_run_that_failed_at_one_object_goes_on_recording_the_others(thing):
    other = wish(Thing.objects.create(name="chair"), "green")
    run = runs.run_open(
        title=Say("Paint"), scope="demo", rows=[wish(thing, "red"), other], trigger=Trigger.PERSON
    )

    def refuse(name):
        if name == "lamp":
            raise Rejected("no", code="InvalidParameterValue", service="things")

    SERVICE.before = refuse
    look(thing)
    look(other)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert dict(Step.objects.filter(op="create").values_list("name", "status")) == {
        "lamp": StepStatus.FAILED,
        "chair": StepStatus.DONE,
    }
    assert dict(run.items.values_list("label", "status")) == {"lamp": "failed", "chair": "done"}
