"""Field ownership: sets of paths, as server-side apply writes them into managedFields.

A path is a tuple of steps: `f:name` a field, `k:{...}` a list item by its keys, `v:...` a member of
a set.  A container is in a set only if it is owned itself, which FieldsV1 shows as ".".
"""

import json
from collections.abc import Iterator
from typing import Any

from sandbox.kube.schema import Node, Schema, is_atomic

Path = tuple[str, ...]
Fields = set[Path]
Document = dict[str, Any]

UNOWNED = {("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
        "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink",
    )
}  # fmt: skip


class DuplicateKey(ValueError):
    """Two items of a list-map have the same keys."""


def encode(fields: Fields) -> Document:
    """FieldsV1 of a set."""
    root: Document = {}
    containers = {path[:depth] for path in fields for depth in range(1, len(path))}
    for path in sorted(fields):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        if path in containers:
            node["."] = {}
    return root


def decode(document: Document) -> Fields:
    """The set a FieldsV1 document stands for."""
    found: Fields = set()

    def walk(node: Document, path: Path) -> None:
        if path and (not node or "." in node):
            found.add(path)
        for step, child in node.items():
            if step != ".":
                walk(child, (*path, step))

    walk(document, ())
    return found


def item_key(schema: Schema, node: Node, item: Document) -> str:
    """The step of a list-map item: its keys as sorted JSON, absent ones from the schema default."""
    properties = schema.resolve(node["items"]).get("properties", {})
    keys = {}
    for name in sorted(node["x-kubernetes-list-map-keys"]):
        value = item.get(name)
        if value is None:
            value = properties.get(name, {}).get("default")
        if value is not None:
            keys[name] = value
    return "k:" + json.dumps(keys, separators=(",", ":"), ensure_ascii=False)


def value_key(item: Any) -> str:
    return "v:" + json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def children(schema: Schema, node: Node, value: Any) -> Iterator[tuple[str, Node, Any]]:
    """(step, schema, value) of everything directly under a value that has no single owner."""
    if isinstance(value, dict):
        declared = node.get("properties")
        for name, item in value.items():
            if declared is None:
                yield f"f:{name}", schema.resolve(node["additionalProperties"]), item
            elif name in declared:
                yield f"f:{name}", schema.resolve(declared[name]), item
    elif isinstance(value, list):
        items = schema.resolve(node["items"])
        if node.get("x-kubernetes-list-type") == "set":
            for item in value:
                yield value_key(item), {"type": "string"}, item
        else:
            for item in value:
                yield item_key(schema, node, item), items, item


def owned_by_apply(schema: Schema, type_name: str, body: Document) -> Fields:
    """What an applied body claims: its leaves, whole atomic values, list items, empty containers.

    Raises DuplicateKey with the path of a list that names one item twice.
    """
    found: Fields = set()

    def walk(node: Node, value: Any, path: Path) -> None:
        if path in UNOWNED - {("f:metadata",)}:
            return
        if value is None or is_atomic(node) or value in ({}, []):
            found.add(path)
            return
        if path and path[-1].startswith("k:"):
            found.add(path)
        seen: set[str] = set()
        for step, child, item in children(schema, node, value):
            if step in seen:
                raise DuplicateKey(f"{show(path)}: duplicate entries for key {show_step(step)}")
            seen.add(step)
            walk(child, item, (*path, step))

    walk(schema.node(type_name), body, ())
    found.discard(())
    return found - UNOWNED


def compare(schema: Schema, type_name: str, old: Document, new: Document) -> tuple[Fields, Fields]:
    """(added or different, gone): every node on the way that appeared or went counts too."""
    changed: Fields = set()
    removed: Fields = set()

    def everything(node: Node, value: Any, path: Path, into: Fields) -> None:
        into.add(path)
        if value is None or is_atomic(node):
            return
        for step, child, item in children(schema, node, value):
            everything(child, item, (*path, step), into)

    def walk(node: Node, before: Any, after: Any, path: Path) -> None:
        if is_atomic(node):
            if before != after:
                changed.add(path)
            return
        left = {step: (child, item) for step, child, item in children(schema, node, before)}
        right = {step: (child, item) for step, child, item in children(schema, node, after)}
        for step, (child, item) in right.items():
            if (*path, step) in UNOWNED - {("f:metadata",)}:
                continue
            if step in left:
                walk(child, left[step][1], item, (*path, step))
            else:
                everything(child, item, (*path, step), changed)
        for step, (child, item) in left.items():
            if step not in right:
                everything(child, item, (*path, step), removed)

    walk(schema.node(type_name), old, new, ())
    return changed - UNOWNED, removed - UNOWNED


def with_named_containers(fields: Fields) -> Fields:
    """The set plus every field on the way to a member, so that a dropped struct goes as a whole."""
    found = set(fields)
    for path in fields:
        for depth in range(1, len(path)):
            if path[depth - 1].startswith("f:"):
                found.add(path[:depth])
    return found


def covered(path: Path, fields: Fields) -> bool:
    """Is the path, or anything under it, in the set?"""
    return any(other[: len(path)] == path for other in fields)


def remove(schema: Schema, type_name: str, body: Document, paths: Fields) -> None:
    """Take the paths out of `body` in place, and containers that became empty with them."""

    def walk(node: Node, value: Any, path: Path) -> None:
        if is_atomic(node) or not isinstance(value, dict | list):
            return
        for step, child, item in list(children(schema, node, value)):
            here = (*path, step)
            if here not in paths:
                if not isinstance(item, dict | list) or not any(
                    other[: len(here)] == here for other in paths
                ):
                    continue
                had = bool(item)
                walk(child, item, here)
                if item or not had:
                    continue
            if isinstance(value, dict):
                del value[step[2:]]
            else:
                value[:] = [kept for kept in value if kept is not item]

    walk(schema.node(type_name), body, ())


def show_step(step: str) -> str:
    """A step as the server prints it in messages."""
    if step.startswith("f:"):
        return f".{step[2:]}"
    if step.startswith("v:"):
        return f"[={step[2:]}]"
    keys = json.loads(step[2:])
    text = ",".join(f"{name}={json.dumps(value)}" for name, value in keys.items())
    return f"[{text}]"


def show(path: Path) -> str:
    return "".join(show_step(step) for step in path)
