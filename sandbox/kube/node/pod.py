"""One pod on a node: volumes, address, init containers, containers, and the status it reports."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.kube.context import key_of, set_condition, split
from sandbox.kube.deletion import Options, delete
from sandbox.kube.node.container import Container
from sandbox.kube.node.volumes import NotMounted
from sandbox.kube.status import ApiError
from sandbox.kube.writes import Write

if TYPE_CHECKING:
    from sandbox.kube.node.kubelet import Kubelet

Document = dict[str, Any]
log = logging.getLogger("sandbox.kube")
RETRY_S = 2.0
STORAGE_WAIT_S = 10.0


class PodWorker:
    def __init__(self, kubelet: "Kubelet", pod: Document, *, resumed: bool) -> None:
        self.kubelet = kubelet
        self.context = kubelet.context
        self.pod = pod
        self.uid = pod["metadata"]["uid"]
        self.ip = pod["status"].get("podIP", "") if resumed else ""
        self.resumed = resumed
        self.initial: list[Container] = []
        self.containers: list[Container] = []
        self.began = pod["status"].get("startTime") or self.context.stamp()
        self._lives: list[asyncio.Task[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def start(self) -> None:
        name = self.pod["metadata"]["name"]
        self._task = asyncio.create_task(self._run(), name=f"pod-{name}")

    async def _run(self) -> None:
        try:
            volumes = await self._mount()
            if not self.ip:
                self.ip = self.context.addresses.pod_ip()
            else:
                self.context.addresses.hold(self.ip)
                self._say("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and "
                          "re-created.")  # fmt: skip
            self._make(volumes)
            self.publish()
            for container in self.initial:
                await container.live()
                if container.state.ended != 0:
                    self.publish()
                    return
            self._lives = [asyncio.create_task(one.live()) for one in self.containers]
            await asyncio.gather(*self._lives)
            self.publish()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("pod %s", self.pod["metadata"]["name"])

    async def _mount(self) -> dict[str, Path]:
        claims = any("persistentVolumeClaim" in one for one in self.pod["spec"].get("volumes", []))
        patience = int(STORAGE_WAIT_S / 0.05)
        while claims and patience and not self.kubelet.volumes.storage_up:
            await asyncio.sleep(0.05)
            patience -= 1
        while True:
            try:
                return self.kubelet.volumes.mount(self.pod)
            except (NotMounted, OSError) as exc:
                self._say("Warning", "FailedMount", str(exc))
                self.publish()
            await asyncio.sleep(max(0.05, self.context.paced(RETRY_S)))

    def _make(self, volumes: dict[str, Path]) -> None:
        spec = self.pod["spec"]

        def made(one: Document, *, initial: bool) -> Container:
            container = Container(
                self.kubelet, self.pod, one, self.ip, volumes, self.publish, initial=initial
            )
            if self.resumed:
                container.state.restarts = self._restarts(one["name"]) + 1
            return container

        self.initial = [made(one, initial=True) for one in spec.get("initContainers", [])]
        self.containers = [made(one, initial=False) for one in spec["containers"]]
        if self.initial:
            for container in self.containers:
                container.state.state = {"waiting": {"reason": "PodInitializing"}}

    def _restarts(self, name: str) -> int:
        for state in self.pod["status"].get("containerStatuses", []):
            if state["name"] == name:
                return int(state.get("restartCount", 0))
        return 0

    def _say(self, kind: str, reason: str, message: str) -> None:
        host = self.pod["spec"]["nodeName"]
        self.context.events.record(self.pod, kind, reason, message, "kubelet", host=host)

    # -- the end --------------------------------------------------------------------------

    def terminate(self) -> None:
        """Stop everything, then remove the pod for good."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        for container in self.containers:
            if "running" in container.state.state:
                said = f"Stopping container {container.spec['name']}"
                self._say("Normal", "Killing", said)
        await self.halt()
        self.release()
        namespace, name = split(key_of(self.pod))
        resource = self.context.registry.resource("pods")
        how = Options(grace_s=0, uid=self.uid)
        try:
            delete(self.context.registry, resource, namespace, name, how, Write("kubelet"))
        except ApiError as exc:
            if exc.code not in (404, 409):
                raise

    async def halt(self) -> None:
        """Stop the containers; the pod stays as it was last reported."""
        tasks = [task for task in (self._task, *self._lives) if task and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def release(self) -> None:
        if self.ip:
            self.context.addresses.release(self.ip)
        self.kubelet.volumes.forget(self.uid)
        self.kubelet.logs.forget(self.uid)

    # -- status ---------------------------------------------------------------------------

    def publish(self) -> None:
        namespace, name = split(key_of(self.pod))
        live = self.context.get("pods", namespace, name)
        if live is None or live["metadata"]["uid"] != self.uid:
            return
        now = self.context.stamp()
        node = self.context.get("nodes", "", self.pod["spec"]["nodeName"])
        host = _internal_ip(node)

        def change(pod: Document) -> None:
            status = pod["status"]
            status["phase"] = self._phase()
            status["startTime"] = self.began
            if host:
                status["hostIP"], status["hostIPs"] = host, [{"ip": host}]
            if self.ip:
                status["podIP"], status["podIPs"] = self.ip, [{"ip": self.ip}]
            if self.initial:
                status["initContainerStatuses"] = [_status(one) for one in self.initial]
            status["containerStatuses"] = [_status(one) for one in self.containers] or [
                _unborn(one) for one in self.pod["spec"]["containers"]
            ]
            for condition in self._conditions(status["phase"]):
                known: Document = next(
                    (c for c in status.get("conditions", []) if c["type"] == condition["type"]), {}
                )
                if "reason" in known and "reason" not in condition:
                    status["conditions"].remove(known)
                    if known["status"] == condition["status"]:
                        condition["lastTransitionTime"] = known["lastTransitionTime"]
                set_condition(status, condition, now)

        self.context.registry.mutate(
            "pods", namespace, name, change, manager="kubelet", subresource="status"
        )

    def _phase(self) -> str:
        if not self.containers:
            return "Pending"
        failed = [one for one in self.initial if one.state.ended not in (None, 0)]
        if failed and self.pod["spec"].get("restartPolicy") == "Never":
            return "Failed"
        policy = self.pod["spec"].get("restartPolicy", "Always")
        codes = [one.state.ended for one in self.containers]
        if policy != "Always" and all(code is not None for code in codes):
            if all(code == 0 for code in codes):
                return "Succeeded"
            if policy == "Never":
                return "Failed"
        born = [one for one in self.containers if one.state.container_id]
        return "Running" if len(born) == len(self.containers) else "Pending"

    def _conditions(self, phase: str) -> list[Document]:
        initialized = all(one.state.ended == 0 for one in self.initial)
        unready = [one.spec["name"] for one in self.containers if not one.state.ready]
        ready = bool(self.containers) and not unready and phase == "Running"
        found: list[Document] = [
            {"type": "PodReadyToStartContainers", "status": "True" if self.ip else "False"},
            {"type": "Initialized", "status": "True" if initialized else "False"},
        ]
        if not initialized:
            names = " ".join(o.spec["name"] for o in self.initial if o.state.ended != 0)
            found[1]["reason"] = "ContainersNotInitialized"
            found[1]["message"] = f"containers with incomplete status: [{names}]"
        for kind in ("Ready", "ContainersReady"):
            one: Document = {"type": kind, "status": "True" if ready else "False"}
            if phase in ("Succeeded", "Failed"):
                one["reason"] = "PodCompleted" if phase == "Succeeded" else "PodFailed"
            elif not ready:
                late = unready or [c["name"] for c in self.pod["spec"]["containers"]]
                one["reason"] = "ContainersNotReady"
                one["message"] = f"containers with unready status: [{' '.join(late)}]"
            found.append(one)
        return found


def _internal_ip(node: Document | None) -> str:
    addresses = (node or {}).get("status", {}).get("addresses", [])
    return next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")


def _status(container: Container) -> Document:
    state = container.state
    return {
        "name": container.spec["name"],
        "state": state.state,
        "lastState": state.last if "terminated" not in state.state else {},
        "ready": state.ready if not container.initial else state.ended == 0,
        "restartCount": state.restarts,
        "image": container.spec["image"],
        "imageID": state.image_id,
        "containerID": state.container_id,
        "started": state.started,
    }


def _unborn(spec: Document) -> Document:
    return {
        "name": spec["name"],
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": spec["image"],
        "imageID": "",
        "started": False,
    }
