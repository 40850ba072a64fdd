"""Visibility against a real sandbox: what is asserted is what a stranger can read."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.phases import Phase
from apps.environments.clients import cos_for
from apps.generation.models import Image
from apps.moderation import claims, services
from apps.moderation.models import Case, CaseState
from tests.moderation.conftest import (
    GREEN,
    RED,
    look,
    make_case,
    put_again,
    stranger,
    time_passes,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(picture):
    return make_case(picture(RED, 0.2))


def hidden(case):
    return Image.objects.get(pk=case.image_id).hidden


def decide(person, case, verdict, label=""):
    claims.case_claim_one(person=person, case=case)
    services.case_decide(
        person=person, case=case, token=case.claim_token, verdict=verdict, label=label
    )
    case.refresh_from_db()


def test_a_flagged_picture_is_proved_closed(case):
    look(case)
    assert (stranger(case), case.phase, case.settled) == (403, Phase.READY, True)
    assert case.applied_at and case.proven_at and hidden(case)
    assert [(p.moment, p.status) for p in case.probes.all()] == [("after", 403)]


def test_a_picture_that_was_public_is_closed_on_arrival(case):
    cos_for(case.environment).acl_set(case.key, "public-read")
    assert stranger(case) == 200
    look(case)
    assert stranger(case) == 403
    assert [(p.moment, p.status) for p in case.probes.all()] == [("before", 200), ("after", 403)]


def test_a_frozen_picture_answers_403_and_the_case_says_that_this_was_probed(case, rui):
    decide(rui, case, "freeze", "gore")
    look(case)
    assert stranger(case) == 403
    assert (case.state, case.phase, hidden(case)) == (CaseState.FROZEN, Phase.READY, True)
    assert case.requested_at <= case.applied_at <= case.proven_at
    probe = case.probes.get(generation=case.generation)
    assert (probe.status, probe.expected, probe.place) == (403, 403, "origin")


def test_an_approved_picture_answers_200_once_it_can_no_longer_be_undone(case, rui):
    look(case)
    decide(rui, case, "approve")
    look(case)
    assert (stranger(case), hidden(case), case.phase) == (403, True, Phase.WORKING)
    assert case.applied_at is None
    time_passes(case, 11)
    look(case)
    assert (stranger(case), hidden(case), case.phase) == (200, False, Phase.READY)
    moments = case.probes.filter(generation=case.generation).values_list("moment", "status")
    assert list(moments) == [("before", 403), ("after", 200)]


def test_an_approval_that_was_undone_never_shows_the_picture(case, rui):
    decide(rui, case, "approve")
    services.decision_undo(person=rui, decision=case.decisions.get())
    time_passes(case, 20)
    look(case)
    assert (stranger(case), case.state, hidden(case)) == (403, CaseState.FLAGGED, True)


def test_a_lead_releases_a_frozen_picture(case, rui, lea):
    decide(rui, case, "freeze", "gore")
    look(case)
    services.case_overrule(person=lea, case=case, verdict="approve", reason="Paint, not blood.")
    look(case)
    assert (stranger(case), case.state, hidden(case)) == (200, CaseState.APPROVED, False)


def test_what_somebody_opened_by_hand_is_closed_again_at_the_next_look(case, rui):
    decide(rui, case, "freeze", "gore")
    look(case)
    cos_for(case.environment).acl_set(case.key, "public-read")
    assert stranger(case) == 200
    look(case)
    assert (stranger(case), case.phase) == (403, Phase.READY)
    assert (200, "before") in case.probes.values_list("status", "moment")


def test_it_is_probed_again_after_1_5_and_15_minutes_and_then_ever_more_rarely(case):
    look(case)
    for seconds in (61, 240, 600):
        time_passes(case, seconds)
        look(case)
        look(case)  # a second look at the same moment writes nothing
    assert list(case.probes.values_list("moment", flat=True)) == ["after", "1m", "5m", "15m"]
    assert case.due_at > timezone.now() + timedelta(seconds=59)
    time_passes(case, 86_400)
    look(case)
    assert case.due_at > timezone.now() + timedelta(hours=2)
    assert case.probes.count() == 4


def test_other_bytes_under_the_key_open_the_case_again(case, rui):
    look(case)
    decide(rui, case, "approve")
    time_passes(case, 11)
    look(case)
    assert stranger(case) == 200
    put_again(case.image, GREEN, tell=False)
    cos_for(case.environment).acl_set(case.key, "public-read")
    look(case)
    assert (case.state, case.policy_label, hidden(case)) == (CaseState.PENDING, "", True)
    assert case.submit_due_at is not None
    look(case)
    assert stranger(case) == 403


def test_an_object_that_is_gone_is_said_to_be_gone(case, rui):
    cos_for(case.environment).delete(case.key)
    look(case)
    assert (case.phase, case.observed) == (Phase.READY, {"gone": True})
    assert "gone" in str(case.message_say)
    decide(rui, case, "approve")
    time_passes(case, 11)
    look(case)
    assert (case.phase, hidden(case), case.proven_at) == (Phase.BLOCKED, True, None)


def test_when_cos_refuses_it_stays_hidden_and_is_tried_again(case, monkeypatch):
    environment = case.environment
    type(environment).objects.filter(pk=environment.pk).update(secret_id="AKIDwrong")
    case = Case.objects.get(pk=case.pk)
    look(case)
    assert (case.phase, hidden(case), case.proven_at) == (Phase.DEGRADED, True, None)
    assert case.due_at is not None
    type(environment).objects.filter(pk=environment.pk).update(secret_id=environment.secret_id)
    look(Case.objects.get(pk=case.pk))
    case.refresh_from_db()
    assert (case.phase, stranger(case)) == (Phase.READY, 403)


def test_looking_twice_changes_nothing_twice(case):
    from apps.core.models import Intent

    cos_for(case.environment).acl_set(case.key, "public-read")
    look(case)
    look(case)
    look(case)
    assert Intent.objects.filter(kind="visibility", object_id=case.pk).count() == 1


def test_a_freeze_decided_while_the_loop_looks_is_not_overtaken(case, rui, lea, monkeypatch):
    """The loop read "public" and is about to show the picture when the lead freezes it."""
    from apps.moderation import reconciler

    decide(rui, case, "approve")
    time_passes(case, 11)
    look(case)
    Image.objects.filter(pk=case.image_id).update(hidden=True)
    note_floors = reconciler.note_floors

    def freeze_first(row, want, have):
        monkeypatch.setattr(reconciler, "note_floors", note_floors)
        services.case_overrule(
            person=lea, case=case, verdict="freeze", label="gore", reason="Blood."
        )
        note_floors(row, want, have)

    monkeypatch.setattr(reconciler, "note_floors", freeze_first)
    look(case)
    assert hidden(case)
    look(case)
    assert (stranger(case), case.state, hidden(case)) == (403, CaseState.FROZEN, True)
