"""Service to EndpointSlice: the addresses of its pods and whether they are ready."""

from typing import Any

from sandbox.kube.context import (
    MANAGER,
    Context,
    finished,
    is_true,
    owned,
    owner_reference,
    split,
)
from sandbox.kube.deletion import Options, delete
from sandbox.kube.writes import Write

Document = dict[str, Any]
WRITE = Write(manager=MANAGER)
SERVICE_LABEL = "kubernetes.io/service-name"
OURS = "endpointslice-controller.k8s.io"


def port_number(port: Document, pod: Document) -> int | None:
    """The pod's port behind a service port; a name is looked up among its containers' ports."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for one in container.get("ports", []):
            if one.get("name") == target:
                return int(one["containerPort"])
    return None


class Endpoints:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        service = self.context.get("services", namespace, name)
        if service is None or "selector" not in service["spec"]:
            return
        slices = owned(self.context.list("endpointslices", namespace), service["metadata"]["uid"])
        if "deletionTimestamp" in service["metadata"]:
            return
        for item, body in self._pair(service, slices, self._wanted(service)):
            self._write(service, item, body)

    def _wanted(self, service: Document) -> list[Document]:
        """One slice for each way the service's ports resolve (named ports may differ by pod)."""
        namespace = service["metadata"]["namespace"]
        wanted = service["spec"]["selector"].items()
        groups: dict[tuple[tuple[str, str, int], ...], list[Document]] = {}
        for pod in self.context.list("pods", namespace):
            labels = pod["metadata"].get("labels", {})
            if not wanted <= labels.items() or finished(pod) or not pod["status"].get("podIP"):
                continue
            ports = []
            for port in service["spec"].get("ports", []):
                number = port_number(port, pod)
                if number:
                    ports.append((port.get("name", ""), port["protocol"], number))
            groups.setdefault(tuple(ports), []).append(self._endpoint(service, pod))
        if not groups:
            return [{"endpoints": [], "ports": []}]
        return [
            {
                "endpoints": sorted(endpoints, key=lambda one: one["addresses"]),
                "ports": [{"name": n, "protocol": p, "port": number} for n, p, number in ports],
            }
            for ports, endpoints in sorted(groups.items())
        ]

    def _endpoint(self, service: Document, pod: Document) -> Document:
        leaving = "deletionTimestamp" in pod["metadata"]
        serving = is_true(pod, "Ready")
        ready = (serving and not leaving) or bool(service["spec"].get("publishNotReadyAddresses"))
        metadata = pod["metadata"]
        found: Document = {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": ready, "serving": serving, "terminating": leaving},
            "targetRef": {
                "kind": "Pod",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "nodeName": pod["spec"]["nodeName"],
        }
        node = self.context.get("nodes", "", pod["spec"]["nodeName"])
        zone = (
            ((node or {}).get("metadata") or {})
            .get("labels", {})
            .get("topology.kubernetes.io/zone")
        )
        if zone:
            found["zone"] = zone
        return found

    @staticmethod
    def _pair(
        service: Document, slices: list[Document], wanted: list[Document]
    ) -> list[tuple[Document | None, Document | None]]:
        count = max(len(slices), len(wanted))
        return [
            (slices[i] if i < len(slices) else None, wanted[i] if i < len(wanted) else None)
            for i in range(count)
        ]

    def _write(self, service: Document, item: Document | None, body: Document | None) -> None:
        metadata = service["metadata"]
        resource = self.context.registry.resource("endpointslices")
        if body is None:
            assert item is not None
            name = item["metadata"]["name"]
            delete(self.context.registry, resource, metadata["namespace"], name, Options(), WRITE)
        elif item is None:
            made = {
                "metadata": {
                    "generateName": f"{metadata['name']}-",
                    "labels": {
                        "endpointslice.kubernetes.io/managed-by": OURS,
                        SERVICE_LABEL: metadata["name"],
                    },
                    "ownerReferences": [owner_reference(service)],
                },
                "addressType": "IPv4",
                **body,
            }
            self.context.registry.create(resource, metadata["namespace"], made, WRITE)
        else:

            def change(one: Document) -> None:
                one["endpoints"] = body["endpoints"] or None
                one["ports"] = body["ports"] or None

            self.context.registry.mutate(
                "endpointslices", metadata["namespace"], item["metadata"]["name"], change
            )
