"""The one way into the record."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from apps.audit.models import Event
from apps.core import marks
from apps.core.secrecy import masked

SYSTEM = "system"


def record(
    actor: Any,
    verb: str,
    subject_kind: str,
    subject_id: object,
    label: str,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    request_id: str = "",
) -> Event:
    """Append one event inside the caller's transaction: it stands or falls with what it tells.

    `actor` is a person or None for the console itself; `verb` is noun and verb ("plan.apply").
    `before` and `after` are JSON-like; values of sensitive keys are masked.  The request's id and
    the client's address come from the request being answered, unless `request_id` says otherwise.
    The hash is added at commit.
    """
    here = marks.current()
    person = actor if actor is not None and getattr(actor, "pk", None) else None
    return Event.objects.create(
        at=timezone.now(),
        actor=person,
        actor_name=(str(person) if person else SYSTEM)[:200],
        verb=verb,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        label=str(label)[:300],
        before=masked(before),
        after=masked(after),
        reason=reason,
        request_id=(request_id or here.request_id)[:120],
        ip=here.ip,
    )
