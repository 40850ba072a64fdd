"""Ctrl-K: objects whose name holds the words typed, plans and runs by number or RequestId."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.console.selectors import named, row_link
from apps.core.kinds import Kind, all_kinds
from apps.core.models import Plan, Reconcilable, Run, Step
from apps.core.phases import Phase

EACH = 6  # hits shown per group
REQUEST_ID_LEAST = 8  # shorter beginnings of a RequestId would find half of everything


ICONS = {
    "preparation": "map-pin",
    "publication": "box-model-2",
    "deployment": "rocket",
    "generation": "photo",
    "visibility": "shield-check",
}


@dataclass(frozen=True)
class Hit:
    """`more` stands at the right: where the object is, or how it is doing."""

    label: str
    url: str
    icon: str
    more: str = ""


@dataclass(frozen=True)
class Group:
    label: str
    hits: list[Hit]


def search(query: str) -> list[Group]:
    """Groups of hits: a number with P- or R- first, then each kind, then RequestIds."""
    if len(query) < 2:
        return []
    groups = [Group(_("Plans and runs"), numbered(query))]
    for kind in all_kinds():
        path = kind.found_by or name_column(kind)
        if kind.page and path:
            rows = named(kind).filter(**{f"{path}__icontains": query}).order_by(path, "-pk")[:EACH]
            groups.append(Group(str(kind.label), [hit(row, kind) for row in rows]))
    groups.append(Group("RequestId", answered(query)))
    return [group for group in groups if group.hits]


def name_column(kind: Kind) -> str:
    """The column `name` of the kind's rows, or "" if they have none."""
    return "name" if any(one.name == "name" for one in kind.model._meta.concrete_fields) else ""


def hit(row: Reconcilable, kind: Kind) -> Hit:
    link = row_link(row, kind.name)
    return Hit(link.label, link.url, ICONS.get(kind.name, "route"), str(Phase(row.phase).label))


def numbered(query: str) -> list[Hit]:
    """The plan or run that is called so: P-12, R-7."""
    head, _dash, number = query.upper().partition("-")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        return []
    numbered_kinds: dict[str, type[Plan] | type[Run]] = {"P": Plan, "R": Run}
    model = numbered_kinds.get(head)
    row = model.objects.filter(pk=int(number)).first() if model else None
    if row is None:
        return []
    page, icon = ("plan-detail", "git-compare") if head == "P" else ("run-detail", "list-check")
    url = reverse(page, args=[row.pk])
    return [Hit(f"{row} {row.title_say}", url, icon, str(row.get_status_display()))]


def answered(query: str) -> list[Hit]:
    """Runs in which the cloud answered with this RequestId, or one that begins so."""
    if len(query) < REQUEST_ID_LEAST or " " in query:
        return []
    steps = Step.objects.filter(request_id__startswith=query).select_related("run")
    return [
        Hit(
            f"{step.run} {step.call} {step.name}",
            reverse("run-detail", args=[step.run_id]),
            "list-check",
            step.request_id,
        )
        for step in steps.order_by("-pk")[:EACH]
    ]
