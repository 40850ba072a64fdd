"""What kinds exist and how they are built, from a schema recorded from a real API server.

`schema.json.gz` is a reduced OpenAPI: a `$ref` is the bare type name, and list types, map types and
patch keys are kept because server-side apply and strategic merge depend on them.
"""

import gzip
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Node = dict[str, Any]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Resource:
    """One served resource, for example apps/v1 deployments."""

    group: str
    version: str
    name: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    type_name: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    columns: tuple[Node, ...] = field(default=(), hash=False, compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def store_key(self) -> str:
        """Where its objects are kept; the versions of one resource share it."""
        return f"{self.group}/{self.name}"


class Schema:
    def __init__(self, document: Node) -> None:
        self.types: dict[str, Node] = document["schemas"]
        self.roots: dict[str, str] = document["roots"]
        self.resources = [
            Resource(
                group=entry["group"],
                version=entry["version"],
                name=entry["name"],
                singular=entry["singularName"],
                kind=entry["kind"],
                namespaced=entry["namespaced"],
                verbs=tuple(entry["verbs"]),
                type_name=entry["schema"],
                short_names=tuple(entry.get("shortNames", ())),
                categories=tuple(entry.get("categories", ())),
                subresources=tuple(entry["subresources"]),
                columns=tuple(entry["columns"]),
            )
            for entry in document["resources"]
        ]
        self._by_path = {(r.group, r.version, r.name): r for r in self.resources}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def named(self, plural: str) -> Resource:
        """The resource of that plural in its newest version; KeyError if there is none."""
        found = [r for r in self.resources if r.name == plural]
        if not found:
            raise KeyError(plural)
        return max(found, key=lambda r: r.version)

    def kind(self, api_version: str, kind: str) -> Resource | None:
        for resource in self.resources:
            if resource.api_version == api_version and resource.kind == kind:
                return resource
        return None

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the preferred (newest) first."""
        found: dict[str, set[str]] = {}
        for resource in self.resources:
            found.setdefault(resource.group, set()).add(resource.version)
        return {group: sorted(versions, reverse=True) for group, versions in found.items()}

    def node(self, type_name: str) -> Node:
        return self.types[type_name]

    def resolve(self, node: Node) -> Node:
        """`node` with its `$ref` followed; what stands beside the `$ref` wins."""
        if "$ref" not in node:
            return node
        target = self.types[node["$ref"]]
        if len(node) == 1:
            return target
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def is_quantity(node: Node) -> bool:
    return node.get("oneOf") == [{"type": "string"}, {"type": "number"}]


def is_int_or_string(node: Node) -> bool:
    return node.get("format") == "int-or-string"


def is_atomic(node: Node) -> bool:
    """True if the value has one owner as a whole: scalars, lists without a type, atomic maps."""
    if node.get("type") == "array":
        return bool(node.get("x-kubernetes-list-type", "atomic") == "atomic")
    if node.get("type") == "object":
        if node.get("x-kubernetes-map-type") == "atomic":
            return True
        return "properties" not in node and "additionalProperties" not in node
    return True


@cache
def load() -> Schema:
    return Schema(json.loads(gzip.decompress((HERE / "schema.json.gz").read_bytes())))


@cache
def openapi() -> dict[str, Node]:
    """OpenAPI v3 documents by group path (`apis/apps/v1`), as a real server publishes them."""
    documents: dict[str, Node] = json.loads(
        gzip.decompress((HERE / "openapi-v3.json.gz").read_bytes())
    )
    return documents
