"""What every control loop of a cluster holds in its hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.kube.events import Recorder
from sandbox.kube.objects import Objects
from sandbox.kube.registry import Registry

if TYPE_CHECKING:
    from sandbox.kube.addresses import AddressBook
    from sandbox.world import World

Document = dict[str, Any]
Documents = list[Document]
MANAGER = "kube-controller-manager"


@dataclass
class Context:
    world: "World"
    cluster_id: str
    objects: Objects
    registry: Registry
    events: Recorder
    addresses: "AddressBook"

    def get(self, plural: str, namespace: str, name: str) -> Document | None:
        return self.objects.get(self.registry.resource(plural).store_key, namespace, name)

    def list(self, plural: str, namespace: str | None = None) -> Documents:
        return self.objects.list(self.registry.resource(plural).store_key, namespace)

    def paced(self, seconds: float) -> float:
        """Seconds of the cluster's own time (probe periods, deadlines) as they pass here."""
        return seconds * self.world.pace.factor

    def stamp(self) -> str:
        return self.registry.now()

    def seconds_since(self, stamp: str) -> float:
        then = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return self.world.clock.now() - then.timestamp()


def place(item: Document) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def key_of(item: Document) -> str:
    namespace, name = place(item)
    return f"{namespace}/{name}"


def split(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def controller_of(item: Document) -> Document | None:
    """The owner reference that controls this object."""
    for reference in item["metadata"].get("ownerReferences", []):
        if reference.get("controller"):
            return dict(reference)
    return None


def owned(items: list[Document], uid: str) -> list[Document]:
    found = []
    for item in items:
        reference = controller_of(item)
        if reference and reference["uid"] == uid:
            found.append(item)
    return found


def owner_reference(owner: Document) -> Document:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(item: Document, kind: str) -> Document | None:
    for found in item.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return dict(found)
    return None


def is_true(item: Document, kind: str) -> bool:
    found = condition(item, kind)
    return bool(found and found["status"] == "True")


def set_condition(status: Document, new: Document, now: str) -> None:
    """Put a condition in; its transition time moves only if its status does."""
    conditions = status.setdefault("conditions", [])
    for index, old in enumerate(conditions):
        if old["type"] == new["type"]:
            same = old["status"] == new["status"]
            new["lastTransitionTime"] = old.get("lastTransitionTime") if same else now
            conditions[index] = {**old, **new}
            return
    conditions.append({**new, "lastTransitionTime": now})


def live(items: list[Document]) -> list[Document]:
    return [item for item in items if "deletionTimestamp" not in item["metadata"]]


def finished(pod: Document) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")
