"""/api/v1/audit/events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router

from apps.audit import selectors
from apps.core.api import Output, Page, api_requires, page

router = Router(tags=["audit"])


class EventOut(Output):
    id: int
    at: datetime
    actor_id: int | None
    actor_name: str
    verb: str
    subject_kind: str
    subject_id: str
    label: str
    before: Any
    after: Any
    reason: str
    request_id: str
    ip: str | None
    position: int | None
    previous_hash: str
    hash: str


@router.get("/events", response=Page[EventOut])
@api_requires("audit.read")
def events(
    request: HttpRequest,
    cursor: str = "",
    limit: int = 50,
    actor: str = "",
    verb: str = "",
    kind: str = "",
    subject: str = "",
    request_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Newest first; `actor` is a user name, `kind` and `subject` name what was acted upon."""
    wanted = {
        "actor__username": actor,
        "verb": verb,
        "subject_kind": kind,
        "subject_id": subject,
        "request_id": request_id,
        "at__gte": since,
        "at__lt": until,
    }
    found = selectors.event_list().filter(**{key: value for key, value in wanted.items() if value})
    return page(found, cursor, limit)
