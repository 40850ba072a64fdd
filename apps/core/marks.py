"""What marks the request being answered: its id and the client's address.  Empty outside a request,
so that a service may note them without being handed the request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    request_id: str = ""
    ip: str | None = None


NOBODY = Marks()
_current: ContextVar[Marks] = ContextVar("marks", default=NOBODY)


def current() -> Marks:
    return _current.get()


def mark(marks: Marks) -> None:
    _current.set(marks)
