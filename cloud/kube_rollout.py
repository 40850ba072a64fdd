"""Pure: how far a Deployment's rollout is, as kubectl judges it, and what holds its pods up."""

from collections.abc import Mapping, Sequence
from typing import Any

from cloud.reading import Data, part, parts, text, whole
from cloud.types import PodState, Rollout

REVISION = "deployment.kubernetes.io/revision"
Manifests = Sequence[Mapping[str, Any]]

# Waiting reasons of a container -> our code.
_WAITING = {
    "ImagePullBackOff": "image-pull",
    "ErrImagePull": "image-pull",
    "InvalidImageName": "image-pull",
    "ImageInspectError": "image-pull",
    "RegistryUnavailable": "image-pull",
    "CrashLoopBackOff": "crash-loop",
    "CreateContainerConfigError": "container-config",
    "CreateContainerError": "container-config",
    "RunContainerError": "container-config",
}
_MOUNT_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
# The most telling first: what to show when several pods are stuck for different reasons.
_GRAVITY = (
    "image-pull",
    "container-config",
    "out-of-memory",
    "crash-loop",
    "crashed",
    "admission",
    "mount",
    "unschedulable",
    "evicted",
    "probe",
    "creating",
    "not-ready",
    "terminating",
)


def rollout_status(
    deployment: Mapping[str, Any],
    replicasets: Manifests = (),
    pods: Manifests = (),
    events: Manifests = (),
) -> Rollout:
    """kubectl's algorithm, plus the reasons of the pods of the newest template.

    Lists may hold objects of others; ownership decides."""
    spec, status = part(deployment, "spec"), part(deployment, "status")
    total = whole(spec, "replicas", 1)
    updated, have = whole(status, "updatedReplicas"), whole(status, "replicas")
    available = whole(status, "availableReplicas")
    newest = _newest(deployment, replicasets)
    serving = whole(part(newest, "status"), "availableReplicas") if newest else available
    done = min(total, updated, serving)
    states = tuple(pod_state(pod, events) for pod in _pods_of(newest, pods))
    conditions = {text(one, "type"): one for one in parts(status, "conditions")}
    params = {"done": str(done), "total": str(total), "updated": str(updated)}
    failed = False

    progressing = conditions.get("Progressing", {})
    failure = conditions.get("ReplicaFailure", {})
    if whole(part(deployment, "metadata"), "generation") > whole(status, "observedGeneration"):
        code = "not-observed"
    elif text(progressing, "reason") == "ProgressDeadlineExceeded":
        code, failed = "deadline", True
        params["seconds"] = str(whole(spec, "progressDeadlineSeconds", 600))
        params["message"] = text(progressing, "message")
    elif text(failure, "status") == "True" and updated < total:
        code, failed = "replica-failure", True
        params["message"] = text(failure, "message")
    elif spec.get("paused") and updated < total:
        code = "paused"
    elif updated < total:
        code = "updating"
    elif have > updated:
        code = "terminating-old"
        params["old"] = str(have - updated)
    elif available < updated:
        code = "waiting"
    else:
        code = "complete"
    stalls = [state.code for state in states if state.code and not state.ready]
    stall = min(stalls, key=_GRAVITY.index, default="") if code != "complete" else ""
    return Rollout(done, total, failed, code, params, states, stall)


def pod_state(pod: Mapping[str, Any], events: Manifests = ()) -> PodState:
    """One pod and what holds it up."""
    meta, status = part(pod, "metadata"), part(pod, "status")
    containers = parts(status, "containerStatuses")
    ready = any(
        text(one, "type") == "Ready" and text(one, "status") == "True"
        for one in parts(status, "conditions")
    )
    code, params = _hold_up(pod, events, ready=ready)
    return PodState(
        name=text(meta, "name"),
        node=text(part(pod, "spec"), "nodeName"),
        phase=text(status, "phase"),
        ready=ready and not meta.get("deletionTimestamp"),
        restarts=sum(whole(one, "restartCount") for one in containers),
        code=code,
        params=params,
        revision=text(part(meta, "labels"), "pod-template-hash"),
        ip=text(status, "podIP"),
    )


def _hold_up(pod: Data, events: Manifests, *, ready: bool) -> tuple[str, dict[str, str]]:
    meta, status = part(pod, "metadata"), part(pod, "status")
    if meta.get("deletionTimestamp"):
        return "terminating", {}
    if ready:
        return "", {}
    if text(status, "phase") == "Failed":
        reason = text(status, "reason")
        code = {"Evicted": "evicted", "UnexpectedAdmissionError": "admission"}.get(
            reason, "crashed"
        )
        return code, {"reason": reason, "message": text(status, "message")}
    for condition in parts(status, "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            return "unschedulable", {"message": text(condition, "message")}
    for container in (
        *parts(status, "initContainerStatuses"),
        *parts(status, "containerStatuses"),
    ):
        found = _container(container)
        if found:
            return found
    return _from_events(pod, events)


def _container(container: Data) -> tuple[str, dict[str, str]] | None:
    """What a container's own status says; None if it says nothing that stops the pod."""
    waiting = part(part(container, "state"), "waiting")
    ended = part(part(container, "state"), "terminated")
    before = part(part(container, "lastState"), "terminated")
    last = ended or before
    params = {
        "container": text(container, "name"),
        "image": text(container, "image"),
        "restarts": str(whole(container, "restartCount")),
        "exit_code": str(whole(last, "exitCode")),
        "reason": text(waiting, "reason") or text(last, "reason"),
        "message": text(waiting, "message") or text(last, "message"),
    }
    code = _WAITING.get(text(waiting, "reason"))
    if text(last, "reason") == "OOMKilled" and (ended or code == "crash-loop"):
        return "out-of-memory", params
    if code:
        return code, params
    if ended and whole(ended, "exitCode") != 0:
        return "crashed", params
    return None


def _from_events(pod: Data, events: Manifests) -> tuple[str, dict[str, str]]:
    """The newest event that explains a pod which is neither ready nor broken."""
    uid, name = text(part(pod, "metadata"), "uid"), text(part(pod, "metadata"), "name")
    running = any(
        part(part(one, "state"), "running")
        for one in parts(part(pod, "status"), "containerStatuses")
    )
    for event in reversed(events):
        about = part(event, "involvedObject")
        if text(about, "name") != name or (uid and text(about, "uid", uid) != uid):
            continue
        params = {"message": text(event, "message"), "reason": text(event, "reason")}
        if text(event, "reason") in _MOUNT_EVENTS and not running:
            return "mount", params
        if text(event, "reason") == "Unhealthy" and running:
            return "probe", params
    return ("not-ready" if running else "creating"), {}


def _owner_uids(manifest: Mapping[str, Any]) -> set[str]:
    return {text(one, "uid") for one in parts(part(manifest, "metadata"), "ownerReferences")}


def _newest(deployment: Mapping[str, Any], replicasets: Manifests) -> Data:
    """The ReplicaSet of the current template: the one with the highest revision."""
    uid = text(part(deployment, "metadata"), "uid")
    ours = [one for one in replicasets if uid and uid in _owner_uids(one)]
    return max(
        ours,
        key=lambda one: whole(part(part(one, "metadata"), "annotations"), REVISION),
        default={},
    )


def _pods_of(replicaset: Data, pods: Manifests) -> Manifests:
    """Pods of `replicaset`; all of them when the ReplicaSet is not known."""
    uid = text(part(replicaset, "metadata"), "uid")
    return [pod for pod in pods if uid in _owner_uids(pod)] if uid else pods
