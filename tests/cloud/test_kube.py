"""The Kubernetes API over real sockets, and the web UI in a pod behind it."""

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud import cfs, errors, tcr
from cloud.access import Access
from cloud.kube import Conflicted, KubeClient
from cloud.kube_diff import object_diff, owned_differs
from cloud.kube_rollout import rollout_status
from cloud.types import Manifest
from cloud.webui import WebUi, parse_infotext
from tests.cloud.conftest import eventually
from tests.sandbox.webui.conftest import write_model

SPACE = "cloud-tests"


@pytest.fixture(scope="module", autouse=True)
def namespace(kube: KubeClient) -> Iterator[None]:
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    yield
    kube.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": SPACE, "labels": {"app": "t"}},
        "data": data,
    }


def idle(name: str, replicas: int = 1, **template: Any) -> dict[str, Any]:
    """A Deployment of pods that only wait."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"sdconsole/id": name}},
            "template": {
                "metadata": {"labels": {"sdconsole/id": name}},
                "spec": {"containers": [{"name": "main", "image": "busybox:1.36"} | template]},
            },
        },
    }


def test_the_server_says_its_version(kube: KubeClient) -> None:
    assert kube.version().startswith("v1.")


def test_absent_objects_are_none_and_deleting_them_succeeds(kube: KubeClient) -> None:
    assert kube.get("v1", "configmaps", "never", SPACE) is None
    assert not kube.delete(config_map("never"))
    assert kube.patch(config_map("never"), {"data": {"a": "1"}}) is None
    assert kube.scale("deployments", "never", SPACE, 2) is None
    assert kube.pod_log("never", SPACE) is None


def test_apply_creates_then_changes_then_does_nothing(kube: KubeClient) -> None:
    first = kube.apply(config_map("one", a="1", b="2"))
    assert first["data"] == {"a": "1", "b": "2"}
    second = kube.apply(config_map("one", a="1"))
    assert second["data"] == {"a": "1"}, "what we owned and left out goes away"
    third = kube.apply(config_map("one", a="1"))
    assert third["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    assert owned_differs(config_map("one", a="1"), kube.get("v1", "configmaps", "one", SPACE)) == []


def test_a_dry_run_changes_nothing_and_shows_all(kube: KubeClient) -> None:
    kube.apply(config_map("dry", a="1"))
    live = kube.get("v1", "configmaps", "dry", SPACE)
    merged = kube.apply(config_map("dry", a="2"), dry_run=True)
    assert [(one.path, one.want, one.live) for one in object_diff(live, merged)] == [
        ("data.a", "2", "1")
    ]
    after = kube.get("v1", "configmaps", "dry", SPACE)
    assert after is not None and after["data"] == {"a": "1"}
    assert kube.delete(config_map("dry"), dry_run=True)
    assert kube.get("v1", "configmaps", "dry", SPACE) is not None


def test_a_field_of_another_manager_is_a_conflict(kube: KubeClient) -> None:
    kube.apply(config_map("shared", a="theirs"), "kubectl")
    with pytest.raises(Conflicted) as caught:
        kube.apply(config_map("shared", a="ours"))
    (conflict,) = caught.value.conflicts
    assert (conflict.manager, conflict.field) == ("kubectl", ".data.a")
    forced = kube.apply(config_map("shared", a="ours"), force=True)
    assert forced["data"] == {"a": "ours"}


def test_drift_by_others_is_seen(kube: KubeClient) -> None:
    kube.apply(config_map("drift", a="1"))
    kube.patch(config_map("drift"), {"data": {"a": "2", "theirs": "x"}})
    live = kube.get("v1", "configmaps", "drift", SPACE)
    assert [one.path for one in owned_differs(config_map("drift", a="1"), live)] == ["data.a"]


def test_a_namesake_is_not_deleted(kube: KubeClient) -> None:
    old = kube.apply(config_map("twin", a="1"))
    assert kube.delete(config_map("twin"), uid=old["metadata"]["uid"])
    kube.apply(config_map("twin", a="2"))
    assert not kube.delete(config_map("twin"), uid=old["metadata"]["uid"])
    assert kube.get("v1", "configmaps", "twin", SPACE) is not None


def test_create_refuses_a_taken_name(kube: KubeClient) -> None:
    kube.create(config_map("taken"))
    with pytest.raises(errors.AlreadyExists):
        kube.create(config_map("taken"))


def test_what_the_schema_forbids_is_rejected(kube: KubeClient) -> None:
    broken = idle("broken")
    broken["spec"]["selector"]["matchLabels"] = {"other": "x"}
    with pytest.raises(errors.Rejected) as caught:
        kube.apply(broken)
    assert caught.value.code == "Invalid"


def test_listing_selects_and_pages(kube: KubeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.kube.PAGE", 2)
    for n in range(5):
        made = config_map(f"many-{n}")
        made["metadata"]["labels"]["batch"] = "five"
        kube.apply(made)
    found = kube.list("v1", "configmaps", SPACE, label_selector="batch=five")
    assert [one["metadata"]["name"] for one in found.items] == [f"many-{n}" for n in range(5)]
    assert all((one["apiVersion"], one["kind"]) == ("v1", "ConfigMap") for one in found.items)
    assert found.resource_version
    only = kube.list("v1", "configmaps", SPACE, field_selector="metadata.name=many-3")
    assert len(only.items) == 1
    assert kube.list("v1", "configmaps", "no-such-namespace").items == ()


def test_a_watch_tells_of_changes(kube: KubeClient) -> None:
    start = kube.list("v1", "configmaps", SPACE, label_selector="watch=me").resource_version
    mine = config_map("watched", a="1")
    mine["metadata"]["labels"]["watch"] = "me"
    seen: list[str] = []

    def look() -> None:
        events = kube.watch(
            "v1",
            "configmaps",
            SPACE,
            resource_version=start,
            label_selector="watch=me",
            timeout_s=20,
        )
        for event in events:
            seen.append(event.kind)
            if event.kind == "DELETED":
                events.close()  # type: ignore[attr-defined]
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    kube.apply(mine)
    changed = copy.deepcopy(mine)
    changed["data"]["a"] = "2"
    kube.apply(changed)
    kube.delete(mine)
    eventually(lambda: list(seen), lambda kinds: "DELETED" in kinds)
    watcher.join(10)
    assert [kind for kind in seen if kind != "BOOKMARK"] == ["ADDED", "MODIFIED", "DELETED"]


def test_rights_are_asked_for(kube: KubeClient) -> None:
    assert kube.access_review("patch", "apps/v1", "deployments", SPACE)
    assert kube.access_review("get", "v1", "pods", SPACE, "log")


def test_a_deployment_rolls_out_scales_and_goes(kube: KubeClient) -> None:
    kube.apply(idle("roll", 2))

    def status() -> Any:
        live = kube.get("apps/v1", "deployments", "roll", SPACE)
        assert live is not None
        selector = "sdconsole/id=roll"
        return rollout_status(
            live,
            kube.list("apps/v1", "replicasets", SPACE, label_selector=selector).items,
            kube.list("v1", "pods", SPACE, label_selector=selector).items,
        )

    found = eventually(status, lambda one: one.complete and len(one.pods) == 2)
    assert (found.done, found.total, found.failed, found.stall) == (2, 2, False, "")
    assert all(pod.ready and pod.node for pod in found.pods)
    live = kube.get("apps/v1", "deployments", "roll", SPACE)
    assert owned_differs(idle("roll", 2), live) == []
    assert isinstance(kube.pod_log(found.pods[0].name, SPACE), str)
    kube.scale("deployments", "roll", SPACE, 1)
    eventually(status, lambda one: one.complete and one.total == 1)
    live = kube.get("apps/v1", "deployments", "roll", SPACE)
    assert [one.path for one in owned_differs(idle("roll", 2), live)] == ["spec.replicas"]
    assert kube.delete(idle("roll"))
    eventually(
        lambda: kube.list("v1", "pods", SPACE, label_selector="sdconsole/id=roll").items,
        lambda pods: not pods,
    )


def test_a_pod_that_fits_nowhere_says_why(kube: KubeClient) -> None:
    limits = {
        "tke.cloud.tencent.com/qgpu-core": "50",
        "tke.cloud.tencent.com/qgpu-memory": "500",
    }
    kube.apply(idle("huge", resources={"limits": limits}))

    def stall() -> str:
        live = kube.get("apps/v1", "deployments", "huge", SPACE)
        assert live is not None
        pods = kube.list("v1", "pods", SPACE, label_selector="sdconsole/id=huge").items
        return rollout_status(live, (), pods).stall

    eventually(stall, lambda code: code == "unschedulable")
    (pod,) = kube.list("v1", "pods", SPACE, label_selector="sdconsole/id=huge").items
    events = eventually(
        lambda: kube.events(SPACE, "Pod", pod["metadata"]["name"]), lambda found: bool(found)
    )
    assert "FailedScheduling" in {event["reason"] for event in events}
    kube.delete(idle("huge"))


def webui_manifests(image: str, server: str, fsid: str) -> list[dict[str, Any]]:
    volume = {
        "driver": "com.tencent.cloud.csi.cfs",
        "volumeHandle": "cloud-tests-models",
        "volumeAttributes": {"host": server, "path": "/models", "vers": "3", "fsid": fsid},
    }
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}}
    limits = {"tke.cloud.tencent.com/qgpu-core": "20", "tke.cloud.tencent.com/qgpu-memory": "4"}
    deployment = idle(
        "webui",
        image=image,
        args=["--listen", "--api", "--nowebui", "--port", "7860"],
        ports=[{"containerPort": 7860}],
        readinessProbe={"httpGet": {"path": "/sdapi/v1/memory", "port": 7860}},
        resources={"limits": limits},
        volumeMounts=[{"name": "models", "mountPath": "/root/stable-diffusion-webui/models"}],
    )
    deployment["spec"]["template"]["spec"]["volumes"] = [
        {"name": "models", "persistentVolumeClaim": {"claimName": "models"}}
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "cloud-tests-models"},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "csi": volume,
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "models", "namespace": SPACE},
            "spec": claim | {"storageClassName": "", "volumeName": "cloud-tests-models"},
        },
        deployment,
    ]


@pytest.fixture
def webui(access: Access, kube: KubeClient, sandbox: dict[str, str]) -> Iterator[WebUi]:
    """A web UI in a pod, with one checkpoint on the mounted file system."""
    folder = next(Path(sandbox["cfs_root"]).glob("cfs-demo00001*"))
    write_model(folder / "models/Stable-diffusion/cloud-test.safetensors", "sd1")
    registry = tcr.registry(access, "tcr-demo0001")
    (target,) = cfs.mount_targets(access, "cfs-demo00001")
    assert registry is not None
    image = f"{registry.domain}/aigc/stable-diffusion-webui:1.10.1-cu121"
    manifests = webui_manifests(image, target.ip, target.fsid)
    for manifest in manifests:
        kube.apply(manifest)

    def ready() -> tuple[Manifest, ...]:
        pods = kube.list("v1", "pods", SPACE, label_selector="sdconsole/id=webui").items
        live = kube.get("apps/v1", "deployments", "webui", SPACE)
        assert live is not None
        return pods if rollout_status(live, (), pods).complete else ()

    (pod,) = eventually(ready, lambda pods: len(pods) == 1)
    yield WebUi(f"http://{pod['status']['podIP']}:7860", draw_s=60)
    for manifest in reversed(manifests):
        kube.delete(manifest)


def test_a_pod_draws_pictures(webui: WebUi) -> None:
    eventually(webui.memory, lambda memory: memory.ram_total > 0)
    assert "cloud-test" in [one.model_name for one in webui.models()]
    webui.options_set({"sd_model_checkpoint": "cloud-test"})
    assert "cloud-test" in str(webui.options()["sd_model_checkpoint"])
    wish = {"prompt": "a cat", "negative_prompt": "dog", "steps": 3, "width": 64, "height": 64}
    drawn = webui.txt2img(wish | {"seed": 7, "batch_size": 2})
    assert len(drawn.images) == 2 and drawn.seeds == (7, 8)
    assert all(image.startswith(b"\x89PNG") for image in drawn.images)
    said = parse_infotext(drawn.infotexts[0])
    assert (said.prompt, said.negative_prompt, said.settings["Seed"]) == ("a cat", "dog", "7")
    again = webui.img2img(wish, (drawn.images[0],))
    assert len(again.images) == 1
    assert webui.progress().idle
    assert webui.interrupt() and webui.refresh()
    with pytest.raises(errors.Rejected):
        webui.txt2img(wish | {"sampler_name": "never"})
    with pytest.raises(errors.Rejected):
        webui.options_set({"sd_model_checkpoint": "never"})
    with pytest.raises(errors.Rejected):
        webui.refresh("moon")
