"""Pure: what differs between manifests, without the noise of defaults and spellings.

owned_differs asks whether the live object still says what we say, and nothing more that is ours.
object_diff compares two full objects: the live one, and what a dry run would make of it.
"""

import base64
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cloud import kube_shape as shape
from cloud.kube_paths import changed_by
from cloud.kube_shape import item_step, step
from cloud.types import FieldDiff

OWNER = "sdconsole"
HIDDEN = "(hidden)"
_SERVER_METADATA = (
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
_SERVER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "service.kubernetes.io/loadbalance-id",
    "kubectl.kubernetes.io/last-applied-configuration",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
)


def owned_differs(
    want: Mapping[str, Any], live: Mapping[str, Any] | None, *, owner: str = OWNER
) -> list[FieldDiff]:
    """Where `live` departs from `want`, and what `owner` still holds but no longer wants.

    Fields `want` does not mention are somebody else's.  Values of Secrets are hidden."""
    if live is None:
        return [FieldDiff("", _hide(dict(want)), None)]
    wanted = _stored_form(want)
    found = _Walk(both=False).compare("", "", wanted, live)
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if (
            entry.get("manager") == owner
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            found += _left_over("", entry.get("fieldsV1") or {}, wanted, live)
    return _safe(want, found)


def object_diff(live: Mapping[str, Any] | None, merged: Mapping[str, Any]) -> list[FieldDiff]:
    """What turns `live` into `merged` (the answer of a dry run), server bookkeeping left out.

    `want` of a difference is the merged side.  `live` None means the object would be created."""
    old = _without_bookkeeping(live or {})
    found = _Walk(both=True).compare("", "", _without_bookkeeping(merged), old)
    return [_signed(one, live or {}) for one in _safe(merged, found)]


def _signed(diff: FieldDiff, live: Mapping[str, Any]) -> FieldDiff:
    who, when = changed_by(live, diff.path, OWNER)
    return replace(diff, changed_by=who, changed_at=when)


class _Walk:
    """One comparison.  `both`: members only the live side has count as differences too."""

    def __init__(self, *, both: bool) -> None:
        self.both = both

    def compare(self, path: str, parent: str, want: Any, live: Any) -> list[FieldDiff]:
        """`parent` is the name of the member that holds the two values."""
        if isinstance(want, Mapping) and isinstance(live, Mapping):
            return self._maps(path, parent, want, live)
        if isinstance(want, list) and isinstance(live, list):
            return self._lists(path, parent, want, live)
        if shape.same_scalar(want, live, measured=shape.measured("", parent)):
            return []
        return [FieldDiff(path, want, live)]

    def _maps(
        self, path: str, parent: str, want: Mapping[str, Any], live: Mapping[str, Any]
    ) -> list[FieldDiff]:
        if parent in shape.ATOMIC_MAPS and set(want) != set(live):
            return [FieldDiff(path, dict(want), dict(live))]
        found: list[FieldDiff] = []
        names = [*want, *(name for name in live if name not in want)] if self.both else [*want]
        for name in names:
            here = step(path, name)
            if name not in live or name not in want:
                if want.get(name) is not None or live.get(name) is not None:
                    found.append(FieldDiff(here, want.get(name), live.get(name)))
            elif shape.measured(parent, name):
                if not shape.same_scalar(want[name], live[name], measured=True):
                    found.append(FieldDiff(here, want[name], live[name]))
            else:
                found += self.compare(here, name, want[name], live[name])
        return found

    def _lists(
        self, path: str, member: str, want: Sequence[Any], live: Sequence[Any]
    ) -> list[FieldDiff]:
        if member in shape.SETS:
            missing = [one for one in want if one not in live]
            extra = [one for one in live if one not in want] if self.both else []
            return [FieldDiff(path, list(want), list(live))] if missing or extra else []
        keys = shape.merge_key(member, [*want, *live])
        if keys is None:
            if len(want) == len(live) and not any(
                self.compare("", member, one, other) for one, other in zip(want, live, strict=True)
            ):
                return []
            return [FieldDiff(path, list(want), list(live))]
        found: list[FieldDiff] = []
        for item in want:
            key = shape.key_of(item, keys)
            here, other = item_step(path, key), shape.find(live, dict(key))
            if other is None:
                found.append(FieldDiff(here, item, None))
            else:
                found += self.compare(here, "", item, other)
        if self.both:
            for item in live:
                key = shape.key_of(item, keys)
                if shape.find(want, dict(key)) is None:
                    found.append(FieldDiff(item_step(path, key), None, item))
        return found


def _left_over(path: str, owned: Mapping[str, Any], want: Any, live: Any) -> list[FieldDiff]:
    """What the field set `owned` names, `live` has, and `want` does not mention."""
    found: list[FieldDiff] = []
    for name, below in owned.items():
        kind, _, rest = name.partition(":")
        if kind == "f" and isinstance(live, Mapping) and rest in live:
            here = step(path, rest)
            if isinstance(want, Mapping) and want.get(rest) is not None:
                found += _left_over(here, below, want[rest], live[rest])
            elif live[rest] is not None and not (path == "" and rest == "metadata"):
                found.append(FieldDiff(here, None, live[rest]))
        elif kind == "k" and isinstance(live, list):
            key = json.loads(rest)
            item = shape.find(live, key)
            wanted = shape.find(want, key) if isinstance(want, list) else None
            here = item_step(path, tuple(key.items()))
            if item is not None and wanted is None:
                found.append(FieldDiff(here, None, item))
            elif item is not None:
                found += _left_over(here, below, wanted, item)
        elif kind == "v" and isinstance(live, list):
            value = json.loads(rest)
            if value in live and value not in (want or []):
                found.append(FieldDiff(path, None, value))
    return found


def _without_bookkeeping(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy(dict(manifest))
    kept.pop("status", None)
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        for name in _SERVER_METADATA:
            metadata.pop(name, None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            for name in _SERVER_ANNOTATIONS:
                annotations.pop(name, None)
            if not annotations:
                del metadata["annotations"]
    return kept


def _stored_form(want: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret's stringData is kept as base64 under data; all else as it was written."""
    if want.get("kind") != "Secret" or "stringData" not in want:
        return want
    stored = {name: value for name, value in want.items() if name != "stringData"}
    plain = {
        name: base64.b64encode(str(value).encode()).decode()
        for name, value in want["stringData"].items()
    }
    stored["data"] = {**(want.get("data") or {}), **plain}
    return stored


def _safe(manifest: Mapping[str, Any], found: list[FieldDiff]) -> list[FieldDiff]:
    if manifest.get("kind") != "Secret":
        return found
    return [
        FieldDiff(
            one.path,
            HIDDEN if one.want is not None else None,
            HIDDEN if one.live is not None else None,
        )
        if one.path.startswith(("data", "stringData"))
        else one
        for one in found
    ]


def _hide(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = {
        member: dict.fromkeys(manifest[member], HIDDEN)
        for member in ("data", "stringData")
        if isinstance(manifest.get(member), Mapping)
    }
    return {**manifest, **hidden}
