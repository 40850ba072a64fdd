"""Events: what controllers, scheduler and kubelet tell people about an object."""

import time
from typing import Any

from sandbox.kube.registry import Registry
from sandbox.kube.writes import Write

Document = dict[str, Any]
KEPT_S = 3600.0
SWEEP_EVERY = 50


class Recorder:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._resource = registry.resource("events")
        self._known: dict[tuple[str, str, str], str] = {}
        self._count = 0

    def record(
        self,
        item: Document,
        kind: str,
        reason: str,
        message: str,
        component: str,
        *,
        host: str = "",
        field: str = "",
    ) -> None:
        """Normal or Warning; the same words about the same object raise the count of one event."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace") or "default"
        known = (metadata.get("uid", metadata["name"]), reason, message)
        now = self.registry.now()
        name = self._known.get(known)
        if name and self.registry.find(self._resource, namespace, name):

            def again(event: Document) -> None:
                event["count"] = event.get("count", 1) + 1
                event["lastTimestamp"] = now

            self.registry.mutate("events", namespace, name, again, manager=component)
            return
        holder = self.registry.objects.get("/namespaces", "", namespace)
        if holder is None or "deletionTimestamp" in holder["metadata"]:
            return
        self._sweep()
        name = f"{metadata['name']}.{time.time_ns():x}"
        self._known[known] = name
        involved: Document = {
            "kind": item["kind"],
            "namespace": metadata.get("namespace", ""),
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "apiVersion": item["apiVersion"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        }
        if field:
            involved["fieldPath"] = field
        source = {"component": component}
        if host:
            source["host"] = host
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in involved.items() if value},
            "reason": reason,
            "message": message[:1024],
            "type": kind,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        self.registry.create(self._resource, namespace, body, Write(manager=component))

    def _sweep(self) -> None:
        """Forget events after an hour, as a real server does."""
        self._count += 1
        if self._count % SWEEP_EVERY:
            return
        oldest = self.registry.clock.now() - KEPT_S
        for event in self.registry.objects.list(self._resource.store_key):
            stamp = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
            if _seconds(stamp) < oldest:
                self.registry.objects.drop(self._resource.store_key, event)
        self._known = dict(list(self._known.items())[-2000:])


def _seconds(stamp: str) -> float:
    return time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
