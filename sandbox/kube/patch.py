"""The three older patches: JSON merge patch, strategic merge patch, JSON patch."""

import copy
import json
from typing import Any

from sandbox.kube.schema import Node, Schema
from sandbox.kube.status import ApiError

Document = dict[str, Any]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def strategic(schema: Schema, node: Node, target: Any, patch: Document) -> Any:
    """Merge by the patch strategy of each field, with the `$patch` family of directives."""
    directive = patch.get("$patch")
    if directive == "delete":
        return None
    body = {name: value for name, value in patch.items() if not name.startswith("$")}
    if directive == "replace":
        return copy.deepcopy(body)
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {name: value for name, value in result.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.split("/", 1)[1]
            if field in result:
                result[field] = [item for item in result[field] if item not in value]
    for name, value in body.items():
        child = _child(schema, node, name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            merged = strategic(schema, child, result.get(name), value)
            if merged is None:
                result.pop(name, None)
            else:
                result[name] = merged
        elif isinstance(value, list) and "merge" in child.get("x-kubernetes-patch-strategy", ""):
            result[name] = _merge_list(schema, child, result.get(name) or [], value)
        else:
            result[name] = copy.deepcopy(value)
    for name, wanted in patch.items():
        if name.startswith("$setElementOrder/"):
            field = name.split("/", 1)[1]
            if field in result:
                key = _child(schema, node, field).get("x-kubernetes-patch-merge-key")
                result[field] = _reorder(result[field], wanted, key)
    return result


def _child(schema: Schema, node: Node, name: str) -> Node:
    declared = node.get("properties", {}).get(name) or node.get("additionalProperties") or {}
    return schema.resolve(declared)


def _merge_list(schema: Schema, node: Node, target: list[Any], patch: list[Any]) -> list[Any]:
    key = node.get("x-kubernetes-patch-merge-key")
    if key is None:  # a set of scalars
        return target + [item for item in patch if item not in target]
    if any(item.get("$patch") == "replace" and len(item) == 1 for item in patch):
        return [copy.deepcopy(item) for item in patch if "$patch" not in item]
    items = schema.resolve(node["items"])
    result = list(target)
    for item in patch:
        if key not in item:
            text = " ".join(f"{name}:{value}" for name, value in item.items())
            message = f"map: map[{text}] does not contain declared merge key: {key}"
            raise ApiError(500, "", message)
        at = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        merged = strategic(schema, items, result[at] if at is not None else None, item)
        if at is None:
            if merged is not None:
                result.append(merged)
        elif merged is None:
            del result[at]
        else:
            result[at] = merged
    return result


def _reorder(items: list[Any], wanted: list[Any], key: str | None) -> list[Any]:
    def name(item: Any) -> str:
        return json.dumps(item.get(key) if key else item)

    place = {name(item): index for index, item in enumerate(wanted)}
    known = iter(sorted((i for i in items if name(i) in place), key=lambda item: place[name(item)]))
    return [next(known) if name(item) in place else item for item in items]


def json_patch(target: Document, operations: list[Document]) -> Document:
    """RFC 6902; 422 if a test fails or a path is not there, as the real server answers."""
    refused = ApiError(
        422, "Invalid", "the server rejected our request due to an error in our request", {}
    )
    result = copy.deepcopy(target)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as exc:
            raise refused from exc
    return result


def _operate(document: Any, operation: Document) -> Any:
    verb, steps = operation["op"], _steps(operation["path"])
    if verb == "test":
        if _read(document, steps) != operation["value"]:
            raise ValueError("test failed")
        return document
    if verb in ("move", "copy"):
        source = _steps(operation["from"])
        value = copy.deepcopy(_read(document, source))
        if verb == "move":
            _write(document, source, "remove", None)
        return _write(document, steps, "add", value)
    if verb not in ("add", "replace", "remove"):
        raise ValueError(verb)
    return _write(document, steps, verb, copy.deepcopy(operation.get("value")))


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _read(document: Any, steps: list[str]) -> Any:
    for step in steps:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _write(document: Any, steps: list[str], verb: str, value: Any) -> Any:
    if not steps:
        return value
    parent, last = _read(document, steps[:-1]), steps[-1]
    if isinstance(parent, list):
        index = len(parent) if last == "-" else int(last)
        if index > len(parent) or (verb != "add" and index >= len(parent)):
            raise IndexError(last)
        if verb == "add":
            parent.insert(index, value)
        elif verb == "replace":
            parent[index] = value
        else:
            del parent[index]
    elif verb == "remove":
        del parent[last]
    else:
        if verb == "replace" and last not in parent:
            raise KeyError(last)
        parent[last] = value
    return document
