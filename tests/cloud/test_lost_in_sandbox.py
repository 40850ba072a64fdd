"""Changes whose answer the sandbox loses: each was carried out, and looking finds it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud import cfs, ci, errors, tke, tse_routes, tse_services
from cloud.access import Access
from cloud.cos import CosClient
from cloud.kube import KubeClient
from cloud.types import FileSystemSpec, ImageToJudge, RouteSpec, ServiceSpec, Target
from tests.cloud.conftest import access_to, running

GATEWAY = "gateway-de0a0001"
LOST: list[dict[str, Any]] = [
    {"service": "tse", "action": "CreateCloudNativeAPIGatewayRoute"},
    {"service": "cfs", "action": "CreateCfsFileSystem"},
    {"service": "cos", "action": "PutObject"},
    {"service": "cos", "action": "CompleteMultipartUpload"},
    {"service": "kube", "action": "PATCH configmaps"},
    {"service": "ci", "action": "SubmitJob"},
]


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """A sandbox that does each of LOST once, and closes the connection instead of answering."""
    home = tmp_path_factory.mktemp("forgetful")
    rules = [rule | {"nth": 1, "when": "after", "do": "drop"} for rule in LOST]
    (home / "faults.json").write_text(json.dumps(rules))
    with running(home, "--faults", str(home / "faults.json")) as endpoints:
        yield access_to(endpoints)


def test_a_route_is_found_by_its_name(forgetful: Access) -> None:
    service = ServiceSpec("s", upstream_type="IPList", fixed_targets=(Target("127.0.0.1", 80),))
    made = tse_services.service_create(forgetful, GATEWAY, service)
    spec = RouteSpec("sd-lost", made.id)
    with pytest.raises(errors.LostAnswer):
        tse_routes.route_create(forgetful, GATEWAY, spec)
    found = tse_routes.route(forgetful, GATEWAY, "sd-lost")
    assert found is not None and found.spec == spec


def test_a_file_system_is_asked_for_again_with_its_token(forgetful: Access) -> None:
    spec = FileSystemSpec("lost", "ap-guangzhou-6", "vpc-demo0001", "subnet-demo001")
    with pytest.raises(errors.LostAnswer):
        cfs.file_system_create(forgetful, spec, client_token="token-1")
    again = cfs.file_system_create(forgetful, spec, client_token="token-1")
    assert [one.id for one in cfs.file_systems(forgetful) if one.name == "lost"] == [again.id]


def test_an_object_is_there(forgetful: Access) -> None:
    cos = CosClient(forgetful, "sd-demo-1250000000")
    with pytest.raises(errors.LostAnswer):
        cos.put("lost/one", b"here")
    body = cos.get("lost/one")
    assert body is not None and body.read() == b"here"


def test_an_upload_was_completed(forgetful: Access) -> None:
    cos = CosClient(forgetful, "sd-demo-1250000000")
    upload = cos.multipart_create("lost/two")
    cos.part_put("lost/two", upload.id, 1, b"whole")
    parts = cos.parts("lost/two", upload.id)
    assert parts is not None
    with pytest.raises(errors.LostAnswer):
        cos.multipart_complete("lost/two", upload.id, parts)
    assert cos.head("lost/two") is not None
    assert cos.parts("lost/two", upload.id) is None


def test_an_applied_object_is_there_and_applying_again_does_nothing(forgetful: Access) -> None:
    text = tke.kubeconfig(forgetful, "cls-demo0001")
    assert text is not None
    kube = KubeClient(text)
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lost", "namespace": "default"},
        "data": {"a": "1"},
    }
    with pytest.raises(errors.LostAnswer):
        kube.apply(made)
    found = kube.get("v1", "configmaps", "lost", "default")
    assert found is not None and found["data"] == {"a": "1"}
    again = kube.apply(made)
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_a_submitted_job_cannot_be_known(forgetful: Access) -> None:
    cos = CosClient(forgetful, "sd-demo-1250000000")
    cos.put("lost/three.png", b"not even a picture")
    with pytest.raises(errors.LostAnswer):
        ci.submit(cos, [ImageToJudge("d", key="lost/three.png")])
