"""Service addresses really lead to ready pods."""

from typing import Any

import aiohttp

from sandbox.kube.cluster import KubeCluster
from sandbox.kube.net import Forward
from sandbox.world import World
from tests.sandbox.kube.manifests import deployment, service
from tests.sandbox.kube.worlds import CLUSTER, refused, until

Document = dict[str, Any]


async def ask(address: str, port: int = 8080) -> str:
    """The IP of the pod that answers one new connection."""
    url = f"http://{address}:{port}/internal/ping"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return str((await response.json())["ip"])


async def serving(cluster: KubeCluster, pods: int, **spec: Any) -> Document:
    cluster.create("services", "default", service(**spec))
    cluster.create("deployments", "default", deployment(replicas=pods))
    await until(lambda: len(cluster.endpoints("default", "web", 8080)) == pods, what="endpoints")
    item = cluster.get("services", "default", "web") or {}
    await until(lambda: not refused(item["spec"]["clusterIP"], 8080))
    return item


async def test_a_cluster_ip_goes_round_the_ready_pods(cluster: KubeCluster, node: str) -> None:
    item = await serving(cluster, 2)
    answered = [await ask(item["spec"]["clusterIP"]) for _ in range(4)]
    assert answered[:2] == answered[2:]
    assert {(ip, 7860) for ip in answered} == set(cluster.endpoints("default", "web", 8080))


async def test_client_ip_affinity_stays_with_one_pod(cluster: KubeCluster, node: str) -> None:
    item = await serving(cluster, 2, sessionAffinity="ClientIP")
    answered = {await ask(item["spec"]["clusterIP"]) for _ in range(4)}
    assert len(answered) == 1


def test_affinity_ends_with_its_time_or_its_pod() -> None:
    forward = Forward()
    forward.targets, forward.sticky_s = [("a", 1), ("b", 1)], 100.0
    first = forward.choose("client", 0.0)[0]
    assert forward.choose("client", 50.0) == [first]
    assert forward.choose("client", 149.0) == [first]
    assert forward.choose("client", 400.0)[0] != first
    forward.targets = [first]
    assert forward.choose("client", 401.0)[0] == first


async def test_a_service_without_ready_pods_refuses(cluster: KubeCluster, node: str) -> None:
    item = await serving(cluster, 1)
    cluster.delete("deployments", "default", "web")
    await until(lambda: refused(item["spec"]["clusterIP"], 8080))


async def test_a_load_balancer_is_bought_and_given_back(
    world: World, cluster: KubeCluster, node: str
) -> None:
    await serving(cluster, 1, type="LoadBalancer")

    def ingress() -> list[Document]:
        item = cluster.get("services", "default", "web") or {}
        return list(item["status"]["loadBalancer"].get("ingress", []))

    address = (await until(ingress))[0]["ip"]
    item = cluster.get("services", "default", "web") or {}
    assert item["metadata"]["annotations"]["service.kubernetes.io/loadbalance-id"].startswith("lb-")
    assert address == world.network.load_balancer(0)
    await until(lambda: not refused(address, 8080))
    assert await ask(address)
    cluster.delete("services", "default", "web")
    await until(lambda: refused(address, 8080))
    assert cluster.addresses.load_balancer_ip() == address


async def test_a_node_port_leads_in_too(cluster: KubeCluster, node: str) -> None:
    item = await serving(cluster, 1, type="NodePort")
    port = item["spec"]["ports"][0]["nodePort"]
    machine = (cluster.get("nodes", "", node) or {})["status"]["addresses"][0]["address"]
    await until(lambda: not refused(machine, port))
    assert await ask(machine, port)


async def test_a_deleted_cluster_leaves_nothing_behind(
    world: World, cluster: KubeCluster, node: str
) -> None:
    item = await serving(cluster, 1)
    address = cluster.server.address
    world.kube.delete_cluster(CLUSTER)
    await until(lambda: refused(address, 6443) and refused(item["spec"]["clusterIP"], 8080))
    await until(lambda: not world.store.collection("kube.addresses"))
    assert world.kube.clusters() == []
    assert not world.store.collection(f"kube.{CLUSTER}.objects")
