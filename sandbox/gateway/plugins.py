"""What the gateway does to a request before it forwards it: Kong's plug-ins, and canary rules."""

import asyncio
from ipaddress import ip_address, ip_network
from typing import Any

from aiohttp import web

from sandbox.gateway.balance import Target
from sandbox.gateway.gateway import Gateway
from sandbox.gateway.limit_detail import detail_from_kong
from sandbox.gateway.limiter import Subject, Verdict, compare
from sandbox.store import Document


class Answered(Exception):
    """The gateway answers by itself."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Plugins:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def run(
        self,
        request: web.BaseRequest,
        route: Document,
        service: Document | None,
        subject: Subject,
        extra: dict[str, str],
    ) -> None:
        """All plug-ins in Kong's order; `extra` collects headers for the answer.

        Raises Answered if one of them ends the request.
        """
        self._cors(request, route, service, extra)
        self._check_address(route, service, subject)
        await self._limit(request, route, service, subject, extra)
        self._terminate(route, service)

    def _cors(
        self,
        request: web.BaseRequest,
        route: Document,
        service: Document | None,
        extra: dict[str, str],
    ) -> None:
        plugin = self._gateway.plugin("cors", route, service)
        origin = request.headers.get("Origin")
        if plugin is None or origin is None:
            return
        config = plugin["kong"]["config"]
        origins = config["origins"] or ["*"]
        if "*" in origins and not config["credentials"]:
            extra["Access-Control-Allow-Origin"] = "*"
        elif "*" in origins or origin in origins:
            extra["Access-Control-Allow-Origin"] = origin
            extra["Vary"] = "Origin"
        else:
            return
        if config["credentials"]:
            extra["Access-Control-Allow-Credentials"] = "true"
        if config["exposed_headers"]:
            extra["Access-Control-Expose-Headers"] = ",".join(config["exposed_headers"])
        wanted = request.headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or wanted is None or config["preflight_continue"]:
            return
        asked = request.headers.get("Access-Control-Request-Headers", "")
        answer = {
            **extra,
            "Access-Control-Allow-Methods": ",".join(config["methods"]),
            "Access-Control-Allow-Headers": ",".join(config["headers"] or []) or asked,
        }
        if config["max_age"] is not None:
            answer["Access-Control-Max-Age"] = str(config["max_age"])
        raise Answered(200, "", answer)

    def _check_address(self, route: Document, service: Document | None, subject: Subject) -> None:
        plugin = self._gateway.plugin("ip-restriction", route, service)
        if plugin is None:
            return
        config = plugin["kong"]["config"]
        address = ip_address(subject.ip)
        allow, deny = (
            [ip_network(entry, strict=False) for entry in config[name] or ()]
            for name in ("allow", "deny")
        )
        if any(address in net for net in deny) or (
            allow and not any(address in net for net in allow)
        ):
            raise Answered(403, {"message": "Your IP address is not allowed"})

    async def _limit(
        self,
        request: web.BaseRequest,
        route: Document,
        service: Document | None,
        subject: Subject,
        extra: dict[str, str],
    ) -> None:
        plugin = self._gateway.plugin("rate-limiting", route, service)
        if plugin is None:
            return
        detail = plugin["tse"].get("detail") or detail_from_kong(plugin["kong"])
        node = self._gateway.node_of(request.transport)
        clock = self._gateway.world.clock
        patience_s = float(detail.get("LineUpTime") or 0) if detail.get("IsDelay") else 0.0
        deadline = clock.now() + patience_s
        while True:
            verdict = self._gateway.limiter.check(
                plugin["kong"]["id"], detail, subject, node, clock.now()
            )
            if verdict.allowed:
                extra.update(verdict.headers)
                return
            if clock.now() + verdict.wait_s > deadline:
                raise _refusal(detail, verdict)
            await asyncio.sleep(verdict.wait_s + 0.001)

    def _terminate(self, route: Document, service: Document | None) -> None:
        plugin = self._gateway.plugin("request-termination", route, service)
        if plugin is None:
            return
        config = plugin["kong"]["config"]
        headers = {"Content-Type": config["content_type"]} if config["content_type"] else {}
        message = config["message"] or "Service unavailable"
        raise Answered(config["status_code"], config["body"] or {"message": message}, headers)

    def canary(self, service: Document, subject: Subject) -> Document:
        """The service a canary rule sends this request to; the rules come highest number first."""
        for rule in service["tse"].get("canary") or ():
            if not rule["Enabled"] or not all(
                _condition_holds(entry, subject) for entry in rule.get("ConditionList") or ()
            ):
                continue
            shares = [
                Target(entry["ServiceID"], rule["Priority"], round(entry["Percent"] * 100))
                for entry in rule["BalancedServiceList"]
            ]
            chosen = self._gateway.shares.pick({"algorithm": "round-robin"}, shares, None, set())
            if chosen is not None:
                return self._gateway.config.find("services", chosen.host)
        return service


def _condition_holds(entry: dict[str, Any], subject: Subject) -> bool:
    kind, key = entry["Type"], entry.get("Key") or ""
    value: str | None
    if kind == "path":
        value = subject.path
    elif kind == "method":
        value = subject.method
    elif kind == "system":
        value = subject.ip
    else:
        sources = {"header": subject.headers, "query": subject.query, "cookie": subject.cookies}
        value = sources[kind].get(key) if kind in sources else None
    wanted = entry.get("Value") or ""
    operator = entry.get("Operator") or "eq"
    many = operator in ("in", "not in")
    parts = wanted.split(entry.get("Delimiter") or ",") if many else [wanted]
    return compare(operator, value, parts)


def _refusal(detail: dict[str, Any], verdict: Verdict) -> Answered:
    """What the limit was told to answer: the default, a text of its own, or a redirect."""
    if detail["ResponseType"] == "url":
        return Answered(302, "", {"Location": detail["RateLimitResponseUrl"]})
    if detail["ResponseType"] == "text":
        given = detail.get("RateLimitResponse") or {}
        headers = {pair["Key"]: pair["Value"] for pair in given.get("Headers") or ()}
        status = given.get("HttpStatus") or 429
        return Answered(status, given.get("Body") or "", {**verdict.headers, **headers})
    return Answered(429, {"message": "API rate limit exceeded"}, verdict.headers)
