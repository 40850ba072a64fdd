"""Overview and search."""

import pytest

from apps.console.selectors import needs, needs_count
from apps.core import plans, reconcile
from apps.core.models import Plan
from apps.core.phases import Phase
from tests.cast import signed_in
from tests.console.factories import expired, make_plan
from tests.core.things.models import Thing
from tests.deployments.factories import make_deployment, make_version
from tests.environments.factories import make_adopted

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
SAYS_NO = {"text": "Kubernetes says no.", "params": {}}


def said(answer):
    return answer.content.decode()


def find(person, query, **options):
    return said(signed_in(person).get("/search/", {"q": query}, **options))


# ---- search -------------------------------------------------------------------------------------


def test_objects_are_found_by_a_part_of_their_name_grouped_by_kind(olga):
    environment = make_adopted()
    row = make_deployment(environment, make_version(environment), name="anime-v5")
    page = find(olga, "NIME")
    assert f'href="/deployments/{row.pk}/"' in page
    assert "anime-v5" in page


@pytest.mark.parametrize("prefix", ["P-{}", "p-{}"])
def test_a_plan_is_found_by_its_number(olga, prefix):
    plan = make_plan(olga)
    assert f'href="/plans/{plan.pk}/"' in find(olga, prefix.format(plan.pk))


def test_a_run_is_found_by_its_number_and_by_a_request_id(olga):
    run = plans.plan_apply(make_plan(olga), olga)
    assert f'href="/runs/{run.pk}/"' in find(olga, f"R-{run.pk}")
    reconcile.run("thing", Thing.objects.get().pk)
    run.steps.update(request_id="c41d7e90-93ab-4d0e")
    assert f'href="/runs/{run.pk}/"' in find(olga, "c41d7e90")
    assert f'href="/runs/{run.pk}/"' not in find(olga, "c41d7")


@pytest.mark.parametrize(
    "query",
    ["", "a", "zzz", "P-", "P-999", "R-²", "P-99999999999999999999", "Q-1", "\x00", "a" * 999],
)
def test_nothing_found_is_said_and_nonsense_is_no_crash(olga, query):
    answer = signed_in(olga).get("/search/", {"q": query})
    assert answer.status_code == 200
    assert "/deployments/1/" not in said(answer)
    assert "sd-found-g" not in said(answer)


def test_what_was_typed_comes_back_as_text(olga):
    page = find(olga, "<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_dialog_gets_only_what_was_found(olga):
    plan = make_plan(olga)
    whole = find(olga, f"P-{plan.pk}")
    part = find(olga, f"P-{plan.pk}", headers=FRAGMENT)
    assert "<html" in whole
    assert "<html" not in part
    assert f'href="/plans/{plan.pk}/"' in part


def test_people_without_a_role_find_nothing(ned):
    assert signed_in(ned).get("/search/?q=anime").status_code == 403
    assert signed_in(ned).get("/").status_code == 403


# ---- overview -----------------------------------------------------------------------------------


def test_an_empty_house_says_that_all_is_quiet(vic):
    page = said(signed_in(vic).get("/"))
    assert "Nothing waits for a person." in page
    assert "No environment yet" in page
    assert "Nothing has run yet." in page


def test_what_needs_a_person_is_listed_worst_first_with_a_way_on(olga):
    environment = make_adopted()
    version = make_version(environment)
    plan = make_plan(olga)
    slow = make_deployment(environment, version, name="slow", phase=Phase.DEGRADED)
    stuck = make_deployment(
        environment, version, name="stuck", phase=Phase.BLOCKED, message=SAYS_NO
    )
    make_deployment(environment, version, name="fine")
    found = [need.url for need in needs()]
    assert found[0] == f"/deployments/{stuck.pk}/"
    assert set(found[1:]) == {f"/deployments/{slow.pk}/", f"/plans/{plan.pk}/"}
    page = said(signed_in(olga).get("/"))
    assert "Kubernetes says no." in page
    assert 'id="needs-you"' in page


def test_the_number_in_the_top_bar_is_the_length_of_the_list(olga):
    environment = make_adopted()
    make_deployment(environment, make_version(environment), phase=Phase.DEGRADED)
    make_plan(olga)
    make_plan(olga, name="chair", **expired())
    make_plan(olga, name="desk", status="applied")
    assert needs_count() == len(needs()) == 2


def test_the_number_is_one_query(olga, django_assert_num_queries):
    make_plan(olga)
    with django_assert_num_queries(1):
        assert needs_count(most=1) == 1


def test_the_overview_shows_cards_health_and_runs(olga):
    make_adopted()
    plans.plan_apply(make_plan(olga), olga)
    page = said(signed_in(olga).get("/"))
    for words in ("TKE", "CFS", "TCR", "Paint lamp", "/environments/demo/"):
        assert words in page


def test_the_overview_asks_as_much_for_fifty_troubles_as_for_three(
    olga, django_assert_max_num_queries
):
    environment = make_adopted()
    version = make_version(environment)
    client = signed_in(olga)
    counts = []
    for more in (3, 47):
        for number in range(more):
            plans.plan_apply(make_plan(olga, name=f"thing {number} of {more}"), olga)
            make_deployment(environment, version, name=f"d{number}-{more}", phase=Phase.BLOCKED)
            make_version(environment, number=100 * more + number, phase=Phase.BLOCKED)
        with django_assert_max_num_queries(40) as captured:
            assert client.get("/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Plan.objects.count() == 50
