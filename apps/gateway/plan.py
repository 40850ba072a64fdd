"""What has to be done to sources, services and routes of a gateway.  Pure.

Live objects are projected onto the types of the wish, keeping only what we own; what differs is
then drift.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field, Op
from apps.core.words import Say
from apps.gateway.spec import Limit
from cloud.types import RateLimit

NO_HASH = "none"
HASHING = "consisten_hashing"  # as the API spells it
UNITS = ("second", "minute", "hour", "day", "month", "year")
CREATE_SERVICE = "CreateCloudNativeAPIGatewayService"
CREATE_ROUTE = "CreateCloudNativeAPIGatewayRoute"


@dataclass(frozen=True)
class Held:
    """Gone at the gateway, but rows that stand on it are not: it leaves after them."""


# ---- sources ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceWant:
    cluster_id: str
    name: str


@dataclass(frozen=True)
class SourceHave:
    """`name` at the gateway; another name than ours = somebody else bound the cluster."""

    cluster_id: str
    name: str
    ours: bool = True


@dataclass(frozen=True)
class BindCluster:
    source: SourceWant

    @property
    def key(self) -> str:
        return f"source/{self.source.cluster_id}"

    @property
    def change(self) -> Change:
        fields = (
            Field(gettext_noop("Cluster"), "SourceID", None, self.source.cluster_id),
            Field(gettext_noop("Kind"), "SourceType", None, "TKE"),
        )
        return _change(
            "create", "Service source", self.source.name, "CreateNativeGatewayServiceSource", fields
        )


@dataclass(frozen=True)
class UnbindCluster:
    source: SourceHave

    @property
    def key(self) -> str:
        return f"delete/source/{self.source.cluster_id}"

    @property
    def change(self) -> Change:
        note = Say(gettext_noop("No service uses it any more; the cluster itself is not touched."))
        return _change(
            "delete",
            "Service source",
            self.source.name,
            "DeleteNativeGatewayServiceSource",
            notes=(note,),
        )


SourceAction = BindCluster | UnbindCluster


def source_plan(want: SourceWant | None, have: SourceHave | Held | None) -> list[SourceAction]:
    """A cluster that somebody else bound serves as well; it is used, and never unbound by us."""
    if want is None:
        return [UnbindCluster(have)] if isinstance(have, SourceHave) else []
    return [] if have else [BindCluster(want)]


# ---- services -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Binding:
    """What we own of a gateway service."""

    name: str
    cluster_id: str
    namespace: str
    kube_service: str
    port: int
    protocol: str = "http"
    timeout_ms: int = 600_000
    retries: int = 1
    algorithm: str = "round-robin"


@dataclass(frozen=True)
class ServiceWant:
    """`hash_on` "ip" keeps a client with its pod.  The rest is for judging: the deployment's name
    ("" = it is gone), its replicas, and whether its page makes stickiness required."""

    binding: Binding
    hash_on: str = NO_HASH
    deployment: str = ""
    replicas: int = 0
    sticky_required: bool = False
    leaving: bool = False  # the deployment is being deleted


@dataclass(frozen=True)
class PodBehind:
    host: str
    port: int
    healthy: bool = True


@dataclass(frozen=True)
class ServiceHave:
    """`hash_on` "" = the gateway's console did not tell.  `kube_service_there` is only asked for
    when no pod is behind the service."""

    id: str
    binding: Binding
    hash_on: str = NO_HASH
    pods: tuple[PodBehind, ...] = ()
    kube_service_there: bool = True


@dataclass(frozen=True)
class CreateService:
    binding: Binding

    @property
    def key(self) -> str:
        return f"service/{self.binding.name}"

    @property
    def change(self) -> Change:
        fields = _binding_fields(None, self.binding)
        return _change("create", "Gateway service", self.binding.name, CREATE_SERVICE, fields)


@dataclass(frozen=True)
class ModifyService:
    """`hashed`: the upstream has a hash key, which this call may put back."""

    id: str
    old: Binding
    new: Binding
    hashed: bool = False

    @property
    def key(self) -> str:
        return f"service/{self.new.name}"

    @property
    def change(self) -> Change:
        text = gettext_noop(
            "Stickiness is looked up again right after: this call may put it back to none."
        )
        return _change(
            "change",
            "Gateway service",
            self.new.name,
            "ModifyCloudNativeAPIGatewayService",
            _binding_fields(self.old, self.new),
            (Say(text),) if self.hashed else (),
        )


@dataclass(frozen=True)
class SetHash:
    """Through the gateway's console (Konga or Kong Admin): its own API has no word for the key."""

    service: str
    old: str
    new: str

    @property
    def key(self) -> str:
        return f"service/{self.service}/hash"

    @property
    def heals(self) -> bool:
        """A lost hash key throws people out of their sessions: it is put back without asking."""
        return self.new == "ip"

    @property
    def change(self) -> Change:
        if self.new == "ip":
            note = gettext_noop(
                "Set through Konga. Each client address keeps its pod; clients behind one address"
                " share one."
            )
        else:
            note = gettext_noop("Clients change pods from request to request then.")
        fields = (Field(gettext_noop("Stickiness"), "hash_on", self.old or None, self.new),)
        return _change(
            "change",
            "Stickiness",
            self.service,
            "PATCH Konga /kong/upstreams",
            fields,
            (Say(note),),
        )


@dataclass(frozen=True)
class DeleteService:
    id: str
    name: str

    @property
    def key(self) -> str:
        return f"delete/service/{self.name}"

    @property
    def change(self) -> Change:
        return _change(
            "delete",
            "Gateway service",
            self.name,
            "DeleteCloudNativeAPIGatewayService",
            notes=(Say(gettext_noop("The deployment and its pods are not touched.")),),
            destructive=True,
        )


ServiceAction = CreateService | ModifyService | SetHash | DeleteService


def service_plan(want: ServiceWant | None, have: ServiceHave | Held | None) -> list[ServiceAction]:
    if want is None:
        known = have if isinstance(have, ServiceHave) else None
        return [DeleteService(known.id, known.binding.name)] if known else []
    name = want.binding.name
    if not isinstance(have, ServiceHave):
        made: list[ServiceAction] = [CreateService(want.binding)]
        return [*made, SetHash(name, NO_HASH, want.hash_on)] if want.hash_on == "ip" else made
    actions: list[ServiceAction] = []
    # Unknown is only in the way of who wants it set.
    hash_differs = want.hash_on != (have.hash_on or NO_HASH)
    # Setting the key brings the algorithm along, and unsetting takes it away.
    settled = (
        _with_algorithm(have.binding, want.binding.algorithm) if hash_differs else have.binding
    )
    if settled != want.binding:
        actions.append(ModifyService(have.id, settled, want.binding, want.hash_on == "ip"))
    if hash_differs:
        actions.append(SetHash(name, have.hash_on, want.hash_on))
    return actions


def _with_algorithm(binding: Binding, algorithm: str) -> Binding:
    return Binding(**{**vars(binding), "algorithm": algorithm})


BINDING_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("kube_service", gettext_noop("Kubernetes Service"), "UpstreamInfo.ServiceName"),
    ("namespace", gettext_noop("Namespace"), "UpstreamInfo.Namespace"),
    ("port", gettext_noop("Port"), "UpstreamInfo.Port"),
    ("cluster_id", gettext_noop("Cluster"), "UpstreamInfo.SourceID"),
    ("protocol", gettext_noop("Protocol"), "Protocol"),
    ("timeout_ms", gettext_noop("Time-out, ms"), "Timeout"),
    ("retries", gettext_noop("Retries"), "Retries"),
    ("algorithm", gettext_noop("Balancing"), "UpstreamInfo.Algorithm"),
)


def _binding_fields(old: Binding | None, new: Binding) -> tuple[Field, ...]:
    return _fields(BINDING_FIELDS, old, new)


# ---- routes -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guide:
    """What we own of a route.  `service` is the name of the gateway service."""

    name: str
    service: str
    methods: tuple[str, ...] = ("ANY",)
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ("/",)
    protocols: tuple[str, ...] = ("http", "https")
    preserve_host: bool = True
    strip_path: bool = False
    request_buffering: bool = False
    response_buffering: bool = False


@dataclass(frozen=True)
class RouteWant:
    """`nodes` of the gateway, each of which counts a local limit for itself; `url` to open."""

    guide: Guide
    limit: RateLimit | None = None
    nodes: int = 1
    url: str = ""


@dataclass(frozen=True)
class RouteHave:
    """`rivals`: other routes of the gateway that take some of the same requests."""

    id: str
    guide: Guide
    limit: RateLimit | None = None
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateRoute:
    guide: Guide

    @property
    def key(self) -> str:
        return f"route/{self.guide.name}"

    @property
    def change(self) -> Change:
        fields = _fields(GUIDE_FIELDS, None, self.guide)
        return _change("create", "Route", self.guide.name, CREATE_ROUTE, fields)


@dataclass(frozen=True)
class ModifyRoute:
    id: str
    old: Guide
    new: Guide

    @property
    def key(self) -> str:
        return f"route/{self.new.name}"

    @property
    def change(self) -> Change:
        fields = _fields(GUIDE_FIELDS, self.old, self.new)
        return _change("change", "Route", self.new.name, "ModifyCloudNativeAPIGatewayRoute", fields)


@dataclass(frozen=True)
class DeleteRoute:
    id: str
    name: str

    @property
    def key(self) -> str:
        return f"delete/route/{self.name}"

    @property
    def change(self) -> Change:
        note = Say(gettext_noop("Requests for its hosts and paths are answered 404 from then on."))
        return _change(
            "delete",
            "Route",
            self.name,
            "DeleteCloudNativeAPIGatewayRoute",
            notes=(note,),
            destructive=True,
        )


@dataclass(frozen=True)
class SetLimit:
    """Make or change the one rate limit of a route."""

    route: str
    old: RateLimit | None
    new: RateLimit
    nodes: int = 1

    @property
    def key(self) -> str:
        return f"route/{self.route}/limit"

    @property
    def change(self) -> Change:
        verb = "Modify" if self.old else "Create"
        return _change(
            "change" if self.old else "create",
            "Rate limit",
            self.route,
            f"{verb}CloudNativeAPIGatewayRouteRateLimit",
            limit_fields(self.old, self.new),
            local_notes(self.new, self.nodes),
        )


@dataclass(frozen=True)
class DeleteLimit:
    route: str
    old: RateLimit

    @property
    def key(self) -> str:
        return f"delete/route/{self.route}/limit"

    @property
    def change(self) -> Change:
        note = Say(gettext_noop("The route then lets every request through."))
        return _change(
            "delete",
            "Rate limit",
            self.route,
            "DeleteCloudNativeAPIGatewayRouteRateLimit",
            notes=(note,),
        )


RouteAction = CreateRoute | ModifyRoute | DeleteRoute | SetLimit | DeleteLimit


def route_plan(want: RouteWant | None, have: RouteHave | None) -> list[RouteAction]:
    if want is None:
        return [DeleteRoute(have.id, have.guide.name)] if have else []
    name = want.guide.name
    actions: list[RouteAction] = []
    if have is None:
        actions.append(CreateRoute(want.guide))
    elif have.guide != want.guide:
        actions.append(ModifyRoute(have.id, have.guide, want.guide))
    live = have.limit if have else None
    if want.limit and live != want.limit:
        actions.append(SetLimit(name, live, want.limit, want.nodes))
    elif live and not want.limit:
        actions.append(DeleteLimit(name, live))
    return actions


def rate_limit(limit: Limit) -> RateLimit:
    """The wish as the gateway keeps it."""
    answer = limit.response
    pairs = tuple((one.unit, one.max) for one in limit.thresholds)
    return RateLimit(
        thresholds=ordered(pairs),
        by=limit.limit_by,
        policy=limit.policy,
        hide_headers=limit.hide_headers,
        answer_status=answer.status if answer else 0,
        answer_body=answer.body if answer else "",
        answer_headers=tuple((one.name, one.value) for one in answer.headers) if answer else (),
    )


def ordered(thresholds: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """From the shortest unit on: the gateway keeps them in any order."""
    return tuple(sorted(thresholds, key=lambda pair: UNITS.index(pair[0])))


GUIDE_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("methods", gettext_noop("Methods"), "Methods"),
    ("hosts", gettext_noop("Hosts"), "Hosts"),
    ("paths", gettext_noop("Paths"), "Paths"),
    ("service", gettext_noop("Gateway service"), "ServiceID"),
    ("protocols", gettext_noop("Protocols"), "Protocols"),
    ("preserve_host", gettext_noop("Keep the host"), "PreserveHost"),
    ("strip_path", gettext_noop("Cut the path off"), "StripPath"),
    ("request_buffering", gettext_noop("Buffer requests"), "RequestBuffering"),
    ("response_buffering", gettext_noop("Buffer answers"), "ResponseBuffering"),
)


def limit_fields(old: RateLimit | None, new: RateLimit) -> tuple[Field, ...]:
    """One line per unit, then how it counts and what it answers."""
    before, after = dict(old.thresholds) if old else {}, dict(new.thresholds)
    lines = [
        Field(UNIT_WORDS[unit], f"QpsThresholds[{unit}].Max", before.get(unit), after.get(unit))
        for unit in UNITS
        if before.get(unit) != after.get(unit)
    ]
    return (*lines, *_fields(LIMIT_FIELDS, old, new, zero_says_something=False))


UNIT_WORDS: dict[str, str] = {
    "second": gettext_noop("Requests per second"),
    "minute": gettext_noop("Requests per minute"),
    "hour": gettext_noop("Requests per hour"),
    "day": gettext_noop("Requests per day"),
    "month": gettext_noop("Requests per month"),
    "year": gettext_noop("Requests per year"),
}
LIMIT_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("enabled", gettext_noop("Switched on"), "Enabled"),
    ("by", gettext_noop("Counted by"), "LimitBy"),
    ("policy", gettext_noop("Counted where"), "Policy"),
    ("queue_s", gettext_noop("Queue, s"), "LineUpTime"),
    ("answer_status", gettext_noop("Answers"), "RateLimitResponse.HttpStatus"),
    ("answer_body", gettext_noop("Body"), "RateLimitResponse.Body"),
    ("answer_headers", gettext_noop("Headers"), "RateLimitResponse.Headers"),
    ("hide_headers", gettext_noop("Hide the counters"), "HideClientHeaders"),
)


def local_notes(limit: RateLimit, nodes: int) -> tuple[Say, ...]:
    """What "local" really lets through, where it is more than it seems."""
    if limit.policy != "local" or nodes < 2 or not limit.thresholds:
        return ()
    unit, most = limit.thresholds[0]
    return (
        Say.of(
            gettext_noop(
                "Each of the %(nodes)s gateway nodes counts for itself: up to %(most)s per %(unit)s"
                " get through in all."
            ),
            nodes=nodes,
            most=nodes * most,
            unit=Say(UNIT_NAMES[unit]),
        ),
    )


UNIT_NAMES: dict[str, str] = {
    "second": gettext_noop("second"),
    "minute": gettext_noop("minute"),
    "hour": gettext_noop("hour"),
    "day": gettext_noop("day"),
    "month": gettext_noop("month"),
    "year": gettext_noop("year"),
}


# ---- for all three ------------------------------------------------------------------------------


def _fields(
    labels: Sequence[tuple[str, str, str]],
    old: object | None,
    new: object,
    zero_says_something: bool = True,
) -> tuple[Field, ...]:
    """Of something new all that says something; of something changed what differs."""
    lines = []
    for member, label, path in labels:
        before = _shown(getattr(old, member), zero_says_something) if old is not None else None
        after = _shown(getattr(new, member), zero_says_something)
        if before != after:
            lines.append(Field(label, path, before, after))
    return tuple(lines)


def _shown(value: Any, zero_says_something: bool) -> Any:
    """A value as JSON; nothing at all is None.  Pairs read as "name: value"."""
    if isinstance(value, tuple):
        return [": ".join(one) if isinstance(one, tuple) else one for one in value] or None
    if value == "" or (value == 0 and not isinstance(value, bool) and not zero_says_something):
        return None
    return value


def _change(
    op: Op,
    object_kind: str,
    name: str,
    call: str,
    fields: tuple[Field, ...] = (),
    notes: tuple[Say, ...] = (),
    destructive: bool = False,
) -> Change:
    return Change(op, "gateway", object_kind, name, call, fields, notes, destructive=destructive)
