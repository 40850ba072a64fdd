"""Leaving an object or a whole environment alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.audit.models import Event
from apps.core import reconcile
from apps.core.scheduler import ring_due
from apps.environments.models import Environment
from tests.cast import signed_in
from tests.deployments.factories import make_deployment, make_version
from tests.environments.factories import make_adopted

pytestmark = pytest.mark.django_db
ASKED = {"hours": "4", "reason": "load test"}


@pytest.fixture
def due(web):
    type(web).objects.filter(pk=web.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    web.refresh_from_db()
    return web


def test_a_pause_has_a_reason_an_end_and_a_name(web, olga):
    answer = signed_in(olga).post(f"/pauses/deployment/{web.pk}/", ASKED)
    assert answer.url == f"/deployments/{web.pk}/"
    web.refresh_from_db()
    assert web.paused
    assert (web.pause_reason, web.paused_by) == ("load test", "Olga")
    assert web.paused_until < timezone.now() + timedelta(hours=4, minutes=1)
    event = Event.objects.get(verb="deployment.pause")
    assert (event.reason, event.actor) == ("load test", olga)
    assert "load test" in signed_in(olga).get("/drift/").content.decode()


@pytest.mark.parametrize(
    "asked", [{"hours": "4"}, {"reason": "x"}, {"hours": "9999", "reason": "x"}]
)
def test_without_either_there_is_no_pause(web, olga, asked):
    assert signed_in(olga).post(f"/pauses/deployment/{web.pk}/", asked).status_code == 422
    web.refresh_from_db()
    assert not web.paused


def test_a_paused_row_is_not_rung_for_and_not_worked_on(due, olga):
    signed_in(olga).post(f"/pauses/deployment/{due.pk}/", ASKED)
    assert ring_due() == 0
    fence = due.fence
    assert reconcile.run("deployment", due.pk) is None
    due.refresh_from_db()
    assert due.fence >= fence
    assert due.leased_until is None


def test_resuming_makes_it_due_at_once(web, olga):
    client = signed_in(olga)
    client.post(f"/pauses/deployment/{web.pk}/", ASKED)
    client.post(f"/pauses/deployment/{web.pk}/end/")
    web.refresh_from_db()
    assert not web.paused
    assert web.due_at <= timezone.now()
    assert Event.objects.filter(verb="deployment.resume").exists()


def test_whoever_works_on_it_loses_the_lease(web, olga):
    later = timezone.now() + timedelta(minutes=1)
    type(web).objects.filter(pk=web.pk).update(lease_owner="w", leased_until=later)
    signed_in(olga).post(f"/pauses/deployment/{web.pk}/", ASKED)
    fresh = type(web).objects.get(pk=web.pk)
    assert (fresh.fence, fresh.lease_owner) == (web.fence + 1, "")


def test_a_paused_environment_pauses_all_that_is_in_it_and_nothing_else(due, olga):
    other = make_adopted(name="other")
    elsewhere = make_deployment(
        other, make_version(other, name="sdxl"), name="api", due_at=due.due_at
    )
    signed_in(olga).post("/pauses/demo/", ASKED)
    assert ring_due() == 1
    assert reconcile.run("deployment", due.pk) is None
    due.refresh_from_db()
    assert (due.leased_until, due.observed_at) == (None, None)
    assert due.due_at == elsewhere.due_at  # nothing is lost: it is due the moment it ends
    Environment.objects.filter(name="demo").update(paused_until=timezone.now())
    assert ring_due() == 2


def test_the_environment_is_resumed(place, olga):
    client = signed_in(olga)
    client.post("/pauses/demo/", ASKED)
    assert "load test" in client.get("/pauses/demo/").content.decode()
    client.post("/pauses/demo/end/")
    assert not Environment.objects.get(name="demo").paused
    assert Event.objects.filter(verb="environment.resume").exists()


def test_a_viewer_pauses_nothing(web, vic):
    client = signed_in(vic)
    assert client.post(f"/pauses/deployment/{web.pk}/", ASKED).status_code == 403
    assert client.post("/pauses/demo/", ASKED).status_code == 403
    web.refresh_from_db()
    assert not web.paused


def test_rest_pauses_with_an_end_in_the_future_only(web, olga):
    client = signed_in(olga)
    at = f"/api/v1/pauses/deployment/{web.pk}"
    for until in ("2020-01-01T00:00:00Z", "2126-01-01T00:00:00Z", "2026-01-01T00:00:00"):
        body = {"until": until, "reason": "x"}
        assert client.put(at, body, content_type="application/json").status_code == 422
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"until": until, "reason": "load test"}
    assert client.put(at, body, content_type="application/json").status_code == 204
    assert client.delete(at).status_code == 204
    assert client.delete(at).status_code == 422
    place = "/api/v1/environments/demo/pause"
    assert client.put(place, body, content_type="application/json").status_code == 204
    assert client.delete(place).status_code == 204
