"""The back door of a running sandbox: its book of calls, faults set at run time, old views."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from cloud import errors, tse
from cloud.cos import CosClient
from tests.cloud.conftest import access_to, running

GATEWAY, CLUSTER, BUCKET = "gateway-de0a0001", "cls-demo0001", "sd-demo-1250000000"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    home = tmp_path_factory.mktemp("control")
    with running(home, "--control") as endpoints:
        yield endpoints, home


@pytest.fixture
def door(sandbox):
    _endpoints, home = sandbox
    address = json.loads((home / "control.json").read_text())["control"]

    def ask(method, path, body=None):
        talk = http.client.HTTPConnection(address, timeout=10)
        talk.request(method, path, json.dumps(body) if body is not None else None)
        answer = talk.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())

    yield ask
    ask("PUT", "/faults", [])


@pytest.fixture
def access(sandbox):
    return access_to(sandbox[0])


def test_no_client_is_told_of_it(sandbox):
    endpoints, home = sandbox
    assert "control" not in endpoints
    assert "control" in json.loads((home / "control.json").read_text())


def test_without_the_option_there_is_no_such_door(tmp_path: Path):
    with running(tmp_path):
        assert not (tmp_path / "control.json").exists()


def test_it_books_what_was_asked_and_what_came_of_it(door, access):
    cos = CosClient(access, BUCKET)
    door("DELETE", "/journal")
    cos.put("images/a.png", b"a")
    cos.head("images/a.png")
    door("PUT", "/faults", [{"service": "cos", "when": "before", "nth": 1, "do": "drop"}])
    with pytest.raises(errors.LostAnswer):
        cos.put("images/b.png", b"b")
    door("PUT", "/faults", [{"service": "cos", "when": "after", "nth": 1, "do": "drop"}])
    with pytest.raises(errors.LostAnswer):
        cos.put("images/c.png", b"c")
    told = [
        (one["action"], one["subject"], one["writes"], one["done"], one["struck"])
        for one in door("GET", "/journal")
    ]
    assert told == [
        ("PutObject", "images/a.png", True, True, ""),
        ("HeadObject", "images/a.png", False, True, ""),
        ("PutObject", "images/b.png", True, False, "before drop"),
        ("PutObject", "images/c.png", True, True, "after drop"),
    ]


def test_a_read_can_answer_with_the_view_before_the_last_change(door, access):
    assert tse.sources(access, GATEWAY) == ()
    tse.source_create(access, GATEWAY, CLUSTER, "sd-demo")
    door("PUT", "/faults", [{"service": "tse", "do": "stale", "nth": 1, "times": 1}])
    assert tse.sources(access, GATEWAY) == ()
    assert [one.id for one in tse.sources(access, GATEWAY)] == [CLUSTER]
    tse.source_delete(access, GATEWAY, CLUSTER)


def test_a_key_pair_can_be_made_and_revoked(door, sandbox):
    endpoints, _home = sandbox
    pair = door("POST", "/keys")
    mine = access_to({**endpoints, **pair})
    assert tse.sources(mine, GATEWAY) == ()
    door("DELETE", f"/keys/{pair['secret_id']}")
    with pytest.raises(errors.NotAuthorized):
        tse.sources(mine, GATEWAY)
