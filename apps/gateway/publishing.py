"""The door that puts a deployment behind the gateway: which one, then how it is reached."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.core.access import requires
from apps.core.errors import RuleViolation
from apps.deployments.models import Deployment
from apps.environments.selectors import environment_list
from apps.gateway import selectors, services
from apps.gateway.forms import RouteForm, ServiceForm, service_initial
from apps.gateway.models import Route
from apps.gateway.views import GET_AND_POST, blame, in_the_top_bar, me, nodes_of


@require_http_methods(GET_AND_POST)
@requires("gateway.plan")
def publish(request: HttpRequest) -> HttpResponse:
    """First which deployment, then how it is reached."""
    deployment = chosen(request)
    if deployment is None:
        environment = in_the_top_bar(request, list(environment_list(request.user)))
        choices = list(selectors.publishable(environment))
        return render(request, "gateway/publish.html", {"deployment": None, "choices": choices})
    route = RouteForm(request.POST or None, initial=first_route(deployment))
    service = ServiceForm(request.POST or None, initial=first_service(deployment))
    status = 200
    if request.method == "POST":
        status = 422
        # Both are asked, so that all of what is wrong is told at once.
        if all([route.is_valid(), service.is_valid()]):
            try:
                plan = services.deployment_publish(
                    person=me(request),
                    deployment=deployment,
                    name=route.cleaned_data["name"],
                    route=route.wish(),
                    service=service.wish(),
                    reason=route.cleaned_data["reason"],
                )
            except RuleViolation as wrong:
                status = blame(wrong, route, service)
            else:
                return redirect("plan-detail", plan.pk)
    context: dict[str, Any] = {
        "deployment": deployment,
        "form": route,
        "service_form": service,
        "need": selectors.stickiness(deployment),
        "service": selectors.service_of(deployment),
        "nodes": nodes_of(deployment.environment),
        "gateway": selectors.gateway_facts(deployment.environment),
    }
    return render(request, "gateway/publish.html", context, status=status)


def chosen(request: HttpRequest) -> Deployment | None:
    """?deployment=ID.  Raises Http404 if there is none of that id."""
    asked = request.GET.get("deployment", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise Http404
    found: Deployment | None = (
        Deployment.objects.select_related("environment").filter(pk=int(asked)).first()
    )
    if found is None:
        raise Http404
    return found


def first_route(deployment: Deployment) -> dict[str, Any]:
    """A route nobody has yet: the deployment's name, the gateway's own address."""
    taken = set(
        Route.objects.filter(environment=deployment.environment).values_list("name", flat=True)
    )
    names = [deployment.name[:36], *(f"{deployment.name[:36]}-{n}" for n in range(2, 100))]
    return {
        "name": next((name for name in names if name not in taken), ""),
        "hosts": selectors.gateway_ip(deployment.environment),
    }


def first_service(deployment: Deployment) -> dict[str, Any]:
    """How the deployment is served now; where it is not yet, what it needs."""
    known = selectors.service_of(deployment)
    wish = selectors.wish_of_service(known) if known else None
    initial = service_initial(wish) if wish else {}
    if selectors.stickiness(deployment).required:
        initial["hash_on"] = "ip"
    return initial
