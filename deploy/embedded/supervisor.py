"""Keeps services running: starts them, brings back what dies, stops them in order.

One thread, which sleeps in `sigtimedwait`: a child's death or a signal to us ends the sleep, and
nothing is ever done inside a signal handler.
"""

import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.process import (
    Program,
    Running,
    Service,
    Unavailable,
    end_group,
    ended,
    said,
    shown,
    size,
    spawn,
)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCHED = (*STOP_SIGNALS, signal.SIGCHLD)
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 60.0  # a service that ran this long is forgiven its earlier deaths
HURRY_S = 2.0
LOOK_EVERY_S = 5.0  # at the logs, when nothing else happens
LOG_LIMIT_BYTES = 5 * 2**20


class Stopped(Exception):
    """Somebody asked us to stop while we were at something else."""


@dataclass
class Kept:
    """A service and how it fares."""

    service: Service
    within_s: float
    running: Running | None = None
    told: bool = True  # that it runs again
    deaths: int = 0
    start_again_at: float = 0.0


class Supervisor:
    """`say` gets one line for everything a person should know.  Use from the main thread."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._groups: list[list[Kept]] = []
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)

    def start(self, *services: Service, within_s: float = 60) -> None:
        """Start `services` together, wait until all are ready, and keep them running from then on.

        Raises Unavailable if one does not get ready, Stopped if we are told to stop meanwhile.
        """
        group: list[Kept] = []
        self._groups.append(group)
        for service in services:
            group.append(Kept(service, within_s))
            group[-1].running = Running(service, within_s)
        while not all(kept.running and kept.running.ready() for kept in group):
            self._pause(0.05)

    def pids(self) -> dict[str, int]:
        """The process of each service that runs now, by name."""
        kept = (kept for group in self._groups for kept in group)
        return {each.service.name: each.running.child.pid for each in kept if each.running}

    def run(self, program: Program, within_s: float = 300) -> None:
        """Run `program` to its end.  Raises Unavailable if that is not a good one, or Stopped."""
        already = size(program.log)
        child = spawn(program)
        deadline = time.monotonic() + within_s
        try:
            while child.poll() is None and time.monotonic() < deadline:
                self._pause(1)
            in_time = child.poll() is not None
        finally:
            end_group(child)
        if child.returncode != 0:
            what = ended(child.returncode) if in_time else f"took more than {within_s:.0f} s"
            raise Unavailable(f"{program.name} {what}{said(program.log, already)}")

    def watch(self) -> None:
        """Keep everything running until we are told to stop."""
        with suppress(Stopped):
            while True:
                self._pause(min(self._look_after(kept) for group in self._groups for kept in group))

    def _look_after(self, kept: Kept) -> float:
        """See to one service; returns after how many seconds it wants to be seen again."""
        now = time.monotonic()
        try:
            if kept.running is None:
                if now < kept.start_again_at:
                    return kept.start_again_at - now
                kept.running = Running(kept.service, kept.within_s)
            elif kept.running.child.poll() is not None and kept.told:
                what = ended(kept.running.child.returncode)
                log = shown(kept.running.program.log)
                raise Unavailable(f"{kept.service.name} {what} (log: {log})")
            if not kept.running.ready():
                return 0.2
        except Unavailable as failure:
            self._bring_back(kept, failure)
            return 0.0
        if not kept.told:
            self._say(f"{kept.service.name} runs again")
            kept.told = True
        cut_short(kept.running.program.log)
        return LOOK_EVERY_S

    def _bring_back(self, kept: Kept, failure: Unavailable) -> None:
        """Plan the next start of a service that died or could not start."""
        if kept.running:
            end_group(kept.running.child)  # what it started would stand in the way of the next one
            if time.monotonic() - kept.running.started_at > STABLE_AFTER_S:
                kept.deaths = 0
        pause_s = min(0.5 * 2**kept.deaths, LONGEST_PAUSE_S)
        kept.running, kept.told = None, False
        kept.deaths += 1
        kept.start_again_at = time.monotonic() + pause_s
        self._say(f"{failure}; starting it again in {pause_s:g} s")

    def stop(self) -> None:
        """Stop everything, the last group first.  A second signal (Ctrl-C again) shortens it."""
        hurry = False
        while self._groups:
            group = {
                kept.service.name: kept.running
                for kept in self._groups.pop()
                if kept.running and kept.running.child.poll() is None
            }
            if group:
                self._say(f"stopping {', '.join(group)}")
            for running in group.values():
                running.child.send_signal(running.program.stop_signal)
            asked_at = time.monotonic()
            for name, running in group.items():
                while running.child.poll() is None:
                    patience_s = HURRY_S if hurry else running.program.stop_within_s
                    left_s = asked_at + patience_s - time.monotonic()
                    if left_s <= 0:
                        self._say(f"{name} did not stop in {patience_s:g} s and was killed")
                        break
                    try:
                        self._pause(left_s)
                    except Stopped:
                        hurry = True
                end_group(running.child)

    def _pause(self, seconds: float) -> None:
        """Sleep until something happens, at most `seconds`.  Raises Stopped if it is a stop."""
        happened = signal.sigtimedwait(WATCHED, max(0.0, seconds))
        if happened is not None and happened.si_signo in STOP_SIGNALS:
            raise Stopped


def cut_short(log: Path) -> None:
    """Keep the log of a running process below a size: its oldest part goes to LOG.1."""
    if size(log) > LOG_LIMIT_BYTES:
        with suppress(OSError):  # a full disk is all the more reason to empty it
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        log.write_bytes(b"")  # the process appends, so it goes on from the new end
