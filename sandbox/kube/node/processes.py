"""What runs in a container: a web UI on the pod's address, a few shell words, or nothing."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.kube.node import shell
from sandbox.kube.node.images import Image

if TYPE_CHECKING:
    from sandbox.world import World

Document = dict[str, Any]
WEB_UI_PORT = 7860


class WebUiServer(Protocol):
    """What a web UI must offer (sandbox.webui.service.WebUI)."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    @property
    def ready(self) -> bool: ...

    @property
    def logs(self) -> list[str]: ...


MakeWebUi = Callable[..., WebUiServer]


@dataclass
class Run:
    """All that a container is started with."""

    image: Image
    ip: str
    command: list[str]
    args: list[str]
    env: dict[str, str]
    mounts: dict[str, Path]
    ports: list[int]
    qgpu_core: int
    qgpu_memory_gib: int
    restarts: bool  # is the pod's restart policy Always
    say: Callable[[str], None]
    attach: Callable[[Callable[[], list[str]]], None]


class Process:
    """A started container: `wait` ends with its exit code when it ends by itself."""

    def __init__(self) -> None:
        self.exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Raises whatever keeps it from starting."""

    async def wait(self) -> int:
        return await asyncio.shield(self.exit_code)

    async def stop(self) -> None:
        if not self.exit_code.done():
            self.exit_code.set_result(0)


class WebUiProcess(Process):
    """A web UI image: a real HTTP server on the pod IP."""

    def __init__(self, make: MakeWebUi, run: Run, world: "World") -> None:
        super().__init__()
        self._run = run
        port = run.ports[0] if run.ports else WEB_UI_PORT
        self._server = make(
            ip=run.ip,
            port=port,
            args=[*run.command, *run.args],
            env=run.env,
            mounts=run.mounts,
            image=run.image.text,
            qgpu_core=run.qgpu_core or None,
            qgpu_memory_gib=run.qgpu_memory_gib or None,
            world=world,
        )

    async def start(self) -> None:
        self._run.attach(lambda: self._server.logs)
        await self._server.start()

    async def stop(self) -> None:
        try:
            await self._server.stop()
        finally:
            await super().stop()


class ShellProcess(Process):
    """A container that only runs commands the tiny shell may know."""

    def __init__(self, run: Run, commands: list[list[str]], pace: float) -> None:
        super().__init__()
        self._shell = shell.Shell(run.mounts, run.env, run.say, pace)
        self._commands = commands
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._go())

    async def _go(self) -> None:
        code = await self._shell.run(self._commands)
        if not self.exit_code.done():
            self.exit_code.set_result(code)

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await super().stop()


class UnknownProgram(Process):
    """A container that should end but whose program nobody here can run."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    async def start(self) -> None:
        self._run.say(
            f"{self._run.image.text}: the sandbox has no program for this image and cannot tell "
            "what it would do"
        )
        self.exit_code.set_result(shell.NOT_FOUND)


def process_for(run: Run, make_web_ui: MakeWebUi, world: "World") -> Process:
    """Web UI images serve; commands are interpreted; the rest runs on and opens nothing.

    Where the pod must end (a Job) and nothing is known of the program, it fails and says so.
    """
    if run.image.web_ui:
        return WebUiProcess(make_web_ui, run, world)
    commands = shell.words_of(run.command, run.args) if run.command else None
    if not run.restarts:
        return ShellProcess(run, commands, world.pace.factor) if commands else UnknownProgram(run)
    if commands and all(words[0].rsplit("/", 1)[-1] in KNOWN for words in commands):
        return ShellProcess(run, commands, world.pace.factor)
    return Process()


KNOWN = {"true", "false", "exit", "echo", "sleep", "mkdir", "ls", "test", "[", "set", ":", "&&"}
