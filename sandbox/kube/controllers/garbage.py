"""Garbage collection: dependants of what is gone, foreground and orphan deletion, lost nodes."""

from typing import Any

from sandbox.kube.context import MANAGER, Context, finished, key_of, split
from sandbox.kube.deletion import Options, delete
from sandbox.kube.schema import Resource
from sandbox.kube.status import ApiError
from sandbox.kube.writes import Write

Document = dict[str, Any]
WRITE = Write(manager=MANAGER)


class Garbage:
    """Keys are uids of owners, "" for a look at all pods whose node may be gone."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._resources = {item.store_key: item for item in context.registry.schema.resources}

    def _resource(self, store_key: str) -> Resource:
        return self.context.registry.resource(self._resources[store_key].name)

    def _dependants(self, uid: str) -> list[tuple[Resource, Document]]:
        return [
            (self._resource(store_key), item)
            for store_key, item in self.context.objects.everything()
            if any(ref["uid"] == uid for ref in item["metadata"].get("ownerReferences", []))
        ]

    def _exists(self, uid: str) -> tuple[Resource, Document] | None:
        for store_key, item in self.context.objects.everything():
            if item["metadata"].get("uid") == uid:
                return self._resource(store_key), item
        return None

    def reconcile(self, uid: str) -> None:
        if not uid:
            self._lost_nodes()
            return
        found = self._exists(uid)
        dependants = self._dependants(uid)
        if found is None:
            for resource, item in dependants:
                self._collect(resource, item, uid)
            return
        resource, owner = found
        finalizers = owner["metadata"].get("finalizers", [])
        if "deletionTimestamp" not in owner["metadata"]:
            return
        if "orphan" in finalizers:
            for one, item in dependants:
                self._disown(one, item, uid)
            self._unfinalize(resource, owner, "orphan")
        elif "foregroundDeletion" in finalizers:
            for one, item in dependants:
                if "deletionTimestamp" not in item["metadata"]:
                    self._delete(one, item, "Foreground")
            blocking = [
                item
                for _, item in self._dependants(uid)
                if any(
                    ref["uid"] == uid and ref.get("blockOwnerDeletion")
                    for ref in item["metadata"]["ownerReferences"]
                )
            ]
            if not blocking:
                self._unfinalize(resource, owner, "foregroundDeletion")

    def _collect(self, resource: Resource, item: Document, uid: str) -> None:
        """Delete it, unless another owner is still there; then only the reference goes."""
        others = [ref for ref in item["metadata"]["ownerReferences"] if ref["uid"] != uid]
        if any(self._exists(ref["uid"]) for ref in others):
            self._disown(resource, item, uid)
        elif "deletionTimestamp" not in item["metadata"]:
            self._delete(resource, item, "Background")

    def _delete(self, resource: Resource, item: Document, policy: str) -> None:
        namespace, name = split(key_of(item))
        how = Options(policy, uid=item["metadata"]["uid"])
        try:
            delete(self.context.registry, resource, namespace, name, how, WRITE)
        except ApiError as exc:
            if exc.code != 404:
                raise

    def _disown(self, resource: Resource, item: Document, uid: str) -> None:
        namespace, name = split(key_of(item))

        def change(body: Document) -> None:
            kept = [ref for ref in body["metadata"]["ownerReferences"] if ref["uid"] != uid]
            body["metadata"]["ownerReferences"] = kept

        self.context.registry.mutate(resource.name, namespace, name, change)

    def _unfinalize(self, resource: Resource, item: Document, finalizer: str) -> None:
        namespace, name = split(key_of(item))

        def change(body: Document) -> None:
            kept = [one for one in body["metadata"]["finalizers"] if one != finalizer]
            body["metadata"]["finalizers"] = kept

        self.context.registry.mutate(resource.name, namespace, name, change)

    def _lost_nodes(self) -> None:
        """Pods of a node that left the cluster go at once: nobody would ever stop them."""
        nodes = {node["metadata"]["name"] for node in self.context.list("nodes")}
        resource = self.context.registry.resource("pods")
        for pod in self.context.list("pods"):
            node = pod["spec"].get("nodeName")
            if node and node not in nodes and not finished(pod):
                namespace, name = split(key_of(pod))
                how = Options(grace_s=0, uid=pod["metadata"]["uid"])
                delete(self.context.registry, resource, namespace, name, how, WRITE)
