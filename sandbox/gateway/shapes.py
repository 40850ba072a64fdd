"""Kong 2.x entities with Kong's own defaults, and the checks its Admin API makes."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

Entity = dict[str, Any]

METHODS = (
    "GET", "POST", "DELETE", "PUT", "OPTIONS", "PATCH", "HEAD", "TRACE", "COPY", "MOVE",
    "PROPFIND", "PROPPATCH", "MKCOL", "LOCK", "UNLOCK",
)  # fmt: skip
ALGORITHMS = ("round-robin", "least-connections", "consistent-hashing")
HASH_INPUTS = ("none", "consumer", "ip", "header", "cookie")
UNITS = ("second", "minute", "hour", "day", "month", "year")
PLUGINS = ("rate-limiting", "ip-restriction", "cors", "key-auth", "request-termination")


class SchemaViolation(Exception):
    """The body breaks Kong's schema; `fields` says where."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(str(fields))
        self.fields = fields


HEALTHCHECKS: Entity = {
    "active": {
        "type": "http",
        "http_path": "/",
        "timeout": 1,
        "concurrency": 10,
        "https_verify_certificate": True,
        "https_sni": None,
        "healthy": {"interval": 0, "successes": 0, "http_statuses": [200, 302]},
        "unhealthy": {
            "interval": 0,
            "http_failures": 0,
            "tcp_failures": 0,
            "timeouts": 0,
            "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505],
        },
    },
    "passive": {
        "type": "http",
        "healthy": {
            "successes": 0,
            "http_statuses": [
                200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305,
                306, 307, 308,
            ],
        },
        "unhealthy": {
            "http_failures": 0,
            "tcp_failures": 0,
            "timeouts": 0,
            "http_statuses": [429, 500, 503],
        },
    },
    "threshold": 0,
}  # fmt: skip

DEFAULTS: dict[str, Entity] = {
    "services": {
        "name": None,
        "protocol": "http",
        "host": None,
        "port": 80,
        "path": None,
        "retries": 5,
        "connect_timeout": 60000,
        "read_timeout": 60000,
        "write_timeout": 60000,
        "tags": None,
        "client_certificate": None,
        "tls_verify": None,
        "tls_verify_depth": None,
        "ca_certificates": None,
    },
    "routes": {
        "name": None,
        "protocols": ["http", "https"],
        "methods": None,
        "hosts": None,
        "paths": None,
        "headers": None,
        "https_redirect_status_code": 426,
        "regex_priority": 0,
        "strip_path": True,
        "path_handling": "v0",
        "preserve_host": False,
        "request_buffering": True,
        "response_buffering": True,
        "snis": None,
        "sources": None,
        "destinations": None,
        "tags": None,
        "service": None,
    },
    "upstreams": {
        "name": None,
        "algorithm": "round-robin",
        "hash_on": "none",
        "hash_fallback": "none",
        "hash_on_header": None,
        "hash_fallback_header": None,
        "hash_on_cookie": None,
        "hash_on_cookie_path": "/",
        "slots": 10000,
        "healthchecks": HEALTHCHECKS,
        "host_header": None,
        "client_certificate": None,
        "tags": None,
    },
    "targets": {"target": None, "weight": 100, "tags": None, "upstream": None},
    "plugins": {
        "name": None,
        "config": {},
        "enabled": True,
        "protocols": ["grpc", "grpcs", "http", "https"],
        "service": None,
        "route": None,
        "consumer": None,
        "tags": None,
    },
}

PLUGIN_DEFAULTS: dict[str, Entity] = {
    "rate-limiting": {
        **dict.fromkeys(UNITS),
        "limit_by": "consumer",
        "policy": "cluster",
        "header_name": None,
        "path": None,
        "fault_tolerant": True,
        "hide_client_headers": False,
        "redis_host": None,
        "redis_port": 6379,
        "redis_password": None,
        "redis_timeout": 2000,
        "redis_database": 0,
    },
    "ip-restriction": {"allow": None, "deny": None},
    "cors": {
        "origins": None,
        "methods": ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"],
        "headers": None,
        "exposed_headers": None,
        "credentials": False,
        "max_age": None,
        "preflight_continue": False,
    },
    "key-auth": {
        "key_names": ["apikey"], "hide_credentials": False, "key_in_header": True,
        "key_in_query": True, "key_in_body": False, "anonymous": None, "run_on_preflight": True,
    },
    "request-termination": {
        "status_code": 503, "message": None, "body": None, "content_type": None,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """A member that points to another entity: {"id": ...}."""

    member: str
    kind: str


REFERENCES = {
    "routes": (Reference("service", "services"),),
    "targets": (Reference("upstream", "upstreams"),),
    "plugins": (Reference("service", "services"), Reference("route", "routes")),
}


def completed(kind: str, body: Entity, now: float, old: Entity | None = None) -> Entity:
    """`body` laid over `old` or over Kong's defaults.  Raises SchemaViolation."""
    base = old or {"id": body.get("id") or str(uuid.uuid4()), "created_at": int(now)}
    known = {**DEFAULTS[kind], "id": None, "created_at": None, "updated_at": None}
    body = dict(body)
    if kind == "services" and "url" in body:
        body = {**body, **_split_url(str(body.pop("url")))}
    if unknown := [name for name in body if name not in known]:
        raise SchemaViolation(dict.fromkeys(unknown, "unknown field"))
    result = overlaid(overlaid(DEFAULTS[kind], base), body)
    if kind != "targets":
        result["updated_at"] = int(now)
    if kind == "plugins":
        name = result["name"]
        if name not in PLUGINS:
            raise SchemaViolation({"name": f"plugin '{name}' not enabled; add it to the 'plugins'"})
        config = result["config"] or {}
        if wrong := [key for key in config if key not in PLUGIN_DEFAULTS[name]]:
            raise SchemaViolation({"config": dict.fromkeys(wrong, "unknown field")})
        result["config"] = overlaid(PLUGIN_DEFAULTS[name], config)
    if kind == "upstreams":
        _follow_hash_on(result, body)
    CHECKS[kind](result)
    return result


def _follow_hash_on(upstream: Entity, body: Entity) -> None:
    """Setting hash_on away from none selects consistent hashing; back to none, round robin."""
    if "hash_on" in body and "algorithm" not in body:
        if body["hash_on"] not in (None, "none"):
            upstream["algorithm"] = "consistent-hashing"
        elif upstream["algorithm"] == "consistent-hashing":
            upstream["algorithm"] = "round-robin"


def overlaid(base: Entity, change: Entity) -> Entity:
    """`base` with `change` over it; objects are merged, lists and values replaced."""
    result = dict(base)
    for key, value in change.items():
        old = base.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = overlaid(old or {}, value) if both else value
    return result


def _split_url(url: str) -> Entity:
    match = re.match(r"^(https?)://([^/:]+)(?::(\d+))?(/.*)?$", url)
    if match is None:
        raise SchemaViolation({"url": "invalid url"})
    port = int(match[3]) if match[3] else (443 if match[1] == "https" else 80)
    return {"protocol": match[1], "host": match[2], "port": port, "path": match[4]}


def _check_service(body: Entity) -> None:
    if not body["host"]:
        raise SchemaViolation({"host": "required field missing"})
    if body["protocol"] not in ("http", "https", "tcp", "tls", "udp", "grpc", "grpcs"):
        raise SchemaViolation({"protocol": "expected one of: grpc, grpcs, http, https, tcp"})
    _check_number(body, "port", 0, 65535)
    _check_number(body, "retries", 0, 32767)
    for name in ("connect_timeout", "read_timeout", "write_timeout"):
        _check_number(body, name, 1, 2147483646)


def _check_route(body: Entity) -> None:
    for path in body["paths"] or []:
        if not isinstance(path, str) or not path.startswith("/"):
            raise SchemaViolation({"paths": ["should start with: /"]})
        if is_regex(path):
            try:
                re.compile(path)
            except re.error as exc:
                raise SchemaViolation({"paths": [f"invalid regex: {exc}"]}) from exc
    for method in body["methods"] or []:
        if not re.fullmatch("[A-Z]+", str(method)):
            raise SchemaViolation({"methods": [f"invalid value: {method}"]})
    if not set(body["protocols"]) & {"http", "https"}:
        raise SchemaViolation({"protocols": "only http and https routes are served here"})


def _check_upstream(body: Entity) -> None:
    if not body["name"]:
        raise SchemaViolation({"name": "required field missing"})
    if body["algorithm"] not in ALGORITHMS:
        raise SchemaViolation({"algorithm": f"expected one of: {', '.join(ALGORITHMS)}"})
    for name in ("hash_on", "hash_fallback"):
        if body[name] not in HASH_INPUTS:
            raise SchemaViolation({name: f"expected one of: {', '.join(HASH_INPUTS)}"})
    if body["hash_on"] == "header" and not body["hash_on_header"]:
        raise SchemaViolation({"hash_on_header": "required field missing"})
    if body["hash_on"] == "cookie" and not body["hash_on_cookie"]:
        raise SchemaViolation({"hash_on_cookie": "required field missing"})
    _check_number(body, "slots", 10, 65536)


def _check_target(body: Entity) -> None:
    if not re.match(r"^[^:]+(:\d+)?$", str(body["target"] or "")):
        raise SchemaViolation({"target": "Invalid target; not a valid hostname or ip address"})
    if ":" not in body["target"]:
        body["target"] += ":8000"
    _check_number(body, "weight", 0, 65535)


def _check_plugin(body: Entity) -> None:
    config = body["config"]
    if body["name"] == "rate-limiting" and not any(config[unit] for unit in UNITS):
        raise SchemaViolation(
            {"config": {"@entity": [f"at least one of: {', '.join(UNITS)} is needed"]}}
        )
    if body["name"] == "ip-restriction" and not (config["allow"] or config["deny"]):
        raise SchemaViolation({"config": {"@entity": ["at least one of: allow, deny is needed"]}})


def _check_number(body: Entity, name: str, low: int, high: int) -> None:
    value = body[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SchemaViolation({name: f"value should be between {low} and {high}"})


CHECKS = {
    "services": _check_service,
    "routes": _check_route,
    "upstreams": _check_upstream,
    "targets": _check_target,
    "plugins": _check_plugin,
}


def is_regex(path: str) -> bool:
    """Kong 2.x takes a path for a regular expression if it holds anything but plain characters."""
    return re.fullmatch(r"[A-Za-z0-9._~/%-]*", path) is None
