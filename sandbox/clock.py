"""Time in the sandbox: one place to ask, so that a test can slow it down or speed it up."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime


class Clock:
    """Wall time in seconds since the epoch; `offset_s` moves it for tests of expiry."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        return time.time() + self.offset_s

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)


# The real thing takes minutes; a demo wants to see the states pass, not to wait for them.
SECONDS = {
    "tke.cluster": 12.0,
    "tke.node": 8.0,
    "tke.addon": 5.0,
    "tke.endpoint": 4.0,
    "cfs.filesystem": 6.0,
    "cfs.snapshot": 5.0,
    "tcr.instance": 10.0,
    "tse.gateway": 10.0,
    "tse.console": 3.0,
    "kube.loadbalancer": 4.0,
    "kube.image_pull": 1.5,
    "webui.start": 2.0,
    "webui.load_gib": 0.4,
    "webui.step": 0.02,
    "ci.audit": 1.5,
}


@dataclass
class Pace:
    """How many seconds each kind of slow thing takes here, times one factor."""

    factor: float = 1.0
    overrides: dict[str, float] = field(default_factory=dict)

    def seconds(self, what: str) -> float:
        return self.overrides.get(what, SECONDS[what]) * self.factor
