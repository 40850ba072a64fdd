"""The objects of one cluster: kept, versioned, and announced to whoever watches."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.store import Collection

Document = dict[str, Any]
Documents = list[Document]
HISTORY = 20_000  # changes a watch may start from; older ones answer 410
VERSION_BLOCK = 1_000


@dataclass(frozen=True)
class Change:
    """One committed write.  `old` is None if added; `new` is the last state if deleted."""

    version: int
    type: str  # ADDED MODIFIED DELETED
    resource: str  # Resource.store_key
    old: Document | None
    new: Document

    @property
    def namespace(self) -> str:
        return str(self.new["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.new["metadata"]["name"])


class Objects:
    """Documents handed out are shared: read them, never change them in place."""

    def __init__(self, documents: Collection, counter: Collection) -> None:
        self._documents = documents
        self._counter = counter
        self._by_resource: dict[str, dict[tuple[str, str], Document]] = {}
        for key, document in documents.items():
            group, plural, namespace, name = key.split("/", 3)
            self._by_resource.setdefault(f"{group}/{plural}", {})[namespace, name] = document
        # Versions are reserved in blocks, so a restart never hands one out twice.
        self._reserved = counter["version"]["ceiling"] if "version" in counter else 1
        self.version = self._reserved
        self._reserve()
        self.oldest = self.version
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self._listeners: list[Callable[[Change], None]] = []

    def _reserve(self) -> None:
        self._reserved = self.version + VERSION_BLOCK
        self._counter["version"] = {"ceiling": self._reserved}

    def next_version(self) -> int:
        self.version += 1
        if self.version >= self._reserved:
            self._reserve()
        return self.version

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        return self._by_resource.get(resource, {}).get((namespace, name))

    def list(self, resource: str, namespace: str | None = None) -> Documents:
        """Sorted by namespace and name; all namespaces if None."""
        found = self._by_resource.get(resource, {})
        keys = sorted(key for key in found if namespace is None or key[0] == namespace)
        return [found[key] for key in keys]

    def everything(self) -> Iterator[tuple[str, Document]]:
        for resource, found in self._by_resource.items():
            for document in list(found.values()):
                yield resource, document

    def put(self, resource: str, document: Document) -> Document:
        """Store a new state; gives it the next resourceVersion."""
        metadata = document["metadata"]
        place = (metadata.get("namespace", ""), metadata["name"])
        version = self.next_version()
        document = {**document, "metadata": {**metadata, "resourceVersion": str(version)}}
        found = self._by_resource.setdefault(resource, {})
        old = found.get(place)
        found[place] = document
        self._documents[f"{resource}/{place[0]}/{place[1]}"] = document
        self._announce(Change(version, "MODIFIED" if old else "ADDED", resource, old, document))
        return document

    def drop(self, resource: str, document: Document) -> Document:
        """Remove; the last state carries the version of the removal."""
        metadata = document["metadata"]
        place = (metadata.get("namespace", ""), metadata["name"])
        version = self.next_version()
        last = {**document, "metadata": {**metadata, "resourceVersion": str(version)}}
        old = self._by_resource[resource].pop(place)
        del self._documents[f"{resource}/{place[0]}/{place[1]}"]
        self._announce(Change(version, "DELETED", resource, old, last))
        return last

    def _announce(self, change: Change) -> None:
        if len(self.history) == HISTORY:
            self.oldest = self.history[0].version
        self.history.append(change)
        for listener in list(self._listeners):
            listener(change)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` after each write; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
