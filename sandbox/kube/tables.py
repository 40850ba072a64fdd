"""Tables: what `kubectl get` shows, computed by the server."""

from collections.abc import Callable
from typing import Any

from sandbox.kube.schema import Resource
from sandbox.kube.selectors import selector_text

Document = dict[str, Any]
Age = Callable[[str | None], str]
MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def table(
    resource: Resource,
    items: list[Document],
    metadata: Document,
    *,
    age: Age,
    include: str = "Metadata",
    columns: bool = True,
) -> Document:
    """A Table of `items`; `include` is Metadata, None or Object for what rows carry along."""
    rows = []
    for item in items:
        cells = CELLS.get(resource.name, _name_and_age)(item, age)
        row: Document = {"cells": cells}
        carried = {"None": None, "Object": item}
        row["object"] = carried[include] if include in carried else partial(item)
        rows.append(row)
    body: Document = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    body["columnDefinitions"] = (
        [{"description": "", **column} for column in resource.columns] if columns else None
    )
    body["rows"] = rows
    return body


def partial(item: Document) -> Document:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": item["metadata"],
    }


def _created(item: Document, age: Age) -> str:
    return age(item["metadata"].get("creationTimestamp"))


def _name_and_age(item: Document, age: Age) -> list[Any]:
    return [item["metadata"]["name"], _created(item, age)]


def _images(spec: Document) -> tuple[str, str]:
    containers = spec.get("containers", [])
    return (
        ",".join(container["name"] for container in containers),
        ",".join(container.get("image", "") for container in containers),
    )


def _deployment(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    return [
        item["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec['replicas']}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _created(item, age),
        *_images(spec["template"]["spec"]),
        selector_text(spec["selector"]),
    ]


def _replica_set(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    return [
        item["metadata"]["name"],
        spec["replicas"],
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _created(item, age),
        *_images(spec["template"]["spec"]),
        selector_text(spec["selector"]),
    ]


def pod_state(item: Document) -> str:
    """The one word for a pod: Running, Pending, CrashLoopBackOff, Terminating, ..."""
    status = item.get("status", {})
    word = str(status.get("reason") or status.get("phase", "Unknown"))
    for index, state in enumerate(status.get("initContainerStatuses", [])):
        ended = state.get("state", {}).get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        waiting = state.get("state", {}).get("waiting", {}).get("reason")
        if ended:
            word = f"Init:{ended.get('reason') or 'Error'}"
        elif waiting and waiting != "PodInitializing":
            word = f"Init:{waiting}"
        else:
            word = f"Init:{index}/{len(status['initContainerStatuses'])}"
        break
    else:
        for state in reversed(status.get("containerStatuses", [])):
            now = state.get("state", {})
            word = now.get("waiting", {}).get("reason") or word
            if "terminated" in now:
                ended = now["terminated"]
                word = ended.get("reason") or f"ExitCode:{ended['exitCode']}"
    return "Terminating" if "deletionTimestamp" in item["metadata"] else word


def _pod(item: Document, age: Age) -> list[Any]:
    status = item.get("status", {})
    states = status.get("containerStatuses", [])
    restarts = sum(state.get("restartCount", 0) for state in states)
    ready = sum(bool(state.get("ready")) for state in states)
    return [
        item["metadata"]["name"],
        f"{ready}/{len(item['spec']['containers'])}",
        pod_state(item),
        str(restarts),
        _created(item, age),
        status.get("podIP", "<none>"),
        item["spec"].get("nodeName", "<none>"),
        status.get("nominatedNodeName", "<none>"),
        "<none>",
    ]


def _service(item: Document, age: Age) -> list[Any]:
    spec = item["spec"]
    ingress = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    outside = ",".join(one.get("ip", "") for one in ingress)
    if not outside:
        outside = "<pending>" if spec["type"] == "LoadBalancer" else "<none>"
    ports = []
    for port in spec.get("ports", []):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port['protocol']}")
    selector = ",".join(f"{k}={v}" for k, v in sorted(spec.get("selector", {}).items()))
    return [
        item["metadata"]["name"],
        spec["type"],
        spec.get("clusterIP", "<none>"),
        outside,
        ",".join(ports) or "<none>",
        _created(item, age),
        selector or "<none>",
    ]


def _modes(spec: Document) -> str:
    return ",".join(MODES[mode] for mode in spec.get("accessModes", []))


def _volume(item: Document, age: Age) -> list[Any]:
    spec = item["spec"]
    claim = spec.get("claimRef")
    return [
        item["metadata"]["name"],
        spec.get("capacity", {}).get("storage", ""),
        _modes(spec),
        spec["persistentVolumeReclaimPolicy"],
        item.get("status", {}).get("phase", ""),
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        item.get("status", {}).get("reason", ""),
        _created(item, age),
        spec.get("volumeMode", "<unset>"),
    ]


def _claim(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    phase = "Terminating" if "deletionTimestamp" in item["metadata"] else status.get("phase", "")
    return [
        item["metadata"]["name"],
        phase,
        spec.get("volumeName", ""),
        status.get("capacity", {}).get("storage", ""),
        _modes({"accessModes": status.get("accessModes", [])}),
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        _created(item, age),
        spec.get("volumeMode", "<unset>"),
    ]


def _node(item: Document, age: Age) -> list[Any]:
    status, labels = item.get("status", {}), item["metadata"].get("labels", {})
    ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), None)
    word = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    if item["spec"].get("unschedulable"):
        word += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key[len(prefix) :] for key in labels if key.startswith(prefix))
    found = {one["type"]: one["address"] for one in status.get("addresses", [])}
    node_info = status.get("nodeInfo", {})
    return [
        item["metadata"]["name"],
        word,
        ",".join(roles) or "<none>",
        _created(item, age),
        node_info.get("kubeletVersion", ""),
        found.get("InternalIP", "<none>"),
        found.get("ExternalIP", "<none>"),
        node_info.get("osImage") or "<unknown>",
        f"{node_info.get('kernelVersion', '')} ({node_info.get('architecture', '')})",
        node_info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _autoscaler(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    targets = []
    for metric in spec.get("metrics", []):
        source = metric.get(metric["type"][0].lower() + metric["type"][1:], {})
        name = source.get("name") or source.get("metric", {}).get("name", "")
        target = source.get("target", {})
        percent = target.get("averageUtilization")
        goal = f"{percent}%" if percent is not None else target.get("averageValue", "<unknown>")
        targets.append(f"{name}: <unknown>/{goal}")
    ref = spec["scaleTargetRef"]
    return [
        item["metadata"]["name"],
        f"{ref['kind']}/{ref['name']}",
        ", ".join(targets) or "<none>",
        str(spec.get("minReplicas", "<unset>")),
        spec["maxReplicas"],
        status.get("currentReplicas", 0),
        _created(item, age),
    ]


def _job(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    held = {c["type"] for c in status.get("conditions", []) if c["status"] == "True"}
    word = next((one for one in ("Complete", "Failed", "Suspended") if one in held), "Running")
    wanted = spec.get("completions", spec.get("parallelism", 1))
    return [
        item["metadata"]["name"],
        word,
        f"{status.get('succeeded', 0)}/{wanted}",
        age(status.get("startTime")) if status.get("startTime") else "",
        _created(item, age),
        *_images(spec["template"]["spec"]),
        selector_text(spec.get("selector")),
    ]


def _cron_job(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    last = status.get("lastScheduleTime")
    return [
        item["metadata"]["name"],
        spec["schedule"],
        spec.get("timeZone", "<none>"),
        str(spec["suspend"]),
        len(status.get("active", [])),
        age(last) if last else "<none>",
        _created(item, age),
        *_images(spec["jobTemplate"]["spec"]["template"]["spec"]),
        "<none>",
    ]


def _endpoint_slice(item: Document, age: Age) -> list[Any]:
    ports = ",".join(str(port.get("port")) for port in item.get("ports") or [])
    addresses = [a for endpoint in item.get("endpoints") or [] for a in endpoint["addresses"]]
    shown = ",".join(addresses[:3])
    if len(addresses) > 3:
        shown += f" + {len(addresses) - 3} more..."
    name = item["metadata"]["name"]
    return [
        name,
        item["addressType"],
        ports or "<unset>",
        shown or "<unset>",
        _created(item, age),
    ]


def _endpoints(item: Document, age: Age) -> list[Any]:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets", [])
        for port in subset.get("ports", [])
        for address in subset.get("addresses", [])
    ]
    return [item["metadata"]["name"], ",".join(pairs) or "<none>", _created(item, age)]


def _event(item: Document, age: Age) -> list[Any]:
    involved, source = item["involvedObject"], item.get("source", {})
    first = item.get("firstTimestamp") or item.get("eventTime")
    component = source.get("component") or item.get("reportingComponent", "")
    host = source.get("host") or item.get("reportingInstance", "")
    return [
        age(item.get("lastTimestamp") or first),
        item.get("type", ""),
        item.get("reason", ""),
        f"{involved.get('kind', '').lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        item.get("message", "").strip(),
        age(first),
        item.get("count", 1),
        item["metadata"]["name"],
    ]


def _budget(item: Document, age: Age) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    return [
        item["metadata"]["name"],
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status.get("disruptionsAllowed", 0),
        _created(item, age),
    ]


def _binding(item: Document, age: Age) -> list[Any]:
    ref, found = item["roleRef"], item.get("subjects", [])

    def of(kind: str) -> str:
        names = []
        for one in found:
            if one["kind"] == kind:
                space = f"{one['namespace']}/" if one.get("namespace") else ""
                names.append(space + one["name"])
        return ", ".join(names)

    name = item["metadata"]["name"]
    role = f"{ref['kind']}/{ref['name']}"
    return [name, role, _created(item, age), of("User"), of("Group"), of("ServiceAccount")]


CELLS: dict[str, Callable[[Document, Age], list[Any]]] = {
    "configmaps": lambda item, age: [
        item["metadata"]["name"],
        len(item.get("data", {})) + len(item.get("binaryData", {})),
        _created(item, age),
    ],
    "secrets": lambda item, age: [
        item["metadata"]["name"],
        item.get("type", ""),
        len(item.get("data", {})),
        _created(item, age),
    ],
    "namespaces": lambda item, age: [
        item["metadata"]["name"],
        item["status"]["phase"],
        _created(item, age),
    ],
    "storageclasses": lambda item, age: [
        item["metadata"]["name"],
        item["provisioner"],
        item["reclaimPolicy"],
        item["volumeBindingMode"],
        item.get("allowVolumeExpansion", False),
        _created(item, age),
    ],
    "leases": lambda item, age: [
        item["metadata"]["name"],
        item.get("spec", {}).get("holderIdentity", ""),
        _created(item, age),
    ],
    "roles": lambda item, age: [
        item["metadata"]["name"],
        item["metadata"]["creationTimestamp"],
    ],
    "deployments": _deployment,
    "replicasets": _replica_set,
    "pods": _pod,
    "services": _service,
    "persistentvolumes": _volume,
    "persistentvolumeclaims": _claim,
    "nodes": _node,
    "horizontalpodautoscalers": _autoscaler,
    "jobs": _job,
    "cronjobs": _cron_job,
    "endpointslices": _endpoint_slice,
    "endpoints": _endpoints,
    "events": _event,
    "poddisruptionbudgets": _budget,
    "rolebindings": _binding,
}
