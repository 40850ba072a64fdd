"""The wishes of the three kinds, typed.  Stored as JSON in the rows' spec and their revisions.

Shape only: what a value may be is said by rules.py, in sentences.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Unit = Literal["second", "minute", "hour", "day", "month", "year"]
Method = Literal[
    "ANY", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"
]  # fmt: skip
Algorithm = Literal["round-robin", "least-connections"]
HashOn = Literal["none", "ip"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceWish(Part):
    """`name` of the bound cluster at the gateway."""

    name: str = Field(max_length=120)


class ServiceWish(Part):
    """What requests are sent to: a Service of the cluster.

    `algorithm` holds while `hash_on` is "none"; hashing brings its own.  retries: further pods
    tried when one cannot be reached.
    """

    namespace: str = Field(max_length=63)
    kube_service: str = Field(max_length=63)
    port: int
    protocol: Literal["http"] = "http"
    timeout_ms: int = 600_000
    retries: int = 1
    algorithm: Algorithm = "round-robin"
    hash_on: HashOn = "none"


class Threshold(Part):
    unit: Unit
    max: int


class Header(Part):
    name: str
    value: str


class Answer(Part):
    """What a request over the limit gets instead of the gateway's own 429."""

    status: int = 429
    body: str = ""
    headers: tuple[Header, ...] = ()


class Limit(Part):
    """`limit_by` "ip": each client counts for itself; "service": all together.

    policy "local": every node of the gateway counts for itself.
    """

    thresholds: tuple[Threshold, ...]
    limit_by: Literal["ip", "service"] = "ip"
    policy: Literal["local"] = "local"
    response: Answer | None = None
    hide_headers: bool = False


class RouteWish(Part):
    """Which requests it takes.  Empty `hosts` = any host."""

    methods: tuple[Method, ...] = ("ANY",)
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ("/",)
    preserve_host: bool = True
    limit: Limit | None = None
