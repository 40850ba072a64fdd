"""TSE: the cloud-native gateway.  *Spec types are both the wish and what is read back."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class GatewayShape:
    """A gateway to be bought; `nodes` 2 to 9 of `specification` 1c2g … 8c16g."""

    name: str
    vpc_id: str
    subnet_id: str
    version: str = "2.5.1"
    specification: str = "1c2g"
    nodes: int = 2
    description: str = ""
    bandwidth_mbps: int = 0  # public egress; 0 = no public address


@dataclass(frozen=True)
class Gateway:
    """`status`: Creating, Running, Modifying, UpdatingSpec, Deleting, …"""

    id: str
    name: str
    status: str
    version: str
    specification: str
    nodes: int
    vpc_id: str
    subnet_id: str
    public_ips: tuple[str, ...]
    http_port: str
    https_port: str
    description: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class GatewayConsole:
    """The way into the gateway's Konga or Kong Admin.  `status`: Open, Closed, Updating."""

    kind: str
    status: str
    http_url: str
    https_url: str
    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def open(self) -> bool:
        return self.status == "Open"


@dataclass(frozen=True)
class Source:
    """A cluster or registry the gateway finds services in."""

    id: str
    name: str
    kind: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class Target:
    """One address behind a service.  `health`: HEALTHY, UNHEALTHY, HEALTHCHECKS_OFF, NONE."""

    host: str
    port: int
    weight: int = 100
    health: str = ""


@dataclass(frozen=True)
class ServiceSpec:
    """A gateway service.  A Kubernetes one is bound by the four source fields and `port`.

    In lists `protocol`, `timeout_ms` and `retries` are "", 0 and -1: only the detail has them."""

    name: str
    source_id: str = ""
    namespace: str = ""
    service_name: str = ""
    port: int = 0
    source_type: str = "TKE"
    upstream_type: str = "Kubernetes"
    protocol: str = "http"
    timeout_ms: int = 60000
    retries: int = 5
    algorithm: str = "round-robin"
    path: str = ""
    host: str = ""  # HostIP services
    fixed_targets: tuple[Target, ...] = ()  # IPList services


@dataclass(frozen=True)
class GatewayService:
    id: str
    spec: ServiceSpec
    health: str = ""
    targets: tuple[Target, ...] = ()
    tags: tuple[str, ...] = ()
    editable: bool = True
    created_at: datetime | None = None


@dataclass(frozen=True)
class RouteSpec:
    """A route.  Empty `hosts` = any host; `https_redirect` is the status for plain http."""

    name: str
    service_id: str
    paths: tuple[str, ...] = ("/",)
    methods: tuple[str, ...] = ("ANY",)
    hosts: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("http", "https")
    headers: tuple[tuple[str, str], ...] = ()
    preserve_host: bool = False
    strip_path: bool = False
    https_redirect: int = 426
    request_buffering: bool = True
    response_buffering: bool = True
    regex_priority: int = 0


@dataclass(frozen=True)
class Route:
    id: str
    spec: RouteSpec
    service_name: str = ""
    source: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class ServiceWithRoutes:
    service: GatewayService
    routes: tuple[Route, ...]
    route_count: int


@dataclass(frozen=True)
class RateLimit:
    """`thresholds`: (unit, most) such as ("minute", 60).  Policy "local" counts per gateway node.

    `by`: ip, service, consumer, credential, path, header (then `path` or `header` names it).
    `queue_s` > 0 makes surplus requests wait that long instead of being refused."""

    thresholds: tuple[tuple[str, int], ...]
    by: str = "service"
    enabled: bool = True
    policy: str = "local"
    path: str = ""
    header: str = ""
    hide_headers: bool = False
    queue_s: int = 0
    answer_status: int = 0  # 0 = the gateway's own 429
    answer_body: str = ""
    answer_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class IpRestriction:
    """`kind`: whiteList or blackList."""

    kind: str
    addresses: tuple[str, ...]
    enabled: bool = True


@dataclass(frozen=True)
class GatewayCors:
    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed_headers: tuple[str, ...] = ()
    max_age_s: int = 0
    credentials: bool = False
    preflight_continue: bool = False
    enabled: bool = True


@dataclass(frozen=True)
class CanaryCondition:
    """`kind`: path, method, query, header, cookie, body, system."""

    kind: str
    key: str
    operator: str
    value: str


@dataclass(frozen=True)
class CanaryRule:
    """`priority` (0 to 100) identifies the rule within its service; `shares`: (service id, %)."""

    priority: int
    shares: tuple[tuple[str, float], ...]
    conditions: tuple[CanaryCondition, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class HealthCheck:
    """Active: the gateway asks `path` each interval.  Passive: failing answers take a pod out."""

    active: bool = False
    passive: bool = False
    path: str = "/"
    healthy_interval_s: int = 0
    unhealthy_interval_s: int = 0
    timeout_s: float = 0.0
    host_header: str = ""
    passive_type: str = "http"
    successes: int = 0
    failures: int = 0
    timeouts: int = 0
    healthy_statuses: tuple[int, ...] = ()
    unhealthy_statuses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Upstream:
    """Kong's upstream behind a service; its name finds it in Konga."""

    id: str
    name: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class KongUpstream:
    """`hash_on`: none, consumer, ip, header, cookie."""

    id: str
    name: str
    hash_on: str
    hash_fallback: str
    algorithm: str
