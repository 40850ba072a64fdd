"""Deployment to ReplicaSets: rolling update, recreate, revisions, progress, conditions."""

import asyncio
import hashlib
import json
from typing import Any

from sandbox.kube.context import (
    MANAGER,
    Context,
    condition,
    is_true,
    key_of,
    owned,
    owner_reference,
    set_condition,
    split,
)
from sandbox.kube.deletion import Options, delete
from sandbox.kube.prepare import ALPHABET
from sandbox.kube.writes import Write

Document = dict[str, Any]
COMPONENT = "deployment-controller"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
WRITE = Write(manager=MANAGER)


def template_hash(template: Document) -> str:
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])


def share(value: int | str, total: int, *, up: bool) -> int:
    """An absolute number or a percentage of `total`, rounded up or down."""
    if isinstance(value, int):
        return value
    percent = int(value.rstrip("%")) * total
    return -(-percent // 100) if up else percent // 100


def room(deployment: Document) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; both 0 would never move, so one is then allowed."""
    replicas = deployment["spec"]["replicas"]
    rolling = deployment["spec"]["strategy"].get("rollingUpdate")
    if not rolling:
        return 0, 0
    surge = share(rolling["maxSurge"], replicas, up=True)
    unavailable = share(rolling["maxUnavailable"], replicas, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def bare_template(replica_set: Document) -> Document:
    template = json.loads(json.dumps(replica_set["spec"]["template"]))
    labels = template.get("metadata", {}).get("labels", {})
    labels.pop(HASH, None)
    return dict(template)


def revision(item: Document) -> int:
    return int(item["metadata"].get("annotations", {}).get(REVISION, 0))


def available(item: Document) -> int:
    return int(item["status"].get("availableReplicas", 0))


class Deployments:
    def __init__(self, context: Context) -> None:
        self.context = context
        self._progressed: dict[str, float] = {}

    def reconcile(self, key: str) -> float | None:
        namespace, name = split(key)
        deployment = self.context.get("deployments", namespace, name)
        if deployment is None:
            return None
        sets = owned(self.context.list("replicasets", namespace), deployment["metadata"]["uid"])
        sets.sort(key=lambda item: (item["metadata"]["creationTimestamp"], revision(item)))
        if "deletionTimestamp" in deployment["metadata"]:
            return self._report(deployment, sets, None, "")
        current = next(
            (s for s in sets if bare_template(s) == deployment["spec"]["template"]), None
        )
        old = [item for item in sets if item is not current]
        news = ""
        if deployment["spec"].get("paused"):
            if current is not None:
                self._scale(deployment, current, deployment["spec"]["replicas"])
            return self._report(deployment, sets, current, "")
        if deployment["spec"]["strategy"]["type"] == "Recreate" and self._old_running(old):
            return self._report(deployment, sets, current, "")
        if current is None:
            current = self._create(deployment, old)
            sets.append(current)
            news = "NewReplicaSetCreated"
        else:
            current = self._refresh(deployment, current, old)
            if condition(deployment, "Progressing") is None:
                news = "FoundNewReplicaSet"
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            self._scale(deployment, current, deployment["spec"]["replicas"])
        else:
            self._roll(deployment, current, old)
        sets = owned(self.context.list("replicasets", namespace), deployment["metadata"]["uid"])
        again = self._report(deployment, sets, current, news)
        self._forget_old(deployment, old)
        return again

    def _old_running(self, old: list[Document]) -> bool:
        """Recreate: bring the old down first; true while any of their pods is left."""
        for item in old:
            if item["spec"]["replicas"]:
                self._scale_to(item, 0)
        namespace = old[0]["metadata"]["namespace"] if old else ""
        pods = self.context.list("pods", namespace) if old else []
        return any(owned(pods, item["metadata"]["uid"]) for item in old)

    def _create(self, deployment: Document, old: list[Document]) -> Document:
        metadata, spec = deployment["metadata"], deployment["spec"]
        sign = template_hash(spec["template"])
        template = json.loads(json.dumps(spec["template"]))
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = sign
        selector = json.loads(json.dumps(spec["selector"]))
        selector.setdefault("matchLabels", {})[HASH] = sign
        number = max([revision(item) for item in old], default=0) + 1
        recreate = spec["strategy"]["type"] == "Recreate"
        first = spec["replicas"] if recreate else self._first_size(deployment, old)
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{sign}",
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"],
                "annotations": self._annotations(deployment, number),
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": first,
                "minReadySeconds": spec.get("minReadySeconds", 0),
                "selector": selector,
                "template": template,
            },
        }
        registry = self.context.registry
        resource = registry.resource("replicasets")
        made = registry.create(resource, metadata["namespace"], body, WRITE)
        if first:
            self._say_scaled(deployment, made, 0, first)
        self._mark_revision(deployment, number)
        self._progressed[metadata["uid"]] = asyncio.get_running_loop().time()
        return made

    def _first_size(self, deployment: Document, old: list[Document]) -> int:
        surge, _ = room(deployment)
        wanted: int = deployment["spec"]["replicas"]
        held: int = sum(item["spec"]["replicas"] for item in old)
        return max(0, min(wanted, wanted + surge - held))

    def _annotations(self, deployment: Document, number: int) -> dict[str, str]:
        surge, _ = room(deployment)
        replicas = deployment["spec"]["replicas"]
        skipped = ("kubectl.kubernetes.io/last-applied-configuration", REVISION)
        own = deployment["metadata"].get("annotations", {})
        return {
            **{name: value for name, value in own.items() if name not in skipped},
            REVISION: str(number),
            DESIRED: str(replicas),
            MAXIMUM: str(replicas + surge),
        }

    def _refresh(self, deployment: Document, current: Document, old: list[Document]) -> Document:
        """Give the matching ReplicaSet the newest revision (a rollback) and current annotations."""
        newest = max([revision(item) for item in old], default=0)
        number = revision(current) if revision(current) > newest else newest + 1
        wanted = self._annotations(deployment, number)

        def change(item: Document) -> None:
            annotations = item["metadata"].setdefault("annotations", {})
            annotations.update({name: wanted[name] for name in (REVISION, DESIRED, MAXIMUM)})
            item["spec"]["minReadySeconds"] = deployment["spec"].get("minReadySeconds", 0)

        namespace, name = split(key_of(current))
        changed = self.context.registry.mutate("replicasets", namespace, name, change)
        self._mark_revision(deployment, number)
        return changed or current

    def _mark_revision(self, deployment: Document, number: int) -> None:
        namespace, name = split(key_of(deployment))

        def change(item: Document) -> None:
            item["metadata"].setdefault("annotations", {})[REVISION] = str(number)

        self.context.registry.mutate("deployments", namespace, name, change, subresource="status")

    def _roll(self, deployment: Document, current: Document, old: list[Document]) -> None:
        """One step: the new one up as far as the surge allows, else the old ones down."""
        wanted = deployment["spec"]["replicas"]
        surge, unavailable = room(deployment)
        size = current["spec"]["replicas"]
        total = sum(item["spec"]["replicas"] for item in old) + size
        if size > wanted:
            self._scale(deployment, current, wanted)
            return
        if size < wanted:
            grown = min(wanted, size + max(0, wanted + surge - total))
            if grown != size:
                self._scale(deployment, current, grown)
                return
        least = wanted - unavailable
        spare = total - least - (size - available(current))
        if spare <= 0:
            return
        for item in old:  # those that are broken anyway go first
            broken = min(spare, item["spec"]["replicas"] - available(item))
            if broken > 0:
                spare -= broken
                self._scale(deployment, item, item["spec"]["replicas"] - broken)
        fresh = [self._again(item) for item in old]
        excess = sum(available(item) for item in [*fresh, current]) - least
        for item in fresh:
            down = min(excess, item["spec"]["replicas"])
            if down > 0:
                excess -= down
                self._scale(deployment, item, item["spec"]["replicas"] - down)

    def _again(self, item: Document) -> Document:
        namespace, name = split(key_of(item))
        return self.context.get("replicasets", namespace, name) or item

    def _scale(self, deployment: Document, item: Document, size: int) -> None:
        before = item["spec"]["replicas"]
        if before == size:
            return
        self._scale_to(item, size)
        self._say_scaled(deployment, item, before, size)

    def _scale_to(self, item: Document, size: int) -> None:
        namespace, name = split(key_of(item))

        def change(body: Document) -> None:
            body["spec"]["replicas"] = size

        self.context.registry.mutate("replicasets", namespace, name, change)

    def _say_scaled(self, deployment: Document, item: Document, before: int, size: int) -> None:
        way = "up" if size > before else "down"
        message = f"Scaled {way} replica set {item['metadata']['name']} from {before} to {size}"
        self.context.events.record(deployment, "Normal", "ScalingReplicaSet", message, COMPONENT)

    def _forget_old(self, deployment: Document, old: list[Document]) -> None:
        """Keep revisionHistoryLimit empty old ReplicaSets for undo."""
        idle = [
            item
            for item in sorted(old, key=revision)
            if not item["spec"]["replicas"] and not item["status"].get("replicas")
        ]
        resource = self.context.registry.resource("replicasets")
        spare = len(idle) - deployment["spec"].get("revisionHistoryLimit", 10)
        for item in idle[: max(spare, 0)]:
            namespace, name = split(key_of(item))
            delete(self.context.registry, resource, namespace, name, Options(), WRITE)

    def _report(
        self, deployment: Document, sets: list[Document], current: Document | None, news: str
    ) -> float | None:
        """Write the status; answers when the progress deadline is to be looked at again."""
        namespace, name = split(key_of(deployment))
        sets = [self._again(item) for item in sets]
        current = self._again(current) if current else None
        spec, before = deployment["spec"], deployment.get("status", {})
        total = sum(item["status"].get("replicas", 0) for item in sets)
        ready = sum(item["status"].get("readyReplicas", 0) for item in sets)
        free = sum(available(item) for item in sets)
        updated = current["status"].get("replicas", 0) if current else 0
        counts = {
            "replicas": total,
            "updatedReplicas": updated,
            "readyReplicas": ready,
            "availableReplicas": free,
            "unavailableReplicas": max(0, sum(s["spec"]["replicas"] for s in sets) - free),
        }
        complete = updated == total == free == spec["replicas"]
        advanced = (
            updated > before.get("updatedReplicas", 0)
            or ready > before.get("readyReplicas", 0)
            or free > before.get("availableReplicas", 0)
            or total - updated < before.get("replicas", 0) - before.get("updatedReplicas", 0)
        )
        progress, again = self._progress(deployment, current, complete, advanced, news)
        _, unavailable = room(deployment)
        enough = free >= spec["replicas"] - unavailable
        now = self.context.stamp()

        def change(item: Document) -> None:
            status = item.setdefault("status", {})
            status["observedGeneration"] = deployment["metadata"]["generation"]
            for field, value in counts.items():
                if value:
                    status[field] = value
                else:
                    status.pop(field, None)
            held = _availability(enough)
            known = condition(item, "Available") or {}
            if {**known, **held} != known:
                set_condition(status, {**held, "lastUpdateTime": now}, now)
            if progress:
                known = condition(item, "Progressing") or {}
                moved = advanced and not complete
                if {**known, **progress} != known or moved:
                    set_condition(status, {**progress, "lastUpdateTime": now}, now)
            self._failure(status, sets, now)

        self.context.registry.mutate("deployments", namespace, name, change, subresource="status")
        return again

    @staticmethod
    def _failure(status: Document, sets: list[Document], now: str) -> None:
        found = next(
            (condition(s, "ReplicaFailure") for s in sets if is_true(s, "ReplicaFailure")), None
        )
        if found:
            kept = {k: found.get(k, "") for k in ("type", "status", "reason", "message")}
            set_condition(status, {**kept, "lastUpdateTime": now}, now)
        elif "conditions" in status:
            status["conditions"] = [
                item for item in status["conditions"] if item["type"] != "ReplicaFailure"
            ]

    def _progress(
        self,
        deployment: Document,
        current: Document | None,
        complete: bool,
        advanced: bool,
        news: str,
    ) -> tuple[Document | None, float | None]:
        uid = deployment["metadata"]["uid"]
        clock = asyncio.get_running_loop().time()
        if "deletionTimestamp" in deployment["metadata"]:
            return None, None
        if deployment["spec"].get("paused"):
            said = {"reason": "DeploymentPaused", "message": "Deployment is paused"}
            return {"type": "Progressing", "status": "Unknown", **said}, None
        name = current["metadata"]["name"] if current else ""
        known = condition(deployment, "Progressing") or {}
        if complete and current:
            self._progressed.pop(uid, None)
            message = f'ReplicaSet "{name}" has successfully progressed.'
            return _progressing("True", "NewReplicaSetAvailable", message), None
        if advanced or news or uid not in self._progressed:
            self._progressed[uid] = clock
        if news == "NewReplicaSetCreated":
            return _progressing("True", news, f'Created new replica set "{name}"'), self._deadline(
                deployment, clock
            )
        if news == "FoundNewReplicaSet":
            return _progressing("True", news, f'Found new replica set "{name}"'), self._deadline(
                deployment, clock
            )
        left = self._deadline(deployment, clock)
        if left <= 0:
            message = f'ReplicaSet "{name}" has timed out progressing.'
            return _progressing("False", "ProgressDeadlineExceeded", message), None
        if advanced:
            message = f'ReplicaSet "{name}" is progressing.'
            return _progressing("True", "ReplicaSetUpdated", message), left
        if known.get("reason") == "NewReplicaSetAvailable":
            return None, None  # a finished rollout that lost a pod is not a new rollout
        return None, left

    def _deadline(self, deployment: Document, clock: float) -> float:
        allowed = self.context.paced(deployment["spec"]["progressDeadlineSeconds"])
        return self._progressed[deployment["metadata"]["uid"]] + allowed - clock


def _progressing(status: str, reason: str, message: str) -> Document:
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def _availability(enough: bool) -> Document:
    if enough:
        return {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }
