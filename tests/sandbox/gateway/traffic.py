"""Pods that really answer, clients with an address of their own, and short words for TSE calls."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox import demo
from sandbox.network import GATEWAY_PORT
from sandbox.world import World
from tests.sandbox.tencent.sdk import Call
from tests.sandbox.tencent.standin_kube import standin

POD_PORT = 7860
SOURCE = {
    "SourceID": demo.CLUSTER_ID,
    "SourceType": "TKE",
    "Namespace": "sd",
    "Port": POD_PORT,
}


@dataclass
class Pod:
    """An HTTP server on an address of the pod range."""

    ip: str
    seen: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    sleep_s: float = 0.0
    reset: bool = False

    async def start(self) -> None:
        server = web.Server(self._answer, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.ip, POD_PORT).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        if self.reset and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if request.path == "/stream":
            return await self._stream(request)
        self.bodies.append(await request.content.read())
        await asyncio.sleep(self.sleep_s)
        headers = {"X-Pod": self.ip, "X-Path": request.raw_path, "X-Host": request.host}
        return web.Response(status=self.status, text=self.ip, headers=headers)

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        """Echo each part as it comes: works only if both ways are streamed."""
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


@asynccontextmanager
async def pods(world: World, service: str, count: int, first: int = 0) -> AsyncIterator[list[Pod]]:
    """`count` ready pods behind the Kubernetes Service sd/`service`."""
    running = [Pod(world.network.pod(first + index)) for index in range(count)]
    for pod in running:
        await pod.start()
    behind = standin(world).cluster(demo.CLUSTER_ID).pods
    behind["sd", service, POD_PORT] = [(pod.ip, POD_PORT) for pod in running]
    try:
        yield running
    finally:
        del behind["sd", service, POD_PORT]
        for pod in running:
            await pod.stop()


@dataclass
class Gate:
    """The preset gateway through TSE's API, and clients of its data path."""

    world: World
    call: Call
    id: str = demo.GATEWAY_ID

    async def tse(self, action: str, /, **body: Any) -> dict[str, Any]:
        return await self.call("tse", action, GatewayId=self.id, **body)

    async def bind(self) -> None:
        await self.call(
            "tse", "CreateNativeGatewayServiceSource", GatewayID=self.id, SourceType="TKE",
            SourceID=demo.CLUSTER_ID, SourceName="sd-demo",
        )  # fmt: skip

    def service(self, name: str, **more: Any) -> dict[str, Any]:
        info = {**SOURCE, "ServiceName": name, "Algorithm": more.pop("Algorithm", "round-robin")}
        return {
            "Name": name, "Protocol": "http", "Timeout": 60000, "Retries": 2,
            "UpstreamType": "Kubernetes", "UpstreamInfo": info, **more,
        }  # fmt: skip

    async def serve(self, name: str, **more: Any) -> str:
        """Forward to the Kubernetes Service sd/`name`; the service's id."""
        answer = await self.tse("CreateCloudNativeAPIGatewayService", **self.service(name, **more))
        return str(answer["Result"]["ServiceId"])

    async def route(self, service_id: str, name: str, **more: Any) -> str:
        """A route to the service; its id, looked up by name as the create returns none."""
        wish = {"Methods": ["ANY"], "Paths": ["/"], "StripPath": False, **more}
        await self.tse(
            "CreateCloudNativeAPIGatewayRoute", ServiceID=service_id, RouteName=name, **wish
        )
        found = await self.tse("DescribeCloudNativeAPIGatewayRoutes", RouteName=name, Limit=1)
        return str(found["Result"]["RouteList"][0]["ID"])

    async def open(self, name: str = "sd", **more: Any) -> str:
        """A bound source, a service and a route for everything; the service's id."""
        await self.bind()
        service_id = await self.serve(name, **more)
        await self.route(service_id, f"{name}-all")
        return service_id

    async def get(self, path: str = "/", **options: Any) -> "Got":
        return await self.send("GET", path, **options)

    async def send(
        self, method: str, path: str, *, source: str = "127.0.0.2", **options: Any
    ) -> "Got":
        """One request over a connection of its own, from the address `source`."""
        connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
        address = f"http://{self.world.network.gateway(0)}:{GATEWAY_PORT}"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"{address}{path}", allow_redirects=False, **options) as answer,
        ):
            return Got(answer.status, await answer.text(), dict(answer.headers))

    async def statuses(self, count: int, **options: Any) -> Counter[int]:
        return Counter([(await self.get(**options)).status for _ in range(count)])

    async def hits(self, count: int, **options: Any) -> Counter[str]:
        """How many of `count` requests each pod answered."""
        return Counter([(await self.get(**options)).text for _ in range(count)])


@dataclass(frozen=True)
class Got:
    status: int
    text: str
    headers: dict[str, str]
