"""Calls whose outcome nobody can look up: shown with their evidence, decided by a person."""

import pytest
from django.utils import timezone

from apps.audit.models import Event
from apps.console.selectors import needs, needs_count
from apps.core.changes import Change, Field
from apps.core.models import Intent, IntentState
from apps.core.phases import Phase
from tests.cast import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(web):
    change = Change(
        "create",
        "gateway",
        "Canary rule",
        "half",
        "CreateCanaryRule",
        (Field("Share", "percent", None, 50), Field("Key", "password", None, "hush", secret=True)),
    )
    type(web).objects.filter(pk=web.pk).update(phase=Phase.BLOCKED)
    return Intent.objects.create(
        kind="deployment",
        object_id=web.pk,
        generation=1,
        fence=1,
        key="canary/half",
        call="CreateCanaryRule",
        state=IntentState.UNKNOWN,
        error="no answer in 30 s",
        request=change.to_json(),
        asked_at=timezone.now(),
    )


def test_the_page_shows_call_request_and_error_but_no_secret(lost, olga):
    shown = signed_in(olga).get("/unknown/").content.decode()
    assert "CreateCanaryRule" in shown
    assert "no answer in 30 s" in shown
    assert ">50<" in shown
    assert "hush" not in shown
    assert lost.call in {need.title for need in needs()}
    assert needs_count() == len(needs())


@pytest.mark.parametrize(
    ("decision", "state"), [("adopt", "ok"), ("retry", "failed"), ("discard", "dropped")]
)
def test_a_decision_closes_the_call_and_is_on_record(lost, web, olga, decision, state):
    body = {"decision": decision, "reason": "seen in Tencent's console"}
    signed_in(olga).post(f"/unknown/{lost.pk}/", body)
    lost.refresh_from_db()
    assert (lost.state, lost.closed_at is not None) == (state, True)
    web.refresh_from_db()
    assert (web.phase, web.due_at is not None) == (Phase.PENDING, True)
    event = Event.objects.get(verb=f"call.{decision}")
    assert (event.actor, event.reason) == (olga, "seen in Tencent's console")
    assert "Every call is accounted for." in signed_in(olga).get("/unknown/").content.decode()


def test_two_people_decide_once(lost, olga):
    client = signed_in(olga)
    client.post(f"/unknown/{lost.pk}/", {"decision": "adopt"})
    answer = client.post(f"/unknown/{lost.pk}/", {"decision": "retry"}, follow=True)
    assert "decided about this call already" in answer.content.decode()
    lost.refresh_from_db()
    assert lost.state == IntentState.OK


def test_nonsense_decides_nothing(lost, olga, vic):
    signed_in(olga).post(f"/unknown/{lost.pk}/", {"decision": "maybe"})
    assert signed_in(vic).post(f"/unknown/{lost.pk}/", {"decision": "adopt"}).status_code == 403
    lost.refresh_from_db()
    assert lost.state == IntentState.UNKNOWN


def test_what_the_next_look_resolves_is_not_shown(lost, olga):
    Intent.objects.update(asked_at=None)
    assert "Every call is accounted for." in signed_in(olga).get("/unknown/").content.decode()


def test_rest_lists_and_decides(lost, olga):
    client = signed_in(olga)
    (found,) = client.get("/api/v1/unknown").json()["items"]
    assert (found["call"], found["request"]["fields"][0]["new"]) == ("CreateCanaryRule", 50)
    at = f"/api/v1/unknown/{lost.pk}/decide"
    body = {"decision": "retry", "reason": "not there"}
    assert client.post(at, body, content_type="application/json").status_code == 204
    assert client.post(at, body, content_type="application/json").status_code == 422
