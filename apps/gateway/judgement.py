"""How sources, services and routes are doing, in one word and one sentence.  Pure."""

from django.utils.translation import gettext_noop

from apps.core.kinds import Verdict
from apps.core.phases import Phase
from apps.core.words import Say
from apps.gateway import words
from apps.gateway.plan import (
    Held,
    RouteHave,
    RouteWant,
    ServiceHave,
    ServiceWant,
    SourceHave,
    SourceWant,
)

LOOK_AGAIN_S = 2.0
STUCK_AGAIN_S = 10.0
PERSON_AGAIN_S = 60.0  # a person decides, but the cause may go away by itself

STICKY_MISSING = gettext_noop(
    "%(deployment)s runs %(replicas)s replicas with its page: without stickiness a client lands on"
    " another pod with every request and loses its session. Set stickiness by client IP."
)


def source_judge(want: SourceWant | None, have: SourceHave | Held | None) -> Verdict:
    if want is None:
        held = isinstance(have, Held)
        say = words.WAITS_FOR_SERVICES if held else gettext_noop("Being unbound.")
        return Verdict(Phase.WORKING, Say(say), LOOK_AGAIN_S)
    if not isinstance(have, SourceHave):
        return Verdict(
            Phase.DEGRADED,
            Say.of(
                gettext_noop("Cluster %(cluster)s is not bound to the gateway any more."),
                cluster=want.cluster_id,
            ),
            STUCK_AGAIN_S,
        )
    if not have.ours:
        text = gettext_noop(
            "Cluster %(cluster)s is bound to the gateway by somebody else, as %(name)s; it is used,"
            " and left bound at the end."
        )
        return Verdict(Phase.READY, Say.of(text, cluster=have.cluster_id, name=have.name))
    text = gettext_noop("The gateway reads services of cluster %(cluster)s.")
    return Verdict(Phase.READY, Say.of(text, cluster=have.cluster_id))


def service_judge(want: ServiceWant | None, have: ServiceHave | Held | None) -> Verdict:
    if want is None:
        held = isinstance(have, Held)
        say = words.WAITS_FOR_ROUTES if held else gettext_noop("Being removed.")
        return Verdict(Phase.WORKING, Say(say), LOOK_AGAIN_S)
    if not isinstance(have, ServiceHave):
        missing = Say(gettext_noop("The service is not at the gateway any more."))
        return Verdict(Phase.DEGRADED, missing, STUCK_AGAIN_S)
    if not want.deployment or want.leaving:
        text = gettext_noop(
            "The deployment behind this service is gone: requests are answered 503. Delete the"
            " service."
        )
        return Verdict(Phase.BLOCKED, Say(text), PERSON_AGAIN_S)
    if want.sticky_required and want.hash_on != "ip":
        needed = Say.of(STICKY_MISSING, deployment=want.deployment, replicas=want.replicas)
        return Verdict(Phase.BLOCKED, needed, PERSON_AGAIN_S)
    healthy = sum(pod.healthy for pod in have.pods)
    if want.replicas == 0:
        text = gettext_noop("%(deployment)s is scaled to zero: requests are answered 503.")
        return Verdict(Phase.READY, Say.of(text, deployment=want.deployment))
    if healthy == 0:
        return _nobody_behind(want, have)
    text = (
        gettext_noop("%(ready)s of %(total)s pods take requests; each client stays with its pod.")
        if want.hash_on == "ip"
        else gettext_noop("%(ready)s of %(total)s pods take requests, in turn.")
    )
    serving = Say.of(text, ready=healthy, total=want.replicas)
    return Verdict(Phase.READY, serving, None, min(healthy, want.replicas), want.replicas)


def _nobody_behind(want: ServiceWant, have: ServiceHave) -> Verdict:
    if not have.kube_service_there:
        text = gettext_noop(
            "Kubernetes has no Service %(name)s in namespace %(namespace)s any more: requests are"
            " answered 503. Put deployment %(deployment)s back in step."
        )
    else:
        text = gettext_noop(
            "No pod of %(deployment)s is ready yet: requests are answered 503 until one is."
        )
    say = Say.of(
        text,
        name=want.binding.kube_service,
        namespace=want.binding.namespace,
        deployment=want.deployment,
    )
    return Verdict(Phase.DEGRADED, say, STUCK_AGAIN_S, 0, want.replicas)


def route_judge(want: RouteWant | None, have: RouteHave | None) -> Verdict:
    if want is None:
        return Verdict(Phase.WORKING, Say(gettext_noop("Being removed.")), LOOK_AGAIN_S)
    if have is None:
        say = Say(gettext_noop("The route is not at the gateway any more."))
        return Verdict(Phase.DEGRADED, say, STUCK_AGAIN_S)
    if have.rivals:
        text = gettext_noop(
            "Route %(rival)s of this gateway takes some of the same requests; only one of the two"
            " gets them. Change a host or a path of one."
        )
        return Verdict(Phase.BLOCKED, Say.of(text, rival=have.rivals[0]), PERSON_AGAIN_S)
    text = gettext_noop("Answers at %(url)s")
    return Verdict(Phase.READY, Say.of(text, url=want.url))
