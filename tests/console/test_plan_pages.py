"""Plans in the browser and over REST: read, accept, drop, make again."""

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.core import plans
from apps.core.models import Plan, PlanStatus, Run
from tests.cast import make_person, signed_in
from tests.console.factories import expired, make_plan
from tests.core.things.models import Thing

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


def said(answer):
    return answer.content.decode()


def press(person, plan, verb, **typed):
    return signed_in(person).post(f"/plans/{plan.pk}/{verb}/", typed)


def call(person, plan, verb, sent=None):
    return signed_in(person).post(
        f"/api/v1/plans/{plan.pk}/{verb}", sent or {}, content_type="application/json"
    )


# ---- reading ------------------------------------------------------------------------------------


def test_strangers_and_people_without_a_role_stay_outside(olga, ned):
    plan = make_plan(olga)
    for url in ("/plans/", f"/plans/{plan.pk}/"):
        assert Client().get(url).status_code == 302
        assert signed_in(ned).get(url).status_code == 403


def test_a_viewer_reads_what_would_happen_but_cannot_apply_it(olga, vic):
    plan = make_plan(olga)
    page = said(signed_in(vic).get(f"/plans/{plan.pk}/"))
    assert "PaintThing" in page
    assert "lamp" in page
    assert f"/plans/{plan.pk}/apply/" not in page
    assert "Your roles do not allow" in page


def test_the_page_and_its_fragment(olga):
    plan = make_plan(olga)
    client = signed_in(olga)
    whole = said(client.get(f"/plans/{plan.pk}/"))
    part = said(client.get(f"/plans/{plan.pk}/", headers=FRAGMENT))
    assert "<html" in whole
    assert "<html" not in part
    assert part.strip().startswith('<div id="plan-body"')


@pytest.mark.parametrize(
    ("status", "asks"),
    [
        (PlanStatus.PLANNING, True),
        (PlanStatus.APPROVED, True),
        (PlanStatus.READY, False),
        (PlanStatus.FAILED, False),
        (PlanStatus.STALE, False),
        (PlanStatus.DISCARDED, False),
    ],
)
def test_the_page_asks_again_only_while_a_worker_is_at_it(olga, status, asks):
    plan = make_plan(olga, status=status)
    part = said(signed_in(olga).get(f"/plans/{plan.pk}/", headers=FRAGMENT))
    assert (f'hx-get="/plans/{plan.pk}/' in part) is asks


STATES = {
    "ready": ({}, "Waits for a decision", ["apply", "discard", "again"]),
    "expired": (expired, "Older than 30 minutes", ["discard", "again"]),
    "failed": (
        {"status": "failed", "error": {"text": "No route.", "params": {}}},
        "No route.",
        ["discard", "again"],
    ),
    "stale": ({"status": "stale"}, "A newer plan replaced", ["again"]),
    "discarded": ({"status": "discarded"}, "nothing was changed", []),
    "planning": ({"status": "planning"}, "The world is being asked", ["discard"]),
    "approved": ({"status": "approved"}, "looked at once more", []),
}


@pytest.mark.parametrize(("columns", "words", "verbs"), STATES.values(), ids=STATES)
def test_every_state_has_its_sentence_and_its_ways_on(olga, columns, words, verbs):
    columns = columns() if callable(columns) else columns
    plan = make_plan(olga, **columns)
    page = said(signed_in(olga).get(f"/plans/{plan.pk}/"))
    assert words in page
    offered = [
        verb for verb in ("apply", "discard", "again") if f"/plans/{plan.pk}/{verb}/" in page
    ]
    assert offered == verbs


def test_a_plan_that_could_not_be_made_does_not_claim_that_all_is_done(olga):
    plan = make_plan(olga, status="failed", ready_at=None)
    page = said(signed_in(olga).get(f"/plans/{plan.pk}/"))
    assert "Nothing to do" not in page
    assert "No plan could be made" in page


def test_an_applied_plan_leads_to_its_run(olga):
    plan = make_plan(olga)
    run = plans.plan_apply(plan, olga)
    page = said(signed_in(olga).get(f"/plans/{plan.pk}/"))
    assert f'href="/runs/{run.pk}/"' in page


def test_the_list_finds_by_reason_state_and_name(olga, vic):
    make_plan(olga)
    make_plan(vic, name="chair", status=PlanStatus.FAILED)
    client = signed_in(olga)

    def found(query):
        return {
            row.author.username for row in client.get("/plans/" + query).context["listing"].rows
        }

    assert found("") == {"olga", "vic"}
    assert found("?q=chair") == {"vic"}
    assert found("?q=olga") == {"olga"}
    assert found("?status=failed") == {"vic"}
    assert found("?environment=demo&sort=-made") == {"olga", "vic"}
    part = said(client.get("/plans/", headers={**FRAGMENT, "HX-Target": "rows"}))
    assert "<html" not in part


# ---- deciding -----------------------------------------------------------------------------------


def test_applying_approves_and_a_worker_runs_it(olga):
    plan = make_plan(olga)
    answer = press(olga, plan, "apply", comment="go")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/plans/{plan.pk}/")
    plans.plan_start(plan.pk)
    plan.refresh_from_db()
    assert (plan.status, plan.comment, plan.approver) == (PlanStatus.APPLIED, "go", olga)
    assert Event.objects.get(verb="plan.apply").reason == "go"


def test_a_viewer_cannot_apply(olga, vic):
    plan = make_plan(olga)
    assert press(vic, plan, "apply").status_code == 403
    assert call(vic, plan, "apply").json()["capability"] == "plan.apply"
    assert not Event.objects.filter(verb="plan.apply").exists()


def test_four_eyes_means_somebody_else_with_that_right(olga, ada):
    author = make_person("otto", "operator", "approver")
    plan = make_plan(author, policy="four-eyes")
    page = said(signed_in(author).get(f"/plans/{plan.pk}/"))
    assert "somebody else has to approve" in page
    assert press(author, plan, "apply").status_code == 422
    assert press(olga, plan, "apply").status_code == 403
    assert "Approve and apply" in said(signed_in(ada).get(f"/plans/{plan.pk}/"))
    assert press(ada, plan, "apply").status_code == 302
    plans.plan_start(plan.pk)
    run = Run.objects.get()
    assert (run.person, run.approver) == (author, ada)


def test_planning_again_does_not_open_a_way_around_four_eyes(ada, olga):
    author = make_person("otto", "operator", "approver")
    plan = make_plan(author, policy="four-eyes")
    press(olga, plan, "again")
    fresh = Plan.objects.latest("pk")
    plans.plan_compute(fresh.pk)
    assert press(author, fresh, "apply").status_code == 422


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (expired, "more than 30 minutes old"),
        ({"status": "planning"}, "still being made"),
        ({"status": "stale"}, "This plan is Out of date."),
        ({"status": "discarded"}, "This plan is Discarded."),
    ],
)
def test_what_cannot_run_any_more_is_refused_in_both_doors(olga, columns, words):
    columns = columns() if callable(columns) else columns
    plan = make_plan(olga, **columns)
    answer = press(olga, plan, "apply")
    assert (answer.status_code, words in said(answer)) == (422, True)
    problem = call(olga, plan, "apply")
    assert (problem.status_code, words in problem.json()["detail"]) == (422, True)
    assert not Run.objects.exists()


def test_discarding_takes_the_draft_with_it(olga):
    plan = make_plan(olga)
    assert press(olga, plan, "discard").headers["Location"] == "/plans/"
    assert not Thing.objects.exists()
    assert press(olga, plan, "discard").status_code == 422
    assert call(olga, plan, "discard").status_code == 422


def test_only_who_proposed_or_may_apply_takes_a_plan_back(olga, vic, rui):
    own = make_plan(vic)
    assert press(rui, own, "discard").status_code == 403
    assert press(vic, own, "discard").status_code == 302
    other = make_plan(vic, name="chair")
    assert call(olga, other, "discard").status_code == 204


def test_planning_again_replaces_the_plan(olga):
    plan = make_plan(olga, **expired())
    answer = press(olga, plan, "again")
    fresh = Plan.objects.latest("pk")
    plan.refresh_from_db()
    assert answer.headers["Location"] == f"/plans/{fresh.pk}/"
    assert (plan.status, fresh.status) == (PlanStatus.STALE, PlanStatus.PLANNING)
    assert call(olga, fresh, "again").json()["status"] == "planning"


def test_planning_again_what_is_gone_says_so(olga):
    plan = make_plan(olga)
    Thing.objects.all().delete()
    answer = press(olga, plan, "again")
    assert (answer.status_code, "lamp is not there any more" in said(answer)) == (422, True)
    assert signed_in(olga).get(f"/plans/{plan.pk}/").status_code == 200


@pytest.mark.parametrize("verb", ["apply", "discard", "again"])
def test_nothing_is_decided_by_reading(olga, verb):
    plan = make_plan(olga)
    assert signed_in(olga).get(f"/plans/{plan.pk}/{verb}/").status_code == 405
    assert signed_in(olga).post(f"/plans/999/{verb}/").status_code == 404


# ---- REST ---------------------------------------------------------------------------------------


def test_the_api_tells_every_change(olga, vic):
    plan = make_plan(olga)
    one = signed_in(vic).get(f"/api/v1/plans/{plan.pk}").json()
    (item,) = one["items"]
    (change,) = item["changes"]
    assert (one["number"], one["title"], one["author"]) == (f"P-{plan.pk}", "Paint lamp", "olga")
    assert (change["op"], change["call"], change["fields"][0]["new"]) == (
        "create",
        "PaintThing",
        "red",
    )
    listed = signed_in(vic).get("/api/v1/plans?status=ready&environment=demo").json()["items"]
    assert [found["id"] for found in listed] == [plan.pk]
    assert signed_in(vic).get("/api/v1/plans/999").status_code == 404


def test_applying_over_rest(olga):
    plan = make_plan(olga)
    answer = call(olga, plan, "apply", {"comment": "go"})
    assert (answer.status_code, answer.json()["status"]) == (202, "approved")
    plans.plan_start(plan.pk)
    assert signed_in(olga).get(f"/api/v1/plans/{plan.pk}").json()["run_id"] == Run.objects.get().pk


@pytest.mark.parametrize("sent", [{"comment": "x" * 501}, {"comment": "\x00"}, {"other": 1}])
def test_bad_input_is_a_problem_not_a_crash(olga, sent):
    plan = make_plan(olga)
    assert call(olga, plan, "apply", sent).status_code == 422
    plan.refresh_from_db()
    assert plan.status == PlanStatus.READY


@pytest.mark.parametrize("url", ["/plans/", "/api/v1/plans"])
def test_lists_ask_as_much_for_fifty_rows_as_for_three(olga, url, django_assert_max_num_queries):
    client = signed_in(olga)
    counts = []
    for more in (3, 47):
        for number in range(more):
            make_plan(olga, name=f"thing {number} of {more}")
        with django_assert_max_num_queries(12) as captured:
            assert client.get(url).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
