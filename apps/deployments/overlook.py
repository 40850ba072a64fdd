"""Differences a person chose to ignore: the wish then says what the cluster says.  Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.core.kinds import Ignored
from apps.deployments import labels
from apps.deployments.plan import Have, Want, key_of
from cloud.kube_paths import value_at, with_value
from cloud.types import FieldDiff


def overlook(want: Want, have: Have, ignored: Ignored) -> tuple[Want, Have]:
    """Both without the ignored differences.

    What is sent for the rest of an object repeats the live value there, so that it stays; leaving
    the field out would take it away where nobody else holds it."""
    differs = dict(have.differs)
    objects = []
    for manifest in want.objects:
        key = key_of(manifest)
        mine = {path for name, path in ignored if name == "/".join(key)}
        if mine and key in have.live and key not in have.replaced:
            left = tuple(
                diff for diff in differs.get(key, ()) if not covered(diff, have.live[key], mine)
            )
            differs[key] = left if any(labels.worth_telling(diff.path) for diff in left) else ()
            manifest = with_live(manifest, have.live[key], mine)
        objects.append(manifest)
    return replace(want, objects=tuple(objects)), replace(have, differs=differs)


def covered(diff: FieldDiff, live: Mapping[str, Any], ignored: set[str]) -> bool:
    """True if all that `diff` shows is ignored.  Requests repeat limits."""
    shown = labels.unfolded(diff.path.replace(".requests", ".limits"), diff.live, diff.want)
    return all(
        any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)
        for path, old, new in shown
        if old != new
    )


def with_live(manifest: Any, live: Mapping[str, Any], paths: set[str]) -> Any:
    for path in sorted(paths):
        manifest = with_value(manifest, path, value_at(live, path))
    return manifest
