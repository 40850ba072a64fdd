"""The console's own processes: sandbox, web, workers, scheduler, and the commands before them."""

import hashlib
import http.client
import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.installation import ROOT
from deploy.embedded.process import Program

HOST = "127.0.0.1"
WEB_PROCESSES = "2"
WEB_THREADS = "16"  # each open event stream holds one
WORKERS = ("reconcile", "reconcile", "bulk", "bulk", "generate")


@dataclass
class Module:
    """A Python module of ours that runs for good; ready as soon as it runs."""

    name: str
    args: Sequence[str]
    logs: Path
    env: dict[str, str]
    inherit: Sequence[int] = ()

    def prepare(self) -> None:
        """Nothing is needed but what was done for all."""

    def program(self) -> Program:
        return Program(
            name=self.name,
            args=[sys.executable, *self.args],
            log=self.logs / f"{self.name}.log",
            env=self.env,
            cwd=ROOT,
            inherit=self.inherit,
        )

    def ready(self) -> bool:
        return True


@dataclass
class Sandbox(Module):
    """The stand-in for the cloud; it says where it listens by a file."""

    home: Path = field(kw_only=True)

    @property
    def told(self) -> Path:
        return self.home / "endpoints.json"

    def prepare(self) -> None:
        self.told.unlink(missing_ok=True)

    def ready(self) -> bool:
        return bool(self.endpoints())

    def endpoints(self) -> dict[str, str]:
        """What it listens on, {} before it does."""
        try:
            found: dict[str, str] = json.loads(self.told.read_text())
        except (OSError, ValueError):
            return {}
        return found


@dataclass
class Web(Module):
    """gunicorn on a socket that we hold: while it restarts the port stays ours and callers wait."""

    port: int = field(kw_only=True)

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def sandbox(home: Path, logs: Path) -> Sandbox:
    place = home / "sandbox"
    # Slow things of the cloud take seconds here; a test, or whoever is in a hurry, shortens them.
    pace = os.environ.get("SDCONSOLE_SANDBOX_PACE", "1")
    args = ["-m", "sandbox", "--home", str(place), "--pace", pace]
    return Sandbox("sandbox", args, logs, {}, home=place)


def web(listener: socket.socket, logs: Path, env: dict[str, str]) -> Web:
    # fmt: off
    args = [
        "-m", "gunicorn", "sdconsole.wsgi", "--worker-class", "gthread",
        "--workers", os.environ.get("WEB_CONCURRENCY", WEB_PROCESSES), "--threads", WEB_THREADS,
        "--bind", f"fd://{listener.fileno()}", "--no-control-socket", "--graceful-timeout", "5",
        "--preload",  # the code is loaded once, not once per process
    ]
    # fmt: on
    port = listener.getsockname()[1]
    return Web("web", args, logs, env, [listener.fileno()], port=port)


def workers(logs: Path, env: dict[str, str]) -> list[Module]:
    """One process per queue, with a number where a queue has several; and the scheduler."""
    found = []
    for index, queue in enumerate(WORKERS):
        number = WORKERS[:index].count(queue) + 1
        name = f"worker-{queue}" + (f"-{number}" if WORKERS.count(queue) > 1 else "")
        found.append(Module(name, ["manage.py", "worker", queue], logs, env))
    return [*found, Module("scheduler", ["manage.py", "scheduler"], logs, env)]


def command(name: str, *args: str, logs: Path, env: dict[str, str]) -> Program:
    """One `manage.py` command that runs to its end."""
    program = [sys.executable, "manage.py", name, *args]
    return Program(
        name=f"manage.py {name}", args=program, log=logs / "setup.log", env=env, cwd=ROOT
    )


def static_files_key() -> str:
    """Changes whenever the files that collectstatic gathers do."""
    key = hashlib.sha256()
    listed = ("package-lock.json", "requirements.txt", "sdconsole/staticfiles.py")
    for name in (*listed, "sdconsole/settings/base.py"):
        key.update((ROOT / name).read_bytes())
    for folder in (
        ROOT / "static",
        ROOT / "build/static",
        *sorted((ROOT / "apps").glob("*/static")),
    ):
        for path in sorted(folder.rglob("*")):
            status = path.stat()
            key.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return key.hexdigest()
