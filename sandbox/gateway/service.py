"""The `Gateways` service: opens and closes the ports of each gateway as TSE's state says."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.gateway.admin import Admin
from sandbox.gateway.balance import Target
from sandbox.gateway.gateway import Gateway
from sandbox.gateway.konga import Konga
from sandbox.gateway.proxy import Proxy
from sandbox.network import GATEWAY_PORT, KONG_ADMIN_PORT, KONGA_PORT
from sandbox.store import Document
from sandbox.world import World

log = logging.getLogger(__name__)

SERVING = ("Running", "Modifying", "UpdatingSpec")
Serve = Callable[[Any], Awaitable[web.StreamResponse]]


@dataclass
class Running:
    """A gateway with open ports."""

    gateway: Gateway
    session: aiohttp.ClientSession
    health: "asyncio.Task[None]"
    runners: list[web.BaseRunner] = field(default_factory=list)
    konga: Konga | None = None
    konga_runner: web.BaseRunner | None = None


class Gateways:
    async def start(self, world: World) -> None:
        self._world = world
        self._gateways: dict[str, Gateway] = {}
        self._running: dict[str, Running] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        for gateway_id in world.store.collection("tse.gateways"):
            await self._settle(gateway_id)

    async def settled(self) -> None:
        """Wait until the ports are as the last `sync` asked."""
        await asyncio.gather(*self._settling, return_exceptions=True)

    async def stop(self) -> None:
        await self.settled()
        for gateway_id in list(self._running):
            await self._close(gateway_id)

    def sync(self, gateway_id: str) -> None:
        """Something of the gateway changed: obey it from the next request on."""
        self._gateway(gateway_id).changed()
        task = asyncio.create_task(self._settle(gateway_id))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def targets(self, gateway_id: str, upstream: Document) -> list[Target]:
        """The targets of an upstream as they are now, with their health."""
        return self._gateway(gateway_id).targets(upstream)

    def heal(self, gateway_id: str, upstream: Document, address: str) -> None:
        """Forget that the target `address` was ill."""
        self._gateway(gateway_id).balancer(upstream).heal(address)

    def _gateway(self, gateway_id: str) -> Gateway:
        if gateway_id not in self._gateways:
            self._gateways[gateway_id] = Gateway(self._world, gateway_id)
        return self._gateways[gateway_id]

    async def _settle(self, gateway_id: str) -> None:
        """Open or close ports until they are as the gateway's row says."""
        async with self._lock:
            row = self._world.store.collection("tse.gateways").get(gateway_id)
            if row is None or row["state"] not in SERVING:
                await self._close(gateway_id)
                if row is None:
                    self._gateways.pop(gateway_id, None)
                return
            running = self._running.get(gateway_id)
            if running is None:
                running = await self._open(self._gateway(gateway_id))
                self._running[gateway_id] = running
            is_open = row["console"] == "Open"
            if is_open and running.konga_runner is None and running.konga is not None:
                running.konga_runner = await _listen(
                    running.konga.serve, running.gateway.address, KONGA_PORT
                )
            elif not is_open and running.konga_runner is not None:
                await running.konga_runner.cleanup()
                running.konga_runner = None

    async def _open(self, gateway: Gateway) -> Running:
        session = aiohttp.ClientSession(
            # A connection per request: none that a pod has closed meanwhile is ever used.
            connector=aiohttp.TCPConnector(
                limit=0, force_close=True, local_addr=(gateway.address, 0)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        running = Running(gateway, session, asyncio.create_task(gateway.watch_health(session)))
        server = web.Server(
            Proxy(gateway, session).serve, handler_cancellation=True, access_log=None
        )
        runner = web.ServerRunner(server, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, gateway.address, GATEWAY_PORT).start()
        admin = Admin(gateway)
        running.konga = Konga(gateway, admin)
        running.runners = [runner, await _listen(admin.serve, gateway.address, KONG_ADMIN_PORT)]
        return running

    async def _close(self, gateway_id: str) -> None:
        running = self._running.pop(gateway_id, None)
        if running is None:
            return
        running.health.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running.health
        for runner in [*running.runners, running.konga_runner]:
            if runner is not None:
                await runner.cleanup()
        await running.session.close()


async def _listen(serve: Serve, address: str, port: int) -> web.BaseRunner:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    return runner
