"""One web UI process, as a kubelet starts it in a pod: real HTTP on the pod's own address."""

import asyncio
import contextlib
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from sandbox.webui import api
from sandbox.webui import flags as command_line
from sandbox.webui.disk import Disk
from sandbox.webui.engine import Engine
from sandbox.webui.flags import StartupFailed
from sandbox.webui.requests import ENGINE
from sandbox.world import World

MAX_BODY_BYTES = 256 << 20

__all__ = ["StartupFailed", "WebUI"]


class WebUI:
    """`port` is what the pod declares; the process listens where its flags say (see `listens_on`).

    `mounts` maps container paths to real folders.  `qgpu_core` is a share of a card in percent,
    `qgpu_memory_gib` one in GiB; None for either means a whole card.
    """

    def __init__(
        self,
        ip: str,
        port: int,
        args: Sequence[str],
        env: Mapping[str, str],
        mounts: Mapping[str, Path],
        image: str,
        qgpu_core: float | None,
        qgpu_memory_gib: float | None,
        world: World,
    ) -> None:
        self.ip = ip
        self.port = port
        self._args, self._env, self._mounts = list(args), dict(env), dict(mounts)
        self._image, self._world = image, world
        self._core, self._memory_gib = qgpu_core, qgpu_memory_gib
        self._runner: web.AppRunner | None = None
        self._loading: asyncio.Task[None] | None = None
        self._early: list[str] = []
        self.engine: Engine | None = None
        self.listens_on = 0  # the TCP port once it listens, 0 before, and if only on loopback

    @property
    def ready(self) -> bool:
        """True once HTTP is up; the model may still be loading (see `model_loaded`)."""
        return self._runner is not None

    @property
    def model_loaded(self) -> bool:
        return self.engine is not None and self.engine.loaded is not None

    @property
    def logs(self) -> list[str]:
        """What the process printed."""
        return self._early + (self.engine.log_lines if self.engine else [])

    async def start(self) -> None:
        """Return once HTTP is up.  Raises StartupFailed if the process exits instead."""
        words = shlex.join(self._args)
        self._early = [f"Launching Web UI with arguments: {words}"]
        try:
            flags = command_line.parse(self._args, self._env)
        except StartupFailed as failed:
            self._early.append(str(failed))
            raise
        await asyncio.sleep(self._world.pace.seconds("webui.start"))
        self.engine = Engine(
            Disk(self._mounts),
            flags,
            self._world,
            float(self._core or 100),
            self._memory_gib,
            _version(self._image),
        )
        app = web.Application(middlewares=[api.answer], client_max_size=MAX_BODY_BYTES)
        app[ENGINE] = self.engine
        app.add_routes(api.routes(self.engine))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        port = command_line.port(flags)
        if command_line.reachable(flags):
            await web.TCPSite(runner, self.ip, port).start()
            self.listens_on = port
            self.engine.say(f"Running on local URL:  http://0.0.0.0:{port}")
        else:
            self.engine.say(f"Running on local URL:  http://127.0.0.1:{port}")
        self._runner = runner
        self._loading = asyncio.create_task(self.engine.load_first())

    async def stop(self) -> None:
        """The process is killed: open connections break, nothing is finished."""
        if self._loading:
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading
        if self._runner:
            await self._runner.cleanup()
        self._runner, self._loading, self.listens_on = None, None, 0


def _version(image: str) -> tuple[int, ...]:
    """The web UI's own version, taken from the image tag."""
    found = re.search(r":v?(\d+\.\d+(?:\.\d+)?)", image)
    return tuple(map(int, found[1].split("."))) if found else (1, 10, 1)
