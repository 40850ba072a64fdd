"""/api/v1/environments"""

import json

import pytest

from apps.core.models import Plan
from apps.environments.models import Environment, Reading
from tests.cast import signed_in
from tests.environments.factories import (
    BUCKET,
    CLUSTER,
    make_adopted,
    make_environment,
    stock,
)

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/environments"
BODY = {
    "name": "prod-gz",
    "region": "ap-guangzhou",
    "secret_id": "AKIDxxxxxxxxxxxxxxxx",
    "secret_key": "top-secret-key-0001",
}


def post(client, url, body):
    return client.post(url, json.dumps(body), content_type="application/json")


def test_the_list_and_the_detail_hold_no_secret(vic):
    make_adopted()
    client = signed_in(vic)
    for url in (ROOT, f"{ROOT}/demo"):
        answer = client.get(url)
        assert answer.status_code == 200
        for word in ("top-secret", "secret_key", "kubeconfig", "token-demo"):
            assert word not in answer.content.decode()


def test_the_detail_tells_health_and_readings(vic):
    make_adopted()
    body = signed_in(vic).get(f"{ROOT}/demo").json()
    assert {one["key"] for one in body["health"]} >= {"tke", "cfs", "cos"}
    assert {one["product"] for one in body["readings"]} >= {"tke", "kube"}


def test_findings_are_cut_into_pages_by_kind(vic):
    make_adopted()
    client = signed_in(vic)
    first = client.get(f"{ROOT}/demo/findings?kind=node&limit=1").json()
    second = client.get(f"{ROOT}/demo/findings?kind=node&limit=1&cursor={first['next']}").json()
    assert first["items"][0]["name"] != second["items"][0]["name"]
    assert second["next"] is None
    assert first["items"][0]["data"]["gpu_type"] == "A10"
    assert client.get(f"{ROOT}/demo/findings?kind=nonsense").status_code == 422


def test_making_one(olga):
    answer = post(signed_in(olga), ROOT, BODY)
    assert answer.status_code == 201
    assert answer.json()["adopted"] is False
    assert Environment.objects.get().name == "prod-gz"


@pytest.mark.parametrize(
    "change", [{"region": "moon"}, {"secret_key": "x"}, {"surprise": 1}, {"policy": "auto"}]
)
def test_bad_input_is_a_problem_and_makes_nothing(olga, change):
    answer = post(signed_in(olga), ROOT, {**BODY, **change})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Environment.objects.exists()


def test_adopting_answers_with_the_plan(olga):
    stock(make_environment())
    answer = post(
        signed_in(olga), f"{ROOT}/demo/adopt", {"cluster_id": CLUSTER.id, "bucket": BUCKET.name}
    )
    assert answer.status_code == 200
    assert Plan.objects.get(pk=answer.json()["plan_id"]).scope == "demo"


def test_asking_for_a_look(vic):
    make_adopted()
    answer = post(signed_in(vic), f"{ROOT}/demo/refresh", {})
    assert answer.status_code == 202
    assert answer.json()["asked"] == Reading.objects.count()


@pytest.mark.parametrize("path", ["", "/demo/adopt"])
def test_a_viewer_changes_nothing(vic, path):
    make_adopted()
    assert post(signed_in(vic), ROOT + path, BODY).status_code == 403


def test_an_unknown_one_is_not_found(vic):
    assert signed_in(vic).get(f"{ROOT}/nowhere").status_code == 404
