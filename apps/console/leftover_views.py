"""Doors to orphans and unknown outcomes."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.permissions import requires
from apps.console import leftover_services, leftovers
from apps.console.drift_views import environments
from apps.console.plan import CALLS
from apps.console.selectors import untold
from apps.core.errors import RuleViolation
from apps.core.kinds import all_kinds
from apps.core.listing import Filter, Listing, listing_page
from apps.core.models import Intent
from apps.environments.selectors import current_environment


@requires("console.view")
def orphan_index(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        leftovers.orphan_list(current_environment(request)),
        sorts={
            "kind": ("object_kind", "name"),
            "name": "name",
            "environment": ("environment__name", "name"),
            "found": "found_at",
        },
        default_sort="-found",
        filters=[
            Filter("kind", gettext_lazy("Kind"), object_kinds, "object_kind", "box"),
            Filter(
                "environment",
                gettext_lazy("Environment"),
                environments,
                "environment__name",
                "map-pin",
            ),
        ],
        search=["name", "namespace"],
    )
    return listing_page(request, "console/orphan_list.html", {"listing": listing})


def object_kinds() -> list[tuple[str, str]]:
    return [(name, name) for name in CALLS]


@requires("environment.change")
def orphan_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """The page that asks for the name, and then plans."""
    orphan = get_object_or_404(leftovers.orphan_list(), pk=pk)
    context: dict[str, Any] = {"orphan": orphan, "error": "", "typed": ""}
    if request.method == "POST":
        typed = request.POST.get("typed", "").strip()
        try:
            plan = leftover_services.orphan_delete(
                person=request.user,  # type: ignore[arg-type]
                orphan=orphan,
                typed=typed,
            )
        except RuleViolation as wrong:
            context |= {"error": wrong.message, "typed": typed}
        else:
            return redirect("plan-detail", plan.pk)
    status = 422 if context["error"] else 200
    return render(request, "console/orphan_delete.html", context, status=status)


@requires("console.view")
def unknown_index(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        untold(),
        sorts={"asked": "asked_at", "sent": "created_at", "call": "call"},
        default_sort="-asked",
        filters=[Filter("kind", gettext_lazy("Kind"), kinds, "kind", "box")],
        search=["call", "key", "request_id", "error"],
    )
    context = {"listing": listing, "outcomes": leftovers.outcomes(listing.rows, request.user)}
    return listing_page(request, "console/unknown_list.html", context)


def kinds() -> list[tuple[str, str]]:
    return [(kind.name, str(kind.label)) for kind in all_kinds()]


@require_POST
@requires("console.view")
def unknown_decide(request: HttpRequest, pk: int) -> HttpResponse:
    intent = get_object_or_404(Intent, pk=pk)
    try:
        leftover_services.outcome_decide(
            person=request.user,  # type: ignore[arg-type]
            intent=intent,
            decision=request.POST.get("decision", ""),
            reason=request.POST.get("reason", "").strip()[:500],
        )
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    else:
        messages.success(request, _("Decided; the console goes on with it."))
    return redirect("unknown-list")
