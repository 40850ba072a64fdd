"""Server-side apply: merge what one manager wants into the object, and keep the ownership books."""

import copy
from typing import Any

from sandbox.kube import fieldset
from sandbox.kube.decode import Decoder, WrongType
from sandbox.kube.fieldset import Fields
from sandbox.kube.managed import Manager, Owners
from sandbox.kube.schema import Node, Resource, Schema, is_atomic
from sandbox.kube.status import ApiError

Document = dict[str, Any]


def merge(schema: Schema, node: Node, live: Any, config: Any) -> Any:
    """`live` under `config`: maps by key, list-maps by item, sets joined, the rest replaced."""
    if config is None or live is None or is_atomic(node):
        return copy.deepcopy(config)
    if isinstance(config, dict):
        result = dict(live)
        for step, child, item in fieldset.children(schema, node, config):
            name = step[2:]
            result[name] = merge(schema, child, live.get(name), item)
        return result
    mine = {step: item for step, _, item in fieldset.children(schema, node, config)}
    theirs = {step: item for step, _, item in fieldset.children(schema, node, live)}
    items = schema.resolve(node["items"])

    def joined(step: str) -> Any:
        if step in theirs and step in mine and node["x-kubernetes-list-type"] == "map":
            return merge(schema, items, theirs[step], mine[step])
        return copy.deepcopy(mine.get(step, theirs.get(step)))

    return [joined(step) for step in _order(list(theirs), list(mine))]


def _order(theirs: list[str], mine: list[str]) -> list[str]:
    """Shared items in the applied order, foreign ones where they stood, new ones behind."""
    shared = iter([step for step in mine if step in theirs])
    order = [next(shared) if step in mine else step for step in theirs]
    for index, step in enumerate(mine):
        if step in order:
            continue
        follows = next((later for later in mine[index + 1 :] if later in theirs), None)
        order.insert(order.index(follows) if follows else len(order), step)
    return order


def apply(
    schema: Schema,
    type_name: str,
    live: Document,
    config: Document,
    manager: Manager,
    owners: Owners,
    *,
    force: bool,
) -> tuple[Document, bool]:
    """(merged object before defaults, did it change).  `owners` is updated in place.

    Raises a 409 with one FieldManagerConflict per field if others own what would change.
    """
    new_set = fieldset.owned_by_apply(schema, type_name, config)
    merged = merge(schema, schema.node(type_name), copy.deepcopy(live), config)
    last = owners.fields.get(manager, set())
    others = owners.others(manager)
    dropped = fieldset.with_named_containers(last) - fieldset.with_named_containers(new_set)
    dropped = {path for path in dropped if not fieldset.covered(path, others)}
    if dropped:
        fieldset.remove(schema, type_name, merged, dropped)
    changed, removed = fieldset.compare(schema, type_name, live, merged)
    clashes = owners.conflicts(manager, changed)
    if clashes and not force:
        raise conflict(clashes)
    owners.take(manager, changed)
    owners.fields[manager] = new_set
    owners.forget(_gone(removed, new_set))
    return merged, bool(changed or removed)


def _gone(removed: Fields, kept: Fields) -> Fields:
    return {path for path in removed if not fieldset.covered(path, kept)}


def conflict(clashes: list[tuple[Manager, str]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who.shown()}", "field": path}
        for who, path in clashes
    ]
    by_owner: dict[str, list[str]] = {}
    for who, path in clashes:
        by_owner.setdefault(who.shown(), []).append(path)
    if len(clashes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {clashes[0][1]}"
    else:
        parts = []
        for who_shown, paths in by_owner.items():
            lines = "".join(f"\n- {path}" for path in paths)
            parts.append(f"conflicts with {who_shown}:{lines}")
        message = f"Apply failed with {len(clashes)} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", message, {"causes": causes})


def typed(
    schema: Schema, resource: Resource, namespace: str, name: str, config: Document
) -> Document:
    """The applied body, checked; empty maps and nulls stay, for they claim their field.

    Unlike every other write this one refuses unknown fields whatever the client asks for.
    """
    decoder = Decoder(schema, prune=False)
    try:
        wanted = decoder.decode(resource.type_name, config)
    except WrongType as exc:
        raise _untyped(resource, namespace, name, f".{exc}") from exc
    if decoder.unknown:
        why = f".{decoder.unknown[0]}: field not declared in schema"
        raise _untyped(resource, namespace, name, why)
    return wanted


def claims(
    schema: Schema, resource: Resource, namespace: str, name: str, wanted: Document
) -> Fields:
    """What the body would own; 500 if it names one list item twice."""
    try:
        return fieldset.owned_by_apply(schema, resource.type_name, wanted)
    except fieldset.DuplicateKey as exc:
        raise _untyped(resource, namespace, name, str(exc)) from exc


def _untyped(resource: Resource, namespace: str, name: str, why: str) -> ApiError:
    place = f"{namespace}/{name}" if namespace else f"/{name}"
    return ApiError(
        500,
        "",
        f"failed to create typed patch object ({place}; {resource.api_version}, "
        f"Kind={resource.kind}): {why}",
    )
