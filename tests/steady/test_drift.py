"""The drift page and its three ways, on the page and over REST."""

import pytest

from apps.audit.models import Event
from apps.core.changes import Field
from apps.core.drift import ignored_of
from apps.core.models import Plan, PlanItem, Revision
from apps.deployments.models import Deployment
from tests.cast import signed_in
from tests.deployments.factories import make_deployment, make_version
from tests.environments.factories import make_adopted
from tests.steady.conftest import differ, replicas

pytestmark = pytest.mark.django_db
MEMORY = Field("Memory", "spec.strategy", "Recreate", "RollingUpdate")


def page(person, **query):
    return signed_in(person).get("/drift/", query).content.decode()


def test_the_page_says_what_differs_who_did_it_and_where(web, vic):
    differ(web, replicas())
    shown = page(vic)
    assert f'href="/deployments/{web.pk}/"' in shown
    assert "kubectl-scale" in shown
    assert "1 field differs" in shown
    assert "/put" not in shown and "Put back" not in shown  # a viewer only reads


def test_nothing_differs(web, olga):
    shown = page(olga)
    assert "Everything is as it was asked." in shown


def test_it_is_found_filtered_and_sorted(web, olga):
    other = make_adopted(name="other")
    differ(web, replicas())
    differ(make_deployment(other, make_version(other, name="sdxl"), name="api"), MEMORY)
    assert "api" not in page(olga, q="kubectl")
    assert 'id="drift-deployment' in page(olga, environment="other")
    assert "kubectl-scale" not in page(olga, environment="other")
    shown = page(olga, sort="name")
    assert shown.index(">api<") < shown.index(">web<")
    shown = page(olga, sort="-name")
    assert shown.index(">web<") < shown.index(">api<")
    assert "Nothing matches" in page(olga, q="nothing of the kind")


def test_many_rows_take_no_more_queries(place, olga, django_assert_max_num_queries):
    version = make_version(place)
    for number in range(30):
        differ(make_deployment(place, version, name=f"web-{number}"), replicas())
    client = signed_in(olga)
    client.get("/drift/")
    with django_assert_max_num_queries(40):  # a few per kind, none per row
        client.get("/drift/")


def test_putting_back_plans_the_accepted_wish(web, olga):
    differ(web, replicas())
    answer = signed_in(olga).post(f"/drift/deployment/{web.pk}/back/")
    plan = Plan.objects.get()
    assert answer.url == f"/plans/{plan.pk}/"
    assert (plan.trigger, plan.scope, plan.policy) == ("drift", "demo", web.environment.policy)
    assert Revision.objects.get(object_id=web.pk).spec == web.spec
    assert Event.objects.filter(verb="deployment.put_back", actor=olga).exists()


def test_taking_over_plans_what_is_live(web, olga):
    differ(web, replicas(old=3))
    signed_in(olga).post(f"/drift/deployment/{web.pk}/over/")
    assert Revision.objects.get(object_id=web.pk).spec == {**web.spec, "replicas": 3}
    assert PlanItem.objects.get().revision == 1


def test_what_cannot_be_taken_over_is_said_and_nothing_is_planned(web, olga):
    differ(web, MEMORY)
    client = signed_in(olga)
    answer = client.post(f"/drift/deployment/{web.pk}/over/", follow=True)
    assert "A wish cannot say spec.strategy" in answer.content.decode()
    assert not Plan.objects.exists()


def test_ignoring_takes_the_field_off_the_list_until_it_counts_again(web, olga):
    differ(web, replicas(), MEMORY)
    client = signed_in(olga)
    field = {"object": "Deployment/web", "path": "spec.replicas"}
    client.post(f"/drift/deployment/{web.pk}/ignore/", field)
    web.refresh_from_db()
    assert ignored_of(web) == {("Deployment/web", "spec.replicas")}
    assert [line["path"] for line in web.drift[0]["fields"]] == ["spec.strategy"]
    assert web.due_at is not None
    assert "Ignored fields" in page(olga)
    client.post(f"/drift/deployment/{web.pk}/count/", field)
    web.refresh_from_db()
    assert web.ignored == []
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert {"deployment.ignore", "deployment.unignore"} <= verbs


def test_only_what_differs_can_be_ignored(web, olga):
    differ(web, replicas())
    field = {"object": "Deployment/web", "path": "spec.template"}
    answer = signed_in(olga).post(f"/drift/deployment/{web.pk}/ignore/", field, follow=True)
    assert "does not differ" in answer.content.decode()
    web.refresh_from_db()
    assert web.ignored == []


@pytest.mark.parametrize("way", ["back", "over", "ignore", "count"])
def test_who_may_not_change_deployments_decides_nothing(web, vic, way):
    differ(web, replicas())
    field = {"object": "Deployment/web", "path": "spec.replicas"}
    assert signed_in(vic).post(f"/drift/deployment/{web.pk}/{way}/", field).status_code == 403
    assert not Plan.objects.exists()
    web.refresh_from_db()
    assert web.ignored == []


@pytest.mark.parametrize("where", ["nothing/1", "deployment/99999"])
def test_nonsense_is_not_found(web, olga, where):
    assert signed_in(olga).post(f"/drift/{where}/back/").status_code == 404


def test_drift_is_among_what_needs_a_person(web, olga):
    from apps.console.selectors import needs, needs_count

    before = needs_count()
    differ(web, replicas())
    assert needs_count() == before + 1
    (need,) = (one for one in needs() if one.state == "drift")
    assert (need.url, "Deployment web" in need.sentence) == ("/drift/", True)


# ---- REST ---------------------------------------------------------------------------------------


def test_rest_lists_and_decides(web, olga):
    differ(web, replicas())
    client = signed_in(olga)
    (found,) = client.get("/api/v1/drift").json()
    assert (found["name"], found["environment"], found["can_take_over"]) == ("web", "demo", True)
    (line,) = found["fields"]
    assert (line["declared"], line["live"], line["changed_by"]) == (1, 3, "kubectl-scale")
    body = {"object": line["object"], "path": line["path"]}
    at = f"/api/v1/drift/deployment/{web.pk}"
    plan = client.post(f"{at}/take-over", {"reason": "peak"}, content_type="application/json")
    assert plan.status_code == 202
    assert Revision.objects.get(object_id=web.pk).message == "peak"
    assert client.post(f"{at}/put-back", {}, content_type="application/json").status_code == 202
    assert client.post(f"{at}/ignore", body, content_type="application/json").status_code == 204
    assert client.get("/api/v1/drift").json() == []
    assert client.post(f"{at}/unignore", body, content_type="application/json").status_code == 204
    assert Deployment.objects.get().ignored == []


def test_rest_asks_for_the_right(web, vic):
    differ(web, replicas())
    at = f"/api/v1/drift/deployment/{web.pk}/put-back"
    assert signed_in(vic).post(at, {}, content_type="application/json").status_code == 403
