"""Small duties: disruption budgets, autoscalers without metrics, node heartbeats."""

from typing import Any

from sandbox.kube.context import MANAGER, Context, is_true, live, set_condition, split
from sandbox.kube.controllers.deployments import share
from sandbox.kube.selectors import selector_match
from sandbox.kube.writes import Write

Document = dict[str, Any]
HEARTBEAT_S = 10.0
LEASES = "kube-node-lease"


class Budgets:
    """PodDisruptionBudget: how many of its pods may go just now."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        budget = self.context.get("poddisruptionbudgets", namespace, name)
        if budget is None:
            return
        pods = [
            pod
            for pod in live(self.context.list("pods", namespace))
            if selector_match(budget["spec"].get("selector"), pod["metadata"].get("labels"))
        ]
        healthy = sum(is_true(pod, "Ready") for pod in pods)
        spec, expected = budget["spec"], len(pods)
        if "minAvailable" in spec:
            desired = share(spec["minAvailable"], expected, up=True)
        else:
            most = spec.get("maxUnavailable", 0)
            desired = max(0, expected - share(most, expected, up=True))
        allowed = max(0, healthy - desired) if expected else 0
        now = self.context.stamp()

        def change(item: Document) -> None:
            status = item["status"]
            status.update(
                observedGeneration=budget["metadata"]["generation"],
                disruptionsAllowed=allowed,
                currentHealthy=healthy,
                desiredHealthy=desired,
                expectedPods=expected,
            )
            held = {
                "type": "DisruptionAllowed",
                "status": "True" if allowed else "False",
                "reason": "SufficientPods" if allowed else "InsufficientPods",
                "message": "",
                "observedGeneration": budget["metadata"]["generation"],
            }
            set_condition(status, held, now)

        self.context.registry.mutate(
            "poddisruptionbudgets", namespace, name, change, subresource="status"
        )


class Autoscalers:
    """HorizontalPodAutoscaler: keeps the bounds; there are no metrics here, and it says so."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        item = self.context.get("horizontalpodautoscalers", namespace, name)
        if item is None:
            return
        target = item["spec"]["scaleTargetRef"]
        plural = {"Deployment": "deployments", "ReplicaSet": "replicasets"}.get(target["kind"], "")
        scaled = self.context.get(plural, namespace, target["name"]) if plural else None
        if scaled is None:
            self._report(item, 0, 0, None)
            return
        current = scaled["spec"]["replicas"]
        least, most = item["spec"]["minReplicas"], item["spec"]["maxReplicas"]
        wanted = min(max(current, least), most) if current else 0

        def change(body: Document) -> None:
            body["spec"]["replicas"] = wanted

        if wanted != current:
            self.context.registry.mutate(
                plural, namespace, target["name"], change, subresource="scale"
            )
            bound = "below Spec.MinReplicas" if wanted > current else "above Spec.MaxReplicas"
            said = f"New size: {wanted}; reason: Current number of replicas {bound}"
            source = "horizontal-pod-autoscaler"
            self.context.events.record(item, "Normal", "SuccessfulRescale", said, source)
        self._report(item, scaled["status"].get("replicas", 0), wanted, scaled)

    def _report(self, item: Document, current: int, desired: int, scaled: Document | None) -> None:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        now = self.context.stamp()
        found: list[tuple[str, str, str, str]] = []
        if scaled is None:
            target = item["spec"]["scaleTargetRef"]
            why = "the HPA controller was unable to get the target's current scale: "
            why += f'{target["kind"].lower()}s "{target["name"]}" not found'
            found.append(("AbleToScale", "False", "FailedGetScale", why))
        else:
            why = "the HPA controller was able to get the target's current scale"
            found.append(("AbleToScale", "True", "SucceededGetScale", why))
            metric = item["spec"]["metrics"][0]["type"]
            why = (
                "the HPA was unable to compute the replica count: unable to fetch metrics: this "
                "cluster has no metrics API"
            )
            found.append(("ScalingActive", "False", f"FailedGet{metric}Metric", why))

        def change(body: Document) -> None:
            status = body["status"]
            status["currentReplicas"], status["desiredReplicas"] = current, desired
            for kind, held, reason, message in found:
                said = {"type": kind, "status": held, "reason": reason, "message": message}
                set_condition(status, said, now)

        self.context.registry.mutate(
            "horizontalpodautoscalers", namespace, name, change, subresource="status"
        )


class Heartbeats:
    """Node leases, renewed every ten seconds as kubelets do."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> float | None:
        _, name = split(key)
        registry = self.context.registry
        node = self.context.get("nodes", "", name)
        lease = self.context.get("leases", LEASES, name)
        if node is None:
            return None
        now = self.context.world.clock.utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if lease is None:
            reference = {
                "apiVersion": "v1",
                "kind": "Node",
                "name": name,
                "uid": node["metadata"]["uid"],
            }
            body = {
                "metadata": {"name": name, "ownerReferences": [reference]},
                "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now},
            }
            registry.create(registry.resource("leases"), LEASES, body, Write(manager="kubelet"))
        else:

            def renew(item: Document) -> None:
                item["spec"]["renewTime"] = now

            registry.mutate("leases", LEASES, name, renew, manager="kubelet")
        return HEARTBEAT_S


__all__ = ["MANAGER", "Autoscalers", "Budgets", "Heartbeats"]
