"""Doors to the front desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.permissions import can, requires
from apps.console import search as finding
from apps.console import selectors, services
from apps.console.overview import overview as overview_facts
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.models import Plan, PlanStatus, Run, RunStatus, Trigger


@requires("console.view")
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "console/overview.html", overview_facts(request.user))


@requires("console.view")
def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    context = {"query": query, "groups": finding.search(query)}
    asked = request.headers.get("HX-Request") == "true"
    return render(request, "console/search.html" + ("#found" if asked else ""), context)


@requires("console.view")
def plan_index(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.plan_list(),
        sorts={"number": "pk", "made": "created_at", "status": "status"},
        default_sort="-number",
        filters=[
            Filter("status", _("State"), PlanStatus.choices, "status"),
            Filter("environment", _("Environment"), lambda: environments_in(Plan), "scope"),
        ],
        search=["reason", "scope", "author__username", "title__params__name"],
    )
    return listing_page(request, "console/plan_list.html", {"listing": listing})


@requires("console.view")
def plan_detail(request: HttpRequest, pk: int) -> HttpResponse:
    plan = get_object_or_404(selectors.plan_list(), pk=pk)
    answer = render_plan(request, plan)
    if request.GET.get("from") == "approved" and plan.status == PlanStatus.APPLIED:
        # Whoever waited for the start wants to see it run.
        answer["HX-Redirect"] = reverse("run-detail", args=[plan.run.pk])
    return answer


def render_plan(
    request: HttpRequest, plan: Plan, wrong: RuleViolation | None = None
) -> HttpResponse:
    """The page of the plan, or only its body for htmx; with what was refused, 409 or 422."""
    items = list(plan.items.all())
    context = {
        "plan": plan,
        "items": items,
        "facts": selectors.plan_facts(items),
        "links": list(selectors.item_links([(i.kind, i.object_id) for i in items]).values()),
        "may_apply": services.may_apply(plan, request.user),  # type: ignore[arg-type]
        "own": plan.author == request.user,
        "error": wrong.message if wrong else "",
    }
    status = 200 if wrong is None else 409 if isinstance(wrong, Conflict) else 422
    template = "console/plan_detail.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#plan-body"
    return render(request, template, context, status=status)


@require_POST
@requires("console.view")
def plan_apply(request: HttpRequest, pk: int) -> HttpResponse:
    plan = get_object_or_404(selectors.plan_list(), pk=pk)
    comment = request.POST.get("comment", "").strip()[:500]
    try:
        services.plan_apply(plan=plan, person=request.user, comment=comment)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        plan.refresh_from_db()
        return render_plan(request, plan, wrong)
    return redirect("plan-detail", plan.pk)


@require_POST
@requires("console.view")
def plan_discard(request: HttpRequest, pk: int) -> HttpResponse:
    plan = get_object_or_404(selectors.plan_list(), pk=pk)
    try:
        services.plan_discard(plan=plan, person=request.user)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return render_plan(request, plan, wrong)
    messages.success(request, _("%(plan)s was discarded; nothing changed.") % {"plan": plan})
    return redirect("plan-list")


@require_POST
@requires("console.view")
def plan_again(request: HttpRequest, pk: int) -> HttpResponse:
    plan = get_object_or_404(selectors.plan_list(), pk=pk)
    try:
        fresh = services.plan_again(plan=plan, person=request.user)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return render_plan(request, plan, wrong)
    return redirect("plan-detail", fresh.pk)


@requires("console.view")
def run_index(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.run_list(),
        sorts={"number": "pk", "started": "started_at", "status": "status"},
        default_sort="-number",
        filters=[
            Filter("status", _("State"), RunStatus.choices, "status"),
            Filter("trigger", _("Started by"), Trigger.choices, "trigger"),
            Filter("environment", _("Environment"), lambda: environments_in(Run), "scope"),
        ],
        search=["scope", "person__username", "title__params__name"],
    )
    return listing_page(request, "console/run_list.html", {"listing": listing})


@requires("console.view")
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(selectors.run_list(), pk=pk)
    steps = list(run.steps.select_related("item"))
    items = list(run.items.all())
    links = selectors.item_links([(item.kind, item.object_id) for item in items])
    context = {
        "run": run,
        "steps": [selectors.step_view(step) for step in steps],
        "items": [(item, links.get((item.kind, item.object_id))) for item in items],
        "progress": selectors.run_progress(steps),
        "live": run.status == RunStatus.RUNNING,
        "may_act": can(request.user, "plan.apply"),
        "stuck": run.status != RunStatus.RUNNING and bool(selectors.stuck(run)),
    }
    template = "console/run_detail.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#run-body"
    return render(request, template, context)


@require_POST
@requires("plan.apply")
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    try:
        services.run_cancel(run=run, person=request.user)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    return redirect("run-detail", run.pk)


@require_POST
@requires("plan.apply")
def run_retry(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    try:
        fresh = services.run_retry(run=run, person=request.user)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
        return redirect("run-detail", run.pk)
    return redirect("run-detail", fresh.pk)


def environments_in(model: type[Plan] | type[Run]) -> list[tuple[str, str]]:
    """The environments that appear, for a filter."""
    names = model.objects.order_by("scope").values_list("scope", flat=True).distinct()[:100]
    return [(name, name) for name in names if name]
