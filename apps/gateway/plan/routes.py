"""What it takes to let requests in, and how many.  Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.words import Say
from apps.gateway.plan.lines import change_of, lines_of
from apps.gateway.spec import Limit
from cloud.types import RateLimit

UNITS = ("second", "minute", "hour", "day", "month", "year")
CREATE_ROUTE = "CreateCloudNativeAPIGatewayRoute"


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
        fields = lines_of(GUIDE_FIELDS, None, self.guide)
        return change_of("create", "Route", self.guide.name, CREATE_ROUTE, fields)


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
        fields = lines_of(GUIDE_FIELDS, self.old, self.new)
        return change_of(
            "change", "Route", self.new.name, "ModifyCloudNativeAPIGatewayRoute", fields
        )


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
        return change_of(
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
        return change_of(
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
        return change_of(
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
    return (*lines, *lines_of(LIMIT_FIELDS, old, new, zero_says_something=False))


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
