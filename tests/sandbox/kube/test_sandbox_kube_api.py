"""The API itself: watches, versions, pages, namespaces, certificates and tokens, faults."""

import json
from typing import Any

import aiohttp
import pytest
import yaml

from sandbox.kube.cluster import KubeCluster
from sandbox.world import World
from tests.sandbox.kube.manifests import deployment
from tests.sandbox.kube.worlds import CLUSTER, Http, http_as, http_of, until

Document = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **labels: str) -> Document:
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


async def watched(http: Http, query: str, seconds: int = 1) -> list[Document]:
    """All events of a watch that lasts `seconds`."""
    _, _, text = await http.send("GET", f"{MAPS}?watch=true&timeoutSeconds={seconds}&{query}")
    events = text if isinstance(text, str) else json.dumps(text)
    return [json.loads(line) for line in events.splitlines()]


@pytest.fixture
async def stream_text(http: Http, monkeypatch: pytest.MonkeyPatch) -> Http:
    """Watches are lines of JSON, which no JSON reader takes whole."""

    async def as_text(self: Any, **options: Any) -> str:
        return str(await self.text())

    monkeypatch.setattr(aiohttp.ClientResponse, "json", as_text)
    return http


async def test_a_watch_from_a_version_tells_what_followed(
    cluster: KubeCluster, stream_text: Http
) -> None:
    start = cluster.objects.version
    cluster.create("configmaps", "default", config_map("w", g="w"))
    change = cluster.registry.mutate
    change("configmaps", "default", "w", lambda item: item["metadata"].update(labels={"g": "x"}))
    change("configmaps", "default", "w", lambda item: item["metadata"].update(labels={"g": "w"}))
    cluster.delete("configmaps", "default", "w")
    events = await watched(stream_text, f"labelSelector=g%3Dw&resourceVersion={start}")
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)


async def test_a_watch_with_initial_events_ends_them_by_a_bookmark(
    cluster: KubeCluster, stream_text: Http
) -> None:
    cluster.create("configmaps", "default", config_map("one", g="l"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    events = await watched(stream_text, f"{query}&labelSelector=g%3Dl")
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    annotations = events[1]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_from_before_the_history_is_gone(
    cluster: KubeCluster, stream_text: Http
) -> None:
    cluster.objects.oldest = cluster.objects.version
    events = await watched(stream_text, "resourceVersion=1")
    assert [event["type"] for event in events] == ["ERROR"]
    assert events[0]["object"]["code"] == 410


async def test_pages_go_on_where_they_stopped(cluster: KubeCluster, http: Http) -> None:
    for number in range(5):
        cluster.create("configmaps", "default", config_map(f"p{number}", g="p"))
    seen: list[str] = []
    more = ""
    while True:
        path = f"{MAPS}?limit=2&labelSelector=g%3Dp&continue={more}"
        _, _, page = await http.send("GET", path)
        seen += [item["metadata"]["name"] for item in page["items"]]
        more = page["metadata"].get("continue", "")
        if not more:
            break
    assert seen == ["p0", "p1", "p2", "p3", "p4"]


async def test_a_namespace_is_born_furnished_and_dies_empty(
    cluster: KubeCluster, http: Http
) -> None:
    await http.send("POST", "/api/v1/namespaces", json={"metadata": {"name": "sd"}})
    await until(lambda: cluster.get("serviceaccounts", "sd", "default"))
    cluster.create("configmaps", "sd", config_map("left"))
    await http.send("DELETE", "/api/v1/namespaces/sd")
    await until(lambda: cluster.get("namespaces", "", "sd") is None)
    assert cluster.list("configmaps", "sd") == []


async def test_a_stale_version_is_refused(cluster: KubeCluster, http: Http) -> None:
    made = cluster.create("configmaps", "default", config_map("s"))
    fresh = {**made, "data": {"a": "2"}}
    status, _, _ = await http.send("PUT", f"{MAPS}/s", json=fresh)
    assert status == 200
    status, _, answer = await http.send("PUT", f"{MAPS}/s", json={**made, "data": {"a": "3"}})
    assert (status, answer["reason"]) == (409, "Conflict")


async def test_nobody_without_credentials_and_anybody_with_a_token(
    world: World, cluster: KubeCluster, tmp_path: Any
) -> None:
    status, _, _ = await http_as(world, "", (), tmp_path / "none").send("GET", MAPS)
    assert status == 401
    config = yaml.safe_load(world.kube.token_kubeconfig(CLUSTER, "bot"))
    client = http_of(config, tmp_path / "token")
    status, headers, _ = await client.send("GET", MAPS)
    assert status == 200
    assert headers["Audit-Id"]
    config["users"][0]["user"]["token"] = "wrong"
    status, _, _ = await http_of(config, tmp_path / "token").send("GET", MAPS)
    assert status == 401


async def test_a_fault_before_changes_nothing_and_one_after_loses_the_answer(
    world: World, cluster: KubeCluster, http: Http
) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    refuse = {
        "service": "kube", "action": "POST deployments", "nth": 1, "code": "InternalError",
        "status": 500,
    }  # fmt: skip
    drop = {
        "service": "kube", "action": "POST deployments", "nth": 1, "when": "after", "do": "drop",
    }  # fmt: skip
    world.faults.replace([refuse])
    status, _, answer = await http.send("POST", path, json=deployment(replicas=0))
    assert (status, answer["reason"]) == (500, "InternalError")
    assert cluster.list("deployments") == []
    world.faults.replace([drop])
    with pytest.raises(aiohttp.ClientError):
        await http.send("POST", path, json=deployment(replicas=0))
    assert len(cluster.list("deployments")) == 1


async def test_a_disruption_budget_stops_an_eviction(
    cluster: KubeCluster, node: str, http: Http
) -> None:
    cluster.create("deployments", "default", deployment(replicas=1))
    budget = {
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    cluster.create("poddisruptionbudgets", "default", budget)
    await until(
        lambda: (cluster.get("poddisruptionbudgets", "default", "web") or {})["status"].get(
            "currentHealthy"
        )
    )
    name = cluster.list("pods")[0]["metadata"]["name"]
    path = f"/api/v1/namespaces/default/pods/{name}/eviction"
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    status, _, _ = await http.send("POST", path, json=body)
    assert status == 429
    cluster.delete("poddisruptionbudgets", "default", "web")
    status, _, _ = await http.send("POST", path, json=body)
    assert status == 201


async def test_an_autoscaler_keeps_its_bounds(cluster: KubeCluster, node: str) -> None:
    cluster.create("deployments", "default", deployment(replicas=1))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"minReplicas": 2, "maxReplicas": 3, "scaleTargetRef": target}
    cluster.create(
        "horizontalpodautoscalers", "default", {"metadata": {"name": "web"}, "spec": spec}
    )
    await until(
        lambda: (cluster.get("deployments", "default", "web") or {})["spec"]["replicas"] == 2
    )


async def test_two_clusters_live_side_by_side(world: World, cluster: KubeCluster) -> None:
    other = world.kube.create_cluster("cls-test0002", "1.34.1")
    await world.kube.ready("cls-test0002")
    assert other.url != cluster.url
    other.create("configmaps", "default", config_map("mine"))
    assert cluster.get("configmaps", "default", "mine") is None
