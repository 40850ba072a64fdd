"""Processes under test: started here, read line by line with a deadline, never left behind."""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60


def until(claim: Callable[[], object], what: str, within_s: float = DEADLINE_S) -> None:
    """Wait until `claim` holds; fail with `what` if it does not in time."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"not in {within_s} s: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """True if `pid` still runs; a zombie waiting for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Started:
    """A process whose output is read as it comes."""

    def __init__(self, args: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            args,
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.heard: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def hear(self, pattern: str, within_s: float = DEADLINE_S) -> re.Match[str]:
        """The next line that `pattern` is found in."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"never heard {pattern!r} but {self.heard}"
            self.heard.append(line)
            if found := re.search(pattern, line):
                return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return how the process ended."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def rest(self) -> list[str]:
        """All lines to the end of the output."""
        while (line := self._lines.get(timeout=DEADLINE_S)) is not None:
            self.heard.append(line)
        return self.heard


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path: sockets below it stay there."""
    folder = Path(tempfile.mkdtemp(prefix="sdc-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def launch() -> Iterator[Callable[..., Started]]:
    """Start a Python module; whatever still runs after the test is killed."""
    started: list[Started] = []

    def begin(*args: object, **env: str) -> Started:
        started.append(Started([sys.executable, "-m", *map(str, args)], env))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.wait()
