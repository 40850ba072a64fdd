"""Why a rollout is where it is, in sentences.  The codes come from cloud.kube_rollout."""

from django.utils.translation import gettext_noop

from apps.core.words import Say
from cloud.types import PodState, Rollout

STALLS: dict[str, str] = {
    "image-pull": gettext_noop(
        "%(pod)s cannot pull its image: %(message)s. Check that the tag exists in TCR and that the"
        " cluster may pull it."
    ),
    "container-config": gettext_noop(
        "%(pod)s cannot be set up: %(message)s. A Secret or ConfigMap it names is missing."
    ),
    "out-of-memory": gettext_noop(
        "%(pod)s was ended for want of host memory (not GPU memory). Give it more memory."
    ),
    "crash-loop": gettext_noop("%(pod)s crashes again and again (exit code %(exit_code)s)."),
    "crashed": gettext_noop("%(pod)s ended: %(message)s."),
    "admission": gettext_noop("The node refused %(pod)s: %(message)s."),
    "mount": gettext_noop(
        "%(pod)s cannot mount a volume: %(message)s. Check the CFS folder and its permission group."
    ),
    "unschedulable": gettext_noop(
        "%(pod)s finds no card with room for its slice: %(message)s. Free a slice, make this one"
        " smaller, or add a node."
    ),
    "evicted": gettext_noop("%(pod)s was evicted: %(message)s."),
    "probe": gettext_noop("%(pod)s runs but does not answer yet: %(message)s."),
    "creating": gettext_noop("%(pod)s is being created."),
    "not-ready": gettext_noop("%(pod)s runs but is not ready yet."),
    "terminating": gettext_noop("%(pod)s is ending."),
}
# Stalls that do not pass by waiting a little: a person should look.
STUCK = frozenset(
    {
        "image-pull",
        "container-config",
        "out-of-memory",
        "crash-loop",
        "crashed",
        "admission",
        "mount",
    }
    | {"unschedulable", "evicted"}
)
PROGRESS: dict[str, str] = {
    "complete": gettext_noop("%(done)s of %(total)s replicas ready."),
    "not-observed": gettext_noop("The cluster has not looked at the change yet."),
    "updating": gettext_noop("%(updated)s of %(total)s replicas have the new template."),
    "terminating-old": gettext_noop("%(done)s of %(total)s ready; old replicas are ending."),
    "waiting": gettext_noop("%(done)s of %(total)s replicas ready."),
    "paused": gettext_noop("The rollout is paused in the cluster."),
    "deadline": gettext_noop("The rollout did not finish in %(seconds)s s: %(message)s"),
    "replica-failure": gettext_noop("The cluster refuses to create pods: %(message)s"),
}


def pod_say(pod: PodState) -> Say:
    """Why this pod is not ready; empty if it is."""
    template = STALLS.get(pod.code)
    if template is None:
        return Say("")
    params = {"message": "", "exit_code": "", **pod.params, "pod": pod.name}
    return Say(template, {**params, "message": brief(params["message"])})


def brief(message: str) -> str:
    """The service's words without what repeats them, and without the stop our sentence brings."""
    return message.partition(" preemption: ")[0].rstrip(". ")


def rollout_say(rollout: Rollout) -> Say:
    """The sentence of the whole rollout: the most telling stall first."""
    if rollout.stall in STUCK:
        pod = next(pod for pod in rollout.pods if pod.code == rollout.stall)
        return pod_say(pod)
    params = {"message": "", "seconds": "", "updated": "", **rollout.params}
    return Say(PROGRESS[rollout.message_code], params)
