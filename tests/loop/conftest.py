"""The whole console as `make run` starts it: servers, sandbox, web, workers, scheduler.

Started anew for each file of this folder, in a home of its own on a port of its own.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_S = 120
# Addresses of the test run's own servers and settings: the console makes its own.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY")


@dataclass(frozen=True)
class Console:
    """A running console: where it is, and how to sign in."""

    url: str
    home: Path
    passwords: dict[str, str]
    environ: dict[str, str]

    def manage(self, *words: str) -> str:
        """What `manage.py WORDS` prints, run beside the console."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def log(self) -> str:
        """The tail of every process's log, for the message of a failure."""
        parts = []
        for path in sorted((self.home / "log").glob("*.log")):
            tail = path.read_text(errors="replace")[-1500:]
            parts.append(f"--- {path.name}\n{tail}")
        return "\n".join(parts)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("console")
    environ = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    environ |= {
        "SDCONSOLE_HOME": str(home),
        "PORT": str(free_port()),
        "SDCONSOLE_SANDBOX_PACE": "0.1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.embedded.run"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    told = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready:"):
                told.set()
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    told.wait(START_S)
    ready = next((line for line in said if line.startswith("ready:")), "")
    if not ready:
        process.kill()
        pytest.fail("the console did not start:\n" + "".join(said))
    lines = (home / "accounts.txt").read_text().splitlines()
    passwords = dict(line.split(maxsplit=1) for line in lines)
    try:
        yield Console(ready.split()[1].rstrip("/"), home, passwords, environ)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
