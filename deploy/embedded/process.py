"""Child processes that cannot outlive us, and what they say when they fail."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """What we start cannot run here; the text is the one line a person needs to mend it."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Program:
    """How to start one process and how to end it."""

    name: str
    args: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)  # on top of ours
    cwd: Path = Path("/")
    uid: int | None = None  # with gid: run as this user, without other groups (root only)
    gid: int | None = None
    inherit: Sequence[int] = ()  # open file descriptors it gets under the same numbers
    stop_signal: signal.Signals = signal.SIGTERM  # asks it to end in order
    orphan_signal: signal.Signals = signal.SIGKILL  # what the kernel sends it if we die
    stop_within_s: float = 10


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own, its output appended to its log.

    Call from the main thread only: the kernel takes the end of the thread that forked for our own.
    Raises OSError if it cannot be started.
    """
    parent = os.getpid()

    def in_child() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(program.orphan_signal))
        if os.getppid() != parent:  # we died before the line above
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    program.log.parent.mkdir(parents=True, exist_ok=True)
    # Appending, so that the log can be cut short under the running process.
    with program.log.open("ab") as log:
        return subprocess.Popen(
            program.args,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **program.env},
            cwd=program.cwd,
            user=program.uid,
            group=program.gid,
            extra_groups=None if program.uid is None else (),
            pass_fds=program.inherit,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
            preexec_fn=in_child,
        )


def ended(code: int) -> str:
    """A return code of Popen in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def complaint(log: Path, start: int = 0) -> str:
    """The line of `log` from byte `start` on that best says why a program failed, or ""."""
    with log.open("rb") as file:
        file.seek(start)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    bad = re.compile(
        r"fatal|panic|error|can't|cannot|could not|no space|denied|in use", re.IGNORECASE
    )
    telling = [line for line in lines if bad.search(line)] or [line for line in lines if line]
    return telling[-1][-300:] if telling else ""


def holders(folder: Path) -> list[int]:
    """Ids of the processes that work in `folder`: database servers make their data theirs so."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
            except OSError:
                continue  # gone meanwhile, a zombie, or not ours to see
    return found


class Service(Protocol):
    """Something to keep running.  `prepare` comes before every start; may raise Unavailable."""

    name: str

    def prepare(self) -> None: ...
    def program(self) -> Program: ...
    def ready(self) -> bool: ...


class Running:
    """One start of a service."""

    def __init__(self, service: Service, within_s: float) -> None:
        """Start it.  Raises Unavailable if that is not possible here."""
        service.prepare()
        self.program = service.program()
        self.started_at = time.monotonic()
        self._service = service
        self._within_s = within_s
        self._already = size(self.program.log)
        self._was_ready = False
        try:
            self.child = spawn(self.program)
        except OSError as failure:
            raise Unavailable(f"{service.name} cannot start: {failure}") from failure

    def ready(self) -> bool:
        """True once the service got ready.  Raises Unavailable if it never will, and ends it."""
        if self._was_ready:
            return True
        if self.child.poll() is not None:
            what = ended(self.child.returncode)
        elif time.monotonic() - self.started_at > self._within_s:
            what = f"was not ready after {self._within_s:.0f} s"
        else:
            self._was_ready = self._service.ready()
            return self._was_ready
        end_group(self.child)
        raise Unavailable(f"{self._service.name} {what}{said(self.program.log, self._already)}")

    def stop(self) -> None:
        """Ask it to end as its program says, and kill what is left when its time is over."""
        self.child.send_signal(self.program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(self.program.stop_within_s)
        end_group(self.child)


def size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def said(log: Path, start: int) -> str:
    """What a program said in `log` since byte `start`, to be put behind a sentence about it."""
    line = complaint(log, start)
    return f": {line} (more in {shown(log)})" if line else f" (see {shown(log)})"


def shown(path: Path) -> str:
    """A path as a person would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill `child` and whatever it started, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
