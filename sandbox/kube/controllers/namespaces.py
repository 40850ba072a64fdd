"""Namespaces: what each is born with, and emptying those that are deleted."""

from typing import Any

from sandbox.kube.context import MANAGER, Context, key_of, split
from sandbox.kube.deletion import Options, delete
from sandbox.kube.writes import Write

Document = dict[str, Any]
WRITE = Write(manager=MANAGER)
FIRST = ("default", "kube-system", "kube-public", "kube-node-lease")
CA_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)


class Namespaces:
    def __init__(self, context: Context, ca_pem: str) -> None:
        self.context = context
        self.ca_pem = ca_pem

    def found(self) -> None:
        """Make the namespaces every cluster has."""
        for name in FIRST:
            if self.context.get("namespaces", "", name) is None:
                resource = self.context.registry.resource("namespaces")
                self.context.registry.create(resource, "", {"metadata": {"name": name}}, WRITE)

    def reconcile(self, key: str) -> None:
        _, name = split(key)
        item = self.context.get("namespaces", "", name)
        if item is None:
            return
        if "deletionTimestamp" not in item["metadata"]:
            self._furnish(name)
        elif not self._empty(name):
            self._release(item)

    def _furnish(self, name: str) -> None:
        registry = self.context.registry
        if self.context.get("serviceaccounts", name, "default") is None:
            body: Document = {"metadata": {"name": "default"}}
            registry.create(registry.resource("serviceaccounts"), name, body, WRITE)
        if self.context.get("configmaps", name, "kube-root-ca.crt") is None:
            body = {
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "annotations": {"kubernetes.io/description": CA_NOTE},
                },
                "data": {"ca.crt": self.ca_pem},
            }
            registry.create(registry.resource("configmaps"), name, body, WRITE)

    def _empty(self, name: str) -> bool:
        """Delete all that is in it; true if something is left."""
        registry = self.context.registry
        seen = set()
        for resource in registry.schema.resources:
            if not resource.namespaced or resource.store_key in seen:
                continue
            seen.add(resource.store_key)
            for item in self.context.objects.list(resource.store_key, name):
                if "deletionTimestamp" not in item["metadata"]:
                    namespace, one = split(key_of(item))
                    stored = registry.resource(resource.name)
                    delete(registry, stored, namespace, one, Options(), WRITE)
        return any(self.context.objects.list(store_key, name) for store_key in seen)

    def _release(self, item: Document) -> None:
        left = {**item, "spec": {**item["spec"], "finalizers": []}}
        if item["metadata"].get("finalizers"):
            if item["spec"].get("finalizers"):
                self.context.objects.put("/namespaces", left)
        else:
            self.context.objects.drop("/namespaces", left)
