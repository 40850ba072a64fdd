"""Ctrl-K: objects whose name holds the words typed, plans and runs by number or RequestId."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.console.selectors import Link, named, row_link
from apps.core.kinds import all_kinds
from apps.core.models import Plan, Run, Step

EACH = 6  # hits shown per group
NAMED = ("name", "file_name")  # columns a person would type from
REQUEST_ID_LEAST = 8  # shorter beginnings of a RequestId would find half of everything


@dataclass(frozen=True)
class Group:
    label: str
    hits: list[Link]


def search(query: str) -> list[Group]:
    """Groups of hits: a number with P- or R- first, then each kind, then RequestIds."""
    if len(query) < 2:
        return []
    groups = [Group(_("Plans and runs"), numbered(query))]
    for kind in all_kinds():
        columns = {field.name for field in kind.model._meta.concrete_fields}
        column = next((name for name in NAMED if name in columns), None)
        if kind.page and column:
            rows = named(kind).filter(**{f"{column}__icontains": query}).order_by(column)[:EACH]
            groups.append(Group(str(kind.label), [row_link(row, kind.name) for row in rows]))
    groups.append(Group("RequestId", answered(query)))
    return [group for group in groups if group.hits]


def numbered(query: str) -> list[Link]:
    """The plan or run that is called so: P-12, R-7."""
    head, _dash, number = query.upper().partition("-")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        return []
    found = {"P": Plan, "R": Run}.get(head)
    row = found and found.objects.filter(pk=int(number)).first()
    if row is None:
        return []
    page = "plan-detail" if head == "P" else "run-detail"
    return [Link(f"{row} {row.title_say}", reverse(page, args=[row.pk]), "")]


def answered(query: str) -> list[Link]:
    """Runs in which the cloud answered with this RequestId, or one that begins so."""
    if len(query) < REQUEST_ID_LEAST or " " in query:
        return []
    steps = Step.objects.filter(request_id__startswith=query).select_related("run")
    return [
        Link(f"{step.run} {step.call} {step.name}", reverse("run-detail", args=[step.run_id]), "")
        for step in steps.order_by("-pk")[:EACH]
    ]
