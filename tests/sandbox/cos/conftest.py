"""A COS endpoint on loopback, and the vendor's own SDK pointed at it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from qcloud_cos import CosConfig, CosS3Client

from sandbox import demo
from sandbox.accounts import REGION, Key
from sandbox.cos.service import Cos
from sandbox.network import COS_PORT
from sandbox.world import World, open_world

ClientMaker = Callable[..., CosS3Client]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    world = open_world(tmp_path / "home", pace=0.05)
    world.cos = Cos()
    await world.cos.start(world)
    world.cos.seed(world)
    yield world
    await world.cos.stop()
    world.close()


@pytest.fixture
def make_client(world: World) -> ClientMaker:
    def make(bucket: str = demo.BUCKET, key: Key | None = None, **config: object) -> CosS3Client:
        pair = key or world.accounts.first()
        service = f"{world.network.front}:{COS_PORT}"
        wiring: dict[str, object] = {"Domain": f"{service}/{bucket}", "ServiceDomain": service}
        wiring |= config
        if not wiring.get("Anonymous"):
            wiring |= {"SecretId": pair.secret_id, "SecretKey": pair.secret_key}
        return CosS3Client(CosConfig(Region=REGION, Scheme="http", Timeout=20, **wiring), retry=0)

    return make


@pytest.fixture
def client(make_client: ClientMaker) -> CosS3Client:
    return make_client()


@pytest.fixture
def address(world: World) -> str:
    """The bucket as a browser would address it."""
    return f"http://{world.network.front}:{COS_PORT}/{demo.BUCKET}"
