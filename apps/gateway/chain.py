"""The way of a request as a picture: client, route, gateway service, Kubernetes Service, pods.

Arithmetic over what was last read; every number is a place in the SVG.  The table beside it is
made of the same links.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from django.utils.translation import gettext as _

from apps.core.phases import Phase
from apps.gateway import selectors
from apps.gateway.models import GatewayService, Route
from apps.gateway.spec import Limit, RouteWish

WIDTH, HEIGHT, GAP, COLUMN = 184, 62, 10, 226
PODS_SHOWN = 6
SHOWN = 24  # letters of a name that fit a box
STATES = {
    Phase.READY: "ok",
    Phase.DEGRADED: "warn",
    Phase.BLOCKED: "bad",
    Phase.WORKING: "run",
    Phase.PENDING: "run",
    Phase.DELETING: "run",
}


@dataclass(frozen=True)
class Link:
    """One station of the way.  state: ok run warn bad drift hold."""

    kind: str
    name: str
    detail: str
    state: str
    url: str = ""
    x: int = 0
    y: int = 0
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def short(self) -> str:
        return self.name if len(self.name) <= SHOWN else self.name[: SHOWN - 1] + "…"


@dataclass(frozen=True)
class Chain:
    width: int
    height: int
    links: list[Link]
    edges: list[tuple[str, str]] = field(default_factory=list)  # path, state


def chain(service: GatewayService, routes: list[Route]) -> Chain:
    """From the clients over `routes` to the pods of `service`."""
    wishes = selectors.drafted_wishes(routes)
    columns = [
        [Link(_("Clients"), _("anybody"), _("who reach the gateway"), "hold")],
        [route_link(row, wishes.get(row.pk)) for row in routes] or [no_route()],
        [service_link(service)],
        [kube_link(service)],
        pod_links(service),
    ]
    tallest = max(len(column) for column in columns)
    height = tallest * (HEIGHT + GAP) - GAP
    placed = [
        [
            Link(
                **{
                    **vars(link),
                    "x": number * COLUMN,
                    "y": (height - len(column) * (HEIGHT + GAP) + GAP) // 2
                    + place * (HEIGHT + GAP),
                }
            )
            for place, link in enumerate(column)
        ]
        for number, column in enumerate(columns)
    ]
    edges = [
        edge(left, right)
        for before, after in pairwise(placed)
        for left in before
        for right in after
    ]
    flat = [link for column in placed for link in column]
    return Chain((len(columns) - 1) * COLUMN + WIDTH, height, flat, edges)


def edge(left: Link, right: Link) -> tuple[str, str]:
    x1, y1 = left.x + left.width, left.y + left.height // 2
    x2, y2 = right.x, right.y + right.height // 2
    turn = (x1 + x2) // 2
    state = next((one for one in ("bad", "warn") if one in (left.state, right.state)), "ok")
    return f"M{x1} {y1} H{turn} V{y2} H{x2}", state


def state_of(row: GatewayService | Route) -> str:
    if row.drift and row.phase == Phase.READY:
        return "drift"
    return STATES.get(Phase(row.phase), "hold")


def no_route() -> Link:
    return Link(_("Route"), _("none"), _("nobody gets in"), "warn")


def route_link(row: Route, wish: RouteWish | None) -> Link:
    where = f"{wish.hosts[0] if wish.hosts else '*'}{wish.paths[0]}" if wish else row.name
    words = limit_words(wish.limit) if wish else ""
    return Link(_("Route"), where, words or _("no limit"), state_of(row), row.get_absolute_url())


def service_link(row: GatewayService) -> Link:
    wish = selectors.wish_of_service(row)
    seen = row.observed.get("hash_on") or (wish.hash_on if wish else "none")
    words = _("by client IP") if seen == "ip" else _("in turn")
    url = row.get_absolute_url()
    return Link(_("Gateway service"), row.external_name, words, state_of(row), url)


def kube_link(row: GatewayService) -> Link:
    wish = selectors.wish_of_service(row)
    name = f"{wish.kube_service}:{wish.port}" if wish else row.name
    there = row.observed.get("kube_service_there", True)
    words = (wish.namespace if wish else "") if there else _("not there any more")
    url = row.deployment.get_absolute_url() if row.deployment else ""
    return Link("Kubernetes Service", name, words, "ok" if there else "bad", url)


def pod_links(row: GatewayService) -> list[Link]:
    behind = row.observed.get("pods") or []
    if not behind:
        return [Link("Pod", _("none ready"), _("requests get 503"), "warn")]
    named = {pod["ip"]: pod["name"] for pod in deployment_pods(row)}
    links = [
        Link(
            "Pod",
            named.get(host, f"{host}:{port}"),
            f"{host}:{port}" if healthy else _("taken out"),
            "ok" if healthy else "bad",
        )
        for host, port, healthy in behind[:PODS_SHOWN]
    ]
    if len(behind) > PODS_SHOWN:
        links.append(Link("Pod", f"+{len(behind) - PODS_SHOWN}", "", "ok"))
    return links


def deployment_pods(row: GatewayService) -> list[dict[str, str]]:
    found = row.deployment.observed.get("pods", []) if row.deployment else []
    return [pod for pod in found if pod.get("ip")]


def limit_words(limit: Limit | None) -> str:
    """The thresholds in a few letters: 3/min, 500/h."""
    if limit is None:
        return ""
    short = {
        "second": _("s"),
        "minute": _("min"),
        "hour": _("h"),
        "day": _("day"),
        "month": _("month"),
        "year": _("year"),
    }
    return ", ".join(f"{one.max}/{short[one.unit]}" for one in limit.thresholds)
