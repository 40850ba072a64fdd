"""What the loop does with ignored differences, pauses, untold outcomes and failed rollouts."""

from dataclasses import dataclass, replace
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone

from apps.core import kinds, plans, reconcile, rollback
from apps.core.drift import drift_of
from apps.core.kinds import Verdict
from apps.core.models import Intent, IntentState, Plan, Revision
from apps.core.phases import Phase
from apps.core.plans import Draft
from apps.core.scheduler import ring_due
from apps.core.words import Say
from cloud.errors import LostAnswer
from tests.core.things.models import Thing
from tests.core.things.reconciler import KIND, SERVICE, Paint

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_usual_kind():
    yield
    kinds.register(KIND)


def wish(thing, colour):
    plan = plans.plan_open(
        title=Say("Paint"),
        scope="",
        policy="auto",
        author=None,
        drafts=[Draft(thing, {"colour": colour})],
    )
    plans.plan_compute(plan.pk)
    thing.refresh_from_db()


def look(thing):
    reconcile.run("thing", thing.pk)
    thing.refresh_from_db()


def ready(thing, colour="red"):
    wish(thing, colour)
    look(thing)
    assert thing.phase == Phase.READY


# ---- drift --------------------------------------------------------------------------------------


def test_drift_keeps_when_it_was_first_seen_and_forgets_it_once_gone(thing):
    ready(thing)
    SERVICE.colours["lamp"] = "green"
    look(thing)
    first = thing.drift_since
    look(thing)
    assert first is not None
    assert thing.drift_since == first
    SERVICE.colours["lamp"] = "red"
    look(thing)
    assert (thing.drift, thing.drift_since) == ([], None)


def overlook(want, have, ignored):
    return (have, have) if ("Thing/lamp", "colour") in ignored else (want, have)


def test_an_ignored_field_is_neither_drift_nor_planned(thing):
    kinds.register(replace(KIND, overlook=overlook))
    ready(thing)
    SERVICE.colours["lamp"] = "green"
    thing.ignored = [{"object": "Thing/lamp", "path": "colour"}]
    thing.save(update_fields=["ignored"])
    look(thing)
    assert thing.drift == []
    writes = list(SERVICE.writes)
    wish(thing, "red")
    look(thing)
    assert Plan.objects.latest("pk").items.get().changes == []
    assert SERVICE.writes == writes
    thing.ignored = []
    thing.save(update_fields=["ignored"])
    look(thing)
    assert [line.old for change in drift_of(thing) for line in change.fields] == ["green"]


def test_a_kind_that_heals_ignores_nothing_it_was_not_built_to(thing):
    ready(thing)
    kinds.register(replace(KIND, heals=True))
    SERVICE.colours["lamp"] = "green"
    thing.ignored = [{"object": "Thing/lamp", "path": "colour"}]
    thing.save(update_fields=["ignored"])
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}


# ---- pauses -------------------------------------------------------------------------------------


def pause(thing, minutes):
    until = timezone.now() + timedelta(minutes=minutes)
    Thing.objects.filter(pk=thing.pk).update(paused_until=until)


def test_a_paused_row_is_left_alone_and_loses_nothing(thing):
    wish(thing, "red")
    pause(thing, 10)
    due = thing.due_at
    assert reconcile.run("thing", thing.pk) is None
    assert ring_due() == 0
    thing.refresh_from_db()
    assert (SERVICE.writes, thing.due_at) == ([], due)
    pause(thing, -1)
    assert ring_due() == 1
    look(thing)
    assert SERVICE.colours == {"lamp": "red"}


def test_a_pause_in_the_middle_of_a_visit_stops_the_next_call(thing):
    from django.db.models import F

    two = replace(
        KIND,
        plan=lambda want, have: (
            [Paint("lamp", "red", None), Paint("shade", "red", None)] if want else []
        ),
    )
    wish(thing, "red")
    kinds.register(two)

    def paused_meanwhile(name):
        Thing.objects.update(paused_until=timezone.now() + timedelta(hours=1), fence=F("fence") + 1)

    SERVICE.after = paused_meanwhile
    reconcile.run("thing", thing.pk)
    assert SERVICE.writes == ["thing/lamp"]


# ---- outcomes nobody can look up ----------------------------------------------------------------


@dataclass(frozen=True)
class Traceless(Paint):
    resolvable: bool = False


def traceless(want, have):
    """Painting leaves no trace: whether it took place the service does not tell."""
    if want is None or SERVICE.colours.get("told"):
        return []
    return [Traceless("lamp", want[1], None)]


@pytest.fixture
def lost(thing):
    """A call whose answer was lost, and the next look at the world."""
    wish(thing, "red")
    kinds.register(replace(KIND, plan=traceless))

    def lose(name):
        raise LostAnswer("no answer in 30 s", service="things")

    SERVICE.after = lose
    look(thing)
    SERVICE.after = lambda name: None
    look(thing)
    return thing


def test_a_call_that_cannot_be_looked_up_waits_for_a_person_and_is_not_sent_again(lost):
    intent = Intent.objects.get()
    assert (intent.state, intent.asked_at is not None) == (IntentState.UNKNOWN, True)
    assert intent.request["fields"][0]["new"] == "red"
    assert (lost.phase, lost.settled) == (Phase.BLOCKED, True)
    look(lost)
    assert SERVICE.writes == ["thing/lamp"]


def test_a_call_whose_trace_turns_up_after_all_closes_by_itself(lost):
    SERVICE.colours["told"] = "yes"
    look(lost)
    assert Intent.objects.get().state == IntentState.OK
    assert lost.phase == Phase.READY


def test_one_given_up_is_not_sent_again_and_shows_as_drift(lost):
    Intent.objects.update(state=IntentState.DROPPED, closed_at=timezone.now())
    look(lost)
    assert (lost.phase, len(lost.drift)) == (Phase.READY, 1)
    assert SERVICE.writes == ["thing/lamp"]
    wish(lost, "blue")
    look(lost)
    assert SERVICE.writes == ["thing/lamp", "thing/lamp"]


# ---- rollback -----------------------------------------------------------------------------------


def never(want, have):
    """Green never arrives."""
    if want and want[1] == "green":
        say = Say("The rollout is past its deadline.")
        return Verdict(Phase.DEGRADED, say, 10.0, 0, 1, overdue=True)
    return Verdict(Phase.READY, Say("In step."), None, 1, 1)


@pytest.fixture
def failing(thing):
    kinds.register(replace(KIND, judge=never, rolls_back=lambda row: True))
    ready(thing, "red")
    wish(thing, "green")
    look(thing)
    assert thing.phase == Phase.DEGRADED
    return thing


def test_a_rollout_that_failed_for_good_goes_back_to_the_last_ready_revision(failing):
    plan = rollback.roll_back("thing", failing.pk)
    assert plan is not None
    plans.plan_compute(plan.pk)
    look(failing)
    assert SERVICE.colours == {"lamp": "red"}
    assert (failing.phase, failing.revision, failing.run.trigger) == (Phase.READY, 3, "rollback")
    bad = Revision.objects.get(number=2)
    assert bad.fenced_at is not None
    assert "deadline" in str(bad.fence_say)


def test_it_goes_back_once_and_never_to_a_fenced_revision(failing):
    assert rollback.roll_back("thing", failing.pk) is not None
    assert rollback.roll_back("thing", failing.pk) is None
    assert Plan.objects.filter(trigger="rollback").count() == 1


def test_a_rollback_that_fails_itself_waits_for_a_person(failing):
    plan = rollback.roll_back("thing", failing.pk)
    plans.plan_compute(plan.pk)
    failing.refresh_from_db()
    nothing = replace(
        KIND,
        judge=lambda want, have: Verdict(Phase.DEGRADED, Say("No."), 10.0, 0, 1, overdue=True),
        rolls_back=lambda row: True,
    )
    kinds.register(nothing)
    look(failing)
    assert rollback.roll_back("thing", failing.pk) is None
    assert Revision.objects.get(number=3).fenced_at is not None
    assert Plan.objects.filter(trigger="rollback").count() == 1


def test_without_a_revision_that_ever_was_ready_nothing_is_planned(thing):
    kinds.register(replace(KIND, judge=never, rolls_back=lambda row: True))
    wish(thing, "green")
    look(thing)
    assert rollback.roll_back("thing", thing.pk) is None
    assert Revision.objects.get().fenced_at is not None


def test_it_is_off_unless_the_wish_asks_for_it(thing):
    kinds.register(replace(KIND, judge=never))
    ready(thing, "red")
    wish(thing, "green")
    look(thing)
    assert rollback.roll_back("thing", thing.pk) is None
    assert not Revision.objects.exclude(fenced_at=None).exists()


def test_the_loop_asks_for_it_by_itself(thing, django_capture_on_commit_callbacks):
    kinds.register(replace(KIND, judge=never, rolls_back=lambda row: True))
    ready(thing, "red")
    wish(thing, "green")
    queue = django_rq.get_queue("reconcile")
    queue.empty()
    with django_capture_on_commit_callbacks(execute=True):
        look(thing)
    assert f"rollback-thing-{thing.pk}" in queue.job_ids
    queue.empty()
