"""The configuration of one gateway: what TSE, Konga and Kong Admin all change and the proxy obeys.

An entry has two halves: `kong` is the Kong entity as the Admin API shows it, `tse` what only
Tencent's API knows of it (for example the Kubernetes Service an upstream follows).
"""

from typing import Any

from sandbox.gateway.shapes import REFERENCES, Entity, completed
from sandbox.store import Collection, Document, Store

KINDS = ("services", "routes", "upstreams", "targets", "plugins")


class Missing(Exception):
    """No such entity in this gateway."""


class Taken(Exception):
    """Another entity of the gateway has this name already."""


class Config:
    def __init__(self, store: Store, gateway_id: str) -> None:
        self.gateway_id = gateway_id
        self._collections: dict[str, Collection] = {
            kind: store.collection(f"kong.{kind}") for kind in KINDS
        }

    def all(self, kind: str) -> list[Document]:
        return [
            entry
            for entry in self._collections[kind].values()
            if entry["gateway"] == self.gateway_id
        ]

    def find(self, kind: str, key: str) -> Document:
        """The entry whose id or name is `key`.  Raises Missing."""
        entry = self._collections[kind].get(key)
        if entry is not None and entry["gateway"] == self.gateway_id:
            return entry
        for entry in self.all(kind):
            if entry["kong"].get("name") == key and kind != "plugins":
                return entry
        raise Missing(kind, key)

    def create(
        self, kind: str, body: Entity, now: float, tse: dict[str, Any] | None = None
    ) -> Document:
        """A new entry.  Raises SchemaViolation, Taken, or Missing for a dangling reference."""
        kong = completed(kind, body, now)
        self._check_links(kind, kong)
        entry = {"gateway": self.gateway_id, "kong": kong, "tse": tse or {}}
        self._collections[kind][kong["id"]] = entry
        return entry

    def change(self, kind: str, entry: Document, body: Entity, now: float) -> Document:
        """Lay `body` over the Kong half of `entry`.  Raises as `create` does."""
        kong = completed(kind, body, now, entry["kong"])
        self._check_links(kind, kong)
        entry["kong"] = kong
        self.save(kind, entry)
        return entry

    def save(self, kind: str, entry: Document) -> None:
        self._collections[kind].save(entry["kong"]["id"])

    def drop(self, kind: str, entry: Document) -> None:
        """Remove the entry and what hangs on it: plug-ins, and the targets of an upstream."""
        own_id = entry["kong"]["id"]
        for dependent, references in REFERENCES.items():
            for reference in references:
                if reference.kind != kind:
                    continue
                for other in self.all(dependent):
                    if (other["kong"][reference.member] or {}).get("id") == own_id:
                        self.drop(dependent, other)
        self._collections[kind].pop(own_id, None)

    def drop_all(self) -> None:
        for kind in KINDS:
            for entry in self.all(kind):
                self._collections[kind].pop(entry["kong"]["id"], None)

    def plugins_of(self, member: str, entity_id: str, name: str = "") -> list[Document]:
        """Plug-ins bound to one service or route (`member`), optionally of one name."""
        return [
            entry
            for entry in self.all("plugins")
            if (entry["kong"][member] or {}).get("id") == entity_id
            and name in ("", entry["kong"]["name"])
        ]

    def upstream_of(self, service: Document) -> Document | None:
        """The upstream a service's host names; None if the host is a plain address."""
        try:
            return self.find("upstreams", service["kong"]["host"])
        except Missing:
            return None

    def _check_links(self, kind: str, kong: Entity) -> None:
        for reference in REFERENCES.get(kind, ()):
            target = kong[reference.member]
            if target is not None:
                key = target.get("id") or target.get("name", "")
                kong[reference.member] = {"id": self.find(reference.kind, key)["kong"]["id"]}
        if kind in ("services", "routes", "upstreams") and kong["name"]:
            for entry in self.all(kind):
                if entry["kong"]["name"] == kong["name"] and entry["kong"]["id"] != kong["id"]:
                    raise Taken(kong["name"])
