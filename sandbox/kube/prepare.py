"""What the server decides about an object after defaults: identity, addresses, status."""

import copy
import random
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from sandbox.kube.quantity import parse
from sandbox.kube.schema import Resource
from sandbox.kube.status import invalid

Document = dict[str, Any]
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
WITH_GENERATION = {
    "deployments", "replicasets", "jobs", "cronjobs", "poddisruptionbudgets", "pods",
    "endpointslices",
}  # fmt: skip
TEMPLATE: Document = {"metadata": {}, "spec": {"containers": None}}
# The structs a Go object always has: nobody gets to own them by creating the object.
ALWAYS: dict[str, Document] = {
    "deployments": {"spec": {"selector": None, "template": TEMPLATE, "strategy": {}}},
    "replicasets": {"spec": {"selector": None, "template": TEMPLATE}},
    "jobs": {"spec": {"template": TEMPLATE}},
    "cronjobs": {
        "spec": {"jobTemplate": {"metadata": {}, "spec": {"template": TEMPLATE}}},
    },
    "pods": {"spec": {"containers": None}},
    "persistentvolumeclaims": {"spec": {"resources": {}}},
    "horizontalpodautoscalers": {"spec": {"scaleTargetRef": {}}},
    "services": {"spec": {}, "status": {"loadBalancer": {}}},
    "events": {"source": {}},
}
NODE_INFO = (
    "machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
    "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture",
)  # fmt: skip


class Addresses(Protocol):
    """Who hands out cluster IPs and node ports."""

    def cluster_ip(self, wanted: str = "") -> str: ...

    def node_port(self, wanted: int = 0) -> int: ...


def empty(plural: str) -> Document:
    """The object before anybody wrote a field, to compare a new one against."""
    base: Document = {"metadata": {}, "spec": {}, "status": {}}
    base.update(copy.deepcopy(ALWAYS.get(plural, {})))
    return base


def suffix(length: int = 5) -> str:
    return "".join(random.choice(ALPHABET) for _ in range(length))


def identify(resource: Resource, body: Document, namespace: str, now: str) -> None:
    metadata = body["metadata"]
    if resource.namespaced:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"):
        metadata.pop(name, None)
    if resource.name in WITH_GENERATION:
        metadata["generation"] = 1


def first_status(resource: Resource, body: Document, now: str) -> None:
    """Nobody brings a status along, but kubelets with their node."""
    plural = resource.name
    if plural == "nodes":
        _node(body)
        return
    body.pop("status", None)
    if plural in FIRST_STATUS:
        body["status"] = copy.deepcopy(FIRST_STATUS[plural])
    if plural == "persistentvolumes":
        body["status"]["lastPhaseTransitionTime"] = now
    if plural == "pods":
        body["status"]["qosClass"] = qos_class(body["spec"])


FIRST_STATUS: dict[str, Document] = {
    "namespaces": {"phase": "Active"},
    "pods": {"phase": "Pending"},
    "deployments": {},
    "replicasets": {"replicas": 0},
    "jobs": {},
    "cronjobs": {},
    "services": {"loadBalancer": {}},
    "persistentvolumes": {"phase": "Pending"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "horizontalpodautoscalers": {"desiredReplicas": 0, "currentMetrics": None},
    "poddisruptionbudgets": {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    },
}  # fmt: skip


def _node(body: Document) -> None:
    status = body.setdefault("status", {})
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
    status.setdefault("nodeInfo", dict.fromkeys(NODE_INFO, ""))
    conditions = {item["type"]: item["status"] for item in status.get("conditions", [])}
    if conditions.get("Ready") != "True":
        taints = body.setdefault("spec", {}).setdefault("taints", [])
        taints.append({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})
    body.setdefault("spec", {})


def qos_class(spec: Document) -> str:
    """Guaranteed, Burstable or BestEffort, by cpu and memory alone."""
    limits: list[Document] = []
    requests: list[Document] = []
    for container in spec["containers"]:
        resources = container.get("resources", {})
        for kind, found in (("limits", limits), ("requests", requests)):
            amounts = resources.get(kind, {})
            found.append({n: parse(amounts[n]) for n in ("cpu", "memory") if n in amounts})
    if not any(limits) and not any(requests):
        return "BestEffort"
    if all(len(item) == 2 for item in limits) and limits == requests:
        return "Guaranteed"
    return "Burstable"


def _pod(body: Document, addresses: Addresses) -> None:
    spec = body["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(item.get("key") == key for item in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    if spec.get("automountServiceAccountToken") is False:
        return
    volume = f"kube-api-access-{suffix()}"
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    spec.setdefault("volumes", []).append(
        {
            "name": volume,
            "projected": {
                "defaultMode": 420,
                "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {
                        "configMap": {
                            "name": "kube-root-ca.crt",
                            "items": [{"key": "ca.crt", "path": "ca.crt"}],
                        }
                    },
                    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
                ],
            },
        }
    )
    where = "/var/run/secrets/kubernetes.io/serviceaccount"
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container.setdefault("volumeMounts", []).append(
            {"name": volume, "readOnly": True, "mountPath": where}
        )


def _job(body: Document, addresses: Addresses) -> None:
    if body["spec"].get("manualSelector"):
        return
    uid, name = body["metadata"]["uid"], body["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = body["spec"]["template"]
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    own = body["metadata"].get("labels")
    body["metadata"]["labels"] = {**(own or {}), **labels} if own is None else own
    body["spec"].setdefault(
        "selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    )


def _service(body: Document, addresses: Addresses) -> None:
    spec = body["spec"]
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") != "None":
        spec["clusterIP"] = addresses.cluster_ip(spec.get("clusterIP", ""))
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    node_ports(spec, addresses)


def node_ports(spec: Document, addresses: Addresses) -> None:
    wanted = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    for port in spec.get("ports", []):
        if wanted:
            port["nodePort"] = addresses.node_port(port.get("nodePort", 0))
        else:
            port.pop("nodePort", None)


def _finalizer(name: str) -> Callable[[Document, Addresses], None]:
    def add(body: Document, addresses: Addresses) -> None:
        finalizers = body["metadata"].setdefault("finalizers", [])
        if name not in finalizers:
            finalizers.append(name)

    return add


def _namespace(body: Document, addresses: Addresses) -> None:
    body.setdefault("spec", {})["finalizers"] = ["kubernetes"]


STEPS: dict[str, Callable[[Document, Addresses], None]] = {
    "pods": _pod,
    "jobs": _job,
    "services": _service,
    "persistentvolumes": _finalizer("kubernetes.io/pv-protection"),
    "persistentvolumeclaims": _finalizer("kubernetes.io/pvc-protection"),
    "namespaces": _namespace,
}


def for_create(resource: Resource, body: Document, addresses: Addresses) -> None:
    if resource.name in STEPS:
        STEPS[resource.name](body, addresses)


def for_update(resource: Resource, old: Document, new: Document, addresses: Addresses) -> None:
    """Carry over what the server decided and the writer left out."""
    if resource.name == "services":
        _carry_service(old["spec"], new["spec"], addresses)
    if resource.name == "namespaces":
        new.setdefault("spec", {})["finalizers"] = old["spec"].get("finalizers", [])
    if resource.name == "deployments" and new["spec"]["strategy"]["type"] == "Recreate":
        rolling = old["spec"]["strategy"].get("rollingUpdate")
        if new["spec"]["strategy"].get("rollingUpdate") not in (None, rolling):
            raise invalid(new["metadata"]["name"], "apps", "Deployment", [])


def _carry_service(old: Document, new: Document, addresses: Addresses) -> None:
    if new["type"] == "ExternalName":
        return
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if name not in new and name in old:
            new[name] = old[name]
    if "clusterIP" not in new:
        new["clusterIP"] = addresses.cluster_ip()
    new.setdefault("clusterIPs", [new["clusterIP"]])
    new.setdefault("ipFamilies", ["IPv4"])
    new.setdefault("ipFamilyPolicy", "SingleStack")
    held = {(p["port"], p["protocol"]): p.get("nodePort") for p in old.get("ports", [])}
    for port in new.get("ports", []):
        kept = held.get((port["port"], port["protocol"]))
        if kept and "nodePort" not in port:
            port["nodePort"] = kept
    node_ports(new, addresses)


def nulls(plural: str, body: Document) -> None:
    """Fields Go writes as null when nothing is set."""
    if plural == "events":
        for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
            body.setdefault(name, None)
        for name in ("reportingComponent", "reportingInstance"):
            body.setdefault(name, "")
    elif plural == "endpointslices":
        body.setdefault("endpoints", None)
        body.setdefault("ports", None)
    elif plural == "horizontalpodautoscalers":
        body.setdefault("status", {}).setdefault("currentMetrics", None)
    for condition in body.get("status", {}).get("conditions", []):
        for name in NULL_IN_CONDITION.get(plural, ()):
            condition.setdefault(name, None)


NULL_IN_CONDITION = {
    "pods": ("lastProbeTime",),
    "deployments": ("lastUpdateTime", "lastTransitionTime"),
}
