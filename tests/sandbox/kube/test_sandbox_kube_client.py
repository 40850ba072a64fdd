"""The real Kubernetes client against a cluster: apply, watch, roll out, scale, delete."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from sandbox.kube.cluster import KubeCluster
from sandbox.world import World
from tests.sandbox.kube.manifests import deployment, slice_of
from tests.sandbox.kube.worlds import CLUSTER, add_node, until

Document = dict[str, Any]


@pytest.fixture
def api(world: World, cluster: KubeCluster) -> kubernetes.client.ApiClient:
    config = yaml.safe_load(world.kube.kubeconfig(CLUSTER, "olga"))
    return kubernetes.config.new_client_from_config_dict(config)


@pytest.fixture
def apps(api: kubernetes.client.ApiClient) -> kubernetes.client.AppsV1Api:
    return kubernetes.client.AppsV1Api(api)


async def call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return await asyncio.to_thread(function, *args, **options)


async def applied(api: Any, body: Document, **options: Any) -> Any:
    """Server-side apply by the dynamic client."""

    def send() -> Any:
        client = DynamicClient(api)
        kind = client.resources.get(api_version=body["apiVersion"], kind=body["kind"])
        metadata = body["metadata"]
        return client.server_side_apply(
            kind,
            body=body,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager=options.pop("manager", "sdconsole"),
            **options,
        )

    return await call(send)


def done(cluster: KubeCluster, name: str = "web") -> bool:
    """kubectl's own rule for a finished rollout."""
    item = cluster.get("deployments", "default", name) or {}
    wanted, status = item["spec"]["replicas"], item.get("status", {})
    counts = [status.get(f"{n}Replicas", 0) for n in ("updated", "available")]
    caught_up = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
    return caught_up and counts == [wanted] * 2 and status.get("replicas", 0) == wanted


async def test_an_applied_deployment_becomes_ready_pods(
    api: Any, apps: Any, cluster: KubeCluster, node: str
) -> None:
    made = await applied(api, deployment(replicas=2, resources=slice_of(50, 10)))
    assert made.metadata.managedFields[0].manager == "sdconsole"
    await until(lambda: done(cluster), what="rollout")
    pods = await call(
        kubernetes.client.CoreV1Api(api).list_namespaced_pod, "default", label_selector="app=web"
    )
    assert {pod.status.phase for pod in pods.items} == {"Running"}
    cards = [pod.metadata.annotations["tke.cloud.tencent.com/gpu-index"] for pod in pods.items]
    assert cards == ["0", "0"]
    found = await call(apps.read_namespaced_deployment, "web", "default")
    reasons = {item.type: item.reason for item in found.status.conditions}
    assert reasons == {
        "Available": "MinimumReplicasAvailable",
        "Progressing": "NewReplicaSetAvailable",
    }


async def test_applying_again_changes_nothing(api: Any, cluster: KubeCluster) -> None:
    body = deployment(replicas=0)
    await applied(api, body)
    await until(lambda: done(cluster))
    before = cluster.get("deployments", "default", "web")
    again = await applied(api, body)
    assert before is not None
    assert again.metadata.resourceVersion == before["metadata"]["resourceVersion"]


async def test_dry_run_shows_and_stores_nothing(api: Any, cluster: KubeCluster) -> None:
    shown = await applied(api, deployment(), dry_run="All")
    assert shown.spec.template.spec.containers[0].terminationMessagePolicy == "File"
    assert cluster.get("deployments", "default", "web") is None


async def test_a_field_of_another_manager_is_a_conflict_until_forced(
    api: Any, apps: Any, cluster: KubeCluster
) -> None:
    await applied(api, deployment(replicas=0))
    patch = {"spec": {"replicas": 1}}
    await call(apps.patch_namespaced_deployment, "web", "default", patch, field_manager="kubectl")
    with pytest.raises(ApiException) as caught:
        await applied(api, deployment(replicas=0))
    answer = json.loads(caught.value.body)
    assert (answer["code"], answer["reason"]) == (409, "Conflict")
    assert [cause["field"] for cause in answer["details"]["causes"]] == [".spec.replicas"]
    forced = await applied(api, deployment(replicas=0), force_conflicts=True)
    assert forced.spec.replicas == 0


async def test_a_wrong_body_is_refused_field_by_field(api: Any) -> None:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0].pop("image")
    with pytest.raises(ApiException) as caught:
        await applied(api, body)
    answer = json.loads(caught.value.body)
    assert answer["code"] == 422
    assert answer["details"]["causes"][0]["field"] == "spec.template.spec.containers[0].image"


async def test_a_watch_tells_each_step(api: Any, apps: Any, cluster: KubeCluster) -> None:
    await applied(api, deployment(replicas=0))

    found: list[tuple[str, int]] = []

    def follow() -> list[tuple[str, int]]:
        watch = kubernetes.watch.Watch()
        stream = watch.stream(apps.list_namespaced_deployment, "default", timeout_seconds=10)
        for event in stream:
            found.append((event["type"], event["object"].spec.replicas))
            if event["type"] == "DELETED":
                watch.stop()
        return found

    following = asyncio.create_task(call(follow))
    await until(lambda: found, what="the watch has begun")
    patch = {"spec": {"paused": True}}
    await call(apps.patch_namespaced_deployment, "web", "default", patch)
    await call(apps.delete_namespaced_deployment, "web", "default")
    seen = await asyncio.wait_for(following, 10)
    assert seen[0] == ("ADDED", 0)
    assert seen[-1] == ("DELETED", 0)


async def test_no_room_says_so_and_new_room_helps(
    api: Any, cluster: KubeCluster, node: str
) -> None:
    await applied(api, deployment(replicas=3, resources=slice_of(100)))

    def waiting() -> list[Document]:
        return [
            condition
            for pod in cluster.list("pods", "default")
            for condition in pod["status"].get("conditions", [])
            if condition.get("reason") == "Unschedulable"
        ]

    found = await until(waiting)
    assert found[0]["message"] == (
        "0/1 nodes are available: 1 Insufficient tke.cloud.tencent.com/qgpu-core. preemption: 0/1 "
        "nodes are available: 1 Preemption is not helpful for scheduling."
    )
    events = cluster.list("events", "default")
    assert found[0]["message"] in [
        e["message"] for e in events if e["reason"] == "FailedScheduling"
    ]
    add_node(cluster, "node-2")
    await until(lambda: done(cluster), what="rollout with the second node")


async def test_fragments_on_two_cards_hold_no_larger_slice(
    api: Any, cluster: KubeCluster, node: str
) -> None:
    await applied(api, deployment("small", 2, resources=slice_of(60, 10)))
    await until(lambda: done(cluster, "small"))
    held = {
        pod["metadata"]["annotations"]["tke.cloud.tencent.com/gpu-index"]
        for pod in cluster.list("pods")
    }
    assert held == {"0", "1"}
    await applied(api, deployment("large", 1, resources=slice_of(50, 10)))
    await until(
        lambda: [e for e in cluster.list("events", "default") if e["reason"] == "FailedScheduling"],
        what="80 percent are free, but not on one card",
    )


async def test_a_new_image_rolls_over_and_can_be_scaled(
    api: Any, apps: Any, cluster: KubeCluster, node: str
) -> None:
    await applied(api, deployment(replicas=2))
    await until(lambda: done(cluster))
    first = {item["metadata"]["name"] for item in cluster.list("replicasets")}
    await applied(api, deployment(replicas=2, image="x.com/other-webui:2"))
    await until(lambda: done(cluster) and len(cluster.list("replicasets")) == 2)
    old = [item for item in cluster.list("replicasets") if item["metadata"]["name"] in first]
    assert old[0]["spec"]["replicas"] == 0
    item = cluster.get("deployments", "default", "web") or {}
    assert item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    await call(apps.patch_namespaced_deployment_scale, "web", "default", {"spec": {"replicas": 4}})
    await until(lambda: done(cluster) and len(cluster.list("pods")) == 4)


async def test_surge_and_unavailable_bound_the_rollout(
    api: Any, cluster: KubeCluster, node: str
) -> None:
    """Full cards: with maxSurge 0 the old pod goes first, so the new one finds room."""
    rolling = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"}
    most = 0

    def count(key: str) -> None:
        nonlocal most
        most = max(most, len(cluster.list("pods")))

    body = deployment(replicas=2, resources=slice_of(100), spec={"strategy": rolling})
    await applied(api, body)
    await until(lambda: done(cluster))
    cluster.watch("pods", count)
    body["spec"]["template"]["metadata"]["annotations"] = {"restartedAt": "now"}
    await applied(api, body)
    await until(lambda: done(cluster) and len(cluster.list("replicasets")) == 2, what="restart")
    assert most <= 3  # two wanted, and one that is still going


async def test_a_rollout_without_progress_is_called_failed(api: Any, cluster: KubeCluster) -> None:
    await applied(api, deployment(spec={"progressDeadlineSeconds": 4}))
    await until(
        lambda: [
            c
            for c in (cluster.get("deployments", "default", "web") or {})["status"]["conditions"]
            if c["reason"] == "ProgressDeadlineExceeded" and c["status"] == "False"
        ]
    )


async def test_foreground_deletion_waits_for_the_pods(
    api: Any, apps: Any, cluster: KubeCluster, node: str
) -> None:
    await applied(api, deployment(replicas=2))
    await until(lambda: done(cluster))
    answer = await call(
        apps.delete_namespaced_deployment, "web", "default", propagation_policy="Foreground"
    )
    assert answer is not None
    await until(lambda: cluster.get("deployments", "default", "web") is None)
    assert cluster.list("pods") == []
    assert cluster.list("replicasets") == []


async def test_orphans_stay(api: Any, apps: Any, cluster: KubeCluster, node: str) -> None:
    await applied(api, deployment())
    await until(lambda: done(cluster))
    await call(apps.delete_namespaced_deployment, "web", "default", propagation_policy="Orphan")
    await until(lambda: cluster.get("deployments", "default", "web") is None)
    left = await until(lambda: cluster.list("replicasets"))
    assert "ownerReferences" not in left[0]["metadata"]
    assert len(cluster.list("pods")) == 1


async def test_rights_are_asked_and_enforced(world: World, cluster: KubeCluster) -> None:
    config = yaml.safe_load(world.kube.token_kubeconfig(CLUSTER, "vic", groups=()))
    client = kubernetes.config.new_client_from_config_dict(config)
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]
    group = "rbac.authorization.k8s.io"
    cluster.create("roles", "default", {"metadata": {"name": "see"}, "rules": rules})
    subject = {"kind": "User", "name": "vic", "apiGroup": group}
    reference = {"apiGroup": group, "kind": "Role", "name": "see"}
    binding = {"metadata": {"name": "see"}, "roleRef": reference, "subjects": [subject]}
    cluster.create("rolebindings", "default", binding)

    async def may(verb: str) -> bool:
        attributes = {
            "group": "apps", "resource": "deployments", "verb": verb, "namespace": "default"
        }  # fmt: skip
        review = {"spec": {"resourceAttributes": attributes}}
        reviews = kubernetes.client.AuthorizationV1Api(client)
        answer = await call(reviews.create_self_subject_access_review, review)
        return bool(answer.status.allowed)

    assert [await may("list"), await may("delete")] == [True, False]
    apps = kubernetes.client.AppsV1Api(client)
    listed = await call(apps.list_namespaced_deployment, "default")
    assert listed.items == []
    with pytest.raises(ApiException) as caught:
        await call(apps.delete_namespaced_deployment, "web", "default")
    assert caught.value.status == 403


def test_kubeconfigs_keep_the_key_of_their_own_cluster(tmp_path: Path) -> None:
    """Two authorities never trust each other's clients."""
    from sandbox.kube.pki import Authority

    one, other = (Authority(tmp_path / name, "127.0.0.1") for name in ("one", "other"))
    assert one.pem != other.pem
    assert Authority(tmp_path / "one", "127.0.0.1").pem == one.pem
