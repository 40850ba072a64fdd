"""/api/v1/deployments."""

import pytest

from apps.core.models import Plan
from apps.deployments.models import Deployment
from tests.cast import signed_in
from tests.deployments.factories import make_deployment, make_spec
from tests.environments.factories import IMAGE

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/deployments"


@pytest.fixture
def row(environment, version):
    return make_deployment(environment, version)


def body(version, **overrides):
    spec = {
        "image": {"repository": IMAGE.repository, "tag": IMAGE.tag},
        "checkpoint": version.pk,
        "slice": {"core": 25, "memory_gib": 5},
    }
    return {"environment": "demo", "name": "poster", "spec": {**spec, **overrides}}


def post(person, url, sent, method="post"):
    return getattr(signed_in(person), method)(url, sent, content_type="application/json")


def test_declaring_one_answers_with_the_plan(version, olga):
    answer = post(olga, ROOT, body(version))
    plan = Plan.objects.get()
    assert (answer.status_code, answer.json()) == (
        202,
        {"plan": {"id": plan.pk, "number": f"P-{plan.pk}", "status": "planning"}},
    )
    assert plan.trigger == "api"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"slice": {"core": 52, "memory_gib": 5}}, "core"),
        ({"extra_args": ["--share"]}, "extra_args"),
        ({"environment": {"COMMANDLINE_ARGS": "--share"}}, "variables"),
        ({"service": {"type": "Public"}}, "public_confirmed"),
        ({"replicas": 1000}, "replicas"),
        ({"nonsense": 1}, "spec.nonsense"),
        ({"extra_args": ["a\x00b"]}, "spec"),
        ({"image": {"repository": "a", "tag": "b", "digest": "sha256:0"}}, "spec.image.digest"),
    ],
)
def test_bad_input_is_a_problem_that_names_the_member(version, olga, change, where):
    answer = post(olga, ROOT, body(version, **change))
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert where in answer.json()["errors"]
    assert not Deployment.objects.exists()


def test_a_public_balancer_needs_a_yes(version, olga):
    sent = {**body(version, service={"type": "Public"}), "public_confirmed": True}
    assert post(olga, ROOT, sent).status_code == 202


def test_a_stale_editor_gets_409_with_what_is_there_now(row, version, olga):
    sent = {"spec": body(version)["spec"], "generation": 0}
    answer = post(olga, f"{ROOT}/{row.pk}", sent, "put")
    assert answer.status_code == 409
    assert answer.json()["current"] == row.spec


def test_changing_and_deleting_answer_with_a_plan(row, version, olga):
    sent = {"spec": body(version, replicas=2)["spec"], "generation": 1, "reason": "more"}
    assert post(olga, f"{ROOT}/{row.pk}", sent, "put").status_code == 202
    assert Plan.objects.get().reason == "more"
    assert signed_in(olga).delete(f"{ROOT}/{row.pk}").status_code == 202
    assert Plan.objects.count() == 2


def test_one_and_many(row, vic):
    client = signed_in(vic)
    one = client.get(f"{ROOT}/{row.pk}").json()
    assert (one["name"], one["phase"], one["drifted"], one["pods"]) == ("anime", "ready", False, [])
    (listed,) = client.get(ROOT).json()["items"]
    assert listed.items() <= one.items()
    assert client.get(f"{ROOT}/999").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [("?environment=demo", 1), ("?environment=art", 0), ("?phase=ready", 1), ("?phase=x", 0)],
)
def test_lists_are_narrowed(row, vic, query, found):
    assert len(signed_in(vic).get(ROOT + query).json()["items"]) == found


def test_lists_are_cut_into_pages(environment, version, vic):
    for number in range(3):
        make_deployment(environment, version, name=f"d{number}")
    client = signed_in(vic)
    first = client.get(f"{ROOT}?limit=2").json()
    second = client.get(f"{ROOT}?limit=2&cursor={first['next']}").json()
    names = [one["name"] for one in first["items"] + second["items"]]
    assert names == ["d2", "d1", "d0"]
    assert second["next"] is None


def test_variables_named_like_a_password_are_covered_for_viewers(environment, version, vic, olga):
    spec = make_spec(checkpoint=version.pk, environment={"HF_TOKEN": "hf_1", "LANG": "C"})
    row = make_deployment(environment, version)
    Deployment.objects.update(spec=spec.model_dump(mode="json"))
    seen = {
        person.username: signed_in(person).get(f"{ROOT}/{row.pk}").json()["spec"]["environment"]
        for person in (vic, olga)
    }
    assert seen["olga"] == {"HF_TOKEN": "hf_1", "LANG": "C"}
    assert seen["vic"]["LANG"] == "C"
    assert "hf_1" not in str(seen["vic"])
    assert "hf_1" not in signed_in(vic).get(ROOT).content.decode()


@pytest.mark.parametrize("who", ["vic", "ned"])
def test_without_the_right_nothing_is_planned(row, version, who, request):
    person = request.getfixturevalue(who)
    assert post(person, ROOT, body(version)).status_code == 403
    assert signed_in(person).delete(f"{ROOT}/{row.pk}").status_code == 403
    assert not Plan.objects.exists()


def test_the_list_asks_as_much_for_fifty_rows_as_for_three(
    environment, version, vic, django_assert_max_num_queries
):
    client = signed_in(vic)
    counts = []
    for more in (3, 47):
        start = Deployment.objects.count()
        for number in range(start, start + more):
            make_deployment(environment, version, name=f"d{number}")
        with django_assert_max_num_queries(12) as captured:
            assert client.get(ROOT).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
