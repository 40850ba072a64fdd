"""Job to pods, until enough have succeeded or too many have failed."""

from typing import Any

from sandbox.kube.context import (
    MANAGER,
    Context,
    finished,
    is_true,
    key_of,
    live,
    owned,
    owner_reference,
    set_condition,
    split,
)
from sandbox.kube.deletion import Options, delete
from sandbox.kube.writes import Write

Document = dict[str, Any]
COMPONENT = "job-controller"
WRITE = Write(manager=MANAGER)


class Jobs:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> float | None:
        namespace, name = split(key)
        job = self.context.get("jobs", namespace, name)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        if is_true(job, "Complete") or is_true(job, "Failed"):
            return self._expire(job)
        pods = owned(self.context.list("pods", namespace), job["metadata"]["uid"])
        succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
        failed = [pod for pod in pods if pod["status"].get("phase") == "Failed"]
        active = [pod for pod in live(pods) if not finished(pod)]
        verdict = self._verdict(job, succeeded, failed, active)
        if verdict or job["spec"].get("suspend"):
            for pod in active:
                where = split(key_of(pod))
                resource = self.context.registry.resource("pods")
                delete(self.context.registry, resource, *where, Options(), WRITE)
            active = []
        elif not self._waits(job, failed):
            active += self._create(job, succeeded, len(active))
        self._report(job, succeeded, len(failed), active, verdict)
        if not verdict and self._waits(job, failed):
            return self._pause(failed)
        return self._deadline(job)

    def _verdict(
        self, job: Document, succeeded: int, failed: list[Document], active: list[Document]
    ) -> tuple[str, str, str] | None:
        """(condition, reason, message) once the job is over."""
        spec = job["spec"]
        wanted = spec.get("completions")
        if wanted is None and succeeded and not active:
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        if wanted is not None and succeeded >= wanted:
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        retries = len(failed) + sum(_restarts(pod) for pod in active)
        if retries > spec["backoffLimit"]:
            why = "Job has reached the specified backoff limit"
            said = _last_words(failed)
            return "Failed", "BackoffLimitExceeded", f"{why}{said}"
        left = self._deadline(job)
        if left is not None and left <= 0:
            why = "Job was active longer than specified deadline"
            return "Failed", "DeadlineExceeded", why
        return None

    def _deadline(self, job: Document) -> float | None:
        allowed, began = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
        if allowed is None or not began:
            return None
        return self.context.paced(allowed) - self.context.seconds_since(began)

    def _pause(self, failed: list[Document]) -> float:
        """Wait longer after each failure, 10 s at first."""
        return max(0.05, self.context.paced(min(360.0, 10.0 * 2 ** (len(failed) - 1))))

    def _waits(self, job: Document, failed: list[Document]) -> bool:
        if not failed:
            return False
        last = max(self._ended(pod) for pod in failed)
        return self.context.seconds_since(last) < self._pause(failed)

    def _ended(self, pod: Document) -> str:
        for state in pod["status"].get("containerStatuses", []):
            when = state["state"].get("terminated", {}).get("finishedAt")
            if when:
                return str(when)
        return str(pod["metadata"]["creationTimestamp"])

    def _create(self, job: Document, succeeded: int, active: int) -> list[Document]:
        spec, metadata = job["spec"], job["metadata"]
        count = spec["parallelism"] - active
        if spec.get("completions") is not None:
            count = min(count, spec["completions"] - succeeded - active)
        elif succeeded:
            count = 0
        made = []
        resource = self.context.registry.resource("pods")
        for _ in range(max(0, count)):
            body = {
                "metadata": {
                    **spec["template"].get("metadata", {}),
                    "generateName": f"{metadata['name']}-",
                    "ownerReferences": [owner_reference(job)],
                },
                "spec": spec["template"]["spec"],
            }
            pod = self.context.registry.create(resource, metadata["namespace"], body, WRITE)
            made.append(pod)
            message = f"Created pod: {pod['metadata']['name']}"
            self.context.events.record(job, "Normal", "SuccessfulCreate", message, COMPONENT)
        return made

    def _report(
        self,
        job: Document,
        succeeded: int,
        failed: int,
        active: list[Document],
        verdict: tuple[str, str, str] | None,
    ) -> None:
        namespace, name = split(key_of(job))
        now = self.context.stamp()
        ready = sum(is_true(pod, "Ready") for pod in active)
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}

        def change(item: Document) -> None:
            status = item.setdefault("status", {})
            if not job["spec"].get("suspend"):
                status.setdefault("startTime", now)
            for field, value in counts.items():
                if value:
                    status[field] = value
                else:
                    status.pop(field, None)
            status["ready"], status["terminating"] = ready, 0
            status["uncountedTerminatedPods"] = {}
            if verdict:
                kind, reason, message = verdict
                first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
                for one in (first, kind):
                    said = {"type": one, "status": "True", "reason": reason, "message": message}
                    set_condition(status, {**said, "lastProbeTime": now}, now)
                if kind == "Complete":
                    status["completionTime"] = now

        self.context.registry.mutate("jobs", namespace, name, change, subresource="status")
        if verdict:
            kind, reason, message = verdict
            if kind == "Complete":
                self.context.events.record(job, "Normal", "Completed", "Job completed", COMPONENT)
            else:
                self.context.events.record(job, "Warning", reason, message, COMPONENT)

    def _expire(self, job: Document) -> float | None:
        """ttlSecondsAfterFinished: remove the job and its pods some time after its end."""
        allowed = job["spec"].get("ttlSecondsAfterFinished")
        if allowed is None:
            return None
        conditions = job["status"]["conditions"]
        ended = max(one["lastTransitionTime"] for one in conditions)
        left = self.context.paced(allowed) - self.context.seconds_since(ended)
        if left > 0:
            return left
        namespace, name = split(key_of(job))
        resource = self.context.registry.resource("jobs")
        delete(self.context.registry, resource, namespace, name, Options("Foreground"), WRITE)
        return None


def _restarts(pod: Document) -> int:
    states = pod["status"].get("containerStatuses", [])
    return sum(state.get("restartCount", 0) for state in states)


def _last_words(failed: list[Document]) -> str:
    """What the last failed container said of itself, if anything."""
    for pod in reversed(failed):
        for state in pod["status"].get("containerStatuses", []):
            ended = state["state"].get("terminated", {})
            if ended.get("message"):
                return f": {ended['message']}"
    return ""
