"""Doors to deployments."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.access import allowed, requires
from apps.core.context import environment_chosen
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.models import Plan
from apps.core.phases import phases
from apps.deployments import selectors, services
from apps.deployments.forms import DeploymentForm, initial_of, profiles
from apps.deployments.models import Deployment
from apps.deployments.tree import tree
from apps.environments.models import Environment
from apps.environments.selectors import current_environment, environment_list


@requires("console.view")
def deployment_list(request: HttpRequest) -> HttpResponse:
    mine = list(environment_list(request.user))
    listing = Listing(
        request,
        selectors.deployment_list(chosen_of(mine, request)),
        sorts={
            "state": ("rank", "name"),
            "name": "name",
            "environment": ("environment__name", "name"),
            "changed": "updated_at",
        },
        default_sort="state",
        filters=[
            Filter("phase", _("State"), phases, icon="circle-dashed"),
            Filter(
                "environment",
                _("Environment"),
                [(one.name, one.name) for one in mine],
                "environment__name",
                "map-pin",
            ),
            Filter("drift", _("Drift"), [("yes", _("differs"))], only_drifted, "git-compare"),
        ],
        search=["name", "checkpoint__model__name", "spec__image__tag"],
    )
    context = {
        "listing": listing,
        "totals": selectors.totals(listing.found),
        "may_change": allowed(request.user, "deployment.plan"),
    }
    return listing_page(request, "deployments/deployment_list.html", context)


def chosen_of(mine: list[Environment], request: HttpRequest) -> Environment | None:
    """The one chosen in the top bar, without another query; None = all."""
    chosen = environment_chosen(request)
    return next((one for one in mine if one.pk == chosen), None)


def only_drifted(queryset: Any, values: list[str]) -> Any:
    return queryset.exclude(drift=[])


@requires("deployment.plan")
def deployment_create(request: HttpRequest) -> HttpResponse:
    environment = chosen_environment(request)
    if environment is None:
        return render(request, "deployments/deployment_form.html", {"environment": None})
    form = DeploymentForm(request.POST or None, environment=environment)
    if request.method == "POST" and form.is_valid():
        try:
            plan = services.deployment_create(
                person=request.user,  # type: ignore[arg-type]
                environment=environment,
                name=form.cleaned_data["name"],
                wish=form.wish(),
                public_confirmed=form.cleaned_data["public_confirmed"],
                reason=form.cleaned_data["reason"],
            )
        except RuleViolation as wrong:
            form.add_error(on_form(form, wrong.field), wrong.message)
        else:
            return redirect("plan-detail", plan.pk)
    return render_form(request, form, environment, None)


@requires("deployment.plan")
def deployment_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get(pk)
    initial = initial_of(row) if row.spec else {}
    form = DeploymentForm(
        request.POST or None, environment=row.environment, row=row, initial=initial
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            plan = services.deployment_change(
                person=request.user,  # type: ignore[arg-type]
                row=row,
                wish=form.wish(),
                seen=form.cleaned_data["generation"],
                public_confirmed=form.cleaned_data["public_confirmed"],
                reason=form.cleaned_data["reason"],
            )
        except Conflict as moved:
            form.add_error(None, moved.message)
            status = 409
        except RuleViolation as wrong:
            form.add_error(on_form(form, wrong.field), wrong.message)
        else:
            return redirect("plan-detail", plan.pk)
    return render_form(request, form, row.environment, row, status)


def on_form(form: DeploymentForm, name: str) -> str | None:
    """The form's field for a rule's; rules speak of spec members."""
    name = {"memory_gib": "slice_gib"}.get(name, name)
    return name if name in form.fields else None


def render_form(
    request: HttpRequest,
    form: DeploymentForm,
    environment: Environment,
    row: Deployment | None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "environment": environment,
        "environments": list(environment_list(request.user)),
        "row": row,
        "profiles": profiles(),
    }
    if status == 200 and form.is_bound:
        status = 422
    return render(request, "deployments/deployment_form.html", context, status=status)


def chosen_environment(request: HttpRequest) -> Environment | None:
    """?environment=, else the one of the top bar, else the first."""
    mine = environment_list(request.user)
    named = mine.filter(name=request.GET.get("environment", "")).first()
    return named or current_environment(request) or mine.first()


@requires("console.view")
def deployment_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = get(pk)
    context = {
        "row": row,
        "spec": selectors.spec_of(row),
        "pods": selectors.pods(row),
        "tree": tree(row),
        "drift": selectors.drift(row),
        "revisions": list(selectors.revisions(row)[:8]),
        "plans": list(selectors.open_plans(row)[:5]),
        "may_change": allowed(request.user, "deployment.plan"),
    }
    return listing_page(
        request, "deployments/deployment_detail.html", context, partial="deployment-body"
    )


@require_POST
@requires("deployment.plan")
def deployment_scale(request: HttpRequest, pk: int) -> HttpResponse:
    row = get(pk)
    typed = request.POST.get("replicas", "")
    try:
        if not (typed.isascii() and typed.isdigit() and int(typed[:9]) <= 64):
            raise RuleViolation(_("Replicas are a whole number from 0 to 64."))
        plan = services.deployment_scale(person=request.user, row=row, replicas=int(typed))  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return refused(request, row, wrong)
    return redirect("plan-detail", plan.pk)


@require_POST
@requires("deployment.plan")
def deployment_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get(pk)
    try:
        plan: Plan = services.deployment_delete(person=request.user, row=row)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return refused(request, row, wrong)
    return redirect("plan-detail", plan.pk)


@require_POST
@requires("deployment.plan")
def deployment_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    row = get(pk)
    try:
        plan = services.deployment_put_back(person=request.user, row=row)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return refused(request, row, wrong)
    return redirect("plan-detail", plan.pk)


@require_POST
@requires("deployment.plan")
def deployment_restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Plan an earlier revision again."""
    row = get(pk)
    try:
        plan = services.deployment_restore(person=request.user, row=row, number=number)  # type: ignore[arg-type]
    except RuleViolation as wrong:
        return refused(request, row, wrong)
    return redirect("plan-detail", plan.pk)


def refused(request: HttpRequest, row: Deployment, wrong: RuleViolation) -> HttpResponse:
    context = {"row": row, "sentence": wrong.message}
    return render(request, "deployments/deployment_refused.html", context, status=422)


def get(pk: int) -> Deployment:
    row = selectors.deployment_get(pk)
    if row is None:
        raise Http404
    return row
