"""A world with the JSON APIs and the gateways, a stand-in cluster, and the official SDKs."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.gateway.service import Gateways
from sandbox.tencent.service import Tencent
from sandbox.world import World, open_world
from tests.sandbox.tencent.sdk import Call, client
from tests.sandbox.tencent.standin_kube import StandinKube


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would send even loopback calls through a proxy of the environment."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Started and seeded, in a world whose waits are a hundredth of the demo's."""
    world = open_world(tmp_path / "sandbox", pace=0.01)
    kube = StandinKube()
    world.kube = kube  # type: ignore[assignment]
    world.tencent, world.gateway = Tencent(), Gateways()
    await world.tencent.start(world)
    await world.gateway.start(world)
    if world.first_start("Tencent"):
        world.tencent.seed(world)
    await world.gateway.settled()
    yield world
    mistakes = world.tencent.dispatch.answer_mistakes
    await world.gateway.stop()
    await world.tencent.stop()
    world.close()
    assert mistakes == [], "answers have to fit Tencent's description"


@pytest.fixture
def call(world: World) -> Call:
    """`await call("tke", "DescribeClusters", Limit=1)`: the answer's members."""

    async def run(service: str, action: str, /, version: str = "", **body: Any) -> dict[str, Any]:
        sdk = client(world, service, version=version)
        answer = await asyncio.to_thread(sdk.call_json, action, body)
        response: dict[str, Any] = answer["Response"]
        return response

    return run
