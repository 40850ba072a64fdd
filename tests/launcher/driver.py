"""A supervisor over small services, run by the tests as a process of its own.

Usage: driver.py HOME WORD..., each word one service: `sleeper`, `stubborn` (ignores SIGTERM),
`broken` (ends at once), `servers` (PostgreSQL and Valkey).  Says `ready NAME=PID ...` and then what
the supervisor says.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.process import Program, Service, Unavailable
from deploy.embedded.servers import Postgres, Valkey
from deploy.embedded.supervisor import Stopped, Supervisor

SLEEP = """import os, pathlib, sys, time
print(os.getpid(), flush=True)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
SOURCES = {
    "sleeper": SLEEP,
    "stubborn": f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}",
    "broken": "raise SystemExit('fatal: nothing works here')",
}


@dataclass
class Script:
    """Runs a line of Python; ready once it made its file."""

    name: str
    home: Path

    def prepare(self) -> None:
        (self.home / self.name).unlink(missing_ok=True)

    def program(self) -> Program:
        return Program(
            name=self.name,
            args=[sys.executable, "-c", SOURCES[self.name], str(self.home / self.name)],
            log=self.home / f"{self.name}.log",
            stop_within_s=0.5,
        )

    def ready(self) -> bool:
        return (self.home / self.name).exists()


def say(text: str) -> None:
    print(text, flush=True)


def main(home: Path, words: list[str]) -> int:
    supervisor = Supervisor(say)
    services: list[Service] = []
    for word in words:
        if word == "servers":
            services += [Postgres(home, home), Valkey(home, home)]
        else:
            services.append(Script(word, home))
    try:
        supervisor.start(*services)
        pids = supervisor.pids()
        say(f"ready {' '.join(f'{name}={pid}' for name, pid in pids.items())}")
        supervisor.watch()
    except Stopped:
        say("stopped before it was ready")
    except Unavailable as failure:
        say(f"failed: {failure}")
        return failure.exit_code
    finally:
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
