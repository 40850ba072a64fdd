"""COS and CI on loopback, the vendor's SDK pointed at them, and a server that takes callbacks."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image
from qcloud_cos import CosConfig, CosS3Client

from sandbox import demo
from sandbox.accounts import REGION
from sandbox.ci.service import Ci
from sandbox.cos.service import Cos
from sandbox.network import COS_PORT
from sandbox.world import World, open_world


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    world = open_world(tmp_path / "home", pace=0.05)
    world.cos, world.ci = Cos(), Ci()
    for service in (world.cos, world.ci):
        await service.start(world)
        service.seed(world)
    yield world
    await world.ci.stop()
    await world.cos.stop()
    world.close()


@pytest.fixture
def client(world: World) -> CosS3Client:
    key = world.accounts.first()
    service = f"{world.network.front}:{COS_PORT}"
    config = CosConfig(
        Region=REGION,
        SecretId=key.secret_id,
        SecretKey=key.secret_key,
        Scheme="http",
        Timeout=20,
        Domain=f"{service}/{demo.BUCKET}",
        ServiceDomain=service,
    )
    return CosS3Client(config, retry=0)


def picture(colour: str, share: float = 1.0, size: tuple[int, int] = (320, 200)) -> bytes:
    """A PNG, grey but for `share` of its width on the left."""
    image = Image.new("RGB", size, "#8a8f94")
    image.paste(colour, (0, 0, round(size[0] * share), size[1]))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Ear:
    """A server that hears callbacks: `heard` holds (path, headers, JSON body)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], Any]] = []
        self.status = 200
        self.url = ""

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((request.path, dict(request.headers), await request.json()))
        return web.Response(status=self.status)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def ear(world: World) -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_post("/{tail:.*}", ear.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, world.network.front, 0)
    await site.start()
    ear.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield ear
    await runner.cleanup()
