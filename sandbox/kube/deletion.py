"""DELETE: preconditions, finalizers, propagation, the grace period of pods."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.kube.registry import Registry
from sandbox.kube.schema import Resource
from sandbox.kube.status import ApiError, conflict, invalid
from sandbox.kube.writes import Write

Document = dict[str, Any]
POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class Options:
    policy: str = "Background"
    grace_s: int | None = None
    uid: str = ""
    version: str = ""


def options(body: Document, query: dict[str, str]) -> Options:
    """DeleteOptions of a request; 422 for a policy that does not exist."""
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
    if body.get("orphanDependents") or query.get("orphanDependents") == "true":
        policy = "Orphan"
    if policy not in POLICIES:
        said = (
            f'Unsupported value: "{policy}": supported values: "Foreground", "Background", '
            '"Orphan", "nil"'
        )
        cause = {"reason": "FieldValueNotSupported", "message": said, "field": "propagationPolicy"}
        raise invalid("", "meta.k8s.io", "DeleteOptions", [cause])
    grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    wanted = body.get("preconditions") or {}
    return Options(
        policy,
        None if grace is None else int(grace),
        wanted.get("uid") or "",
        wanted.get("resourceVersion") or "",
    )


def delete(
    registry: Registry, resource: Resource, namespace: str, name: str, how: Options, write: Write
) -> Document:
    """Delete or begin to.  Answers the object if it is still there, else a Success status."""
    live = registry.get(resource, namespace, name)
    _check(resource, live, how)
    new = copy.deepcopy(live)
    metadata = new["metadata"]
    _finalize(metadata, how)
    if resource.name == "pods":
        grace = _grace(live, how)
        waits = grace > 0 or bool(metadata.get("finalizers"))
    else:
        grace = 0
        waits = bool(metadata.get("finalizers")) or resource.name == "namespaces"
    if not waits:
        if not write.dry_run:
            registry.objects.drop(resource.store_key, live)
        return live if resource.name == "pods" else success(resource, live)
    if "deletionTimestamp" not in metadata or grace < metadata["deletionGracePeriodSeconds"]:
        when = registry.clock.now() + grace
        metadata["deletionTimestamp"] = _stamp(when)
        metadata["deletionGracePeriodSeconds"] = grace
        if "generation" in metadata:
            metadata["generation"] += 1
    if resource.name == "namespaces":
        metadata.pop("deletionGracePeriodSeconds", None)
        new.setdefault("status", {})["phase"] = "Terminating"
    if new == live or write.dry_run:
        return new
    return registry.objects.put(resource.store_key, new)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check(resource: Resource, live: Document, how: Options) -> None:
    metadata = live["metadata"]
    name = metadata["name"]
    if how.uid and how.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({how.uid}) does not match the UID in record "
            f"({metadata['uid']}). The object might have been deleted and then recreated"
        )
        raise _refused(resource, name, why)
    if how.version and how.version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({how.version}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have "
            "been modified"
        )
        raise _refused(resource, name, why)


def _refused(resource: Resource, name: str, why: str) -> ApiError:
    return conflict(name, resource.group, resource.kind, why)


def _finalize(metadata: Document, how: Options) -> None:
    finalizers = [
        item
        for item in metadata.get("finalizers", [])
        if item not in ("foregroundDeletion", "orphan")
    ]
    if how.policy == "Foreground":
        finalizers.append("foregroundDeletion")
    if how.policy == "Orphan":
        finalizers.append("orphan")
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)


def _grace(pod: Document, how: Options) -> int:
    """Seconds a pod may take to stop; none if no kubelet has it or it is done."""
    if not pod["spec"].get("nodeName") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    if how.grace_s is not None:
        return how.grace_s
    return int(pod["spec"].get("terminationGracePeriodSeconds", 30))


def success(resource: Resource, live: Document) -> Document:
    details = {"name": live["metadata"]["name"], "group": resource.group, "kind": resource.name}
    details = {key: value for key, value in details.items() if value}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details, "uid": live["metadata"]["uid"]},
    }
