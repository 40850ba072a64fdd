"""Ctrl-K: objects whose name holds the words typed, from every kind that has a page of its own."""

from dataclasses import dataclass
from typing import Any

from apps.console.selectors import Link, row_link
from apps.core.kinds import all_kinds
from apps.core.models import Plan, Run

EACH = 6  # hits shown per group
NAMED = ("name", "file_name")  # columns a person would type from


@dataclass(frozen=True)
class Group:
    label: str
    hits: list[Link]


def search(query: str, user: Any) -> list[Group]:
    """Groups of hits, best kind first; a number with P- or R- goes straight to its plan or run."""
    if len(query) < 2:
        return []
    groups = []
    head, _, number = query.upper().partition("-")
    if number.isdigit():
        model = Plan if head == "P" else Run if head == "R" else None
        if model and model.objects.filter(pk=int(number)).exists():
            page = "plans" if head == "P" else "runs"
            groups.append(Group("", [Link(query.upper(), f"/{page}/{int(number)}/", "")]))
    for kind in all_kinds():
        if not kind.page:
            continue
        columns = {field.name for field in kind.model._meta.concrete_fields}
        for column in NAMED:
            if column in columns:
                rows = kind.model.objects.filter(**{f"{column}__icontains": query})[:EACH]
                hits = [row_link(row, kind.name) for row in rows]
                if hits:
                    groups.append(Group(str(kind.label), hits))
                break
    return groups
