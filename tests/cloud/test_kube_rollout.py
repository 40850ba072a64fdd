"""kubectl's rollout algorithm and the reasons of stalled pods."""

from typing import Any

import pytest

from cloud.kube_rollout import pod_state, rollout_status


def deployment(conditions: list[dict[str, Any]] | None = None, **facts: Any) -> dict[str, Any]:
    status: dict[str, Any] = {
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "conditions": conditions or [],
    }
    spec = {"replicas": 2, "progressDeadlineSeconds": 1800} | facts.pop("spec", {})
    return {
        "metadata": {"uid": "d", "generation": 2},
        "spec": spec,
        "status": status | facts,
    }


DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: gpu"}


@pytest.mark.parametrize(
    ("shape", "code", "failed"),
    [
        (deployment(), "complete", False),
        (deployment(observedGeneration=1), "not-observed", False),
        (deployment([DEADLINE], updatedReplicas=1), "deadline", True),
        (deployment([QUOTA], updatedReplicas=1), "replica-failure", True),
        (deployment(updatedReplicas=1), "updating", False),
        (deployment(updatedReplicas=1, spec={"paused": True}), "paused", False),
        (deployment(replicas=3), "terminating-old", False),
        (deployment(availableReplicas=1), "waiting", False),
        (
            deployment(replicas=0, updatedReplicas=0, availableReplicas=0, spec={"replicas": 0}),
            "complete",
            False,
        ),
    ],
)
def test_a_rollout_is_where_kubectl_says(shape: dict[str, Any], code: str, failed: bool) -> None:
    found = rollout_status(shape)
    assert (found.message_code, found.failed) == (code, failed)


def replicaset(uid: str, revision: int, available: int) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": uid,
            "ownerReferences": [{"uid": "d"}],
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
        },
        "status": {"availableReplicas": available},
    }


def pod(name: str = "p", owner: str = "new", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": owner}]},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Pending"} | status,
    }


def waiting(reason: str, **extra: Any) -> dict[str, Any]:
    return {
        "containerStatuses": [
            {"name": "webui", "image": "r/sd:1", "state": {"waiting": {"reason": reason}}} | extra
        ]
    }


def event(reason: str, message: str, name: str = "p") -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"name": name}}


def test_pods_of_the_newest_template_count_and_old_ones_do_not() -> None:
    shape = deployment(updatedReplicas=1, availableReplicas=2)
    sets = [replicaset("old", 9, 2), replicaset("new", 10, 0)]
    pods = [pod("a", "old"), pod("b", "new", **waiting("ImagePullBackOff"))]
    found = rollout_status(shape, sets, pods)
    assert (found.done, found.total) == (0, 2)
    assert [one.name for one in found.pods] == ["b"]
    assert found.stall == "image-pull"


OOM = {"lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "restartCount": 4}
UNSCHEDULABLE = {
    "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/2 nodes: insufficient qgpu-core"}
    ]
}
RUNNING = {"phase": "Running", "containerStatuses": [{"state": {"running": {"startedAt": "now"}}}]}


@pytest.mark.parametrize(
    ("status", "events", "code"),
    [
        (waiting("ImagePullBackOff"), [], "image-pull"),
        (waiting("CreateContainerConfigError"), [], "container-config"),
        (waiting("CrashLoopBackOff"), [], "crash-loop"),
        (waiting("CrashLoopBackOff", **OOM), [], "out-of-memory"),
        (UNSCHEDULABLE, [], "unschedulable"),
        (waiting("ContainerCreating"), [], "creating"),
        (waiting("ContainerCreating"), [event("FailedMount", "nfs: timed out")], "mount"),
        (waiting("ContainerCreating"), [event("FailedMount", "x", "other")], "creating"),
        (RUNNING, [], "not-ready"),
        (RUNNING, [event("Unhealthy", "Startup probe failed")], "probe"),
        ({"phase": "Failed", "reason": "Evicted"}, [], "evicted"),
        ({"phase": "Failed", "reason": "UnexpectedAdmissionError"}, [], "admission"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, [], ""),
    ],
)
def test_a_pod_says_what_holds_it_up(
    status: dict[str, Any], events: list[dict[str, Any]], code: str
) -> None:
    assert pod_state(pod(**status), events).code == code


def test_a_reason_carries_its_particulars() -> None:
    found = pod_state(pod(**waiting("CrashLoopBackOff", **OOM)))
    assert found.params["exit_code"] == "137"
    assert found.params["restarts"] == "4"
    assert "insufficient" in pod_state(pod(**UNSCHEDULABLE)).params["message"]
