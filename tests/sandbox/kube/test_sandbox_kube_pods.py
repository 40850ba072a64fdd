"""What happens on a node: images, volumes, environment, probes, crashes, jobs, logs, a restart."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.kube.cluster import KubeCluster
from sandbox.kube.service import Kube
from sandbox.world import World, open_world
from tests.sandbox.kube.manifests import (
    IMAGE,
    claim,
    deployment,
    job,
    mounted,
    service,
    slice_of,
    volume,
)
from tests.sandbox.kube.worlds import CLUSTER, PACE, Http, PlainWebUi, refused, until

Document = dict[str, Any]


@pytest.fixture(autouse=True)
async def storage(world: World, tmp_path: Path) -> AsyncIterator[Path]:
    """A file system with /models, and a registry with one image."""
    folder = tmp_path / "cfs"
    (folder / "models").mkdir(parents=True)

    def resolve(ip: str, path: str) -> Path | None:
        found = folder / path.lstrip("/")
        return found if ip == "127.9.3.1" and found.is_dir() else None

    def has_image(domain: str, repository: str, reference: str) -> bool:
        return f"{domain}/{repository}:{reference}" == IMAGE

    world.tencent = SimpleNamespace(  # type: ignore[assignment]
        cfs=SimpleNamespace(resolve=resolve), tcr=SimpleNamespace(has_image=has_image)
    )
    yield folder


def pod_of(cluster: KubeCluster, name: str = "web") -> Document | None:
    found = [p for p in cluster.list("pods", "default") if p["metadata"]["name"].startswith(name)]
    return found[0] if found else None


def state_of(cluster: KubeCluster, name: str = "web") -> Document:
    pod = pod_of(cluster, name) or {"status": {}}
    states = pod["status"].get("containerStatuses", [])
    return dict(states[0]) if states else {"state": {}, "lastState": {}}


def waiting(cluster: KubeCluster, name: str = "web") -> str:
    return str(state_of(cluster, name)["state"].get("waiting", {}).get("reason", ""))


def ready(cluster: KubeCluster, name: str = "web") -> bool:
    return bool(state_of(cluster, name).get("ready"))


def event(cluster: KubeCluster, reason: str) -> Document | None:
    found = [item for item in cluster.list("events", "default") if item["reason"] == reason]
    return found[0] if found else None


async def test_the_web_ui_gets_its_share_and_its_mounts(
    cluster: KubeCluster, node: str, storage: Path
) -> None:
    cluster.create("persistentvolumes", "", volume())
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted(path="/models")
    body = deployment(
        pod=pod, resources=slice_of(50, 10), args=["--listen", "--port", "$(PORT)"],
        env=[{"name": "PORT", "value": "7860"}], **container,
    )  # fmt: skip
    cluster.create("deployments", "default", body)
    await until(lambda: ready(cluster))
    options = PlainWebUi.made[0].options
    assert options["args"] == ["--listen", "--port", "7860"]
    assert options["mounts"]["/models"] == storage / "models"
    assert (options["qgpu_core"], options["qgpu_memory_gib"]) == (50, 10)
    assert options["ip"] == (pod_of(cluster) or {})["status"]["podIP"]
    held = cluster.get("persistentvolumeclaims", "default", "models") or {}
    assert held["status"]["phase"] == "Bound"


async def test_a_whole_card_brings_all_its_memory(cluster: KubeCluster, node: str) -> None:
    cluster.create("deployments", "default", deployment(resources=slice_of(200)))
    await until(lambda: ready(cluster))
    options = PlainWebUi.made[0].options
    assert (options["qgpu_core"], options["qgpu_memory_gib"]) == (200, 44)
    annotations = (pod_of(cluster) or {})["metadata"]["annotations"]
    assert annotations["tke.cloud.tencent.com/gpu-index"] == "0,1"


async def test_a_missing_directory_keeps_the_pod_waiting_until_it_is_made(
    cluster: KubeCluster, node: str, storage: Path
) -> None:
    attributes = {"host": "127.9.3.1", "path": "/late"}
    cluster.create("persistentvolumes", "", volume(volumeAttributes=attributes))
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted()
    cluster.create("deployments", "default", deployment(pod=pod, **container))
    found = await until(lambda: event(cluster, "FailedMount"))
    assert "No such file or directory" in found["message"]
    assert waiting(cluster) == "ContainerCreating"
    (storage / "late").mkdir()
    await until(lambda: ready(cluster))


async def test_a_pod_waits_quietly_while_the_storage_starts(
    world: World, cluster: KubeCluster, node: str
) -> None:
    storage = world.tencent.cfs
    del world.tencent.cfs
    cluster.create("persistentvolumes", "", volume())
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted()
    cluster.create("deployments", "default", deployment(pod=pod, **container))
    await until(lambda: event(cluster, "Scheduled"))
    world.tencent.cfs = storage
    await until(lambda: ready(cluster))
    assert event(cluster, "FailedMount") is None


async def test_a_cos_volume_needs_its_secret(cluster: KubeCluster, node: str) -> None:
    body = volume(
        driver="com.tencent.cloud.csi.cosfs",
        nodePublishSecretRef={"name": "cos-secret", "namespace": "kube-system"},
        volumeAttributes={"url": "http://cos", "bucket": "b-1250000000", "path": "/"},
    )
    cluster.create("persistentvolumes", "", body)
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted()
    cluster.create("deployments", "default", deployment(pod=pod, **container))
    found = await until(lambda: event(cluster, "FailedMount"))
    assert 'secrets "cos-secret" not found' in found["message"]
    cluster.create("secrets", "kube-system", {"metadata": {"name": "cos-secret"}})
    await until(lambda: ready(cluster))


async def test_an_image_the_registry_lacks_is_not_pulled(cluster: KubeCluster, node: str) -> None:
    image = IMAGE.replace("1.10.1", "9.9")
    cluster.create("deployments", "default", deployment(image=image))
    await until(lambda: waiting(cluster) == "ImagePullBackOff")
    reasons = {item["reason"] for item in cluster.list("events", "default")}
    assert {"Pulling", "Failed", "BackOff"} <= reasons


async def test_environment_comes_from_secrets(cluster: KubeCluster, node: str) -> None:
    reference = {"secretKeyRef": {"name": "auth", "key": "api"}}
    env = [{"name": "API_AUTH", "valueFrom": reference}]
    cluster.create("deployments", "default", deployment(env=env))
    await until(lambda: waiting(cluster) == "CreateContainerConfigError")
    body = {"metadata": {"name": "auth"}, "stringData": {"api": "olga:secret"}}
    cluster.create("secrets", "default", body)
    await until(lambda: ready(cluster))
    assert PlainWebUi.made[0].options["env"]["API_AUTH"] == "olga:secret"


async def test_a_crash_is_restarted_and_counted(
    cluster: KubeCluster, node: str, plain_web_ui: type[PlainWebUi]
) -> None:
    plain_web_ui.broken = True
    cluster.create("deployments", "default", deployment())
    await until(lambda: waiting(cluster) == "CrashLoopBackOff")
    state = state_of(cluster)
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["message"] == "RuntimeError: no checkpoint"
    plain_web_ui.broken = False
    await until(lambda: ready(cluster))


async def test_a_failing_liveness_probe_restarts(cluster: KubeCluster, node: str) -> None:
    action = {"path": "/nothing", "port": 7860}
    probe = {"httpGet": action, "periodSeconds": 1, "failureThreshold": 1}
    cluster.create("deployments", "default", deployment(livenessProbe=probe))
    await until(lambda: state_of(cluster).get("restartCount", 0) >= 1)
    found = await until(lambda: event(cluster, "Unhealthy"))
    assert found["message"] == "Liveness probe failed: HTTP probe failed with statuscode: 404"


async def test_readiness_follows_the_server(cluster: KubeCluster, node: str) -> None:
    cluster.create("services", "default", service())
    cluster.create("deployments", "default", deployment())
    await until(lambda: ready(cluster))
    assert len(await until(lambda: cluster.endpoints("default", "web", 8080))) == 1
    await PlainWebUi.made[0].stop()
    await until(lambda: not ready(cluster))
    await until(lambda: not cluster.endpoints("default", "web", 8080))


async def test_a_job_makes_a_directory_on_the_file_system(
    cluster: KubeCluster, node: str, storage: Path
) -> None:
    cluster.create("persistentvolumes", "", volume())
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted(path="/mnt")
    body = job("make", "mkdir -p /mnt/a/b && echo done", pod=pod, container=container)
    cluster.create("jobs", "default", body)
    await until(lambda: (cluster.get("jobs", "default", "make") or {})["status"].get("succeeded"))
    assert (storage / "models/a/b").is_dir()


async def test_a_job_with_an_unknown_program_fails_and_says_why(
    cluster: KubeCluster, node: str, http: Http
) -> None:
    cluster.create("jobs", "default", job("odd", "convert-model x", backoffLimit=0))
    found = await until(
        lambda: (cluster.get("jobs", "default", "odd") or {})["status"].get("conditions")
    )
    assert found[-1]["type"] == "Failed"
    assert found[-1]["reason"] == "BackoffLimitExceeded"
    name = (pod_of(cluster, "odd") or {})["metadata"]["name"]
    status, _, text = await http.send("GET", f"/api/v1/namespaces/default/pods/{name}/log")
    assert status == 200
    assert "convert-model: not found" in text


async def test_logs_come_from_the_web_ui(cluster: KubeCluster, node: str, http: Http) -> None:
    cluster.create("deployments", "default", deployment())
    await until(lambda: ready(cluster))
    name = (pod_of(cluster) or {})["metadata"]["name"]
    _, _, text = await http.send("GET", f"/api/v1/namespaces/default/pods/{name}/log?tailLines=1")
    assert text == "Running on local URL\n"


async def test_a_deleted_pod_stops_listening_and_is_replaced(
    cluster: KubeCluster, node: str
) -> None:
    cluster.create("deployments", "default", deployment())
    await until(lambda: ready(cluster))
    first = pod_of(cluster) or {}
    cluster.delete("pods", "default", first["metadata"]["name"])
    await until(lambda: refused(first["status"]["podIP"], 7860))
    await until(lambda: ready(cluster))
    assert (pod_of(cluster) or {})["metadata"]["uid"] != first["metadata"]["uid"]


async def test_pods_of_a_removed_node_are_placed_anew(cluster: KubeCluster, node: str) -> None:
    cluster.create("deployments", "default", deployment())
    await until(lambda: ready(cluster))
    cluster.remove_node(node)
    await until(
        lambda: (
            len(cluster.list("pods")) == 1 and not (pod_of(cluster) or {})["spec"].get("nodeName")
        )
    )
    await until(lambda: event(cluster, "FailedScheduling"))


async def test_a_claim_in_use_waits_for_its_pod(cluster: KubeCluster, node: str) -> None:
    cluster.create("persistentvolumes", "", volume())
    cluster.create("persistentvolumeclaims", "default", claim())
    pod, container = mounted()
    cluster.create("deployments", "default", deployment(pod=pod, **container))
    await until(lambda: ready(cluster))
    cluster.delete("persistentvolumeclaims", "default", "models")
    held = cluster.get("persistentvolumeclaims", "default", "models") or {}
    assert "deletionTimestamp" in held["metadata"]
    cluster.delete("deployments", "default", "web")
    await until(lambda: cluster.get("persistentvolumeclaims", "default", "models") is None)
    kept = cluster.get("persistentvolumes", "", "models") or {}
    await until(
        lambda: (
            (cluster.get("persistentvolumes", "", "models") or {})["status"]["phase"] == "Released"
        )
    )
    assert kept["spec"]["claimRef"]["name"] == "models"


async def test_everything_is_there_again_after_a_restart(
    world: World, cluster: KubeCluster, node: str, home: Path
) -> None:
    cluster.create("services", "default", service())
    cluster.create("deployments", "default", deployment(resources=slice_of(50, 10)))
    await until(lambda: ready(cluster))
    await until(lambda: cluster.endpoints("default", "web", 8080))
    before = pod_of(cluster) or {}
    version = cluster.objects.version
    config = world.kube.kubeconfig(CLUSTER, "olga")
    await world.kube.stop()
    assert refused(before["status"]["podIP"], 7860)

    again = open_world(home, pace=PACE)
    again.tencent = world.tencent
    again.kube = Kube(PlainWebUi)
    try:
        await again.kube.start(again)
        fresh = again.kube.cluster(CLUSTER)
        assert fresh.objects.version >= version
        await until(lambda: len(PlainWebUi.made) == 2 and ready(fresh))
        after = pod_of(fresh) or {}
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["status"]["podIP"] == before["status"]["podIP"]
        assert after["status"]["containerStatuses"][0]["restartCount"] == 1
        address = (fresh.get("services", "default", "web") or {})["spec"]["clusterIP"]
        await until(lambda: not refused(address, 8080))
        assert again.kube.cluster(CLUSTER).url in config
    finally:
        await again.kube.stop()
        again.close()
