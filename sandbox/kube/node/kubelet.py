"""The kubelets of all nodes of a cluster: every pod that has a node gets a worker."""

import asyncio
from typing import Any

from sandbox.kube.cards import CORE, FULL, MEMORY, WHOLE
from sandbox.kube.context import Context, finished, key_of, split
from sandbox.kube.deletion import Options, delete
from sandbox.kube.node.logs import ContainerLogs
from sandbox.kube.node.pod import PodWorker
from sandbox.kube.node.processes import MakeWebUi
from sandbox.kube.node.volumes import Volumes
from sandbox.kube.quantity import parse
from sandbox.kube.status import ApiError
from sandbox.kube.writes import Write

Document = dict[str, Any]
CARD_GIB = "tke.cloud.tencent.com/gpu-memory-gib"
MOST_IMAGES = 50


class Kubelet:
    def __init__(self, context: Context, logs: ContainerLogs, make_web_ui: MakeWebUi) -> None:
        self.context = context
        self.logs = logs
        self.make_web_ui = make_web_ui
        self.volumes = Volumes(context)
        self._workers: dict[str, PodWorker] = {}
        self._keys: dict[str, str] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        # What runs in a pod that was reported before this process started must be started anew.
        self._before = {
            pod["metadata"]["uid"] for pod in context.list("pods") if "podIP" in pod["status"]
        }

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        pod = self.context.get("pods", namespace, name)
        uid = pod["metadata"]["uid"] if pod else ""
        known = self._keys.get(key)
        if known and known != uid:
            self._lost(key, known)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        worker = self._workers.get(uid)
        if "deletionTimestamp" in pod["metadata"]:
            if worker:
                worker.terminate()
            else:
                self._remove(pod)
        elif worker is None and not finished(pod):
            worker = PodWorker(self, pod, resumed=uid in self._before)
            self._workers[uid] = worker
            self._keys[key] = uid
            worker.start()

    def _lost(self, key: str, uid: str) -> None:
        """The pod object is gone: so is what ran for it."""
        self._keys.pop(key, None)
        worker = self._workers.pop(uid, None)
        if worker:
            task = asyncio.create_task(self._stop(worker))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    @staticmethod
    async def _stop(worker: PodWorker) -> None:
        await worker.halt()
        worker.release()

    def _remove(self, pod: Document) -> None:
        namespace, name = split(key_of(pod))
        resource = self.context.registry.resource("pods")
        how = Options(grace_s=0, uid=pod["metadata"]["uid"])
        try:
            delete(self.context.registry, resource, namespace, name, how, Write("kubelet"))
        except ApiError as exc:
            if exc.code != 404:
                raise
        self.context.addresses.release(pod["status"].get("podIP", ""))

    async def stop(self) -> None:
        """Stop all containers; the pods stay and are brought up again at the next start."""
        await asyncio.gather(*(worker.halt() for worker in self._workers.values()))
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def share_of(self, pod: Document, container: Document) -> tuple[int, int]:
        """(core in percent, memory in GiB) the container gets of its cards."""
        requests = container.get("resources", {}).get("requests", {})
        core, memory = (int(parse(requests.get(name, "0"))) for name in (CORE, MEMORY))
        core = core or FULL * int(parse(requests.get(WHOLE, "0")))
        if core >= FULL and not memory:
            node = self.context.get("nodes", "", pod["spec"]["nodeName"]) or {}
            size = node.get("metadata", {}).get("annotations", {}).get(CARD_GIB, "0")
            memory = int(size) * (core // FULL)
        return core, memory

    def has_image(self, node: str, image: str) -> bool:
        item = self.context.get("nodes", "", node) or {}
        held = item.get("status", {}).get("images", [])
        return any(image in one.get("names", []) for one in held)

    def keep_image(self, node: str, image: str) -> None:
        if self.has_image(node, image):
            return

        def change(item: Document) -> None:
            held = item["status"].setdefault("images", [])
            held.append({"names": [image], "sizeBytes": 4_300 * 1024 * 1024})
            del held[:-MOST_IMAGES]

        self.context.registry.mutate(
            "nodes", "", node, change, manager="kubelet", subresource="status"
        )
