"""The official SDK pointed at a sandbox, and waiting for an answer that is good."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from sandbox.accounts import REGION, Key
from sandbox.network import API_PORT
from sandbox.world import World

VERSIONS = {
    "tke": "2018-05-25",
    "cfs": "2019-07-19",
    "tcr": "2019-09-24",
    "tse": "2020-12-07",
    "vpc": "2017-03-12",
    "cvm": "2017-03-12",
    "sts": "2018-08-13",
}
NATIVE = "2022-05-01"

Call = Callable[..., Awaitable[dict[str, Any]]]


def client(world: World, service: str, key: Key | None = None, version: str = "") -> CommonClient:
    """The official SDK's client of one service, pointed at the sandbox."""
    key = key or world.accounts.first()
    http = HttpProfile(protocol="http", endpoint=f"{world.network.front}:{API_PORT}", reqTimeout=20)
    return CommonClient(
        service,
        version or VERSIONS[service],
        credential.Credential(key.secret_id, key.secret_key),
        REGION,
        ClientProfile(httpProfile=http),
    )


async def until(
    ask: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], deadline_s: float = 20
) -> Any:
    """The first answer of `ask` that is `good`; fails after `deadline_s`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while True:
        answer = await ask()
        if good(answer):
            return answer
        assert loop.time() < end, f"still {answer}"
        await asyncio.sleep(0.02)
