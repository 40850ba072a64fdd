"""A Kubernetes that remembers what TKE told it, with pods a test puts behind a Service."""

from typing import Any

import yaml

from sandbox.world import World


class StandinCluster:
    def __init__(self, version: str) -> None:
        self.version = version
        self.nodes: dict[str, dict[str, Any]] = {}
        self.pods: dict[tuple[str, str, int], list[tuple[str, int]]] = {}

    def add_node(self, **node: Any) -> None:
        assert node["name"] not in self.nodes
        self.nodes[node["name"]] = node

    def remove_node(self, name: str) -> None:
        self.nodes.pop(name, None)

    def endpoints(self, namespace: str, service: str, port: int) -> list[tuple[str, int]]:
        return self.pods.get((namespace, service, port), [])


class StandinKube:
    def __init__(self) -> None:
        self.clusters: dict[str, StandinCluster] = {}

    def create_cluster(self, cluster_id: str, version: str) -> None:
        self.clusters[cluster_id] = StandinCluster(version)

    def delete_cluster(self, cluster_id: str) -> None:
        del self.clusters[cluster_id]

    def cluster(self, cluster_id: str) -> StandinCluster:
        return self.clusters[cluster_id]

    def kubeconfig(self, cluster_id: str, user: str) -> str:
        cluster = {"server": "https://127.77.5.1:6443", "certificate-authority-data": "Q0E="}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": cluster_id, "cluster": cluster}],
                "users": [{"name": user, "user": {"client-certificate-data": "eA=="}}],
                "contexts": [],
            }
        )


def standin(world: World) -> StandinKube:
    """The stand-in that `world` runs on."""
    assert isinstance(world.kube, StandinKube)
    return world.kube
