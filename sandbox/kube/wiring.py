"""Who is rung by what: from each stored change to the loops that must look."""

from collections.abc import Callable
from typing import Any

from sandbox.kube.context import Context, controller_of, key_of
from sandbox.kube.controllers.balancers import Balancers
from sandbox.kube.controllers.deployments import Deployments
from sandbox.kube.controllers.endpoints import SERVICE_LABEL, Endpoints
from sandbox.kube.controllers.garbage import Garbage
from sandbox.kube.controllers.jobs import Jobs
from sandbox.kube.controllers.namespaces import Namespaces
from sandbox.kube.controllers.replicasets import ReplicaSets
from sandbox.kube.controllers.upkeep import Autoscalers, Budgets, Heartbeats
from sandbox.kube.controllers.volumes import Claims, Volumes
from sandbox.kube.loop import Loop
from sandbox.kube.net import Proxy
from sandbox.kube.node.kubelet import Kubelet
from sandbox.kube.objects import Change
from sandbox.kube.scheduler import EVERYTHING, Scheduler

Document = dict[str, Any]


class Wiring:
    def __init__(
        self,
        context: Context,
        kubelet: Kubelet,
        proxy: Proxy,
        garbage: Garbage,
        balancers: Balancers,
        namespaces: Namespaces,
    ) -> None:
        self.context = context
        self._balancers = balancers
        self._proxy = Loop("proxy", proxy.reconcile)
        self._loops = {
            "deployments": Loop("deployments", Deployments(context).reconcile),
            "replicasets": Loop("replicasets", ReplicaSets(context).reconcile),
            "jobs": Loop("jobs", Jobs(context).reconcile),
            "endpoints": Loop("endpoints", Endpoints(context).reconcile),
            "balancers": Loop("balancers", balancers.reconcile),
            "persistentvolumeclaims": Loop("claims", Claims(context).reconcile),
            "persistentvolumes": Loop("volumes", Volumes(context).reconcile),
            "garbage": Loop("garbage", garbage.reconcile),
            "namespaces": Loop("namespaces", namespaces.reconcile),
            "poddisruptionbudgets": Loop("budgets", Budgets(context).reconcile),
            "horizontalpodautoscalers": Loop("autoscalers", Autoscalers(context).reconcile),
            "nodes": Loop("heartbeats", Heartbeats(context).reconcile),
            "scheduler": Loop("scheduler", Scheduler(context).reconcile),
            "kubelet": Loop("kubelet", kubelet.reconcile),
        }
        self._stop_listening: Callable[[], None] | None = None

    def start(self) -> None:
        self._stop_listening = self.context.objects.listen(self._on_change)
        for loop in (*self._loops.values(), self._proxy):
            loop.start()
        for resource, item in self.context.objects.everything():
            self._ring(resource, item)
            for reference in item["metadata"].get("ownerReferences", []):
                self._loops["garbage"].ring(reference["uid"])
        self._loops["garbage"].ring("")

    async def stop(self) -> None:
        if self._stop_listening:
            self._stop_listening()
        for loop in (*self._loops.values(), self._proxy):
            await loop.stop()

    def _on_change(self, change: Change) -> None:
        self._ring(change.resource, change.new)
        if change.type == "DELETED":
            self._gone(change.resource, change.new)

    def _ring(self, resource: str, item: Document) -> None:
        plural = resource.rpartition("/")[2]
        key = key_of(item)
        if plural in self._loops:
            self._loops[plural].ring(key)
        owner = controller_of(item)
        if owner and owner["kind"] in ("Deployment", "ReplicaSet", "Job"):
            namespace = item["metadata"]["namespace"]
            self._loops[f"{owner['kind'].lower()}s"].ring(f"{namespace}/{owner['name']}")
        if "deletionTimestamp" in item["metadata"]:
            self._loops["garbage"].ring(item["metadata"]["uid"])
            namespace = item["metadata"].get("namespace")
            if namespace:
                self._loops["namespaces"].ring(f"/{namespace}")
        also = getattr(self, f"_on_{plural}", None)
        if also:
            also(item, key)

    def _on_pods(self, pod: Document, key: str) -> None:
        self._loops["kubelet"].ring(key)
        self._loops["scheduler"].ring(EVERYTHING)
        namespace = pod["metadata"]["namespace"]
        labels = pod["metadata"].get("labels", {})
        for service in self.context.list("services", namespace):
            selector = service["spec"].get("selector")
            if selector and selector.items() <= labels.items():
                self._loops["endpoints"].ring(key_of(service))
        for budget in self.context.list("poddisruptionbudgets", namespace):
            self._loops["poddisruptionbudgets"].ring(key_of(budget))
        for volume in pod["spec"].get("volumes", []):
            if "persistentVolumeClaim" in volume:
                name = volume["persistentVolumeClaim"]["claimName"]
                self._loops["persistentvolumeclaims"].ring(f"{namespace}/{name}")
        owner = controller_of(pod)
        if owner and owner["kind"] == "ReplicaSet":
            # A recreating Deployment waits for the last pod of its old ReplicaSets.
            held = self.context.get("replicasets", namespace, owner["name"])
            above = controller_of(held) if held else None
            if above:
                self._loops["deployments"].ring(f"{namespace}/{above['name']}")

    def _on_nodes(self, node: Document, key: str) -> None:
        self._loops["scheduler"].ring(EVERYTHING)

    def _on_services(self, service: Document, key: str) -> None:
        self._loops["endpoints"].ring(key)
        self._loops["balancers"].ring(key)
        self._proxy.ring(key)

    def _on_endpointslices(self, item: Document, key: str) -> None:
        service = item["metadata"].get("labels", {}).get(SERVICE_LABEL)
        if service:
            where = f"{item['metadata']['namespace']}/{service}"
            self._proxy.ring(where)
            self._loops["endpoints"].ring(where)

    def _on_persistentvolumeclaims(self, claim: Document, key: str) -> None:
        self._loops["scheduler"].ring(EVERYTHING)
        for volume in self.context.list("persistentvolumes"):
            self._loops["persistentvolumes"].ring(key_of(volume))

    def _on_persistentvolumes(self, volume: Document, key: str) -> None:
        for claim in self.context.list("persistentvolumeclaims"):
            self._loops["persistentvolumeclaims"].ring(key_of(claim))

    def _on_deployments(self, item: Document, key: str) -> None:
        for scaler in self.context.list("horizontalpodautoscalers", item["metadata"]["namespace"]):
            self._loops["horizontalpodautoscalers"].ring(key_of(scaler))

    def _gone(self, resource: str, item: Document) -> None:
        self._loops["garbage"].ring(item["metadata"]["uid"])
        for reference in item["metadata"].get("ownerReferences", []):
            self._loops["garbage"].ring(reference["uid"])
        namespace = item["metadata"].get("namespace")
        if namespace:
            self._loops["namespaces"].ring(f"/{namespace}")
        if resource == "/nodes":
            self._loops["garbage"].ring("")
        if resource == "/services":
            self._balancers.gone(item)
