"""Reads of the record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.audit.models import Event
from apps.core.changes import Change, Field, Op


def event_list() -> QuerySet[Event]:
    """Newest first."""
    return Event.objects.all()


def verb_list() -> list[str]:
    """Every verb that occurs, by skipping through the index: cheap however long the record is."""
    return _distinct("verb")


def kind_list() -> list[str]:
    return _distinct("subject_kind")


def actor_list() -> list[tuple[str, str]]:
    """Choices for the filter by person."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select u.id, coalesce(nullif(u.display_name, ''), u.username) from accounts_user u"
            " where exists (select from audit_event e where e.actor_id = u.id) order by 2"
        )
        return [(str(pk), name) for pk, name in cursor.fetchall()]


def _distinct(column: str) -> list[str]:
    # `select distinct` reads the whole table; this jumps from one value to the next.
    name = connection.ops.quote_name(column)
    with connection.cursor() as cursor:
        cursor.execute(
            f"with recursive seen(value) as ("
            f" (select {name} from audit_event order by {name} limit 1)"
            f" union all select (select {name} from audit_event where {name} > seen.value"
            f" order by {name} limit 1) from seen where seen.value is not null)"
            f" select value from seen where value is not null"
        )
        return [value for (value,) in cursor.fetchall()]


def differences(before: Any, after: Any) -> tuple[Field, ...]:
    """Lines as in a plan: what changed first, then what did not.  Lists are compared whole."""
    old, new = _flat(before), _flat(after)
    lines = [
        Field(label="", path=path, old=old.get(path), new=new.get(path))
        for path in sorted({*old, *new})
    ]
    return tuple(sorted(lines, key=lambda line: line.op == "none"))


def change(event: Event) -> Change:
    """The event as a change, to be shown the way plans show one."""
    op: Op = "change"
    if event.before is None or event.after is None:
        op = "create" if event.before is None else "delete"
    return Change(
        op=op,
        area="cloud",
        object_kind=event.subject_kind,
        name=event.label,
        call=event.verb,
        fields=differences(event.before, event.after),
    )


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        flat: dict[str, Any] = {}
        for key, inner in value.items():
            flat.update(_flat(inner, f"{path}.{key}" if path else str(key)))
        return flat
    return {} if value is None and not path else {path: value}


@dataclass(frozen=True)
class Fault:
    position: int
    event_id: int | None
    said: Promise


GAP = _("an event is missing before this one")
FORKED = _("it does not follow the event before it")
ALTERED = _("its content is not what was recorded")
UNSEALED = _("it was never sealed")


@dataclass(frozen=True)
class Verification:
    checked: int
    head: str  # hash of the last event: note it elsewhere, and a cut-off tail shows too
    faults: list[Fault]


def chain_verify(faults_most: int = 20) -> Verification:
    """Follow the whole chain; the hashes are computed here, from what the rows hold now."""
    faults: list[Fault] = []
    checked, expected_position, head = 0, 1, ""
    with connection.cursor() as cursor:
        cursor.execute("select id from audit_event where position is null order by id limit 1")
        for (event_id,) in cursor.fetchall():
            faults.append(Fault(0, event_id, UNSEALED))
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "select e.position, e.id, e.previous_hash, e.hash, audit_event_text(e)"
            " from audit_event e where e.position is not null order by e.position"
        )
        for position, event_id, previous, sealed, text in cursor:
            checked += 1
            if position != expected_position:
                faults.append(Fault(position, event_id, GAP))
            elif previous != head:
                faults.append(Fault(position, event_id, FORKED))
            if hashlib.sha256(text.encode()).hexdigest() != sealed:
                faults.append(Fault(position, event_id, ALTERED))
            expected_position, head = position + 1, sealed
            if len(faults) >= faults_most:
                break
    return Verification(checked, head, faults)
