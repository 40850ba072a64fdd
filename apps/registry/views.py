"""Model files: the list with its uploads, and one version."""

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.core.access import allowed, requires
from apps.core.errors import RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.models import Plan
from apps.core.phases import phases
from apps.environments.models import Environment
from apps.environments.selectors import current_environment, environment_list
from apps.registry import pages, selectors, services
from apps.registry.models import Version, model_types


@require_GET
@requires("console.view")
def version_list(request: HttpRequest) -> HttpResponse:
    environment = current_environment(request)
    listing: Listing[Version] = Listing(
        request,
        selectors.versions(environment),
        sorts={
            "name": ("model__name", "number"),
            "family": ("family", "model__name"),
            "state": ("phase", "model__name"),
            "size": "size_bytes",
            "uploaded": "created_at",
        },
        default_sort="-uploaded",
        filters=[
            Filter("family", _("Family"), selectors.family_choices, icon="box-model-2"),
            Filter("type", _("Type"), model_types(), "model__type", icon="file-zip"),
            Filter("phase", _("State"), phases(), icon="circle-dashed"),
            Filter("use", _("Use"), pages.USES, pages.by_use, icon="rocket", single=True),
        ],
        search=["model__name", "file_name", "sha256", "family"],
    )
    context: dict[str, Any] = {
        "listing": listing,
        "live": any(not row.settled for row in listing.rows),
        "disk": pages.disk_bar(environment) if environment else None,
        "environment": environment,
        "may_upload": allowed(request.user, "model.upload"),
    }
    if context["may_upload"]:
        told = pages.uploader(places(request, environment), environment)
        context["api"] = reverse("api:api-root") + "models/"
        context["uploader"] = json.dumps(told, ensure_ascii=False)
    return listing_page(request, "registry/version_list.html", context)


def places(request: HttpRequest, chosen: Environment | None) -> list[Environment]:
    """Where an upload may go."""
    return [chosen] if chosen else list(environment_list(request.user))


@require_GET
@requires("console.view")
def version_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return show(request, get_version(pk))


def show(
    request: HttpRequest, version: Version, refusal: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "version": version,
        "refusal": refusal,
        "parts": pages.parts(version),
        "parameters": pages.parameters(version),
        "track": pages.track(version),
        "users": list(version.deployments.select_related("environment")),
        "events": pages.deeds(version),
        "may_delete": allowed(request.user, "model.delete"),
        "may_publish": allowed(request.user, "model.publish"),
    }
    if status != 200:
        return render(request, "registry/version_detail.html", context, status=status)
    return listing_page(request, "registry/version_detail.html", context, partial="head")


def get_version(pk: int) -> Version:
    version = selectors.version_get(pk)
    if version is None:
        raise Http404
    return version


@require_POST
@requires("model.delete")
def version_delete(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_version(pk)
    reason = request.POST.get("reason", "")[:500]
    try:
        made = services.version_delete(person=request.user, version=version, reason=reason)  # type: ignore[arg-type]
    except RuleViolation as no:
        return show(request, version, no.message, 422)
    if isinstance(made, Plan):
        return redirect("plan-detail", made.pk)
    messages.success(request, _("%(name)s is being removed.") % {"name": str(version)})
    return redirect("version-list")


@require_POST
@requires("model.publish")
def version_look_again(request: HttpRequest, pk: int) -> HttpResponse:
    version = get_version(pk)
    try:
        services.version_look_again(person=request.user, version=version)  # type: ignore[arg-type]
    except RuleViolation as no:
        return show(request, version, no.message, 422)
    messages.success(request, _("Looking at the disk again."))
    return redirect(version)
