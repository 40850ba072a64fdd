"""Chooses a target for each request and remembers which targets are ill (circuit breaking)."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.gateway.shapes import Entity


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    weight: int = 100
    health: str = "HEALTHCHECKS_OFF"  # HEALTHY | UNHEALTHY | HEALTHCHECKS_OFF

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def healthy(self) -> bool:
        return self.health != "UNHEALTHY"


@dataclass
class Health:
    ill: bool = False
    successes: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # http_failures, tcp_..., timeouts
    probe_at: float = 0.0


class Balancer:
    """The living half of one upstream: counters that no API shows, gone with a restart."""

    def __init__(self) -> None:
        self.inflight: Counter[str] = Counter()
        self.health: dict[str, Health] = {}
        self._credit: dict[str, float] = {}

    def pick(
        self, upstream: Entity, targets: Iterable[Target], key: str | None, tried: set[str]
    ) -> Target | None:
        """A healthy target, untried ones first; None if nobody can take the request."""
        usable = [target for target in targets if target.healthy and target.weight > 0]
        usable = [target for target in usable if target.address not in tried] or usable
        if not usable:
            return None
        if upstream["algorithm"] == "consistent-hashing" and key is not None:
            return max(usable, key=lambda target: _score(key, target))
        if upstream["algorithm"] == "least-connections":
            return min(usable, key=lambda target: self.inflight[target.address] / target.weight)
        return self._next(usable)

    def _next(self, usable: list[Target]) -> Target:
        """Smooth weighted round robin: exact shares, and no bursts on the heavy ones."""
        total = sum(target.weight for target in usable)
        for target in usable:
            self._credit[target.address] = self._credit.get(target.address, 0) + target.weight
        chosen = max(usable, key=lambda target: self._credit[target.address])
        self._credit[chosen.address] -= total
        return chosen

    # -- health

    def report_status(self, checks: Entity, address: str, status: int) -> None:
        """Count one answer (of a check, or of real traffic for the passive checks)."""
        if status in checks["unhealthy"]["http_statuses"]:
            self._fail(checks, address, "http_failures")
        elif status in checks["healthy"]["http_statuses"]:
            self._succeed(checks, address)

    def report_failure(self, checks: Entity, address: str, *, timeout: bool) -> None:
        self._fail(checks, address, "timeouts" if timeout else "tcp_failures")

    def _fail(self, checks: Entity, address: str, kind: str) -> None:
        most = checks["unhealthy"][kind]
        if not most:
            return
        health = self.health.setdefault(address, Health())
        health.successes = 0
        health.failures[kind] += 1
        if health.failures[kind] >= most:
            health.ill = True

    def _succeed(self, checks: Entity, address: str) -> None:
        health = self.health.get(address)
        if health is None:
            return
        health.failures.clear()
        needed = checks["healthy"]["successes"]
        if health.ill and needed:
            health.successes += 1
            if health.successes >= needed:
                self.heal(address)

    def heal(self, address: str) -> None:
        self.health.pop(address, None)

    def is_ill(self, address: str) -> bool:
        health = self.health.get(address)
        return health is not None and health.ill


def _score(key: str, target: Target) -> float:
    """Weighted rendezvous hashing: when a target goes, only its own clients move."""
    digest = hashlib.md5(f"{key}\0{target.address}".encode(), usedforsecurity=False).digest()
    share = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 2)
    return -target.weight / math.log(share)


def checks_on(healthchecks: Entity) -> bool:
    """True if any check, active or passive, can take a target out."""
    return any(
        healthchecks[side]["unhealthy"][kind]
        for side in ("active", "passive")
        for kind in ("http_failures", "tcp_failures", "timeouts")
    )
