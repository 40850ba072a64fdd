"""The card map, named slices, prices."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.access import allowed, requires
from apps.core.errors import RuleViolation
from apps.core.listing import listing_page
from apps.environments.selectors import current_environment, environment_list
from apps.gpu import selectors, services
from apps.gpu.forms import PriceForm, ProfileForm, WhatIfForm
from apps.gpu.models import SliceProfile
from apps.gpu.rules import SliceAsk
from apps.gpu.words import check_slice


@requires("console.view")
def card_map(request: HttpRequest) -> HttpResponse:
    """The map of the chosen environment (or the first), with the what-if of the query string."""
    environment = current_environment(request) or environment_list(request.user).first()
    if environment is None:
        return render(request, "gpu/card_map.html", {"environment": None})
    known = selectors.card_map(environment)
    asked = "core" in request.GET
    form = WhatIfForm(request.GET if asked else None, gpu_types=known.gpu_types)
    ask, count, gpu_type, status = None, 1, request.GET.get("gpu_type", ""), 200
    if asked and form.is_valid():
        ask = SliceAsk(form.cleaned_data["core"], form.cleaned_data["memory_gib"])
        count, gpu_type = form.cleaned_data["count"], form.cleaned_data["gpu_type"]
        try:
            check_slice(ask)
        except RuleViolation as wrong:
            form.add_error(wrong.field or None, wrong.message)
            ask, status = None, 422
    elif asked:
        status, gpu_type = 422, ""
    found = selectors.card_map(environment, gpu_type, ask, count) if ask or gpu_type else known
    fragment = request.headers.get("HX-Request") == "true"
    context = {
        "environment": environment,
        "map": found,
        "form": form,
        "chosen": gpu_type,
        "fragment": fragment,
    }
    answer = listing_page(request, "gpu/card_map.html", context, partial="card-map")
    answer.status_code = status
    return answer


@requires("console.view")
def profiles(request: HttpRequest) -> HttpResponse:
    return render_profiles(request, ProfileForm())


def render_profiles(request: HttpRequest, form: ProfileForm, status: int = 200) -> HttpResponse:
    environment = current_environment(request) or environment_list(request.user).first()
    free = selectors.free_cards(environment) if environment else []
    known = selectors.prices()
    rows = [
        (
            profile,
            selectors.total_room(
                [c for c in free if profile.gpu_type in ("", c.gpu_type)], profile.ask
            ),
            selectors.price_of(profile.ask, profile.gpu_type, known),
        )
        for profile in selectors.profiles()
    ]
    types = sorted({card.gpu_type for card in free} | set(known))
    context = {
        "rows": rows,
        "form": form,
        "environment": environment,
        "prices": [(name, known.get(name)) for name in types],
        "may_change": allowed(request.user, "deployment.plan"),
    }
    return render(request, "gpu/profile_list.html", context, status=status)


@require_POST
@requires("deployment.plan")
def profile_create(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return render_profiles(request, form, 422)
    try:
        made = services.profile_create(person=request.user, **form.cleaned_data)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        form.add_error(wrong.field or None, wrong.message)
        return render_profiles(request, form, 422)
    messages.success(request, _("Slice %(name)s can be chosen now.") % {"name": made.name})
    return redirect("slice-list")


@require_POST
@requires("deployment.plan")
def profile_delete(request: HttpRequest, pk: int) -> HttpResponse:
    profile = get_object_or_404(SliceProfile, pk=pk)
    services.profile_delete(person=request.user, profile=profile)  # type: ignore[arg-type]
    messages.success(request, _("Slice %(name)s is no longer offered.") % {"name": profile.name})
    return redirect("slice-list")


@require_POST
@requires("deployment.plan")
def price_set(request: HttpRequest) -> HttpResponse:
    form = PriceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("A price is a number of ¥ with at most two decimals."))
        return redirect("slice-list")
    services.price_set(
        person=request.user,  # type: ignore[arg-type]
        gpu_type=form.cleaned_data["gpu_type"],
        price=form.cleaned_data["price"],
    )
    return redirect("slice-list")
