"""The state folder of one installation: who runs from it, its secrets, its logs."""

import base64
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from deploy.embedded.process import Unavailable, shown

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Holder:
    """The process that runs from a state folder; `born` tells it from a later one of its number."""

    pid: int
    born: str
    url: str


class Installation:
    """The folder of SDCONSOLE_HOME, `.sdconsole` unless set."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.logs = home / "log"
        self.environment = home / "environment.json"  # for commands typed beside a running console
        self._lock: TextIO | None = None

    @classmethod
    def of_environment(cls) -> "Installation":
        # Below the repository's folder wherever we were called from, as the settings have it.
        return cls(ROOT / (os.environ.get("SDCONSOLE_HOME") or ".sdconsole"))

    def open(self) -> None:
        """Make the folder, for us alone.  Raises Unavailable if it cannot be used."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            (self.home / "run.lock").touch(mode=0o600)
        except OSError as failure:
            raise Unavailable(f"{failure.strerror}: {failure.filename}") from failure

    def take(self) -> bool:
        """Hold the folder until this process ends; False if another one holds it."""
        # Closed in children, so that it is free the moment we are gone.
        self._lock = (self.home / "run.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def sign(self, url: str) -> None:
        """Note that this process runs from here."""
        holder = Holder(os.getpid(), born(os.getpid()) or "", url)
        write_private(self.home / "run.json", asdict(holder))

    def holder(self) -> Holder | None:
        """The process that signed, if it still lives."""
        try:
            holder = Holder(**json.loads((self.home / "run.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return holder if born(holder.pid) == holder.born else None

    def sign_off(self) -> None:
        self.environment.unlink(missing_ok=True)
        (self.home / "run.json").unlink(missing_ok=True)

    def secrets(self) -> dict[str, str]:
        """The installation's own secrets as environment variables, made at the first start.

        Raises Unavailable if they are lost while data exists that only they can read.
        """
        path = self.home / "secrets.json"
        if path.exists():
            try:
                found: dict[str, str] = json.loads(path.read_text())
            except (OSError, ValueError) as failure:
                raise Unavailable(f"{shown(path)} cannot be read: {failure}") from failure
            return found
        if (self.home / "postgres").exists():
            raise Unavailable(
                f"{shown(path)} is missing, and the credentials in {shown(self.home / 'postgres')} "
                f"need it: put it back, or remove {shown(self.home)} to start anew."
            )
        made = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "SDCONSOLE_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "SDCONSOLE_CALLBACK_TOKEN": secrets.token_urlsafe(32),
        }
        write_private(path, made)
        return made


def write_private(path: Path, content: object) -> None:
    """Write JSON that only we may read, whole or not at all."""
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def born(pid: int) -> str | None:
    """When process `pid` started, in ticks since boot; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    return None if state == "Z" else fields[18]
