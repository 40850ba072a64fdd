"""The same road over REST, with nothing but the standard library."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.registry.models import Upload, Version
from tests import factories
from tests.cast import signed_in
from tests.registry.files import model_bytes, sd15_of
from tests.stack import settle

pytestmark = pytest.mark.django_db
BASE = "/api/v1/models"
CONTENT = model_bytes(sd15_of(9 << 20))
WISH = {
    "environment": "demo",
    "model": "anything",
    "file_name": "anything.safetensors",
    "size_bytes": len(CONTENT),
}
Call = Callable[..., Any]


def send(method: str, url: str, body: bytes = b"") -> bytes:
    """To COS, as any script would."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, method=method)
    with opener.open(request) as answer:
        content: bytes = answer.read()
    return content


def asker(client: Client) -> Call:
    def ask(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = client.generic(
            method, BASE + path, json.dumps(body) if body is not None else "", "application/json"
        )
        assert answer.status_code == status, answer.content
        return json.loads(answer.content) if answer.content else None

    return ask


@pytest.fixture
def ask(mo: Any) -> Call:
    return asker(signed_in(mo))


def test_from_bytes_to_a_published_version_and_away_again(environment: Any, ask: Call) -> None:
    upload = ask("POST", "/uploads", WISH, 201)
    assert (upload["part_size"], upload["parts_total"]) == (8 << 20, 2)
    found = re.search(b"<UploadId>(.+)</UploadId>", send("POST", upload["start_url"]))
    assert found
    path = f"/uploads/{upload['id']}"
    upload = ask("POST", f"{path}/started", {"upload_id": found[1].decode()})
    urls = ask("POST", f"{path}/parts", {"numbers": [1, 2]})["urls"]
    for number, url in urls.items():
        at = (int(number) - 1) * upload["part_size"]
        send("PUT", url, CONTENT[at : at + upload["part_size"]])
    listed = send("GET", ask("GET", path)["list_url"])
    assert listed.count(b"<PartNumber>") == 2
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    sealed = ask("POST", f"{path}/seal", {"sha256": sha256.upper()}, 202)
    assert sealed["version"]["phase"] == "pending"
    settle(Version.objects.get(pk=sealed["version"]["id"]))
    version = ask("GET", f"/versions/{sealed['version']['id']}")
    assert (version["phase"], version["sha256"], version["family"]) == ("ready", sha256, "SD 1.5")
    assert version["path"] == f"models/Stable-diffusion/anything-v{version['number']}.safetensors"
    assert ask("GET", "/versions?phase=ready")["items"] == [version]
    deleted = ask("DELETE", f"/versions/{version['id']}", None, 202)
    assert deleted["plan"]["status"] == "planning"
    settle(Version.objects.get(pk=version["id"]))
    ask("GET", f"/versions/{version['id']}", None, 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"file_name": "x/../../etc.safetensors"}, "file_name"),
        ({"file_name": "x.ckpt"}, "file_name"),
        ({"size_bytes": 60 << 30}, "size_bytes"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"type": "pickle"}, "type"),
        ({"model": "../x"}, "model"),
        ({"sha256": "zz"}, "sha256"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_bad_input_is_one_problem_and_leaves_nothing(
    environment: Any, ask: Call, change: dict[str, Any], field: str
) -> None:
    problem = ask("POST", "/uploads", {**WISH, **change}, 422)
    assert field in problem["errors"]
    assert problem["detail"]
    assert not Upload.objects.exists()


def test_an_environment_nobody_knows(environment: Any, ask: Call) -> None:
    ask("POST", "/uploads", {**WISH, "environment": "nowhere"}, 404)


def test_giving_up(environment: Any, ask: Call) -> None:
    upload = ask("POST", "/uploads", WISH, 201)
    ask("DELETE", f"/uploads/{upload['id']}", None, 204)
    problem = ask("POST", f"/uploads/{upload['id']}/seal", {}, 422)
    assert "given up" in problem["detail"]


def test_viewers_look_on_without_a_single_url(environment: Any, ask: Call, vic: Any) -> None:
    upload = ask("POST", "/uploads", WISH, 201)
    look = asker(signed_in(vic))
    [seen] = look("GET", "/uploads?environment=demo")
    assert seen["id"] == upload["id"]
    assert not [name for name in seen if name.endswith("_url")]
    look("GET", f"/uploads/{upload['id']}", None, 403)
    look("POST", f"/uploads/{upload['id']}/parts", {"numbers": [1]}, 403)
    look("DELETE", f"/uploads/{upload['id']}", None, 403)


def test_who_may_upload_and_delete(environment: Any, olga: Any, rui: Any, vic: Any) -> None:
    version = factories.make_version(environment=environment)
    for person in (olga, rui, vic):
        ask = asker(signed_in(person))
        assert ask("POST", "/uploads", WISH, 403)["capability"] == "model.upload"
        assert ask("DELETE", f"/versions/{version.pk}", None, 403)["capability"] == "model.delete"


def test_another_model_manager_goes_on_with_it(environment: Any, ask: Call, root: Any) -> None:
    upload = ask("POST", "/uploads", WISH, 201)
    assert asker(signed_in(root))("GET", f"/uploads/{upload['id']}")["start_url"]


def test_a_version_in_use_stays(ask: Call) -> None:
    version = factories.make_version()
    factories.make_deployment(name="anime", checkpoint=version, environment=version.environment)
    problem = ask("DELETE", f"/versions/{version.pk}", None, 422)
    assert "anime" in problem["detail"]


def test_pages_of_versions(ask: Call) -> None:
    for _number in range(3):
        factories.make_version()
    first = ask("GET", "/versions?limit=2")
    second = ask("GET", f"/versions?limit=2&cursor={first['next']}")
    assert [len(first["items"]), len(second["items"]), second["next"]] == [2, 1, None]
