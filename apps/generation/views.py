"""Doors of generation: ask, watch, look."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from apps.core.access import allowed, requires
from apps.core.errors import Conflict, RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.phases import phases
from apps.deployments.selectors import deployment_get
from apps.environments.selectors import current_environment
from apps.generation import lookout, selectors, services
from apps.generation.forms import GenerationForm, initial_of
from apps.generation.models import Job
from apps.generation.rules import OPEN_IMAGES_MOST, SAMPLERS

P = ParamSpec("P")
Door = Callable[Concatenate[HttpRequest, P], HttpResponse]
BODY_MOST = 256 * 1024  # bytes of a whole form; two full prompts take 96 KiB, percent-encoded


def small(door: Door[P]) -> Door[P]:
    """Refuse a form that is too large before anything reads it.

    The check of the CSRF token reads the form, so it stands behind this one."""

    @wraps(door)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_MOST:
            said = _("That is too much text: a prompt has at most 4000 characters.")
            return render_home(request, new_form(request), 413, said)
        return csrf_protect(door)(request, *args, **kwargs)

    return csrf_exempt(guarded)


@requires("console.view")
def generation_home(request: HttpRequest) -> HttpResponse:
    """The form, and what was asked lately.  ?like=<uuid> fills the form as it was then."""
    return render_home(request, new_form(request))


def new_form(request: HttpRequest, data: Any = None) -> GenerationForm:
    places = selectors.places(current_environment(request))
    initial: dict[str, Any] = {}
    like = job_like(request.GET.get("like", ""))
    if like is not None:
        initial = initial_of(like, same_seed=request.GET.get("seed") == "same")
    elif request.GET.get("deployment", "").isdecimal():
        initial = {"deployment": request.GET["deployment"]}
    return GenerationForm(data, places=places, initial=initial)


def job_like(uuid: str) -> Job | None:
    try:
        return selectors.job_get(UUID(uuid)) if uuid else None
    except ValueError:
        return None


def render_home(
    request: HttpRequest, form: GenerationForm, status: int = 200, refused: str = ""
) -> HttpResponse:
    environment = current_environment(request)
    recent = lookout.views(selectors.job_list(environment)[: lookout.RECENT])
    context = {
        "form": form,
        "recent": recent,
        "every": min((one.every for one in recent if one.every), default=""),
        "counts": selectors.counts(environment),
        "samplers": SAMPLERS,
        "refused": refused,
        "waiting": selectors.open_images(request.user),  # type: ignore[arg-type]
        "most": OPEN_IMAGES_MOST,
        "may_generate": allowed(request.user, "generate"),
    }
    answer = listing_page(request, "generation/generation_home.html", context, partial="recent")
    answer.status_code = status
    return answer


@requires("generate")
@small
@require_POST
def generation_create(request: HttpRequest) -> HttpResponse:
    form = new_form(request, request.POST)
    status = 422
    if form.is_valid():
        try:
            row = create(request, form)
        except Conflict as other:
            form.add_error(None, other.message)
            status = 409
        except RuleViolation as wrong:
            form.add_error(wrong.field if wrong.field in form.fields else None, wrong.message)
        else:
            messages.success(request, _("%(job)s is in the queue.") % {"job": row})
            return redirect(f"{reverse('generation-home')}?like={row.uuid}")
    return render_home(request, form, status)


def create(request: HttpRequest, form: GenerationForm) -> Job:
    deployment = deployment_get(form.cleaned_data["deployment"])
    if deployment is None:
        raise RuleViolation(_("There is no such deployment."), field="deployment")
    row, _new = services.job_create(
        person=request.user,  # type: ignore[arg-type]
        deployment=deployment,
        wish=form.wish(),
        idempotency_key=form.cleaned_data["request_key"],
    )
    return row


@requires("console.view")
def generation_list(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.job_list(current_environment(request)),
        sorts={"asked": "created_at", "pictures": "count", "state": "phase"},
        default_sort="-asked",
        filters=[
            Filter("phase", gettext_lazy("State"), phases, icon="circle-dashed"),
            Filter(
                "deployment",
                gettext_lazy("Deployment"),
                selectors.deployment_names,
                "deployment_name",
                "rocket",
            ),
            Filter("person", gettext_lazy("Person"), selectors.people, "person", "user"),
        ],
        search=["prompt", "negative_prompt"],
    )
    context = {
        "listing": listing,
        "rows": lookout.views(listing.rows),
        "may_generate": allowed(request.user, "generate"),
    }
    return listing_page(request, "generation/generation_list.html", context)


@requires("console.view")
def image_list(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.image_list(current_environment(request)),
        sorts={"time": "created_at", "size": "size_bytes"},
        default_sort="-time",
        filters=[
            Filter(
                "deployment",
                gettext_lazy("Deployment"),
                selectors.deployment_names,
                "job__deployment_name",
                "rocket",
            ),
            Filter("person", gettext_lazy("Person"), selectors.people, "job__person", "user"),
            Filter("since", gettext_lazy("Time"), lookout.SINCE, lookout.since, "clock", True),
            Filter("shown", gettext_lazy("Seen"), lookout.SHOWN, lookout.shown, "eye", True),
        ],
        search=["job__prompt", "model_name", "seed"],
        page_size=48,
    )
    context = {
        "listing": listing,
        "pictures": lookout.pictures(listing.rows),
        "may_generate": allowed(request.user, "generate"),
    }
    return listing_page(request, "generation/image_list.html", context)


@requires("console.view")
def generation_detail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    row = found(uuid)
    context = {
        "row": row,
        "view": lookout.views([row])[0],
        "spec": selectors.spec_of_job(row),
        "ahead": selectors.ahead(row) if not row.settled and not row.done else 0,
        "why_not": selectors.why_not(row.deployment)
        if row.deployment and lookout.held(row)
        else "",
        "may_generate": allowed(request.user, "generate"),
    }
    return listing_page(request, "generation/generation_detail.html", context, partial="job")


@require_POST
@requires("generate")
def generation_cancel(request: HttpRequest, uuid: UUID) -> HttpResponse:
    try:
        services.job_cancel(person=request.user, row=found(uuid))  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    return redirect("generation-detail", uuid)


@require_POST
@requires("generate")
def generation_retry(request: HttpRequest, uuid: UUID) -> HttpResponse:
    try:
        services.job_retry(person=request.user, row=found(uuid))  # type: ignore[arg-type]
    except RuleViolation as wrong:
        messages.error(request, wrong.message)
    return redirect("generation-detail", uuid)


def found(uuid: UUID) -> Job:
    row = selectors.job_get(uuid)
    if row is None:
        raise Http404(f"No generation {uuid}.")
    return row
