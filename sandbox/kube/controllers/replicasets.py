"""ReplicaSet to pods: as many as wanted, no more, no less."""

from typing import Any

from sandbox.kube.context import (
    MANAGER,
    Context,
    condition,
    finished,
    is_true,
    key_of,
    live,
    owned,
    owner_reference,
    set_condition,
    split,
)
from sandbox.kube.deletion import Options, delete
from sandbox.kube.selectors import selector_match
from sandbox.kube.status import ApiError
from sandbox.kube.writes import Write

Document = dict[str, Any]
COMPONENT = "replicaset-controller"
WRITE = Write(manager=MANAGER)
BURST = 500


class ReplicaSets:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> float | None:
        namespace, name = split(key)
        item = self.context.get("replicasets", namespace, name)
        if item is None:
            return None
        pods = self._pods(item)
        failure = None
        if "deletionTimestamp" not in item["metadata"]:
            missing = item["spec"]["replicas"] - len(pods)
            if missing > 0:
                failure = self._create(item, min(missing, BURST))
            elif missing < 0:
                for pod in sorted(pods, key=self._worth)[:-missing]:
                    self._remove(item, pod)
            pods = self._pods(item)
        return self._report(item, pods, failure)

    def _pods(self, item: Document) -> list[Document]:
        """Its own pods that are neither done nor on their way out."""
        mine = owned(
            self.context.list("pods", item["metadata"]["namespace"]), item["metadata"]["uid"]
        )
        return [pod for pod in live(mine) if not finished(pod)]

    def _worth(self, pod: Document) -> tuple[bool, bool, bool, float]:
        """Who may go first: not placed, not running, not ready, then the youngest."""
        age = self.context.seconds_since(pod["metadata"]["creationTimestamp"])
        phase = pod["status"].get("phase")
        return bool(pod["spec"].get("nodeName")), phase == "Running", is_true(pod, "Ready"), age

    def _create(self, item: Document, count: int) -> ApiError | None:
        template, metadata = item["spec"]["template"], item["metadata"]
        resource = self.context.registry.resource("pods")
        for _ in range(count):
            body = {
                "metadata": {
                    **template.get("metadata", {}),
                    "generateName": f"{metadata['name']}-",
                    "ownerReferences": [owner_reference(item)],
                },
                "spec": template["spec"],
            }
            try:
                pod = self.context.registry.create(resource, metadata["namespace"], body, WRITE)
            except ApiError as exc:
                message = f"Error creating: {exc.message}"
                self.context.events.record(item, "Warning", "FailedCreate", message, COMPONENT)
                return exc
            message = f"Created pod: {pod['metadata']['name']}"
            self.context.events.record(item, "Normal", "SuccessfulCreate", message, COMPONENT)
        return None

    def _remove(self, item: Document, pod: Document) -> None:
        resource = self.context.registry.resource("pods")
        namespace, name = split(key_of(pod))
        delete(self.context.registry, resource, namespace, name, Options(), WRITE)
        message = f"Deleted pod: {name}"
        self.context.events.record(item, "Normal", "SuccessfulDelete", message, COMPONENT)

    def _report(
        self, item: Document, pods: list[Document], failure: ApiError | None
    ) -> float | None:
        namespace, name = split(key_of(item))
        wait_s = self.context.paced(item["spec"].get("minReadySeconds", 0))
        ready = [pod for pod in pods if is_true(pod, "Ready")]
        free, again = [], None
        for pod in ready:
            held = condition(pod, "Ready") or {}
            left = wait_s - self.context.seconds_since(held["lastTransitionTime"]) if wait_s else 0
            if left <= 0:
                free.append(pod)
            else:
                again = min(again or left, left)
        labels = item["spec"]["template"].get("metadata", {}).get("labels", {})
        whole = {"matchLabels": labels}
        counts = {
            "fullyLabeledReplicas": sum(
                selector_match(whole, pod["metadata"].get("labels")) for pod in pods
            ),
            "readyReplicas": len(ready),
            "availableReplicas": len(free),
        }
        now = self.context.stamp()

        def change(body: Document) -> None:
            status = body.setdefault("status", {})
            status["replicas"] = len(pods)
            status["observedGeneration"] = item["metadata"]["generation"]
            for field, value in counts.items():
                if value:
                    status[field] = value
                else:
                    status.pop(field, None)
            if failure:
                said = {"reason": "FailedCreate", "message": failure.message}
                set_condition(status, {"type": "ReplicaFailure", "status": "True", **said}, now)
            else:
                status.pop("conditions", None)

        self.context.registry.mutate("replicasets", namespace, name, change, subresource="status")
        if failure:
            return self.context.paced(10.0)
        return max(again, 0.05) if again is not None else None
