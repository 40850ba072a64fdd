"""What every app's API shares: strict input, and lists cut into pages by cursor."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Generic, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import ConfigDict, Field, field_validator

from apps.core.access import api_requires
from apps.core.errors import RuleViolation

__all__ = ["LIMIT_MOST", "Input", "Output", "Page", "api_requires", "page"]

LIMIT_MOST = 200
T = TypeVar("T")
M = TypeVar("M", bound=Model)


class Input(Schema):
    """Base of every request body: a member nobody knows is a mistake, not silence."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if holds_nul(value):
            raise ValueError(_("Text cannot hold the character NUL."))
        return value


def holds_nul(value: Any) -> bool:
    """PostgreSQL can store no NUL, neither in text nor in JSON."""
    if isinstance(value, dict):
        return any(holds_nul(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return any(holds_nul(one) for one in value)
    return isinstance(value, str) and "\x00" in value


class Output(Schema):
    """Base of every answer."""


class Page(Schema, Generic[T]):
    """`next` goes into `?cursor=` of the next request; null on the last page."""

    items: list[T]
    next: str | None = Field(default=None)


def page(
    queryset: QuerySet[M], cursor: str | None = None, limit: int = 50, order: str = "-id"
) -> dict[str, Any]:
    """One page of `queryset`, shaped for `response=Page[…]`.

    Sorted by `order` (a column that is never null, "-" for descending), then by id.  Rows that
    appear or vanish between two requests neither repeat nor skip others.  Raises RuleViolation if
    `cursor` is not one of ours.
    """
    limit = max(1, min(limit, LIMIT_MOST))
    column, down = order.lstrip("-"), order.startswith("-")
    if cursor:
        value, pk = _read(cursor, order)
        beyond = "lt" if down else "gt"
        try:
            queryset = queryset.filter(
                Q(**{f"{column}__{beyond}": value}) | Q(**{column: value, f"pk__{beyond}": pk})
            )
        except (TypeError, ValueError) as wrong:
            raise _unreadable() from wrong
    keys = [F(name).desc() if down else F(name).asc() for name in (column, "pk")]
    rows = list(queryset.order_by(*keys)[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return {"items": rows, "next": _write(rows[-1], column, order) if more else None}


def _write(row: Model, column: str, order: str) -> str:
    spelled = json.dumps([order, getattr(row, column), row.pk], cls=DjangoJSONEncoder)
    return base64.urlsafe_b64encode(spelled.encode()).decode().rstrip("=")


def _read(cursor: str, order: str) -> tuple[Any, Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        written_for, value, pk = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError, TypeError) as wrong:
        raise _unreadable() from wrong
    if written_for != order or not isinstance(pk, int | str) or isinstance(value, dict | list):
        raise _unreadable()
    return value, pk


def _unreadable() -> RuleViolation:
    return RuleViolation(_("This cursor does not belong to this list."), field="cursor")
