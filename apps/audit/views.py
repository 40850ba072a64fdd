"""The record as pages and as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.audit import selectors
from apps.audit.models import Event
from apps.core.access import requires
from apps.core.listing import Filter, Listing, listing_page

COLUMNS = (
    "id",
    "at",
    "actor_name",
    "verb",
    "subject_kind",
    "subject_id",
    "label",
    "reason",
    "before",
    "after",
    "request_id",
    "ip",
    "position",
    "previous_hash",
    "hash",
)
CHUNK = 500
# A spreadsheet takes a cell that starts so for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _since(queryset: QuerySet[Event], values: list[str]) -> QuerySet[Event]:
    return queryset.filter(at__gte=timezone.now() - timedelta(hours=int(values[0])))


def _listing(request: HttpRequest) -> Listing[Event]:
    ages = [
        ("1", _("last hour")),
        ("24", _("last day")),
        ("168", _("last 7 days")),
        ("720", _("last 30 days")),
    ]
    return Listing(
        request,
        selectors.event_list(),
        sorts={"at": "pk", "actor": "actor_name", "verb": "verb", "kind": "subject_kind"},
        default_sort="-at",
        filters=[
            Filter("since", _("Time"), ages, _since, icon="clock", single=True),
            Filter("actor", _("Person"), selectors.actor_list, "actor_id", icon="user"),
            Filter("kind", _("Kind"), lambda: _same(selectors.kind_list()), "subject_kind"),
            Filter("verb", _("Verb"), lambda: _same(selectors.verb_list()), "verb"),
        ],
        search=["label", "subject_id", "actor_name", "verb", "reason", "request_id"],
    )


def _same(values: list[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


@require_safe
@requires("audit.read")
def event_list(request: HttpRequest) -> HttpResponse:
    listing = _listing(request)
    # The files hold what the list shows, all pages of it.
    state = listing.url(sort="").partition("?")[2]
    return listing_page(
        request, "audit/event_list.html", {"listing": listing, "export_state": state}
    )


@require_safe
@requires("audit.read")
def event_detail(request: HttpRequest, pk: int) -> HttpResponse:
    event = get_object_or_404(Event, pk=pk)
    around = {
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
    }
    context = {
        "event": event,
        "change": selectors.change(event),
        "others": Event.objects.filter(**around).exclude(pk=pk)[:10] if event.subject_id else [],
    }
    return render(request, "audit/event_detail.html", context)


@require_safe
@requires("audit.read")
def event_csv(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield "\ufeff" + writer.writerow(COLUMNS)  # the mark tells Excel that this is UTF-8
        for row in _rows(request):
            yield writer.writerow([_cell(value) for value in row])

    return _file(lines(), "text/csv; charset=utf-8", "csv")


@require_safe
@requires("audit.read")
def event_jsonl(request: HttpRequest) -> StreamingHttpResponse:
    lines = (
        json.dumps(dict(zip(COLUMNS, row, strict=True)), cls=DjangoJSONEncoder, ensure_ascii=False)
        + "\n"
        for row in _rows(request)
    )
    return _file(lines, "application/jsonl; charset=utf-8", "jsonl")


def _rows(request: HttpRequest) -> Iterator[tuple[Any, ...]]:
    """Oldest first, straight from the database's cursor: the record may be long."""
    return _listing(request).found.order_by("pk").values_list(*COLUMNS).iterator(chunk_size=CHUNK)


def _file(lines: Iterable[str], content_type: str, ending: str) -> StreamingHttpResponse:
    name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.{ending}"
    answer = StreamingHttpResponse(lines, content_type=content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


class _Echo:
    """Hands each line to the caller instead of keeping it."""

    def write(self, line: str) -> str:
        return line
