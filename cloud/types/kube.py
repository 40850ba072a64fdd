"""Kubernetes: manifests stay plain dicts; what is around them is typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Manifest(dict[str, Any]):
    """An object as the API server sent it: a plain dict that also knows its `request_id`."""

    request_id: str = ""


@dataclass(frozen=True)
class ManifestList:
    """All pages of one listing; `resource_version` is where a watch goes on."""

    items: tuple[Manifest, ...]
    resource_version: str


@dataclass(frozen=True)
class WatchEvent:
    """`kind`: ADDED, MODIFIED, DELETED or BOOKMARK (then only the version counts)."""

    kind: str
    manifest: Manifest
    resource_version: str


@dataclass(frozen=True)
class Deleted:
    """True if there was something to delete; it may still be going (finalizers)."""

    existed: bool
    request_id: str = ""

    def __bool__(self) -> bool:
        return self.existed


@dataclass(frozen=True)
class FieldConflict:
    """Another manager owns `field` (".spec.replicas") with another value."""

    manager: str
    field: str
    message: str


@dataclass(frozen=True)
class FieldDiff:
    """One difference.  `path` like `spec.template.spec.containers[name=webui].args`.

    None on the `want` side: we do not want it any more; on the `live` side: it is not there."""

    path: str
    want: Any
    live: Any
    # Who wrote the live value, and when (RFC 3339), if it was not us; "" = nobody is on record.
    changed_by: str = field(default="", compare=False)
    changed_at: str = field(default="", compare=False)


@dataclass(frozen=True)
class PodState:
    """`code` says what holds the pod up ("" = nothing); words for it come with `params`."""

    name: str
    node: str
    phase: str
    ready: bool
    restarts: int
    code: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    ip: str = ""


@dataclass(frozen=True)
class Rollout:
    """How far a Deployment is.  `done` of `total` replicas run the newest template and serve.

    `message_code`: complete, not-observed, paused, updating, terminating-old, waiting, deadline,
    replica-failure; `params` fill the sentence.  `stall` is the most telling pod reason or ""."""

    done: int
    total: int
    failed: bool
    message_code: str
    params: Mapping[str, str] = field(default_factory=dict)
    pods: tuple[PodState, ...] = ()
    stall: str = ""

    @property
    def complete(self) -> bool:
        return self.message_code == "complete"
