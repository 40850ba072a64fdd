"""Doors: the list, the wizard, one environment with its inventory and settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.core.access import allowed, requires
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.environments import pages, picks, selectors, services
from apps.environments.choices import Choice
from apps.environments.forms import (
    AdoptForm,
    CreateForm,
    KeyFields,
    KubeconfigForm,
    ReachFields,
    SettingsForm,
)
from apps.environments.inventory import shown
from apps.environments.models import Environment, stages
from apps.environments.products import Product
from apps.environments.regions import REGIONS

GET_AND_POST = ["GET", "HEAD", "POST"]


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware lets nobody else in
    return request.user


def _blame(form: Form, wrong: RuleViolation | ValidationError) -> int:
    """Put what was refused beside its field; the status to answer with."""
    if isinstance(wrong, RuleViolation):
        form.add_error(wrong.field if wrong.field in form.fields else None, wrong.message)
    elif hasattr(wrong, "error_dict"):
        for field, said in wrong.error_dict.items():
            form.add_error(field if field in form.fields else None, said)
    else:
        form.add_error(None, wrong)
    return 409 if isinstance(wrong, Conflict) else 422


def _frame(request: HttpRequest, environment: Environment, tab: str) -> dict[str, Any]:
    """What the head of every page of one environment shows."""
    return {
        "environment": environment,
        "row": pages.rows([environment])[0],
        "tab": tab,
        "may_change": allowed(request.user, "environment.change"),
    }


@require_safe
@requires("console.view")
def environment_index(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.environment_list(request.user),
        sorts={"name": "name", "region": "region"},
        default_sort="pk",
        filters=[Filter("stage", _("Stage"), stages, icon="stack-2")],
        search=["name", "region", "cluster_id", "bucket"],
    )
    rows = pages.rows(listing.rows)
    context = {
        "listing": listing,
        "rows": rows if "sort" in request.GET else pages.worst_first(rows),
        "live": any(row.progress.live for row in rows),
        "may_change": allowed(request.user, "environment.change"),
    }
    return listing_page(request, "environments/environment_list.html", context)


@require_http_methods(GET_AND_POST)
@requires("environment.change")
@never_cache
def environment_create(request: HttpRequest) -> HttpResponse:
    form = CreateForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = services.environment_create(person=_me(request), **form.cleaned_data)
            except (RuleViolation, ValidationError) as wrong:
                status = _blame(form, wrong)
            else:
                return redirect("environment-adopt", made.name)
    context = {"form": form, "regions": REGIONS}
    return render(request, "environments/environment_create.html", context, status=status)


@require_http_methods(GET_AND_POST)
@requires("environment.change")
def environment_adopt(request: HttpRequest, name: str) -> HttpResponse:
    """Discovery first, then what it found to tick; one page that becomes the other."""
    environment = selectors.environment_get(name)
    form = AdoptForm(request.POST or None, initial=picks.adopted(environment))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = dict(form.cleaned_data)
            mount = values.pop("cfs_mount_path")
            try:
                plan = services.environment_adopt(
                    environment=environment,
                    person=_me(request),
                    choice=Choice(**values),
                    cfs_mount_path=mount,
                )
            except (RuleViolation, ValidationError) as wrong:
                status = _blame(form, wrong)
            else:
                if plan is not None and plan.policy != "auto":
                    messages.success(request, _("Adopted. This plan prepares what is needed."))
                    return redirect("plan-detail", plan.pk)
                messages.success(request, _("Adopted."))
                return redirect("environment-detail", environment.name)
    frame = _frame(request, environment, "adopt")
    looks = frame["row"].looks
    steps = pages.steps(looks, selectors.counts(environment))
    context = {
        **frame,
        "form": form,
        "steps": steps,
        "reading": [step for step in steps if step.state in ("", "run")],
        "picks": picks.picks(environment, picks.chosen(form, environment), picks.said(form), looks),
        "key_refused": sts if (sts := looks.get(Product.STS)) and sts.permanent else None,
    }
    template = "environments/environment_adopt.html"
    if request.headers.get("HX-Request") == "true" and request.method != "POST":
        template += "#discovery"
    return render(request, template, context, status=status)


@require_safe
@requires("console.view")
def environment_detail(request: HttpRequest, name: str) -> HttpResponse:
    environment = selectors.environment_get(name)
    if not environment.adopted and allowed(request.user, "environment.change"):
        return redirect("environment-adopt", name)
    frame = _frame(request, environment, "overview")
    context = {
        **frame,
        "lines": pages.lines(frame["row"]),
        "preparation": pages.preparation(environment),
        "resources": pages.resources(environment),
    }
    return listing_page(
        request, "environments/environment_detail.html", context, partial="environment-body"
    )


@require_safe
@requires("console.view")
def environment_inventory(request: HttpRequest, name: str) -> HttpResponse:
    environment = selectors.environment_get(name)
    frame = _frame(request, environment, "inventory")
    kind = request.GET.get("kind", "nodes")
    context = {**frame, **shown(request, environment, kind, frame["row"].looks)}
    return listing_page(request, "environments/environment_inventory.html", context)


@require_POST
@requires("console.view")
def environment_refresh(request: HttpRequest, name: str) -> HttpResponse:
    environment = selectors.environment_get(name)
    services.refresh_request(environment=environment)
    back = request.POST.get("back", "")
    if back == "inventory":
        answer = redirect("environment-inventory", name)
        answer["Location"] += f"?kind={request.POST.get('kind', 'nodes')}"
        return answer
    return redirect("environment-adopt" if back == "adopt" else "environment-detail", name)


@require_safe
@requires("console.view")
def environment_status(request: HttpRequest, name: str) -> HttpResponse:
    """The "Read again" of a head, asked again and again while the region is read."""
    environment = selectors.environment_get(name)
    context = _frame(request, environment, request.GET.get("tab", "overview"))
    return render(request, "environments/_read.html", context)


# ---- settings: one page, several forms, each with its own door -----------------------------------


@require_http_methods(GET_AND_POST)
@requires("environment.change")
@never_cache
def environment_settings(request: HttpRequest, name: str) -> HttpResponse:
    environment = selectors.environment_get(name)
    if request.method != "POST":
        return _settings(request, environment, {})
    form = _settings_form(request, environment, request.POST)
    if form.is_valid():
        try:
            services.environment_update(
                environment=environment, person=_me(request), **form.cleaned_data
            )
        except (RuleViolation, ValidationError) as wrong:
            return _settings(request, environment, {"form": form}, _blame(form, wrong))
        messages.success(request, _("Saved."))
        return redirect("environment-settings", name)
    return _settings(request, environment, {"form": form}, 422)


@require_POST
@requires("environment.change")
@never_cache
def environment_key(request: HttpRequest, name: str) -> HttpResponse:
    form = KeyFields(request.POST)
    said = _("The key is replaced; everything is read with it now.")
    return _store(request, name, "key_form", form, services.environment_credentials, said)


@require_POST
@requires("environment.change")
@never_cache
def environment_reach(request: HttpRequest, name: str) -> HttpResponse:
    form = ReachFields(request.POST)
    said = _("Saved; everything is read from there now.")
    return _store(request, name, "reach_form", form, services.environment_reach, said)


@require_POST
@requires("environment.change")
@never_cache
def environment_kubeconfig(request: HttpRequest, name: str) -> HttpResponse:
    form = KubeconfigForm(request.POST)
    said = _("Saved; the cluster is read with it now.")
    return _store(request, name, "kubeconfig_form", form, services.environment_kubeconfig, said)


def _store(
    request: HttpRequest, name: str, key: str, form: Form, service: Any, said: str
) -> HttpResponse:
    """Hand a valid form to its service; a refused one comes back on the settings page."""
    environment = selectors.environment_get(name)
    if not form.is_valid():
        return _settings(request, environment, {key: form}, 422)
    try:
        service(environment=environment, person=_me(request), **form.cleaned_data)
    except (RuleViolation, ValidationError) as wrong:
        return _settings(request, environment, {key: form}, _blame(form, wrong))
    messages.success(request, said)
    return redirect("environment-settings", name)


def _settings_form(request: HttpRequest, environment: Environment, posted: Any) -> SettingsForm:
    return SettingsForm(
        posted,
        may_choose_policy=allowed(request.user, "environment.policy"),
        initial={
            "stage": environment.stage,
            "policy": environment.policy,
            "cfs_mount_path": environment.cfs_mount_path,
            "biz_type": environment.biz_type,
            "seen": environment.updated_at.isoformat(),
        },
    )


def _settings(
    request: HttpRequest, environment: Environment, forms: dict[str, Form], status: int = 200
) -> HttpResponse:
    reach = {
        name: getattr(environment, name)
        for name in ("api_endpoint", "api_scheme", "cos_endpoint", "cos_scheme")
    }
    context = {
        **_frame(request, environment, "settings"),
        "form": _settings_form(request, environment, None),
        "key_form": KeyFields(auto_id="id_key_%s"),
        "reach_form": ReachFields(initial=reach, auto_id="id_reach_%s"),
        "kubeconfig_form": KubeconfigForm(),
        "resources": pages.resources(environment),
        **forms,
    }
    return render(request, "environments/environment_settings.html", context, status=status)
