"""One running gateway: its configuration compiled for the proxy, its targets, its health checks."""

import asyncio
import logging
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from sandbox.gateway.balance import Balancer, Health, Target, checks_on
from sandbox.gateway.config import Config, Missing
from sandbox.gateway.limiter import Limiter
from sandbox.gateway.router import Router
from sandbox.store import Document
from sandbox.world import World

log = logging.getLogger(__name__)

PROBE_TICK_S = 0.1


class Gateway:
    def __init__(self, world: World, gateway_id: str) -> None:
        self.world = world
        self.config = Config(world.store, gateway_id)
        self.limiter = Limiter()
        self.shares = Balancer()  # canary shares use the same exact round robin
        self._balancers: dict[str, Balancer] = {}
        self._router: Router | None = None
        self._nodes: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()
        self._connections = 0

    @property
    def row(self) -> Document:
        return self.world.store.collection("tse.gateways")[self.config.gateway_id]

    @property
    def address(self) -> str:
        return self.world.network.gateway(self.row["index"])

    @property
    def version(self) -> str:
        return str(self.row["version"])

    def changed(self) -> None:
        """The configuration is not what it was: compile it anew at the next request."""
        self._router = None

    @property
    def router(self) -> Router:
        if self._router is None:
            self._router = Router(self.config.all("routes"))
        return self._router

    def node_of(self, connection: asyncio.BaseTransport | None) -> int:
        """Which of the gateway's nodes a client connection reached; connections are dealt out."""
        if connection is None:
            return 0
        if connection not in self._nodes:
            self._nodes[connection] = self._connections
            self._connections += 1
        return self._nodes[connection] % int(self.row["node"]["Number"])

    def balancer(self, upstream: Document) -> Balancer:
        return self._balancers.setdefault(upstream["kong"]["id"], Balancer())

    def targets(self, upstream: Document) -> list[Target]:
        """The targets as they are now: the pods of the followed Service, and fixed ones."""
        found = []
        follows = upstream["tse"].get("follows")
        if follows:
            found += [Target(host, port) for host, port in self._pods(follows)]
        for entry in self.config.all("targets"):
            if entry["kong"]["upstream"]["id"] == upstream["kong"]["id"]:
                host, _, port = entry["kong"]["target"].rpartition(":")
                found.append(Target(host, int(port), entry["kong"]["weight"]))
        balancer, down = self.balancer(upstream), upstream["tse"].get("down") or []
        checked = checks_on(upstream["kong"]["healthchecks"])
        result = []
        for target in found:
            if target.address in down or balancer.is_ill(target.address):
                result.append(replace(target, health="UNHEALTHY"))
            else:
                result.append(replace(target, health="HEALTHY" if checked else target.health))
        return result

    def _pods(self, follows: dict[str, Any]) -> list[tuple[str, int]]:
        try:
            cluster = self.world.kube.cluster(follows["cluster"])
            return list(
                cluster.endpoints(follows["namespace"], follows["service"], follows["port"])
            )
        except LookupError:
            return []  # the cluster is gone; the gateway goes on with an empty upstream

    # -- active health checks

    async def watch_health(self, session: aiohttp.ClientSession) -> None:
        while True:
            try:
                await self._probe_due(session)
            except Exception:
                log.exception("Active health checks of %s failed.", self.config.gateway_id)
            await asyncio.sleep(PROBE_TICK_S)

    async def _probe_due(self, session: aiohttp.ClientSession) -> None:
        now = asyncio.get_running_loop().time()
        probes = []
        for upstream in self.config.all("upstreams"):
            checks = upstream["kong"]["healthchecks"]["active"]
            if not (checks["healthy"]["interval"] or checks["unhealthy"]["interval"]):
                continue
            balancer = self.balancer(upstream)
            for target in self.targets(upstream):
                health = balancer.health.setdefault(target.address, Health())
                every_s = checks["unhealthy" if health.ill else "healthy"]["interval"]
                if every_s and now >= health.probe_at:
                    health.probe_at = now + every_s
                    probes.append(self._probe(session, balancer, checks, target))
        await asyncio.gather(*probes)

    async def _probe(
        self,
        session: aiohttp.ClientSession,
        balancer: Balancer,
        checks: dict[str, Any],
        target: Target,
    ) -> None:
        timeout = aiohttp.ClientTimeout(total=checks["timeout"])
        url = f"http://{target.address}{checks['http_path']}"
        try:
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                balancer.report_status(checks, target.address, response.status)
        except TimeoutError:
            balancer.report_failure(checks, target.address, timeout=True)
        except aiohttp.ClientError:
            balancer.report_failure(checks, target.address, timeout=False)

    def service_of(self, route: Document) -> Document | None:
        reference = route["kong"]["service"]
        if reference is None:
            return None
        try:
            return self.config.find("services", reference["id"])
        except Missing:
            return None

    def plugin(self, name: str, route: Document, service: Document | None) -> Document | None:
        """The enabled plug-in `name` that holds: the route's, else the service's, else global."""
        candidates = self.config.plugins_of("route", route["kong"]["id"], name)
        if service is not None:
            candidates += [
                entry
                for entry in self.config.plugins_of("service", service["kong"]["id"], name)
                if entry["kong"]["route"] is None
            ]
        candidates += [
            entry
            for entry in self.config.all("plugins")
            if entry["kong"]["name"] == name
            and entry["kong"]["service"] is None
            and entry["kong"]["route"] is None
        ]
        return next((entry for entry in candidates if entry["kong"]["enabled"]), None)
