"""A world with one Kubernetes cluster, on real sockets, at a twentieth of the usual waiting."""

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from sandbox.kube.cluster import KubeCluster
from sandbox.kube.service import Kube
from sandbox.world import World, open_world

Document = dict[str, Any]
CLUSTER = "cls-test0001"
PACE = 0.05


class PlainWebUi:
    """A small real HTTP server in place of the web UI: it serves /internal/ping once it is up."""

    made: list["PlainWebUi"] = []
    broken = False

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.logs: list[str] = []
        self._runner: web.AppRunner | None = None
        PlainWebUi.made.append(self)

    @property
    def ready(self) -> bool:
        return self._runner is not None

    async def start(self) -> None:
        if PlainWebUi.broken:
            raise RuntimeError("no checkpoint")
        application = web.Application()
        application.router.add_get("/internal/ping", self._ping)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.options["ip"], self.options["port"]).start()
        self.logs.append("Running on local URL")

    async def _ping(self, request: web.Request) -> web.Response:
        return web.json_response({"ip": self.options["ip"]})

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


@pytest.fixture(autouse=True)
def plain_web_ui() -> type[PlainWebUi]:
    PlainWebUi.made, PlainWebUi.broken = [], False
    return PlainWebUi


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
async def world(home: Path) -> AsyncIterator[World]:
    world = open_world(home, pace=PACE)
    world.kube = Kube(PlainWebUi)
    await world.kube.start(world)
    yield world
    await world.kube.stop()
    world.close()


@pytest.fixture
async def cluster(world: World) -> KubeCluster:
    world.kube.create_cluster(CLUSTER, "1.36.2")
    return await world.kube.ready(CLUSTER)


@pytest.fixture
def node(cluster: KubeCluster) -> str:
    """One machine with two A10 of 22 GiB in shares."""
    return add_node(cluster, "node-1")


def add_node(cluster: KubeCluster, name: str, **changes: Any) -> str:
    index = len(cluster.list("nodes"))
    options: dict[str, Any] = {
        "ip": cluster.world.network.node(index),
        "labels": {"topology.kubernetes.io/zone": "ap-guangzhou-6"},
        "cards": 2,
        "card_gib": 22,
        "qgpu": True,
        "gpu_type": "A10",
        "cpu": 56,
        "memory_gib": 232,
    }
    cluster.add_node(name=name, **{**options, **changes})
    return name


class Http:
    """Plain requests as one user of the cluster."""

    def __init__(self, url: str, context: ssl.SSLContext, token: str = "") -> None:
        self.url = url
        self._context = context
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """(status, headers, JSON body or text)."""
        headers = {**self._headers, **options.pop("headers", {})}
        timeout = aiohttp.ClientTimeout(total=20)
        async with (
            aiohttp.ClientSession(timeout=timeout, skip_auto_headers=["User-Agent"]) as session,
            session.request(
                method, self.url + path, ssl=self._context, headers=headers, **options
            ) as response,
        ):
            text = await response.text()
            body: Any = text
            if response.content_type == "application/json" and text:
                body = await response.json()
            return response.status, response.headers, body


def http_as(world: World, user: str, groups: tuple[str, ...], folder: Path) -> Http:
    """With a client certificate of that user; without one if `user` is empty."""
    kube = world.kube
    config = yaml.safe_load(kube.kubeconfig(CLUSTER, user or "nobody", groups=groups))
    return http_of(config, folder, certificate=bool(user))


def http_of(config: Document, folder: Path, *, certificate: bool = True) -> Http:
    server = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(server["certificate-authority-data"]).decode()
    )
    held = config["users"][0]["user"]
    if certificate and "client-certificate-data" in held:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("certificate", "key"):
            (folder / name).write_bytes(base64.b64decode(held[f"client-{name}-data"]))
        context.load_cert_chain(folder / "certificate", folder / "key")
    return Http(server["server"], context, held.get("token", ""))


@pytest.fixture
def http(world: World, cluster: KubeCluster, tmp_path: Path) -> Http:
    return http_as(world, "admin", ("system:masters",), tmp_path / "admin")


async def until(check: Callable[[], Any], *, seconds: float = 10.0, what: str = "") -> Any:
    """What `check` answers once it is true; fails after `seconds`."""
    ends = asyncio.get_running_loop().time() + seconds
    while True:
        found = check()
        if found:
            return found
        if asyncio.get_running_loop().time() > ends:
            pytest.fail(f"Never came true: {what or check}")
        await asyncio.sleep(0.02)


def refused(address: str, port: int) -> bool:
    """Does nobody listen there?"""
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((address, port)) != 0
