"""`python -m sandbox`: run the stand-in until it is told to stop."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from sandbox.accounts import APP_ID, OWNER_UIN, REGION
from sandbox.ci.service import Ci
from sandbox.control import Control
from sandbox.cos.service import Cos
from sandbox.faults import Faults
from sandbox.gateway.service import Gateways
from sandbox.kube.service import Kube
from sandbox.network import API_PORT, COS_PORT
from sandbox.tencent.service import Tencent
from sandbox.world import World, open_world


def endpoints(world: World) -> dict[str, str]:
    """What a person would read off Tencent's console to point a client here."""
    key = world.accounts.first()
    return {
        "region": REGION,
        "appid": APP_ID,
        "uin": OWNER_UIN,
        "secret_id": key.secret_id,
        "secret_key": key.secret_key,
        "api": f"{world.network.front}:{API_PORT}",
        "cos": f"{world.network.front}:{COS_PORT}",
        "scheme": "http",
        "cfs_root": str(world.cfs_root),
        "network": world.network.prefix,
    }


async def start(world: World) -> None:
    """Start every service; the Kubernetes API first, for clusters exist before nodes join them."""
    world.kube, world.tencent, world.gateway = Kube(), Tencent(), Gateways()
    world.cos, world.ci = Cos(), Ci()
    for service in (world.kube, world.tencent, world.gateway, world.cos, world.ci):
        await service.start(world)
    for service in (world.tencent, world.cos, world.ci):
        if world.first_start(type(service).__name__):
            service.seed(world)


async def stop(world: World) -> None:
    for service in (world.ci, world.cos, world.gateway, world.tencent, world.kube):
        await service.stop()
    world.close()


async def serve(world: World, *, control: bool = False) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await start(world)
    door = Control(world) if control else None
    if door:
        await door.start()
    found = endpoints(world)
    path = world.home / "endpoints.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(found, indent=1))
    print(json.dumps(found), flush=True)
    await stopping.wait()
    if door:
        await door.stop()
    await stop(world)


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder that keeps all state")
    parser.add_argument("--pace", type=float, default=1.0, help="factor on all waiting times")
    parser.add_argument("--faults", type=Path, help="JSON list of faults to inject")
    parser.add_argument("--control", action="store_true", help="a back door for tests")
    options = parser.parse_args()
    faults = Faults.from_file(options.faults) if options.faults else None
    world = open_world(options.home, pace=options.pace, faults=faults)
    asyncio.run(serve(world, control=options.control))


if __name__ == "__main__":
    main()
