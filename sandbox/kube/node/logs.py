"""What containers have written, newest few thousand lines each."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock

Document = dict[str, Any]
KEPT = 5_000


class ContainerLogs:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[tuple[str, str], deque[tuple[str, str]]] = {}
        self._sources: dict[tuple[str, str], tuple[Callable[[], Sequence[str]], int]] = {}

    def write(self, uid: str, container: str, text: str) -> None:
        when = datetime.fromtimestamp(self._clock.now(), UTC).isoformat().replace("+00:00", "Z")
        lines = self._lines.setdefault((uid, container), deque(maxlen=KEPT))
        lines.extend((when, line) for line in text.splitlines())

    def attach(self, uid: str, container: str, source: Callable[[], Sequence[str]]) -> None:
        """Take over what `source` lists whenever somebody looks; a line is dated by that look."""
        self._collect((uid, container))
        self._sources[uid, container] = (source, 0)

    def _collect(self, key: tuple[str, str]) -> None:
        if key in self._sources:
            source, seen = self._sources[key]
            lines = source()
            self._sources[key] = (source, len(lines))
            for line in lines[seen:]:
                self.write(*key, line)

    def lines(self, pod: Document, container: str) -> list[tuple[str, str]]:
        """(time, line) pairs, oldest first."""
        self._collect((pod["metadata"]["uid"], container))
        return list(self._lines.get((pod["metadata"]["uid"], container), ()))

    def forget(self, uid: str) -> None:
        for key in [key for key in self._lines if key[0] == uid]:
            del self._lines[key]
            self._sources.pop(key, None)
