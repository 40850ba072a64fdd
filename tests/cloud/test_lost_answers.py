"""Which failures mean "nothing happened" and which mean "look before you send it again".

Every adapter sends each request once, whatever happens to it.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from cloud import ci, errors, tse, tse_routes
from cloud.access import Access
from cloud.cos import CosClient
from cloud.kong import KongAdmin, upstream_get, upstream_set_hash_on
from cloud.kube import Conflicted, Expired, KubeClient
from cloud.tencent import call
from cloud.types import GatewayShape, ImageToJudge, RouteSpec
from cloud.webui import WebUi
from tests.cloud.fickle import (
    Behaviour,
    Fickle,
    answer,
    break_off,
    closed_port,
    hang_up,
    stay_silent,
)

SECRET = "do-not-tell-anyone-0123456789"


def access(at: str) -> Access:
    return Access(
        "ap-guangzhou",
        "AKIDtest",
        SECRET,
        api_endpoint=at,
        api_scheme="http",
        cos_endpoint=at,
        cos_scheme="http",
    )


def kube(at: str) -> KubeClient:
    kubeconfig = f"""
apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: "http://{at}"}}}}]
users: [{{name: u, user: {{token: {SECRET}}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
"""
    return KubeClient(kubeconfig, timeout_s=0.4)


CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "sd"},
}
Call = Callable[[str], Any]
READS: dict[str, Call] = {
    "api": lambda at: call(access(at), "tse", tse.VERSION, "DescribeThings", {}, 0.4),
    "cos": lambda at: CosClient(access(at), "b-1", timeout_s=0.4).head("k"),
    "ci": lambda at: ci.query(CosClient(access(at), "b-1", timeout_s=0.4), "si1"),
    "kube": lambda at: kube(at).get("v1", "configmaps", "c", "sd"),
    "dry run": lambda at: kube(at).apply(CONFIG_MAP, dry_run=True),
    "kong": lambda at: upstream_get(KongAdmin(f"http://{at}"), "u"),
    "webui": lambda at: WebUi(f"http://{at}", timeout_s=0.4).memory(),
}
CHANGES: dict[str, Call] = {
    "api": lambda at: call(access(at), "tse", tse.VERSION, "CreateThing", {}, 0.4),
    "cos put": lambda at: CosClient(access(at), "b-1", timeout_s=0.4).put("k", b"x"),
    "cos delete": lambda at: CosClient(access(at), "b-1", timeout_s=0.4).delete("k"),
    "cos acl": lambda at: CosClient(access(at), "b-1", timeout_s=0.4).acl_set("k", "private"),
    "kube apply": lambda at: kube(at).apply(CONFIG_MAP),
    "kube delete": lambda at: kube(at).delete(CONFIG_MAP),
    "webui draw": lambda at: WebUi(f"http://{at}", draw_s=0.4).txt2img({"prompt": "a cat"}),
}
# Kong's and CI's time limits are fixed and longer: only their other failures are tried.
PATIENT: dict[str, Call] = {
    "kong": lambda at: upstream_set_hash_on(KongAdmin(f"http://{at}"), "u", "ip"),
    "ci": lambda at: ci.submit(CosClient(access(at), "b-1"), [ImageToJudge(key="k")]),
}


@pytest.mark.parametrize("name", [*READS, *CHANGES, *PATIENT])
def test_nobody_listening_means_nothing_happened(name: str) -> None:
    send = {**READS, **CHANGES, **PATIENT}[name]
    with pytest.raises(errors.Unreachable) as caught:
        send(closed_port())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("behaviour", [hang_up, stay_silent, break_off])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_without_an_answer_is_a_lost_answer(name: str, behaviour: Behaviour) -> None:
    with Fickle(behaviour) as server:
        with pytest.raises(errors.LostAnswer):
            CHANGES[name](server.address)
        assert len(server.requests) == 1


@pytest.mark.parametrize("name", PATIENT)
def test_a_patient_change_without_an_answer_is_a_lost_answer(name: str) -> None:
    with Fickle(hang_up) as server:
        with pytest.raises(errors.LostAnswer):
            PATIENT[name](server.address)
        assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", [hang_up, stay_silent])
@pytest.mark.parametrize("name", [name for name in READS if name != "kong"])
def test_a_read_without_an_answer_changed_nothing(name: str, behaviour: Behaviour) -> None:
    with Fickle(behaviour) as server:
        with pytest.raises(errors.Unreachable):
            READS[name](server.address)
        assert len(server.requests) == 1


@pytest.mark.parametrize("name", [name for name in CHANGES if not name.startswith("cos")])
def test_a_stranger_answering_a_change_is_a_lost_answer(name: str) -> None:
    with (
        Fickle(answer(200, b"<html>hello</html>", "text/html")) as server,
        pytest.raises(errors.LostAnswer),
    ):
        CHANGES[name](server.address)


@pytest.mark.parametrize("name", CHANGES)
def test_a_broken_server_is_asked_once(name: str) -> None:
    with Fickle(answer(502, b"bad gateway", "text/plain")) as server:
        with pytest.raises(errors.LostAnswer):
            CHANGES[name](server.address)
        assert len(server.requests) == 1


def api_body(**members: Any) -> bytes:
    return json.dumps({"Response": {"RequestId": "r-1", **members}}).encode()


def test_an_api_error_is_seen_even_with_a_charset() -> None:
    refused = api_body(Error={"Code": "AuthFailure.SignatureFailure", "Message": "no"})
    behaviour = answer(200, refused, "application/json; charset=utf-8")
    with Fickle(behaviour) as server, pytest.raises(errors.NotAuthorized) as caught:
        READS["api"](server.address)
    assert caught.value.request_id == "r-1"


def test_an_answer_without_its_id_is_a_lost_answer() -> None:
    with Fickle(answer(200, api_body())) as server, pytest.raises(errors.LostAnswer):
        tse.gateway_create(access(server.address), GatewayShape("g", "vpc-1", "subnet-1"))


def test_a_create_that_answers_no_id_is_done() -> None:
    with Fickle(answer(200, api_body())) as server:
        done = tse_routes.route_create(access(server.address), "g-1", RouteSpec("r", "s-1"))
    assert done.request_id == "r-1"


def test_a_copy_that_fails_late_inside_a_success_is_an_error() -> None:
    late = (
        b"<Error><Code>InternalError</Code><Message>late</Message><RequestId>r</RequestId></Error>"
    )
    with Fickle(answer(200, late, "application/xml")) as server:
        with pytest.raises(errors.LostAnswer) as caught:
            CosClient(access(server.address), "b-1").copy("a", "b")
        assert caught.value.code == "InternalError"
        assert len(server.requests) == 1


def test_a_download_that_breaks_off_is_noticed() -> None:
    with Fickle(break_off) as server:
        body = CosClient(access(server.address), "b-1").get("k")
        assert body is not None
        with pytest.raises(errors.Unreachable):
            body.read()


def test_a_bucket_of_another_region_is_refused() -> None:
    with Fickle(answer(301, b"")) as server, pytest.raises(errors.Rejected):
        CosClient(access(server.address), "b-1").head("k")


@pytest.mark.parametrize(
    ("status", "more", "kind", "retry_s"),
    [
        (429, ("Retry-After: 9",), errors.Throttled, 9.0),
        (401, (), errors.NotAuthorized, None),
        (404, (), errors.Rejected, None),
        (422, (), errors.Rejected, None),
        (500, (), errors.Busy, 5.0),
        (504, (), errors.LostAnswer, 0.0),
    ],
)
def test_the_web_ui_refuses_in_our_words(
    status: int, more: tuple[str, ...], kind: type[errors.CloudError], retry_s: float | None
) -> None:
    body = b'{"error": "X", "detail": "why"}'
    behaviour = answer(status, body, "application/json", *more)
    with Fickle(behaviour) as server, pytest.raises(kind) as caught:
        CHANGES["webui draw"](server.address)
    if retry_s is not None:
        assert isinstance(caught.value, errors.Transient)
        assert caught.value.retry_s == retry_s


def test_a_card_without_memory_is_not_asked_again() -> None:
    body = b'{"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"}'
    with Fickle(answer(500, body)) as server, pytest.raises(errors.Rejected) as caught:
        CHANGES["webui draw"](server.address)
    assert "memory" in caught.value.message


def test_nothing_logs_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cos = CosClient(access(closed_port()), "b-1", timeout_s=0.4)
    for send in (*READS.values(), *CHANGES.values()):
        with pytest.raises(errors.CloudError):
            send(closed_port())
    signed = cos.presign("GET", "k", 60)
    signature = signed.rpartition("q-signature=")[2]
    for secret in (SECRET, signature, "q-signature", "TC3-HMAC"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "user", ["{exec: {command: id}}", "{tokenFile: /etc/hostname}", "{client-key: /etc/hostname}"]
)
def test_a_kubeconfig_may_not_run_programs_or_read_files(user: str) -> None:
    text = f"""
apiVersion: v1
current-context: c
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:1"}}}}]
users: [{{name: u, user: {user}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
"""
    with pytest.raises(errors.Rejected):
        KubeClient(text)


@pytest.mark.parametrize("text", ["", "{", "a: [", "kind: Config"])
def test_a_broken_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(errors.Rejected):
        KubeClient(text)


GONE = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "old"}


def test_history_that_is_gone_asks_for_a_new_list() -> None:
    event = json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n"
    with Fickle(answer(200, event)) as server, pytest.raises(Expired):
        list(kube(server.address).watch("v1", "pods", "sd", resource_version="1", timeout_s=1))
    with Fickle(answer(410, json.dumps(GONE).encode())) as server, pytest.raises(Expired):
        kube(server.address).list("v1", "pods", "sd")


def test_a_watch_that_breaks_off_in_the_middle_is_noticed() -> None:
    event = json.dumps({"type": "ADDED", "object": {"metadata": {"resourceVersion": "5"}}})
    half = event.encode() + b'\n{"type": "MOD'
    with Fickle(answer(200, half)) as server:
        found = kube(server.address).watch("v1", "pods", "sd", resource_version="1", timeout_s=1)
        assert next(found).resource_version == "5"
        with pytest.raises(errors.Unreachable):
            next(found)


def status(code: int, reason: str, message: str = "", **details: Any) -> Behaviour:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return answer(code, json.dumps(body | {"details": details}).encode())


CAUSES = [
    {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-edit" using apps/v1',
        "field": ".spec.replicas",
    }
]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (status(401, "Unauthorized"), errors.NotAuthorized),
        (status(403, "Forbidden", "no rights"), errors.NotAuthorized),
        (status(403, "Forbidden", "exceeded quota: gpu"), errors.OverQuota),
        (
            status(403, "Forbidden", "going", causes=[{"reason": "NamespaceTerminating"}]),
            errors.Busy,
        ),
        (status(404, "NotFound"), errors.NotFound),
        (status(409, "Conflict", "the object has been modified"), errors.Busy),
        (status(409, "Conflict", "Apply failed", causes=CAUSES), Conflicted),
        (status(409, "AlreadyExists"), errors.AlreadyExists),
        (status(422, "Invalid"), errors.Rejected),
        (status(429, "TooManyRequests"), errors.Throttled),
        (status(500, "InternalError"), errors.LostAnswer),
        (status(504, "Timeout"), errors.LostAnswer),
    ],
)
def test_a_status_of_kubernetes_has_one_meaning(
    behaviour: Behaviour, kind: type[errors.CloudError]
) -> None:
    with Fickle(behaviour) as server, pytest.raises(errors.CloudError) as caught:
        kube(server.address).apply(CONFIG_MAP)
    assert type(caught.value) is kind


def test_a_conflict_names_the_manager_and_the_field() -> None:
    with (
        Fickle(status(409, "Conflict", causes=CAUSES)) as server,
        pytest.raises(Conflicted) as caught,
    ):
        kube(server.address).apply(CONFIG_MAP)
    (conflict,) = caught.value.conflicts
    assert (conflict.manager, conflict.field) == ("kubectl-edit", ".spec.replicas")
