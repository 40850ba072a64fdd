"""Runs in the browser and over REST: follow, cancel, try again."""

import pytest

from apps.audit.models import Event
from apps.core import plans, reconcile
from apps.core.models import Run, RunStatus, Trigger
from apps.core.phases import Phase
from apps.core.runs import run_open
from apps.core.words import Say
from cloud.errors import Rejected, Unreachable
from tests.cast import signed_in
from tests.console.factories import make_plan
from tests.core.things.models import Thing
from tests.core.things.reconciler import SERVICE

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def run(olga):
    """Accepted, nothing done yet."""
    return plans.plan_apply(make_plan(olga), olga)


def refuse(name):
    raise Rejected(
        "no such colour", code="InvalidParameterValue", request_id="req-no", service="things"
    )


def look():
    reconcile.run("thing", Thing.objects.get().pk)


def said(answer):
    return answer.content.decode()


def part(person, run):
    return said(signed_in(person).get(f"/runs/{run.pk}/", headers=FRAGMENT))


def press(person, run, verb):
    return signed_in(person).post(f"/runs/{run.pk}/{verb}/")


def call(person, run, verb):
    return signed_in(person).post(f"/api/v1/runs/{run.pk}/{verb}", content_type="application/json")


def test_the_page_and_its_fragment(run, vic):
    whole = said(signed_in(vic).get(f"/runs/{run.pk}/"))
    assert "<html" in whole
    assert "<html" not in part(vic, run)
    assert "Create Thing lamp" in whole
    assert f'href="/plans/{run.plan_id}/"' in whole


def test_the_page_follows_a_run_and_stops_when_it_is_over(run, vic):
    assert f'hx-get="/runs/{run.pk}/"' in part(vic, run)
    look()
    page = part(vic, run)
    assert "hx-get" not in page
    assert "req-1" in page


def test_people_without_a_role_stay_outside(run, ned):
    assert signed_in(ned).get(f"/runs/{run.pk}/").status_code == 403
    assert signed_in(ned).get("/runs/").status_code == 403


def test_a_failed_step_has_cause_raw_error_and_a_way_on(run, olga, vic):
    SERVICE.before = refuse
    look()
    page = part(olga, run)
    assert "InvalidParameterValue" in page
    assert "no such colour" in page
    assert f"/runs/{run.pk}/retry/" in page
    assert f"/runs/{run.pk}/retry/" not in part(vic, run)


def test_trying_again_is_a_run_of_its_own(run, olga):
    SERVICE.before = refuse
    look()
    SERVICE.before = lambda name: None
    answer = press(olga, run, "retry")
    fresh = Run.objects.latest("pk")
    assert answer.headers["Location"] == f"/runs/{fresh.pk}/"
    assert Thing.objects.get().phase == Phase.PENDING
    look()
    fresh.refresh_from_db()
    assert (fresh.status, fresh.person, SERVICE.colours) == ("succeeded", olga, {"lamp": "red"})
    assert Event.objects.get(verb="run.retry").reason == str(run)


def test_what_is_tried_again_by_itself_needs_nobody(run, olga):
    def away(name):
        raise Unreachable("no route", service="things")

    SERVICE.before = away
    look()
    assert f"/runs/{run.pk}/retry/" not in part(olga, run)
    assert call(olga, run, "retry").status_code == 422
    assert Run.objects.count() == 1


def test_a_run_that_was_taken_over_is_not_tried_again(run, olga):
    SERVICE.before = refuse
    look()
    plans.plan_apply(make_plan(olga, colour="blue"), olga)
    assert call(olga, run, "retry").status_code == 422


def test_cancelling_sends_nothing_more_and_waits_for_a_person(run, olga):
    assert press(olga, run, "cancel").status_code == 302
    look()
    run.refresh_from_db()
    thing = Thing.objects.get()
    assert (run.status, thing.phase, SERVICE.writes) == (RunStatus.CANCELLED, Phase.BLOCKED, [])
    assert str(run.message_say) == "Cancelled by Olga."
    assert Event.objects.filter(verb="run.cancel").exists()
    assert call(olga, run, "cancel").status_code == 422


def test_a_cancelled_deletion_can_go_on(run, olga):
    look()
    deleting = plans.plan_apply(make_plan(olga, colour=None), olga)
    press(olga, deleting, "cancel")
    look()
    assert Thing.objects.get().phase == Phase.BLOCKED
    assert call(olga, deleting, "retry").status_code == 202
    look()
    assert not Thing.objects.exists()
    assert Run.objects.latest("pk").status == RunStatus.SUCCEEDED


def test_cancelling_too_late_is_said(run, olga):
    look()
    answer = signed_in(olga).post(f"/runs/{run.pk}/cancel/", follow=True)
    assert "This run is over already." in said(answer)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_who_may_not_apply_may_neither_cancel_nor_try_again(run, vic, verb):
    assert press(vic, run, verb).status_code == 403
    assert call(vic, run, verb).status_code == 403
    assert f"/runs/{run.pk}/{verb}/" not in part(vic, run)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_a_run_of_an_object_that_is_gone_still_reads(run, vic):
    look()
    Thing.objects.all().delete()
    page = part(vic, run)
    assert "lamp" in page


def test_the_list_is_searched_and_filtered(run, vic, olga):
    chair = Thing.objects.create(name="chair")
    run_open(title=Say("Upload"), scope="art", rows=[chair], trigger=Trigger.UPLOAD)
    client = signed_in(vic)

    def found(query):
        return {row.title_say.text for row in client.get("/runs/" + query).context["listing"].rows}

    assert found("") == {"Paint %(name)s", "Upload"}
    assert found("?q=lamp") == {"Paint %(name)s"}
    assert found("?q=olga") == {"Paint %(name)s"}
    assert found("?trigger=upload") == {"Upload"}
    assert found("?environment=art") == {"Upload"}
    assert found("?status=failed") == set()


def test_the_api_tells_every_step(run, vic):
    look()
    one = signed_in(vic).get(f"/api/v1/runs/{run.pk}").json()
    (step,) = one["steps"]
    assert (one["status"], one["plan_id"], one["person"]) == ("succeeded", run.plan_id, "olga")
    assert (step["status"], step["request_id"], step["attempts"]) == ("done", "req-1", 1)
    listed = signed_in(vic).get("/api/v1/runs?status=succeeded&environment=demo").json()
    assert [found["id"] for found in listed["items"]] == [run.pk]
    assert signed_in(vic).get("/api/v1/runs/999").status_code == 404


@pytest.mark.parametrize("url", ["/runs/", "/api/v1/runs"])
def test_lists_ask_as_much_for_fifty_rows_as_for_three(olga, url, django_assert_max_num_queries):
    client = signed_in(olga)
    counts = []
    for more in (3, 47):
        for number in range(more):
            plans.plan_apply(make_plan(olga, name=f"thing {number} of {more}"), olga)
        with django_assert_max_num_queries(12) as captured:
            assert client.get(url).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
