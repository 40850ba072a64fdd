"""What was asked of the sandbox and what came of it, for those who test a client against it.

Kept only on request (`--control`): it grows with every call.  Reads are remembered too, so that a
fault rule can answer with the view of a moment ago, as real services do for seconds after a change.
"""

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

VIEWS_KEPT = 6  # of one question


@dataclass
class Entry:
    """One call.  `writes`: it is of the sort that changes something.  `done`: it was carried out,
    whatever its caller was told."""

    number: int
    service: str
    action: str
    subject: str
    writes: bool
    done: bool = False
    struck: str = ""  # what a fault rule did to it


_serving: ContextVar[Entry | None] = ContextVar("serving", default=None)


@dataclass
class Journal:
    entries: list[Entry] = field(default_factory=list)
    _views: dict[str, list[str]] = field(default_factory=dict)

    def begin(self, service: str, action: str, subject: str, writes: bool) -> None:
        """From here to the end of this task's next `begin`, `done` and `struck` mean this call."""
        entry = Entry(len(self.entries), service, action, subject, writes)
        self.entries.append(entry)
        _serving.set(entry)

    def done(self) -> None:
        if (entry := _serving.get()) is not None:
            entry.done = True

    def struck(self, what: str) -> None:
        if (entry := _serving.get()) is not None:
            entry.struck = what

    def seen(self, question: str, answer: Any, back: int) -> Any:
        """`answer`, or what the same question was answered `back` different answers ago."""
        views = self._views.setdefault(question, [])
        now = json.dumps(answer)  # as text: an answer may hold documents that live on
        if not views or views[-1] != now:
            views.append(now)
            del views[:-VIEWS_KEPT]
        return json.loads(views[max(0, len(views) - 1 - back)]) if back else answer

    def clear(self) -> None:
        self.entries.clear()
        self._views.clear()
