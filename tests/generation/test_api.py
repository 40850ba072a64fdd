"""/api/v1/generations."""

from __future__ import annotations

import json

import pytest
import requests

from apps.core import reconcile
from apps.core.phases import Phase
from apps.generation.models import Image, Job
from tests import factories
from tests.cast import signed_in
from tests.generation.test_services import placed

ROOT = "/api/v1/generations"


@pytest.fixture
def anime(db):
    return placed(name="anime")


def english(person):
    person.language = "en"
    person.save()
    return signed_in(person)


def post(client, deployment, key="", **changes):
    asked = {"deployment": deployment.pk, "prompt": "a calm lake", "steps": 4, **changes}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(ROOT, json.dumps(asked), content_type="application/json", headers=headers)


def test_asking_answers_202_with_the_job(olga, anime):
    answer = post(english(olga), anime, count=4, seed=7, cfg_scale=7.5)
    assert answer.status_code == 202
    told = answer.json()
    job = Job.objects.get()
    assert (told["id"], told["name"]) == (str(job.uuid), str(job))
    assert (told["phase"], told["done"], told["count"], told["seed"]) == ("pending", 0, 4, 7)
    assert (told["deployment"], told["person"], told["cfg_scale"]) == ("anime", "olga", 7.5)
    assert told["images"] == []


def test_the_idempotency_key_of_the_header(olga, anime):
    client = english(olga)
    first = post(client, anime, key="k1")
    again = post(client, anime, key="k1")
    other = post(client, anime, key="k1", count=2)
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert again.json()["id"] == first.json()["id"] == other.json()["current"]["id"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "x" * 4001}, "A prompt has at most 4000 characters."),
        ({"prompt": "a\u001b"}, "The prompt holds control characters"),
        ({"prompt": "\ud800"}, "The prompt holds control characters"),
        ({"width": 100}, "The width is a multiple of 8"),
        ({"count": 0}, "One request asks for 1 to 16 pictures."),
        ({"steps": 10**30}, "Steps go from 1 to 150."),
        ({"steps": "many"}, "Some members of the request are wrong."),
        ({"surprise": 1}, "Some members of the request are wrong."),
        ({"prompt": "a\u0000"}, "Some members of the request are wrong."),
        ({"prompt": None}, "Some members of the request are wrong."),
    ],
)
def test_bad_input_is_a_problem(olga, anime, change, said):
    answer = post(english(olga), anime, **change)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        422,
        "application/problem+json",
    )
    assert said in answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_megabyte_is_refused_before_it_is_read(olga, anime, monkeypatch):
    client = english(olga)
    monkeypatch.setattr("json.loads", lambda *a, **k: pytest.fail("the body was read"))
    answer = post(client, anime, prompt="x" * 1_000_000)
    monkeypatch.undo()
    assert answer.status_code == 413
    assert answer.json()["detail"] == "A request has at most 256 KiB."


def test_a_deployment_that_cannot_draw(olga, anime):
    alone = factories.make_deployment()
    answer = post(english(olga), alone)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"deployment": ["Put it behind the gateway first."]}
    alone.pk = 10**9
    assert post(english(olga), alone).status_code == 404


def test_who_may(vic, ned, anime):
    job = factories.make_job(deployment=anime, phase=Phase.WORKING)
    viewer = english(vic)
    assert viewer.get(ROOT).status_code == 200
    assert viewer.get(f"{ROOT}/{job.uuid}").status_code == 200
    assert post(viewer, anime).status_code == 403
    assert viewer.post(f"{ROOT}/{job.uuid}/cancel").status_code == 403
    assert english(ned).get(f"{ROOT}/{job.uuid}").status_code == 403


def test_the_list_is_cut_into_pages_and_narrowed(olga, anime):
    jobs = [factories.make_job(deployment=anime) for _ in range(3)]
    factories.make_job(person=olga)
    client = english(olga)
    first = client.get(f"{ROOT}?deployment=anime&limit=2").json()
    rest = client.get(f"{ROOT}?deployment=anime&limit=2&cursor={first['next']}").json()
    names = [one["name"] for one in first["items"] + rest["items"]]
    assert names == [str(job) for job in reversed(jobs)]
    assert rest["next"] is None
    assert len(client.get(f"{ROOT}?person=olga").json()["items"]) == 1
    assert client.get(f"{ROOT}?environment=nowhere").status_code == 404


def test_cancel_and_retry(olga, anime):
    client = english(olga)
    uuid = post(client, anime).json()["id"]
    assert client.post(f"{ROOT}/{uuid}/retry").status_code == 422
    answer = client.post(f"{ROOT}/{uuid}/cancel")
    assert (answer.status_code, answer.json()["cancelled"]) == (202, True)
    assert client.post(f"{ROOT}/{'0' * 8}-0000-4000-8000-{'0' * 12}/cancel").status_code == 404


def test_a_picture_can_be_fetched_once_it_is_shown(olga, deployment):
    """Drawn through the real gateway; the address really opens the private object."""
    client = english(olga)
    uuid = post(client, deployment, width=128, height=64, seed=7).json()["id"]
    reconcile.run("generation", Job.objects.get().pk)
    told = client.get(f"{ROOT}/{uuid}").json()
    assert (told["phase"], told["done"]) == ("ready", 1)
    (image,) = told["images"]
    assert (image["hidden"], image["url"]) == (True, None)
    assert (image["seed"], image["model"]) == (7, "sd15-v1")
    Image.objects.update(hidden=False)
    url = client.get(f"{ROOT}/{uuid}").json()["images"][0]["url"]
    found = requests.get(url, timeout=10)
    assert (found.status_code, len(found.content)) == (200, image["size_bytes"])
    assert requests.get(url.partition("?")[0], timeout=10).status_code == 403
