"""The world of these tests; see tests/sandbox/tencent/worlds.py."""

import pytest

from sandbox.world import World
from tests.sandbox.gateway.traffic import Gate
from tests.sandbox.tencent.sdk import Call
from tests.sandbox.tencent.worlds import call, no_proxy, world

__all__ = ["call", "no_proxy", "world"]


@pytest.fixture
def gate(world: World, call: Call) -> Gate:
    return Gate(world, call)
