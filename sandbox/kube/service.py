"""All Kubernetes clusters of the sandbox: `world.kube`."""

import asyncio
import logging
import secrets
import shutil
from typing import TYPE_CHECKING, Any

from sandbox.kube.auth import MASTERS
from sandbox.kube.cluster import KubeCluster
from sandbox.kube.node.processes import MakeWebUi
from sandbox.kube.pki import client_credentials, kubeconfig

if TYPE_CHECKING:
    from sandbox.world import World

Document = dict[str, Any]
log = logging.getLogger("sandbox.kube")


def _web_ui(**options: Any) -> Any:
    # Imported at the first web UI pod, so that a cluster alone needs none of its packages.
    from sandbox.webui.service import WebUI

    return WebUI(**options)


class Kube:
    """`make_web_ui` makes what runs in a pod of a web UI image (see `WebUiServer`)."""

    def __init__(self, make_web_ui: MakeWebUi | None = None) -> None:
        self._make_web_ui = make_web_ui or _web_ui
        self._clusters: dict[str, KubeCluster] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self, world: "World") -> None:
        """Bring up the clusters there are, with their pods."""
        self._world = world
        self._entries = world.store.collection("kube.clusters")
        for cluster_id in self._entries:
            self._open(cluster_id)
        await asyncio.gather(*self._tasks.values())

    async def stop(self) -> None:
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(cluster.stop() for cluster in self._clusters.values()))
        await asyncio.gather(*self._leaving, return_exceptions=True)
        self._clusters.clear()
        self._tasks.clear()

    def create_cluster(self, cluster_id: str, version: str) -> KubeCluster:
        """Make a cluster; its objects can be used at once, its API server listens a moment later
        (`await kube.ready(cluster_id)` to be sure).  The same id again gives the same cluster."""
        if cluster_id not in self._entries:
            used = {entry["index"] for entry in self._entries.values()}
            index = next(number for number in range(250) if number not in used)
            self._entries[cluster_id] = {"index": index, "version": version, "tokens": {}}
            self._open(cluster_id)
        return self._clusters[cluster_id]

    def _open(self, cluster_id: str) -> None:
        cluster = KubeCluster(
            self._world,
            cluster_id,
            self._entries[cluster_id],
            self._make_web_ui,
            lambda: self._entries.save(cluster_id),
        )
        self._clusters[cluster_id] = cluster
        self._tasks[cluster_id] = asyncio.create_task(cluster.start())

    async def ready(self, cluster_id: str) -> KubeCluster:
        """Wait until the API server listens; raises what kept it from that."""
        await self._tasks[cluster_id]
        return self._clusters[cluster_id]

    def delete_cluster(self, cluster_id: str) -> None:
        """Everything of it is gone: objects, pods, addresses.  Nothing happens if there is none."""
        cluster = self._clusters.pop(cluster_id, None)
        if cluster is None:
            return
        del self._entries[cluster_id]
        task = asyncio.create_task(self._close(cluster, self._tasks.pop(cluster_id)))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _close(self, cluster: KubeCluster, opening: asyncio.Task[None]) -> None:
        await asyncio.gather(opening, return_exceptions=True)
        await cluster.stop()
        for part in ("objects", "counter", "ports"):
            self._world.store.collection(f"kube.{cluster.id}.{part}").clear()
        cluster.addresses.release_all()
        shutil.rmtree(self._world.home / "kube" / cluster.id, ignore_errors=True)

    def cluster(self, cluster_id: str) -> KubeCluster:
        """KeyError if there is none."""
        return self._clusters[cluster_id]

    def clusters(self) -> list[KubeCluster]:
        return list(self._clusters.values())

    def kubeconfig(
        self, cluster_id: str, user: str, *, groups: tuple[str, ...] = (MASTERS,)
    ) -> str:
        """A kubeconfig (YAML) with a client certificate for `user`; an administrator by default."""
        cluster = self._clusters[cluster_id]
        credentials = client_credentials(cluster.authority, user, list(groups))
        return kubeconfig(cluster.authority, cluster.url, cluster_id, user, credentials)

    def token_kubeconfig(
        self, cluster_id: str, user: str, *, groups: tuple[str, ...] = (MASTERS,)
    ) -> str:
        """The same with a bearer token instead of a certificate."""
        cluster = self._clusters[cluster_id]
        token = secrets.token_urlsafe(32)
        cluster.add_token(token, user, list(groups))
        return kubeconfig(cluster.authority, cluster.url, cluster_id, user, {"token": token})
