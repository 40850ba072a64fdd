"""Services of type LoadBalancer: an address is bought, and given back with the service."""

import asyncio
from typing import Any

from sandbox.kube.context import Context, split
from sandbox.kube.prepare import suffix

Document = dict[str, Any]
COMPONENT = "service-controller"
IDENTITY = "service.kubernetes.io/loadbalance-id"
EXISTING = "service.kubernetes.io/tke-existed-lbid"


class Balancers:
    def __init__(self, context: Context) -> None:
        self.context = context
        self._ordered: dict[str, float] = {}

    def reconcile(self, key: str) -> float | None:
        namespace, name = split(key)
        service = self.context.get("services", namespace, name)
        if service is None or "deletionTimestamp" in service["metadata"]:
            return None
        ingress = service["status"].get("loadBalancer", {}).get("ingress", [])
        if service["spec"]["type"] != "LoadBalancer":
            if ingress:
                self._give_back(service, ingress)
            return None
        if ingress:
            return None
        uid, clock = service["metadata"]["uid"], asyncio.get_running_loop().time()
        if uid not in self._ordered:
            self._ordered[uid] = clock + self.context.world.pace.seconds("kube.loadbalancer")
            self._say(service, "EnsuringLoadBalancer", "Ensuring load balancer")
        left = self._ordered[uid] - clock
        if left > 0:
            return left
        del self._ordered[uid]
        self._deliver(service)
        return None

    def _deliver(self, service: Document) -> None:
        namespace, name = split(f"{service['metadata']['namespace']}/{service['metadata']['name']}")
        address = self.context.addresses.load_balancer_ip()
        annotations = service["metadata"].get("annotations", {})
        identity = annotations.get(EXISTING) or annotations.get(IDENTITY) or f"lb-{suffix(8)}"

        def own(item: Document) -> None:
            item["metadata"].setdefault("annotations", {})[IDENTITY] = identity

        def report(item: Document) -> None:
            item["status"] = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}

        registry = self.context.registry
        registry.mutate("services", namespace, name, own, manager=COMPONENT)
        registry.mutate(
            "services", namespace, name, report, manager=COMPONENT, subresource="status"
        )
        self._say(service, "EnsuredLoadBalancer", "Ensured load balancer")

    def _give_back(self, service: Document, ingress: list[Document]) -> None:
        for one in ingress:
            self.context.addresses.release(one["ip"])
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]

        def report(item: Document) -> None:
            item["status"] = {"loadBalancer": {}}

        def disown(item: Document) -> None:
            item["metadata"].get("annotations", {}).pop(IDENTITY, None)

        registry = self.context.registry
        registry.mutate(
            "services", namespace, name, report, manager=COMPONENT, subresource="status"
        )
        registry.mutate("services", namespace, name, disown, manager=COMPONENT)

    def _say(self, service: Document, reason: str, message: str) -> None:
        self.context.events.record(service, "Normal", reason, message, COMPONENT)

    def gone(self, service: Document) -> None:
        """The service was removed: its addresses and ports are free again."""
        addresses = self.context.addresses
        addresses.release(service["spec"].get("clusterIP", ""))
        for one in service["status"].get("loadBalancer", {}).get("ingress", []):
            addresses.release(one["ip"])
        for port in service["spec"].get("ports", []):
            if port.get("nodePort"):
                addresses.release_port(port["nodePort"])
        self._ordered.pop(service["metadata"]["uid"], None)
