"""The `Tencent` service: all JSON APIs on one address, their state machines, and what is preset."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.network import API_PORT
from sandbox.tencent.ask import Handler
from sandbox.tencent.cfs import FileSystems
from sandbox.tencent.cfs_access import AccessGroups
from sandbox.tencent.cfs_account import CfsAccount
from sandbox.tencent.cfs_snapshots import Snapshots
from sandbox.tencent.dispatch import MAX_BODY_BYTES, Dispatch
from sandbox.tencent.places import Identity, Networks, Stock
from sandbox.tencent.preset import preset
from sandbox.tencent.table import Table
from sandbox.tencent.tcr import Registries
from sandbox.tencent.tcr_access import RegistryAccess
from sandbox.tencent.tcr_images import Images
from sandbox.tencent.throttle import Throttle
from sandbox.tencent.tke import Clusters
from sandbox.tencent.tke_addons import Addons
from sandbox.tencent.tke_nodes import Nodes
from sandbox.tencent.tke_pools import Pools
from sandbox.tencent.tse import GatewayInstances
from sandbox.tencent.tse_guards import Guards
from sandbox.tencent.tse_limits import RateLimits
from sandbox.tencent.tse_routes import GatewayRoutes
from sandbox.tencent.tse_services import GatewayServices
from sandbox.tencent.tse_upstreams import GatewayUpstreams
from sandbox.world import World

log = logging.getLogger(__name__)

TICK_S = 0.05


class Tke:
    def __init__(self, world: World) -> None:
        self.clusters = Clusters(world)
        self.nodes = Nodes(world, self.clusters)
        self.pools = Pools(world, self.clusters, self.nodes)
        self.addons = Addons(world, self.clusters)

    def advance(self, now: float) -> None:
        for part in (self.clusters, self.addons, self.nodes, self.pools):
            part.advance(now)


class Cfs:
    def __init__(self, world: World) -> None:
        self.account = CfsAccount(world)
        self.groups = AccessGroups(world)
        self.file_systems = FileSystems(world, self.groups)
        self.snapshots = Snapshots(world, self.file_systems)

    def resolve(self, mount_ip: str, path: str) -> Path | None:
        """The folder that `mount_ip:path` exports; None if it does not exist."""
        return self.file_systems.resolve(mount_ip, path)

    def advance(self, now: float) -> None:
        self.file_systems.advance(now)
        self.snapshots.advance(now)


class Tcr:
    def __init__(self, world: World) -> None:
        self.registries = Registries(world)
        self.images = Images(world, self.registries)
        self.access = RegistryAccess(world, self.registries)

    def has_image(self, domain: str, repository: str, reference: str) -> bool:
        """True if `domain/repository` holds the tag or digest `reference`."""
        return self.images.has_image(domain, repository, reference)

    def advance(self, now: float) -> None:
        self.registries.advance(now)


class Tse:
    def __init__(self, world: World) -> None:
        self.instances = GatewayInstances(world)
        self.services = GatewayServices(world, self.instances)
        self.routes = GatewayRoutes(world, self.instances, self.services)
        self.limits = RateLimits(world, self.instances, self.services, self.routes)
        self.guards = Guards(world, self.instances, self.services, self.routes)
        self.upstreams = GatewayUpstreams(world, self.instances, self.services)

    def advance(self, now: float) -> None:
        self.instances.advance(now)


@dataclass
class Tencent:
    """Start it once; afterwards `tke`, `cfs` and the others are what the other services call."""

    rate_factor: float = 0.0  # 0 = as many times the real rate as this world's time runs faster

    async def start(self, world: World) -> None:
        self._world = world
        self.tke, self.cfs, self.tcr, self.tse = Tke(world), Cfs(world), Tcr(world), Tse(world)
        self.vpc, self.cvm, self.sts = Networks(world), Stock(), Identity()
        factor = self.rate_factor or max(1.0, 1.0 / max(world.pace.factor, 0.001))
        self.throttle = Throttle(factor)
        self.dispatch = Dispatch(world, Table(), self.throttle, self._handlers())
        app = web.Application(client_max_size=MAX_BODY_BYTES + 1024)
        app.router.add_route("*", "/{path:.*}", self.dispatch.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, world.network.front, API_PORT).start()
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        self._ticker.cancel()
        await asyncio.gather(self._ticker, return_exceptions=True)
        await self._runner.cleanup()

    def seed(self, world: World) -> None:
        preset(self, world)

    def advance(self) -> None:
        """Move everything on whose time has come; the ticker calls it, and a test may."""
        now = self._world.clock.now()
        for part in (self.tke, self.cfs, self.tcr, self.tse):
            part.advance(now)

    async def _tick(self) -> None:
        while True:
            try:
                self.advance()
            except Exception:
                log.exception("A state machine failed; it is tried again.")
            await asyncio.sleep(TICK_S)

    def _handlers(self) -> dict[tuple[str, str, str], Handler]:
        found: dict[tuple[str, str, str], Handler] = {}
        for service, version, parts in (
            ("tke", "2018-05-25", (self.tke.clusters, self.tke.nodes, self.tke.pools,
                                   self.tke.addons)),
            ("cfs", "2019-07-19", (self.cfs.account, self.cfs.groups, self.cfs.file_systems,
                                   self.cfs.snapshots)),
            ("tcr", "2019-09-24", (self.tcr.registries, self.tcr.images, self.tcr.access)),
            ("tse", "2020-12-07", (self.tse.instances, self.tse.services, self.tse.routes,
                                   self.tse.limits, self.tse.guards, self.tse.upstreams)),
            ("vpc", "2017-03-12", (self.vpc,)),
            ("cvm", "2017-03-12", (self.cvm,)),
            ("sts", "2018-08-13", (self.sts,)),
        ):  # fmt: skip
            for part in parts:
                for action, handler in part.handlers().items():
                    found[service, version, action] = handler
        for native in (self.tke.nodes, self.tke.pools):
            for action, handler in native.native_handlers().items():
                found["tke", "2022-05-01", action] = handler
        return found
