"""What counts as a difference between manifests."""

import base64
import copy
from typing import Any

import pytest

from cloud.kube_diff import HIDDEN, object_diff, owned_differs
from cloud.kube_shape import quantity

WANT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "anime", "namespace": "sd", "labels": {"app.kubernetes.io/name": "anime"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"sdconsole/id": "7"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "webui",
                        "image": "r/sd@sha256:1",
                        "args": ["--listen", "--api"],
                        "ports": [{"containerPort": 7860}],
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
                        "volumeMounts": [{"mountPath": "/models", "name": "models"}],
                    }
                ],
                "volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "1Gi"}}],
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
            }
        },
    },
}


def live_of(**changes: Any) -> dict[str, Any]:
    """The wish as a server stores it: defaults filled in, quantities respelled."""
    live = copy.deepcopy(WANT)
    live["metadata"] |= {"uid": "u-1", "resourceVersion": "9", "generation": 3}
    live["spec"]["progressDeadlineSeconds"] = 600
    pod = live["spec"]["template"]["spec"]
    pod["restartPolicy"] = "Always"
    container = pod["containers"][0]
    container["resources"]["limits"] = {"cpu": "500m", "memory": "1Gi"}
    container["ports"][0]["protocol"] = "TCP"
    container["imagePullPolicy"] = "IfNotPresent"
    pod["containers"].append({"name": "sidecar", "image": "someone/elses"})
    live["status"] = {"replicas": 2}
    for path, value in changes.items():
        target: Any = live
        *way, last = path.split("__")
        for name in way:
            target = target[int(name) if name.isdigit() else name]
        target[int(last) if last.isdigit() else last] = value
    return live


CONTAINER = "spec__template__spec__containers__0"
AT = "spec.template.spec.containers[name=webui]"


def test_defaults_and_spellings_are_no_difference() -> None:
    assert owned_differs(WANT, live_of()) == []


@pytest.mark.parametrize(
    ("change", "value", "path"),
    [
        ("spec__replicas", 3, "spec.replicas"),
        (f"{CONTAINER}__args", ["--listen"], f"{AT}.args"),
        (f"{CONTAINER}__args", ["--api", "--listen"], f"{AT}.args"),
        (f"{CONTAINER}__env", [{"name": "A", "value": "2"}], f"{AT}.env[name=A].value"),
        (f"{CONTAINER}__env", [], f"{AT}.env[name=A]"),
        (f"{CONTAINER}__ports__0__containerPort", 7861, f"{AT}.ports[containerPort=7860]"),
        (f"{CONTAINER}__resources__limits__cpu", "501m", f"{AT}.resources.limits.cpu"),
        ("spec__template__spec__tolerations", [], "spec.template.spec.tolerations"),
        (
            "metadata__labels",
            {"app.kubernetes.io/name": "x"},
            'metadata.labels["app.kubernetes.io/name"]',
        ),
        (
            "spec__selector__matchLabels",
            {"sdconsole/id": "7", "more": "1"},
            "spec.selector.matchLabels",
        ),
    ],
)
def test_a_changed_field_of_ours_is_a_difference(change: str, value: Any, path: str) -> None:
    assert [one.path for one in owned_differs(WANT, live_of(**{change: value}))] == [path]


def test_one_that_is_gone_differs_as_a_whole() -> None:
    (only,) = owned_differs(WANT, None)
    assert only.live is None and only.want["kind"] == "Deployment"


def owned(fields: dict[str, Any], manager: str = "sdconsole") -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields}


def test_what_we_still_own_but_no_longer_want_is_a_difference() -> None:
    container = {
        ".": {},
        "f:name": {},
        "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}}, 'k:{"name":"OLD"}': {".": {}}},
        "f:ports": {'k:{"containerPort":7860,"protocol":"TCP"}': {".": {}}},
        "f:workingDir": {},
    }
    fields = {
        "f:spec": {
            "f:minReadySeconds": {},
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"webui"}': container}}},
        }
    }
    live = live_of(
        spec__minReadySeconds=5,
        **{
            f"{CONTAINER}__workingDir": "/old",
            f"{CONTAINER}__env": [{"name": "A", "value": "1"}, {"name": "OLD", "value": "x"}],
        },
    )
    live["metadata"]["managedFields"] = [owned(fields)]
    found = {one.path: one for one in owned_differs(WANT, live)}
    assert set(found) == {"spec.minReadySeconds", f"{AT}.env[name=OLD]", f"{AT}.workingDir"}
    assert all(one.want is None for one in found.values())


def test_what_others_own_is_not_ours_to_miss() -> None:
    live = live_of(spec__minReadySeconds=5)
    live["metadata"]["managedFields"] = [owned({"f:spec": {"f:minReadySeconds": {}}}, "kubectl")]
    assert owned_differs(WANT, live) == []


def test_the_values_of_a_secret_are_hidden() -> None:
    want = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "new"}}
    live = {
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"password": base64.b64encode(b"old").decode()},
    }
    (only,) = owned_differs(want, live)
    assert (only.path, only.want, only.live) == ("data.password", HIDDEN, HIDDEN)
    same = {**live, "data": {"password": base64.b64encode(b"new").decode()}}
    assert owned_differs(want, same) == []
    assert "new" not in str(owned_differs(want, None))


def test_a_dry_run_shows_both_what_comes_and_what_goes() -> None:
    live = live_of(metadata__annotations={"deployment.kubernetes.io/revision": "4"})
    merged = live_of(spec__replicas=5, metadata__resourceVersion="10", metadata__generation=4)
    del merged["spec"]["template"]["spec"]["containers"][1]
    found = {one.path: (one.want, one.live) for one in object_diff(live, merged)}
    assert found == {
        "spec.replicas": (5, 2),
        "spec.template.spec.containers[name=sidecar]": (
            None,
            {"name": "sidecar", "image": "someone/elses"},
        ),
    }


def test_a_dry_run_without_effect_shows_nothing() -> None:
    assert object_diff(live_of(), live_of(metadata__resourceVersion="10")) == []


def test_a_dry_run_of_something_new_shows_its_members() -> None:
    found = [one.path for one in object_diff(None, live_of())]
    assert found == ["apiVersion", "kind", "metadata", "spec"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.5", "500m"), ("1Gi", "1024Mi"), ("1", 1), ("1k", "1000"), ("1e3", "1000"), ("2G", "2e9")],
)
def test_equal_quantities_are_equal(one: object, other: object) -> None:
    assert quantity(one) == quantity(other) is not None


@pytest.mark.parametrize("word", ["", "lots", "1GB", True, "1.2.3"])
def test_words_are_no_quantity(word: object) -> None:
    assert quantity(word) is None
