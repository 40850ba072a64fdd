"""Doors to the gateway: routes, services, sources, and the form that publishes a deployment."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.core.access import allowed, requires
from apps.core.context import environment_chosen
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.models import Plan
from apps.core.phases import phases
from apps.core.words import Say
from apps.environments.models import Environment
from apps.environments.selectors import environment_list
from apps.gateway import selectors, services
from apps.gateway.chain import chain, limit_words
from apps.gateway.forms import RouteForm, ServiceForm, place, route_initial, service_initial
from apps.gateway.models import GatewayService, Route, ServiceSource
from apps.gateway.plan import local_notes, rate_limit
from apps.gateway.spec import Limit, RouteWish

GET_AND_POST = ["GET", "HEAD", "POST"]
Row = ServiceSource | GatewayService | Route


def me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware lets nobody else in
    return request.user


# ---- the list -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One route as the list shows it."""

    row: Route
    wish: RouteWish | None
    limit: str
    sticky: bool

    @property
    def needs_a_look(self) -> bool:
        return self.row.phase in ("blocked", "degraded", "working")


@require_safe
@requires("console.view")
def route_list(request: HttpRequest) -> HttpResponse:
    known = list(environment_list(request.user))
    environment = in_the_top_bar(request, known)
    listing = Listing(
        request,
        selectors.routes(environment),
        sorts={
            "state": ("rank", "name"),
            "name": "name",
            "environment": ("environment__name", "name"),
            "service": ("service__name", "name"),
            "changed": "updated_at",
        },
        default_sort="state",
        filters=[
            Filter("phase", _("State"), phases, icon="circle-dashed"),
            Filter(
                "environment",
                _("Environment"),
                [(one.name, one.name) for one in known],
                "environment__name",
                "map-pin",
            ),
            Filter("limit", _("Limit"), LIMITED, by_limit, "bolt", single=True),
            Filter("drift", _("Drift"), [("yes", _("differs"))], only_drifted, "git-compare"),
        ],
        search=["name", "spec__hosts", "spec__paths", "service__name", "service__deployment__name"],
    )
    wishes = selectors.drafted_wishes(listing.rows)
    rows = [line(row, wishes.get(row.pk)) for row in listing.rows]
    context = {
        "listing": listing,
        "rows": rows,
        "troubled": selectors.troubled_services(environment),
        "may_change": allowed(request.user, "gateway.plan"),
    }
    return listing_page(request, "gateway/route_list.html", context)


LIMITED = [("yes", _("limited")), ("no", _("without a limit"))]


def line(row: Route, wish: RouteWish | None) -> Line:
    sticky = (row.service.observed.get("hash_on") or row.service.spec.get("hash_on")) == "ip"
    return Line(row, wish, limit_words(wish.limit) if wish else "", sticky)


def in_the_top_bar(request: HttpRequest, known: list[Environment]) -> Environment | None:
    """The one that lists narrow themselves to; None = all."""
    chosen = environment_chosen(request)
    return next((one for one in known if one.pk == chosen), None)


def by_limit(queryset: Any, values: list[str]) -> Any:
    without = queryset.filter(spec__limit=None)
    return without if values == ["no"] else queryset.exclude(pk__in=without.values("pk"))


def only_drifted(queryset: Any, values: list[str]) -> Any:
    return queryset.exclude(drift=[])


# ---- one route ----------------------------------------------------------------------------------


@require_safe
@requires("console.view")
def route_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = route_or_404(pk)
    wish = selectors.wish_of_route(row)
    context = {
        **frame(request, row, "gateway-route"),
        "wish": wish,
        "chain": chain(row.service, [row]),
        "url": selectors.url_of(wish, row.environment.gateway_address) if wish else "",
        "limit_note": limit_note(row, wish.limit if wish else None),
    }
    return listing_page(request, "gateway/route_detail.html", context, partial="gateway-body")


def limit_note(row: Route, limit: Limit | None) -> Say | None:
    """What "local" lets through in all, where it is more than it seems."""
    if limit is None:
        return None
    notes = local_notes(rate_limit(limit), nodes_of(row.environment))
    return notes[0] if notes else None


@require_http_methods(GET_AND_POST)
@requires("gateway.plan")
def route_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = route_or_404(pk)
    wish = selectors.wish_of_route(row)
    initial = {**(route_initial(wish) if wish else {}), "generation": row.generation}
    form = RouteForm(request.POST or None, initial=initial, new=False)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                plan = services.route_change(
                    person=me(request),
                    row=row,
                    changes=form.wish(),
                    seen=form.cleaned_data["generation"],
                    reason=form.cleaned_data["reason"],
                )
            except RuleViolation as wrong:
                status = blame(wrong, form)
            else:
                return redirect("plan-detail", plan.pk)
    context = {"row": row, "form": form, "nodes": nodes_of(row.environment)}
    return render(request, "gateway/route_form.html", context, status=status)


@require_POST
@requires("gateway.plan")
def route_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = route_or_404(pk)
    return planned(request, row, lambda: services.route_delete(person=me(request), row=row))


@require_POST
@requires("gateway.plan")
def route_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    row = route_or_404(pk)
    return planned(request, row, lambda: services.put_back(person=me(request), row=row))


# ---- one service --------------------------------------------------------------------------------


@require_safe
@requires("console.view")
def service_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = service_or_404(pk)
    routes = list(selectors.routes().filter(service=row).order_by("name"))
    wishes = selectors.drafted_wishes(routes)
    need = selectors.stickiness(row.deployment)
    wish = selectors.wish_of_service(row)
    context = {
        **frame(request, row, "gateway-service"),
        "wish": wish,
        "chain": chain(row, routes),
        "routes": [line(route, wishes.get(route.pk)) for route in routes],
        "need": need,
        "sticky_missing": need.required and wish is not None and wish.hash_on != "ip",
    }
    return listing_page(request, "gateway/service_detail.html", context, partial="gateway-body")


@require_http_methods(GET_AND_POST)
@requires("gateway.plan")
def service_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = service_or_404(pk)
    wish = selectors.wish_of_service(row)
    initial = {**(service_initial(wish) if wish else {}), "service_generation": row.generation}
    form = ServiceForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                plan = services.service_change(
                    person=me(request),
                    row=row,
                    changes=form.wish(),
                    seen=form.cleaned_data["service_generation"],
                    reason=form.cleaned_data["service_reason"],
                )
            except RuleViolation as wrong:
                status = blame(wrong, form)
            else:
                return redirect("plan-detail", plan.pk)
    context = {"row": row, "form": form, "need": selectors.stickiness(row.deployment)}
    return render(request, "gateway/service_form.html", context, status=status)


@require_POST
@requires("gateway.plan")
def service_stick(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan stickiness by client IP."""
    row = service_or_404(pk)
    changes = {"hash_on": "ip"}
    return planned(
        request,
        row,
        lambda: services.service_change(person=me(request), row=row, changes=changes),
    )


@require_POST
@requires("gateway.plan")
def service_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = service_or_404(pk)
    return planned(request, row, lambda: services.service_delete(person=me(request), row=row))


@require_POST
@requires("gateway.plan")
def service_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    row = service_or_404(pk)
    return planned(request, row, lambda: services.put_back(person=me(request), row=row))


# ---- one source ---------------------------------------------------------------------------------


@require_safe
@requires("console.view")
def source_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = selectors.source_get(pk)
    if row is None:
        raise Http404
    context = {
        **frame(request, row, "gateway-source"),
        "services": list(selectors.services().filter(source=row).order_by("name")),
    }
    return listing_page(request, "gateway/source_detail.html", context, partial="gateway-body")


@require_POST
@requires("gateway.plan")
def source_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    row = selectors.source_get(pk)
    if row is None:
        raise Http404
    return planned(request, row, lambda: services.put_back(person=me(request), row=row))


# ---- for all of them ----------------------------------------------------------------------------


def frame(request: HttpRequest, row: Row, kind: str) -> dict[str, Any]:
    """What the head of every detail page shows."""
    return {
        "row": row,
        "drift": selectors.drift(row),
        "plans": list(selectors.open_plans(kind, row.pk)[:5]),
        "may_change": allowed(request.user, "gateway.plan") and row.revision and not row.deleting,
    }


def planned(request: HttpRequest, row: Row, propose: Any) -> HttpResponse:
    """On to the plan; or the sentence of the rule that said no."""
    try:
        plan: Plan = propose()
    except RuleViolation as wrong:
        context = {"row": row, "sentence": wrong.message}
        return render(request, "gateway/refused.html", context, status=422)
    return redirect("plan-detail", plan.pk)


def route_or_404(pk: int) -> Route:
    row = selectors.route_get(pk)
    if row is None:
        raise Http404
    return row


def service_or_404(pk: int) -> GatewayService:
    row = selectors.service_get(pk)
    if row is None:
        raise Http404
    return row


def nodes_of(environment: Environment) -> int:
    return selectors.gateway_nodes(environment, environment.gateway_id)


def blame(wrong: RuleViolation, *forms: Any) -> int:
    """Put what was refused beside its field, on the form that has it; the status to answer with."""
    form = next((one for one in forms if place(one, wrong.field)), forms[0])
    form.add_error(place(form, wrong.field), wrong.message)
    return 409 if isinstance(wrong, Conflict) else 422
