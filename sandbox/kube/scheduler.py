"""The scheduler: a node, and a card on it, for every pod that waits; else the reason why not."""

from collections import Counter
from fractions import Fraction
from typing import Any

from sandbox.kube import cards
from sandbox.kube.cards import CORE, MEMORY, WHOLE, Ask, Card
from sandbox.kube.context import Context, condition, finished, key_of, set_condition, split
from sandbox.kube.quantity import parse

Document = dict[str, Any]
COMPONENT = "default-scheduler"
# What TKE's qGPU scheduler writes could not be found in public sources; these two are ours.
ASSIGNED = "tke.cloud.tencent.com/gpu-assigned"
INDEX = "tke.cloud.tencent.com/gpu-index"
GPU = (CORE, MEMORY, WHOLE)
EVERYTHING = "all"


def requests_of(pod: Document) -> dict[str, Fraction]:
    """Sum over containers; an init container counts where it alone needs more."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"]["containers"]:
        for name, amount in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, Fraction(0)) + parse(amount)
    for container in pod["spec"].get("initContainers", []):
        for name, amount in container.get("resources", {}).get("requests", {}).items():
            total[name] = max(total.get(name, Fraction(0)), parse(amount))
    return total


def asks_of(pod: Document) -> list[Ask]:
    found = []
    for container in pod["spec"]["containers"]:
        ask = cards.ask_of(container.get("resources", {}).get("requests", {}))
        if ask:
            found.append(ask)
    return found


def cards_held(pod: Document) -> list[list[int]]:
    """Card indexes of each GPU container, from the annotation: "0", "0,1", or "0;1"."""
    text = pod["metadata"].get("annotations", {}).get(INDEX, "")
    return [[int(one) for one in part.split(",")] for part in text.split(";") if part]


def node_cards(node: Document, pods: list[Document]) -> list[Card]:
    """The cards of a node with what the pods on it hold taken off."""
    allocatable = node["status"].get("allocatable", {})
    core, memory = parse(allocatable.get(CORE, "0")), parse(allocatable.get(MEMORY, "0"))
    count = int(core // cards.FULL) or int(parse(allocatable.get(WHOLE, "0")))
    found = cards.fresh(count, int(memory // count) if count else 0)
    for pod in pods:
        for ask, chosen in zip(asks_of(pod), cards_held(pod), strict=False):
            found = cards.take(found, ask, [index for index in chosen if index < count])
    return found


class Scheduler:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        """Any key: all waiting pods are tried, the oldest first, as room may have appeared."""
        waiting = [
            pod
            for pod in self.context.list("pods")
            if not pod["spec"].get("nodeName")
            and "deletionTimestamp" not in pod["metadata"]
            and not finished(pod)
            and pod["spec"].get("schedulerName") == COMPONENT
        ]
        waiting.sort(
            key=lambda pod: (
                -pod["spec"].get("priority", 0),
                int(pod["metadata"]["resourceVersion"]) if "conditions" not in pod["status"] else 0,
                pod["metadata"]["creationTimestamp"],
            )
        )
        for pod in waiting:
            self._schedule(pod)

    def _schedule(self, pod: Document) -> None:
        nodes = self.context.list("nodes")
        blocked = self._claims(pod)
        reasons: Counter[str] = Counter()
        best: tuple[Any, Document, list[list[int]]] | None = None
        if not blocked:
            for node in nodes:
                on_node = self._pods_on(node["metadata"]["name"])
                why, chosen = self._fit(pod, node, on_node)
                reasons.update(why)
                if not why:
                    score = self._score(node, on_node)
                    if best is None or score > best[0]:
                        best = (score, node, chosen)
        if best is None:
            self._refuse(pod, nodes, reasons, blocked)
        else:
            self._bind(pod, best[1], best[2])

    def _pods_on(self, name: str) -> list[Document]:
        return [
            pod
            for pod in self.context.list("pods")
            if pod["spec"].get("nodeName") == name and not finished(pod)
        ]

    def _claims(self, pod: Document) -> str:
        """Why its volumes hold the pod back, or ""."""
        namespace = pod["metadata"]["namespace"]
        for volume in pod["spec"].get("volumes", []):
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            if not name:
                continue
            claim = self.context.get("persistentvolumeclaims", namespace, name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if "deletionTimestamp" in claim["metadata"]:
                return f'persistentvolumeclaim "{name}" is being deleted'
            if claim["status"].get("phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _fit(
        self, pod: Document, node: Document, on_node: list[Document]
    ) -> tuple[list[str], list[list[int]]]:
        """(why not, else empty; the cards for each GPU container)."""
        labels = node["metadata"].get("labels", {})
        if node["spec"].get("unschedulable"):
            return ["node(s) were unschedulable"], []
        taint = untolerated(node, pod["spec"].get("tolerations", []))
        if taint:
            said = f"{{{taint['key']}: {taint.get('value', '')}}}"
            return [f"node(s) had untolerated taint {said}"], []
        wanted = pod["spec"].get("nodeSelector", {})
        if not wanted.items() <= labels.items() or not affine(pod, node):
            return ["node(s) didn't match Pod's node affinity/selector"], []
        allocatable = node["status"].get("allocatable", {})
        if len(on_node) >= int(parse(allocatable.get("pods", "110"))):
            return ["Too many pods"], []
        used: dict[str, Fraction] = {}
        for other in on_node:
            for name, amount in requests_of(other).items():
                used[name] = used.get(name, Fraction(0)) + amount
        short = []
        for name, amount in requests_of(pod).items():
            free = parse(allocatable.get(name, "0")) - used.get(name, Fraction(0))
            if amount > free:
                short.append(f"Insufficient {name}")
        if short:
            return short, []
        free_cards, asks = node_cards(node, on_node), asks_of(pod)
        chosen = cards.place_all(free_cards, asks)
        if chosen is None:
            blocking = next(a for a in asks if cards.place(free_cards, a) is None or len(asks) > 1)
            return [f"Insufficient {name}" for name in cards.short_of(free_cards, blocking)], []
        return [], chosen

    def _score(self, node: Document, on_node: list[Document]) -> tuple[Fraction, Fraction, str]:
        """Binpack: the node whose cards, then whose cpu, are used most."""
        allocatable = node["status"].get("allocatable", {})
        total = [requests_of(pod) for pod in on_node]

        def share(name: str) -> Fraction:
            size = parse(allocatable.get(name, "0"))
            used = sum((one.get(name, Fraction(0)) for one in total), Fraction(0))
            return used / size if size else Fraction(0)

        return share(CORE) + share(WHOLE), share("cpu"), node["metadata"]["name"]

    def _bind(self, pod: Document, node: Document, chosen: list[list[int]]) -> None:
        namespace, name = split(key_of(pod))
        now = self.context.stamp()
        node_name = node["metadata"]["name"]
        body = {**pod, "spec": {**pod["spec"], "nodeName": node_name}}
        status = {**pod["status"], "conditions": list(pod["status"].get("conditions", []))}
        set_condition(status, {"type": "PodScheduled", "status": "True"}, now)
        status["conditions"] = [
            {"type": "PodScheduled", "status": "True", "lastProbeTime": None,
             "lastTransitionTime": one["lastTransitionTime"]}
            if one["type"] == "PodScheduled"
            else one
            for one in status["conditions"]
        ]  # fmt: skip
        body["status"] = status
        if chosen:
            text = ";".join(",".join(str(index) for index in one) for one in chosen)
            annotations = {**pod["metadata"].get("annotations", {}), ASSIGNED: "true", INDEX: text}
            body["metadata"] = {**pod["metadata"], "annotations": annotations}
        self.context.objects.put("/pods", body)
        message = f"Successfully assigned {namespace}/{name} to {node_name}"
        self.context.events.record(pod, "Normal", "Scheduled", message, COMPONENT)

    def _refuse(
        self, pod: Document, nodes: list[Document], reasons: Counter[str], blocked: str
    ) -> None:
        count = len(nodes)
        said = blocked or ", ".join(sorted(f"{n} {why}" for why, n in reasons.items()))
        if not nodes:
            message = "no nodes available to schedule pods"
        else:
            message = (
                f"0/{count} nodes are available: {said}. preemption: 0/{count} nodes are "
                f"available: {count} Preemption is not helpful for scheduling."
            )
        known = condition(pod, "PodScheduled") or {}
        if known.get("message") == message:
            return
        namespace, name = split(key_of(pod))
        now = self.context.stamp()

        def change(item: Document) -> None:
            new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            set_condition(item["status"], {**new, "message": message}, now)

        self.context.registry.mutate(
            "pods", namespace, name, change, manager="kube-scheduler", subresource="status"
        )
        self.context.events.record(pod, "Warning", "FailedScheduling", message, COMPONENT)


def untolerated(node: Document, tolerations: list[Document]) -> Document | None:
    """The first taint that keeps the pod away."""
    for taint in node["spec"].get("taints", []):
        if taint["effect"] == "PreferNoSchedule":
            continue
        if not any(tolerates(one, taint) for one in tolerations):
            return dict(taint)
    return None


def tolerates(toleration: Document, taint: Document) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same = toleration.get("value", "") == taint.get("value", "")
    return bool(toleration.get("key") == taint["key"] and same)


def affine(pod: Document, node: Document) -> bool:
    """Required node affinity: one of its terms must hold."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    labels = node["metadata"].get("labels", {})
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        all(_holds(want, labels) for want in term.get("matchExpressions", []))
        and all(_holds(want, fields) for want in term.get("matchFields", []))
        for term in required.get("nodeSelectorTerms", [])
    )


def _holds(want: Document, labels: dict[str, str]) -> bool:
    value, values = labels.get(want["key"]), want.get("values", [])
    match want["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
    return False
