"""Pure: places in a manifest, spelled as differences spell them: who wrote there, and what.

A path goes through members (`spec.replicas`), odd names (`limits["nvidia.com/gpu"]`) and items of
keyed lists (`containers[name=webui]`).
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloud.kube_shape import KEY_DEFAULTS, item_step, step

_STEP = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[([^\]]*)\]|\.?([^.\[]+)')


def steps(path: str) -> list[str | dict[str, str]]:
    """A member is its name, an item its keys.  `env[NAME]` stands for `env[name=NAME]`."""
    found: list[str | dict[str, str]] = []
    for quoted, item, member in _STEP.findall(path):
        if quoted:
            found.append(str(json.loads(quoted)))
        elif item:
            pairs = (one.partition("=") for one in item.split(","))
            found.append({name if sign else "name": value or name for name, sign, value in pairs})
        else:
            found.append(member)
    return found


def value_at(manifest: Any, path: str) -> Any:
    """What stands there; None if nothing does."""
    value = manifest
    for one in steps(path):
        if isinstance(one, dict):
            value = _item(value, one)
        else:
            value = value.get(one) if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


def with_value(manifest: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of `manifest` with `value` at `path`; None takes away what stands there.

    Nothing changes where the way to it is not there."""
    changed: dict[str, Any] = copy.deepcopy(dict(manifest))
    *way, last = steps(path)
    holder: Any = changed
    for one, following in zip(way, [*way[1:], last], strict=True):
        if isinstance(one, dict):
            holder = _item(holder, one)
        elif isinstance(holder, dict):
            if value is not None:
                holder.setdefault(one, [] if isinstance(following, dict) else {})
            holder = holder.get(one)
        if holder is None:
            return changed
    if isinstance(last, dict):
        if isinstance(holder, list):
            old = _item(holder, last)
            if old is not None and value is not None:
                holder[holder.index(old)] = copy.deepcopy(value)
            elif old is not None:
                holder.remove(old)
            elif value is not None:
                holder.append(copy.deepcopy(value))
    elif value is None:
        holder.pop(last, None)
    else:
        holder[last] = copy.deepcopy(value)
    return changed


def changed_by(live: Mapping[str, Any], path: str, ours: str) -> tuple[str, str]:
    """Who last wrote at `path` and when (RFC 3339), by managedFields; ("", "") if it was us or
    nobody is on record, as for a field that was taken away."""
    best = ("", "")
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        manager, at = str(entry.get("manager") or ""), str(entry.get("time") or "")
        if manager == ours or entry.get("subresource") == "status" or at < best[1]:
            continue
        if any(_touches(owned, path) for owned in _leaves("", entry.get("fieldsV1") or {})):
            best = (manager, at)
    return best


def _item(items: Any, keys: Mapping[str, str]) -> Any:
    if not isinstance(items, list):
        return None
    spelled = [
        {name: str(one.get(name, KEY_DEFAULTS.get(name))) for name in keys}
        if isinstance(one, Mapping)
        else None
        for one in items
    ]
    return items[spelled.index(dict(keys))] if dict(keys) in spelled else None


def _touches(owned: str, path: str) -> bool:
    """One of the two places lies in the other."""
    short, long = sorted((owned, path), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in ("", ".", "[")


def _leaves(path: str, owned: Mapping[str, Any]) -> Iterator[str]:
    """The paths a field set names, deepest members only."""
    for name, below in owned.items():
        kind, _, rest = name.partition(":")
        if kind == "f":
            here = step(path, rest)
        elif kind == "k":
            here = item_step(path, tuple(json.loads(rest).items()))
        else:
            continue  # "." and values of sets: their holder says enough
        inner = [one for one in below if one != "."] if isinstance(below, Mapping) else []
        if inner:
            yield from _leaves(here, {one: below[one] for one in inner})
        else:
            yield here
