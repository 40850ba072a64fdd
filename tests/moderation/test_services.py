"""Claims and decisions on real PostgreSQL, with threads where it matters."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.core.errors import Conflict, RuleViolation
from apps.moderation import claims, services
from apps.moderation.models import Case, CaseState, Decision, Skip
from apps.moderation.services import Seen
from tests.cast import make_person
from tests.environments.factories import make_environment
from tests.moderation.conftest import BUCKET, make_case, make_image, make_job

pytestmark = pytest.mark.django_db


def held(person, **more):
    """A case the person holds."""
    case = make_case(**more)
    return claims.case_claim_one(person=person, case=case)


def decide(person, case, verdict="freeze", label="gore", **more):
    label = label if verdict == "freeze" else ""
    return services.case_decide(
        person=person, case=case, token=case.claim_token, verdict=verdict, label=label, **more
    )


def test_the_worst_is_handed_out_first_and_then_the_oldest(rui):
    now = timezone.now()
    new = make_case(opened_at=now)
    old = make_case(opened_at=now - timedelta(hours=2))
    severe = make_case(severity=2, opened_at=now)
    assert claims.case_claim(person=rui, count=1) == [severe.pk]
    assert claims.case_claim(person=rui, count=1) == [old.pk]
    assert claims.case_claim(person=rui, count=5) == [new.pk]
    assert claims.case_claim(person=rui, count=5) == []


@pytest.mark.parametrize("state", [s for s in CaseState if s != CaseState.FLAGGED])
def test_only_open_cases_are_handed_out(rui, state):
    make_case(state=state)
    assert claims.case_claim(person=rui) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_reviewers_no_two_get_the_same_picture():
    environment = make_environment(bucket=BUCKET)
    for _ in range(4):
        job = make_job(environment)
        for _ in range(10):
            make_case(make_image(job))
    people = [make_person(f"r{n}", "reviewer") for n in range(4)]
    together, got, lock = threading.Barrier(len(people)), Counter(), threading.Lock()

    def work(person):
        try:
            together.wait(10)
            while claimed := claims.case_claim(person=person, count=3):
                with lock:
                    got.update(claimed)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(got.values()) == {1}
    assert len(got) == 40


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_one_decides_and_the_other_learns_it(rui):
    case = held(rui)
    together, outcomes, lock = threading.Barrier(2), [], threading.Lock()

    def work(verdict):
        try:
            mine = Case.objects.get(pk=case.pk)
            together.wait(10)
            try:
                decide(rui, mine, verdict)
                outcome = verdict
            except Conflict as conflict:
                outcome = conflict
            with lock:
                outcomes.append(outcome)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(v,)) for v in ("freeze", "approve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert Decision.objects.count() == 1


def test_a_freeze_stands_and_is_recorded(rui):
    case = held(rui)
    made = decide(rui, case, reason="Blood in front.", seen=Seen("grey", 2400))
    case.refresh_from_db()
    assert (case.state, case.policy_label, case.holder) == (CaseState.FROZEN, "gore", None)
    assert (case.generation, case.spec["visibility"]) == (2, "private")
    assert (made.seen_mode, made.seen_ms, made.claim_token) == ("grey", 2400, case.claim_token)
    event = Event.objects.get(verb="case.freeze")
    assert (event.actor, event.subject_id, event.reason) == (rui, str(case.pk), "Blood in front.")


@pytest.mark.parametrize("label", ["", "blood", "GORE"])
def test_a_freeze_without_a_label_of_the_policy_is_refused(rui, label):
    case = held(rui)
    with pytest.raises(RuleViolation) as wrong:
        decide(rui, case, label=label)
    assert wrong.value.field == "label"
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"verdict": "delete"}, "verdict"),
        ({"verdict": "undo"}, "verdict"),
        ({"verdict": ""}, "verdict"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_nothing(rui, more, field):
    case = held(rui)
    with pytest.raises(RuleViolation) as wrong:
        decide(rui, case, **more)
    assert wrong.value.field == field
    case.refresh_from_db()
    assert (case.state, case.holder) == (CaseState.FLAGGED, rui)


def test_a_decision_with_an_old_token_is_refused(rui):
    case = held(rui)
    old = case.claim_token
    Case.objects.filter(pk=case.pk).update(claim_until=timezone.now())
    claims.case_claim(person=rui)
    with pytest.raises(Conflict):
        services.case_decide(person=rui, case=case, token=old, verdict="approve")


def test_an_expired_claim_decides_nothing_and_the_next_reviewer_is_named(rui):
    other = make_person("sam", "reviewer", display_name="Sam")
    case = held(rui)
    Case.objects.filter(pk=case.pk).update(claim_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="ran out"):
        decide(rui, case)
    assert claims.case_claim(person=other) == [case.pk]
    with pytest.raises(Conflict, match="Sam looks at it now"):
        decide(rui, case)


def test_the_conflict_says_who_decided_what_and_when(rui):
    other = make_person("sam", "reviewer", display_name="Sam")
    case = held(rui)
    Case.objects.filter(pk=case.pk).update(claim_until=timezone.now())
    decide(other, claims.case_claim_one(person=other, case=Case.objects.get(pk=case.pk)))
    with pytest.raises(Conflict, match="Sam froze it just now: Gore") as conflict:
        decide(rui, case, "approve")
    assert conflict.value.current["decided_by"] == "Sam"
    assert conflict.value.current["state"] == CaseState.FROZEN


def test_the_same_key_gives_the_same_decision(rui):
    case = held(rui)
    first = decide(rui, case, idempotency_key="k1")
    assert decide(rui, case, idempotency_key="k1") == first
    assert Decision.objects.count() == 1
    with pytest.raises(RuleViolation, match="another case"):
        decide(rui, held(rui), idempotency_key="k1")


def test_a_heartbeat_keeps_what_is_held_and_revives_nothing(rui):
    kept, lost = held(rui), held(rui)
    Case.objects.filter(pk=lost.pk).update(claim_until=timezone.now() - timedelta(seconds=1))
    Case.objects.filter(pk=kept.pk).update(claim_until=timezone.now() + timedelta(seconds=5))
    assert claims.claims_renew(person=rui) == 1
    kept.refresh_from_db()
    assert kept.claim_until > timezone.now() + timedelta(minutes=9)


def test_what_is_given_back_is_free_at_once(rui):
    other = make_person("sam", "reviewer")
    case = held(rui)
    assert claims.claims_give_back(person=rui) == 1
    assert claims.case_claim(person=other) == [case.pk]


def test_nobody_decides_on_their_own_picture(rui, root):
    environment = make_environment(bucket=BUCKET)
    mine = make_case(make_image(make_job(environment, rui)))
    assert claims.case_claim(person=rui) == []
    with pytest.raises(RuleViolation, match="yourself"):
        claims.case_claim_one(person=rui, case=mine)
    own = make_case(make_image(make_job(environment, root)))
    assert set(claims.case_claim(person=root)) == {mine.pk, own.pk}


def test_what_was_passed_over_does_not_come_back_to_that_person(rui):
    other = make_person("sam", "reviewer")
    case = held(rui)
    claims.case_skip(person=rui, case=case, token=case.claim_token)
    assert claims.case_claim(person=rui) == []
    assert claims.case_claim(person=other) == [case.pk]
    claims.claims_give_back(person=other)
    claims.skips_forget(person=rui)
    assert claims.case_claim(person=rui) == [case.pk]


def test_an_escalated_case_is_for_leads(rui, lea):
    case = held(rui)
    decide(rui, case, "escalate", reason="Is this a minor?")
    assert claims.case_claim(person=rui) == []
    assert claims.case_claim(person=lea) == [case.pk]
    with pytest.raises(Conflict):
        decide(rui, case, "approve")


def test_undo_within_ten_seconds_gives_the_case_back_to_its_reviewer(rui):
    case = held(rui)
    undone = services.decision_undo(person=rui, decision=decide(rui, case))
    case.refresh_from_db()
    assert (case.state, case.holder, case.policy_label) == (CaseState.FLAGGED, rui, "")
    assert undone.claim_token == case.claim_token
    decide(rui, case, "approve")
    case.refresh_from_db()
    assert case.state == CaseState.APPROVED


def test_undo_is_for_ten_seconds_once_and_for_oneself(rui, lea):
    case = held(rui)
    made = decide(rui, case)
    with pytest.raises(RuleViolation, match="Only the person"):
        services.decision_undo(person=lea, decision=made)
    late = Decision(**{f.attname: getattr(made, f.attname) for f in Decision._meta.concrete_fields})
    late.at -= timedelta(seconds=11)
    with pytest.raises(RuleViolation, match="are over"):
        services.decision_undo(person=rui, decision=late)
    services.decision_undo(person=rui, decision=made)
    with pytest.raises(RuleViolation, match="already"):
        services.decision_undo(person=rui, decision=made)


def test_a_lead_overrules_with_a_reason(rui, lea):
    case = held(rui)
    decide(rui, case)
    case.refresh_from_db()
    with pytest.raises(RuleViolation, match="reason"):
        services.case_overrule(person=lea, case=case, verdict="approve")
    with pytest.raises(Conflict):
        services.case_overrule(
            person=lea, case=case, verdict="approve", reason="Paint.", generation=1
        )
    services.case_overrule(
        person=lea, case=case, verdict="approve", reason="Paint.", generation=case.generation
    )
    case.refresh_from_db()
    assert (case.state, case.spec) == (
        CaseState.APPROVED,
        {"visibility": "public", "not_before": ""},
    )
    with pytest.raises(RuleViolation, match="public already"):
        services.case_overrule(person=lea, case=case, verdict="approve", reason="Again.")


def test_an_open_case_is_not_overruled(lea):
    with pytest.raises(RuleViolation, match="not decided"):
        services.case_overrule(person=lea, case=make_case(), verdict="approve", reason="So.")


def test_decisions_cannot_be_changed_or_deleted(rui):
    made = decide(rui, held(rui))
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        Decision.objects.filter(pk=made.pk).update(label="ads")
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        made.delete()


def test_skips_are_counted_once(rui):
    case = held(rui)
    claims.case_skip(person=rui, case=case, token=case.claim_token)
    claims.case_claim_one(person=rui, case=Case.objects.get(pk=case.pk))
    case.refresh_from_db()
    claims.case_skip(person=rui, case=case, token=case.claim_token)
    assert Skip.objects.count() == 1
