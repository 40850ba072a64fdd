"""`make run`: everything on this machine, until Ctrl-C.

PORT, SDCONSOLE_HOME, DATABASE_URL, REDIS_URL and WEB_CONCURRENCY in the environment change what it
does; with an address of your own for a server, that server is not started.
"""

import ctypes
import errno
import os
import signal
import socket
import sys
import time
from pathlib import Path

import psycopg
import redis

from deploy.embedded import console
from deploy.embedded.installation import ROOT, Installation, write_private
from deploy.embedded.process import PR_SET_PDEATHSIG, Service, Unavailable, shown
from deploy.embedded.servers import Postgres, Valkey, check_room
from deploy.embedded.supervisor import Stopped, Supervisor

MARK = "SDCONSOLE_STARTED_FROM"  # in the environment of all we start: whose they are
BUSY = 2  # exit code: something else is in the way


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    os.chdir(ROOT)
    end_with_make()
    supervisor = Supervisor(say)
    installation = Installation.of_environment()
    try:
        installation.open()
        if not installation.take():
            holder = installation.holder()
            who = f" (process {holder.pid}, {holder.url})" if holder else ""
            here = shown(installation.home)
            raise Unavailable(f"A console already runs from {here}{who}: make stop ends it.", BUSY)
        clear_away(installation)
        with listen() as listener:
            return serve(installation, supervisor, listener)
    except Unavailable as failure:
        print(failure, file=sys.stderr, flush=True)
        return failure.exit_code


def serve(installation: Installation, supervisor: Supervisor, listener: socket.socket) -> int:
    """Start everything, watch over it, stop it.  Raises Unavailable if something cannot start."""
    url = f"http://{console.HOST}:{listener.getsockname()[1]}"
    installation.sign(url)
    try:
        start(installation, supervisor, listener, url)
        say(f"ready: {url}/")
        accounts = installation.home / "accounts.txt"
        if accounts.exists():
            say(f"accounts, also in {shown(accounts)}:")
            say(accounts.read_text().rstrip())
        supervisor.watch()
    except Stopped:
        pass  # before it was ready
    finally:
        supervisor.stop()
        installation.sign_off()
    say("stopped")
    return 0


def start(
    installation: Installation, supervisor: Supervisor, listener: socket.socket, url: str
) -> None:
    home, logs = installation.home, installation.logs
    os.environ[MARK] = str(home)
    sandbox = console.sandbox(home, logs)
    lower: list[Service] = [sandbox]
    addresses = {}
    for name, server in (("DATABASE_URL", Postgres(home, logs)), ("REDIS_URL", Valkey(home, logs))):
        if not os.environ.get(name):
            addresses[name] = server.url
            lower.append(server)
    check_own_servers()
    check_room(home)
    settings = {
        "DJANGO_SETTINGS_MODULE": "sdconsole.settings.dev",
        "SDCONSOLE_HOME": str(home),
        "SDCONSOLE_PUBLIC_URL": url,
        **installation.secrets(),
    }
    say(f"starting {', '.join(service.name for service in lower)} ...")
    supervisor.start(*lower)
    told = sandbox.endpoints()
    settings["SDCONSOLE_COS_ORIGINS"] = f"{told['scheme']}://{told['cos']}"
    settings["SDCONSOLE_SANDBOX_ENDPOINTS"] = str(sandbox.told)  # what `seed` adopts
    # What is set in our own environment wins.
    env = addresses | {name: os.environ.get(name) or value for name, value in settings.items()}
    write_private(installation.environment, env)

    say("preparing the database ...")
    supervisor.run(console.command("migrate", "--noinput", logs=logs, env=env))
    gathered, key = ROOT / "build/collected.stamp", console.static_files_key()
    if not gathered.exists() or gathered.read_text() != key:
        gathered.unlink(missing_ok=True)
        supervisor.run(console.command("collectstatic", "--noinput", "--clear", logs=logs, env=env))
        gathered.write_text(key)
    supervisor.run(console.command("seed", logs=logs, env=env))

    say("starting web, workers and scheduler ...")
    supervisor.start(console.web(listener, logs, env), *console.workers(logs, env))


def listen() -> socket.socket:
    """Take PORT (0 = any free one) for good.  Raises Unavailable if it is not to be had."""
    wanted = os.environ.get("PORT") or "8000"
    if not wanted.isdecimal() or int(wanted) > 65535:
        raise Unavailable(f"PORT must be a number up to 65535, not {wanted!r}.", BUSY)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((console.HOST, int(wanted)))
        listener.listen(128)
    except OSError as failure:
        listener.close()
        if failure.errno == errno.EADDRINUSE:
            text = f"Port {wanted} is in use by another program: make run PORT={int(wanted) + 1}"
        else:
            text = f"Port {wanted} cannot be used: {failure.strerror}."
        raise Unavailable(text, BUSY) from failure
    return listener


def check_own_servers() -> None:
    """Servers of the user's own must answer.  Raises Unavailable."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    try:
        if database_url:
            psycopg.connect(database_url, connect_timeout=5).close()
        if redis_url:
            redis.Redis.from_url(redis_url, socket_connect_timeout=5, socket_timeout=5).ping()
    except (psycopg.Error, redis.RedisError, ValueError) as failure:
        name = "DATABASE_URL" if isinstance(failure, psycopg.Error) else "REDIS_URL"
        reason = str(failure).strip().replace("\n", " ")
        raise Unavailable(f"The server of {name} does not answer: {reason}", BUSY) from failure


def clear_away(installation: Installation, within_s: float = 5) -> None:
    """See that nothing is left of a run that was killed: most of it ends with its supervisor."""
    deadline = time.monotonic() + within_s
    while left := started_from(installation.home):
        if time.monotonic() > deadline:
            say(f"ending what an earlier run left: {', '.join(map(str, left))}")
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + within_s
        time.sleep(0.05)


def started_from(home: Path) -> list[int]:
    """Ids of the processes that carry our mark for `home`."""
    mark = f"{MARK}={home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # gone meanwhile, or not ours to see
    return found


def end_with_make() -> None:
    """If `make` started us and is killed, stop too: nobody would know we are still there."""
    parent = Path(f"/proc/{os.getppid()}/comm")
    if parent.exists() and parent.read_text().strip() in ("make", "gmake"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())
