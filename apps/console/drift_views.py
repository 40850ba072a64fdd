"""Doors to drift, pauses, orphans and unknown outcomes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.permissions import can, requires
from apps.console import drift_services, drifting
from apps.console.drifting import Drifted, right_of, row_get
from apps.console.forms import PauseForm
from apps.console.gathered import Gathered
from apps.console.selectors import row_link
from apps.core.errors import RuleViolation
from apps.core.kinds import all_kinds
from apps.core.listing import Filter, listing_page
from apps.core.models import Plan
from apps.environments.models import Environment
from apps.environments.selectors import current_environment, environment_get


@requires("console.view")
def drift_index(request: HttpRequest) -> HttpResponse:
    seen = drifting.unsteady(request.user, current_environment(request))
    found = seen.drifted
    listing = Gathered(
        request,
        found,
        sorts={"name": ("kind_word", "name"), "who": "who", "place": "place", "since": "since"},
        default_sort="-since",
        filters=[
            Filter("kind", gettext_lazy("Kind"), kinds_that_drift, of_kinds, "box"),
            Filter("environment", gettext_lazy("Environment"), environments, in_place, "map-pin"),
        ],
        search=["name", "kind_word", "who", "paths"],
    )
    context = {
        "listing": listing,
        "tab": "drift",
        "fields": sum(len(one.lines) for one in found),
        "ignoring": seen.ignoring,
        "paused": seen.paused,
    }
    return listing_page(request, "console/drift_list.html", context)


def kinds_that_drift() -> list[tuple[str, str]]:
    return [(kind.name, str(kind.label)) for kind in all_kinds() if not kind.heals]


def of_kinds(found: list[Drifted], values: list[str]) -> list[Drifted]:
    return [one for one in found if one.kind.name in values]


def in_place(found: list[Drifted], values: list[str]) -> list[Drifted]:
    return [one for one in found if one.place in values]


def environments() -> list[tuple[str, str]]:
    return [(name, name) for name in Environment.objects.values_list("name", flat=True)[:100]]


@require_POST
@requires("console.view")
def drift_put_back(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    return planned(request, kind, pk, drift_services.row_put_back)


@require_POST
@requires("console.view")
def drift_take_over(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    return planned(request, kind, pk, drift_services.row_take_over)


def planned(
    request: HttpRequest, kind_name: str, pk: int, service: Callable[..., Plan]
) -> HttpResponse:
    kind, row = row_get(kind_name, pk)
    try:
        plan = service(person=request.user, kind=kind, row=row)
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
        return redirect("drift-list")
    return redirect("plan-detail", plan.pk)


@require_POST
@requires("console.view")
def drift_ignore(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    said = _("Ignored from now on: %(path)s.")
    return ignoring(request, kind, pk, drift_services.field_ignore, said)


@require_POST
@requires("console.view")
def drift_unignore(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    said = _("Counts again: %(path)s.")
    return ignoring(request, kind, pk, drift_services.field_unignore, said)


def ignoring(
    request: HttpRequest, kind_name: str, pk: int, service: Callable[..., None], said: str
) -> HttpResponse:
    kind, row = row_get(kind_name, pk)
    path = request.POST.get("path", "")
    try:
        service(
            person=request.user,
            kind=kind,
            row=row,
            object=request.POST.get("object", ""),
            path=path,
        )
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    else:
        messages.success(request, said % {"path": path})
    return redirect("drift-list")


# ---- leaving alone ------------------------------------------------------------------------------


@requires("console.view")
def row_pause(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The form that asks for how long and why; sent again, it moves the end."""
    of, row = row_get(kind, pk)
    form = PauseForm(request.POST or None)
    link = row_link(row, of.name)
    if request.method == "POST" and form.is_valid():
        try:
            drift_services.row_pause(
                person=request.user,  # type: ignore[arg-type]
                kind=of,
                row=row,
                until=form.until(),
                reason=form.cleaned_data["reason"],
            )
        except RuleViolation as wrong:
            form.add_error(None, wrong.message)
        else:
            messages.success(request, _("%(name)s is left alone.") % {"name": row})
            return redirect(link.url or "drift-list")
    context = {
        "row": row,
        "link": link,
        "may": can(request.user, right_of(of)),
        "everything": False,
    }
    return render_pause(request, form, context)


@require_POST
@requires("console.view")
def row_resume(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    of, row = row_get(kind, pk)
    try:
        drift_services.row_resume(person=request.user, kind=of, row=row)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    else:
        messages.success(request, _("%(name)s is looked after again.") % {"name": row})
    return redirect(row_link(row, of.name).url or "drift-list")


@requires("environment.change")
def environment_pause(request: HttpRequest, name: str) -> HttpResponse:
    environment = environment_get(name)
    form = PauseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            drift_services.environment_pause(
                person=request.user,  # type: ignore[arg-type]
                environment=environment,
                until=form.until(),
                reason=form.cleaned_data["reason"],
            )
        except RuleViolation as wrong:
            form.add_error(None, wrong.message)
        else:
            messages.success(request, _("%(name)s is left alone.") % {"name": environment})
            return redirect("environment-detail", environment.name)
    context = {"row": environment, "environment": environment, "may": True, "everything": True}
    return render_pause(request, form, context)


@require_POST
@requires("environment.change")
def environment_resume(request: HttpRequest, name: str) -> HttpResponse:
    environment = environment_get(name)
    try:
        drift_services.environment_resume(person=request.user, environment=environment)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    else:
        messages.success(request, _("%(name)s is looked after again.") % {"name": environment})
    return redirect("environment-detail", environment.name)


def render_pause(request: HttpRequest, form: PauseForm, context: dict[str, Any]) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, "console/pause_form.html", {"form": form, **context}, status=status)
