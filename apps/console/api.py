"""The root of the REST API: who may enter, and how it says no.  Each app brings its operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled
from ninja.errors import ValidationError as InputError
from ninja.operation import Operation

from apps.accounts.api import router as accounts
from apps.accounts.api_auth import PersonRate, bearer, session
from apps.accounts.selectors import who_can
from apps.audit.api import router as audit
from apps.console.change_api import router as changes
from apps.console.drift_api import router as drift
from apps.core import marks
from apps.core.access import Refused, allowed
from apps.core.errors import Conflict, RuleViolation
from apps.core.problems import problem
from apps.deployments.api import router as deployments
from apps.environments.api import router as environments
from apps.gateway.api import router as gateway
from apps.generation.api import router as generations
from apps.gpu.api import router as gpu
from apps.moderation.api import router as moderation
from apps.registry.api import router as models

log = structlog.get_logger(__name__)

Door = Callable[..., HttpResponse]
# Bytes of a request.  Files never come this way, so more is a mistake, and is not read at all.
BODY_MOST = 256 * 1024


def _members_only(view: Door) -> Door:
    """The description of the API asks for the same credentials as the API."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if not (bearer(request) or session(request)):
                raise AuthenticationError()
            if not allowed(request.user, "console.view"):
                raise Refused("console.view")
        except (HttpError, Refused) as refusal:
            return api.on_exception(request, refusal)
        return view(request, *args, **kwargs)

    guarded.capability = "console.view"  # type: ignore[attr-defined]
    return guarded


api = NinjaAPI(
    title="SD Console",
    version="1",
    description="Declare, plan, apply and watch Stable Diffusion on Tencent Cloud.",
    auth=[bearer, session],
    throttle=[PersonRate()],
    docs_url=None,  # ninja's page needs inline script, which our content policy refuses
    docs_decorator=_members_only,
    urls_namespace="api",
)
api.add_router("", accounts)
api.add_router("/audit", audit)
api.add_router("", changes)
api.add_router("", drift)
api.add_router("/environments", environments)
api.add_router("/gpu", gpu)
api.add_router("/models", models)
api.add_router("/generations", generations)
api.add_router("/deployments", deployments)
api.add_router("/moderation", moderation)
api.add_router("/gateway", gateway)


def _anonymous(request: HttpRequest, refusal: AuthenticationError) -> HttpResponse:
    said = str(refusal)
    if said == "Unauthorized":
        said = _("Sign in, or send an API token as “Authorization: Bearer sdc_…”.")
    return problem(request, 401, said)


def _refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    said = _("You lack the right “%(capability)s”. It comes with: %(roles)s.") % {
        "capability": refusal.capability,
        "roles": who_can(refusal.capability),
    }
    return problem(request, 403, said, capability=refusal.capability)


def _rule(request: HttpRequest, violation: RuleViolation) -> HttpResponse:
    errors = {violation.field: [violation.message]} if violation.field else None
    return problem(request, 422, violation.message, errors)


def _conflict(request: HttpRequest, conflict: Conflict) -> HttpResponse:
    return problem(request, 409, conflict.message, current=conflict.current)


def _bad_input(request: HttpRequest, wrong: InputError) -> HttpResponse:
    errors: dict[str, list[str]] = {}
    for error in wrong.errors:
        # ("body", "<parameter>", "field", …): the parameter's name is ours, not the caller's.
        where, *rest = [str(part) for part in error["loc"]]
        path = rest[1:] if where == "body" and len(rest) > 1 else rest
        errors.setdefault(".".join(path) or where, []).append(error["msg"])
    return problem(request, 422, _("Some members of the request are wrong."), errors)


def _bad_value(request: HttpRequest, wrong: ValidationError) -> HttpResponse:
    if hasattr(wrong, "error_dict"):
        by_field = {
            "" if name == NON_FIELD_ERRORS else name: said
            for name, said in wrong.message_dict.items()
        }
        return problem(request, 422, wrong.messages[0], by_field)
    return problem(request, 422, " ".join(wrong.messages))


def _absent(request: HttpRequest, absent: Exception) -> HttpResponse:
    return problem(request, 404, _("There is no such object, or you may not see it."))


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, error.status_code, error.message)


def _too_many(request: HttpRequest, error: Throttled) -> HttpResponse:
    return problem(request, 429, _("Too many requests. Wait a moment, then go on."))


def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    log.exception("api_error", path=request.path)
    said = _("Something broke on our side. The log tells more under request %(id)s.")
    return problem(request, 500, said % {"id": marks.current().request_id})


_ANSWERS: tuple[tuple[type[Exception], Callable[[HttpRequest, Any], HttpResponse]], ...] = (
    (Exception, _broken),
    (Http404, _absent),
    (ObjectDoesNotExist, _absent),
    (HttpError, _http),
    (AuthenticationError, _anonymous),
    (Throttled, _too_many),
    (InputError, _bad_input),
    (ValidationError, _bad_value),
    (RuleViolation, _rule),
    (Conflict, _conflict),
    (Refused, _refused),
)
for _kind, _answer in _ANSWERS:
    api.add_exception_handler(_kind, _answer)


@login_not_required
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Addresses under /api/ that are no operation: a problem, not the console's 404 page."""
    return problem(request, 404, _("There is no such operation; see /api/v1/openapi.json."))


def _right_before_input(operation: Operation) -> None:
    """Otherwise ninja reads the input before the guard asks for the right, and whoever may not call
    the operation would learn what it expects.  (The guard in the operation stays.)  What is too
    large is refused before it is read."""
    capability = getattr(operation.view_func, "capability", None)
    checks = operation._run_checks

    def run_checks(request: HttpRequest) -> HttpResponse | None:
        error = checks(request)
        if error is None and (capability is None or not allowed(request.user, capability)):
            return api.on_exception(request, Refused(capability or "console.view"))
        if error is None and int(request.META.get("CONTENT_LENGTH") or 0) > BODY_MOST:
            return problem(request, 413, _("A request has at most 256 KiB."))
        return error

    operation._run_checks = run_checks  # type: ignore[method-assign]


def urls() -> tuple[list[Any], str, str]:
    """The API's addresses, exempt from the redirect to the sign-in page: it answers 401 itself."""
    for router in api._get_bound_routers():
        for view in router.path_operations.values():
            for operation in view.operations:
                _right_before_input(operation)
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name == "api-root":
            pattern.callback = nothing_here  # ninja's own would show the console's 404 page
        pattern.callback = login_not_required(pattern.callback)
    return patterns, app_name, namespace
