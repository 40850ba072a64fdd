"""From Kubernetes manifests to facts: capacity, slices, states.  Pure."""

from collections.abc import Mapping
from typing import Any

from apps.environments.facts import ClaimFacts, NodeFacts, PodFacts, VolumeFacts
from cloud.reading import as_int, part, parts

CORE = "tke.cloud.tencent.com/qgpu-core"
MEMORY = "tke.cloud.tencent.com/qgpu-memory"
WHOLE = "nvidia.com/gpu"
POLICY_LABEL = "tke.cloud.tencent.com/qgpu-schedule-policy"
INSTANCE_LABEL = "node.kubernetes.io/instance-type"
POLICIES = {"be": "best-effort", "fs": "fixed-share", "bs": "burst-share"}
# Labels that name the card, the most telling first; else the family of the instance type says it.
GPU_LABELS = (
    "sdconsole/gpu-type",
    "tke.cloud.tencent.com/gpu-type",
    "cloud.tencent.com/gpu-type",
    "nvidia.com/gpu.product",
)
# Document 457/65734 and the instance families of 2026-01.
FAMILIES = {
    "GN7": "T4",
    "GN7vi": "T4",
    "GN8": "P40",
    "GN10X": "V100",
    "GN10Xp": "V100",
    "GT4": "A100",
    "PNV4": "A10",
    "PNV5": "L40s",
    "PNV5b": "L20",
    "PNV5i": "L40",
}
# Where the qGPU scheduler writes the card of a container.
CARD_ANNOTATIONS = (
    "tke.cloud.tencent.com/gpu-index",
    "tencent.com/predicate-gpu-idx-",
    "elasticgpu.io/container-",
)
_BYTES = {
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
Manifest = Mapping[str, Any]


def node_facts(node: Manifest) -> NodeFacts:
    meta, spec, status = part(node, "metadata"), part(node, "spec"), part(node, "status")
    labels = {str(key): str(value) for key, value in part(meta, "labels").items()}
    offered = part(status, "allocatable")
    core = as_int(offered.get(CORE))
    told = part(status, "nodeInfo")
    conditions = parts(status, "conditions")
    states = {str(one.get("type")): one for one in conditions}
    ready = part(states, "Ready").get("status") == "True"
    instance_type = labels.get(INSTANCE_LABEL, "")
    policy = labels.get(POLICY_LABEL, "")
    whole_cards = as_int(offered.get(WHOLE))
    return NodeFacts(
        name=str(meta.get("name", "")),
        ready=ready,
        gpu_type=gpu_type_of(labels, instance_type) if core or whole_cards else "",
        cards=core // 100,
        core_per_node=core,
        memory_gib_per_node=as_int(offered.get(MEMORY)),
        instance_type=instance_type,
        labels=labels,
        schedule_policy=POLICIES.get(policy, policy or "best-effort"),
        cpu_cores=cpu_of(offered.get("cpu")),
        memory_gib=round(bytes_of(offered.get("memory")) / (1 << 30), 1),
        ip=next(
            (
                str(one.get("address"))
                for one in parts(status, "addresses")
                if one.get("type") == "InternalIP"
            ),
            "",
        ),
        zone=labels.get("topology.kubernetes.io/zone", ""),
        kubelet=str(told.get("kubeletVersion", "")),
        schedulable=not spec.get("unschedulable"),
        problem=_node_problem(states),
        whole_cards=whole_cards,
        created=str(meta.get("creationTimestamp") or ""),
    )


def gpu_type_of(labels: Mapping[str, str], instance_type: str) -> str:
    """ "A10", "T4", …; "GPU" if nothing tells."""
    for name in GPU_LABELS:
        if labels.get(name):
            return labels[name]
    return FAMILIES.get(instance_type.partition(".")[0], "GPU")


def _node_problem(states: Mapping[str, Manifest]) -> str:
    """The condition that speaks against the node, in Kubernetes' own words."""
    ready = states.get("Ready")
    if ready is None or ready.get("status") != "True":
        return str((ready or {}).get("message") or (ready or {}).get("reason") or "NotReady")
    for name, condition in states.items():
        if name != "Ready" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason") or name)
    return ""


def pod_facts(pod: Manifest) -> PodFacts:
    meta, spec, status = part(pod, "metadata"), part(pod, "spec"), part(pod, "status")
    containers = parts(spec, "containers")
    states = parts(status, "containerStatuses")
    conditions = {str(one.get("type")): one for one in parts(status, "conditions")}
    reason, message = _held_up(states, conditions, status)
    return PodFacts(
        name=str(meta.get("name", "")),
        namespace=str(meta.get("namespace", "")),
        phase=str(status.get("phase") or "Pending"),
        ready=part(conditions, "Ready").get("status") == "True",
        node=str(spec.get("nodeName") or ""),
        card=card_of(part(meta, "annotations")),
        core=sum(asked(one, CORE) for one in containers),
        memory_gib=sum(asked(one, MEMORY) for one in containers),
        whole_cards=sum(asked(one, WHOLE) for one in containers),
        labels={str(key): str(value) for key, value in part(meta, "labels").items()},
        owner=next((str(one.get("name")) for one in parts(meta, "ownerReferences")), ""),
        image=str(containers[0].get("image", "")) if containers else "",
        ip=str(status.get("podIP") or ""),
        restarts=sum(as_int(one.get("restartCount")) for one in states),
        reason=reason,
        message=message,
        started=str(status.get("startTime") or ""),
        deleting=bool(meta.get("deletionTimestamp")),
    )


def asked(container: Manifest, resource: str) -> int:
    """What the container asks of an extended resource; limits and requests are the same there."""
    resources = part(container, "resources")
    return as_int(
        part(resources, "limits").get(resource) or part(resources, "requests").get(resource)
    )


def card_of(annotations: Manifest) -> int | None:
    """Index of the card the slice lies on; the first one if it spans several; None = not told."""
    for name, value in annotations.items():
        if str(name).startswith(CARD_ANNOTATIONS):
            first = str(value).replace(";", ",").partition(",")[0].strip()
            return int(first) if first.isdecimal() else None
    return None


def _held_up(
    states: list[Manifest], conditions: Mapping[str, Manifest], status: Manifest
) -> tuple[str, str]:
    for one in states:
        state = part(one, "state")
        waiting = part(state, "waiting")
        if waiting.get("reason") not in (None, "", "ContainerCreating", "PodInitializing"):
            return str(waiting["reason"]), str(waiting.get("message") or "")
        ended = part(state, "terminated")
        if ended.get("reason") not in (None, "", "Completed"):
            return str(ended["reason"]), str(ended.get("message") or "")
    scheduled = part(conditions, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason") or "Unschedulable"), str(scheduled.get("message") or "")
    return str(status.get("reason") or ""), str(status.get("message") or "")


def volume_facts(volume: Manifest) -> VolumeFacts:
    meta, spec = part(volume, "metadata"), part(volume, "spec")
    csi, nfs, claim = part(spec, "csi"), part(spec, "nfs"), part(spec, "claimRef")
    where = part(csi, "volumeAttributes")
    bound = f"{claim.get('namespace')}/{claim.get('name')}" if claim else ""
    return VolumeFacts(
        name=str(meta.get("name", "")),
        phase=str(part(volume, "status").get("phase") or "Pending"),
        capacity=str(part(spec, "capacity").get("storage", "")),
        driver=str(csi.get("driver") or ("nfs" if nfs else "")),
        host=str(where.get("host") or nfs.get("server") or ""),
        path=str(where.get("path") or nfs.get("path") or ""),
        bucket=str(where.get("bucket") or ""),
        claim=bound,
        access_modes=tuple(str(mode) for mode in spec.get("accessModes") or ()),
    )


def claim_facts(claim: Manifest) -> ClaimFacts:
    meta, spec, status = part(claim, "metadata"), part(claim, "spec"), part(claim, "status")
    size = part(status, "capacity") or part(part(spec, "resources"), "requests")
    return ClaimFacts(
        name=str(meta.get("name", "")),
        namespace=str(meta.get("namespace", "")),
        phase=str(status.get("phase") or "Pending"),
        volume=str(spec.get("volumeName") or ""),
        capacity=str(size.get("storage", "")),
        access_modes=tuple(str(mode) for mode in spec.get("accessModes") or ()),
    )


def cpu_of(quantity: object) -> float:
    """Cores of a Kubernetes quantity: "15890m" is 15.89."""
    words = str(quantity or "0")
    try:
        return float(words[:-1]) / 1000 if words.endswith("m") else float(words)
    except ValueError:
        return 0.0


def bytes_of(quantity: object) -> int:
    """Bytes of a Kubernetes quantity: "227Gi"."""
    words = str(quantity or "0")
    for unit, factor in _BYTES.items():
        if words.endswith(unit):
            try:
                return int(float(words.removesuffix(unit)) * factor)
            except ValueError:
                return 0
    return as_int(words)
