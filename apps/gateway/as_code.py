"""Gateway services and routes as text, and back.  The cluster's binding follows by itself."""

from typing import Any

from django.utils.translation import gettext as _

from apps.core.as_code import Target
from apps.core.errors import RuleViolation
from apps.deployments.models import Deployment
from apps.environments.models import Environment
from apps.gateway import services
from apps.gateway.models import GatewayService, Route, external_name
from apps.gateway.spec import Algorithm, HashOn, Part, RouteWish, ServiceWish


class ServiceText(Part):
    """Of a ServiceWish what a person chooses; the rest follows from the deployment."""

    deployment: str
    timeout_ms: int = ServiceWish.model_fields["timeout_ms"].default
    retries: int = ServiceWish.model_fields["retries"].default
    algorithm: Algorithm = "round-robin"
    hash_on: HashOn = "none"


class RouteText(RouteWish):
    """`service` is the name of a gateway service."""

    service: str


def service_to_yaml(row: GatewayService) -> dict[str, Any]:
    wish = ServiceWish.model_validate(row.spec).model_dump(mode="json")
    chosen = {name: wish[name] for name in services.SERVICE_FIELDS}
    return {"deployment": row.deployment.name if row.deployment else "", **chosen}


def route_to_yaml(row: Route) -> dict[str, Any]:
    wish = RouteWish.model_validate(row.spec).model_dump(mode="json")
    return {"service": row.service.name, **wish}


def service_from_yaml(environment: Environment, name: str, text: ServiceText) -> list[Target]:
    """The service, after the binding of its cluster if that is not accepted yet.

    Raises RuleViolation."""
    deployment = Deployment.objects.filter(environment=environment, name=text.deployment).first()
    if deployment is None:
        raise RuleViolation(
            _("There is no deployment %(name)s in this environment.") % {"name": text.deployment},
            field="deployment",
        )
    row = GatewayService.objects.filter(
        environment=environment, gateway_id=environment.gateway_id, name=name
    ).first()
    chosen = text.model_dump(mode="json", include=set(services.SERVICE_FIELDS))
    if row is not None and row.revision:
        if row.deployment != deployment:
            raise RuleViolation(
                _("A gateway service stays with its deployment; write one of another name."),
                field="deployment",
            )
        base = ServiceWish.model_validate(row.spec).model_dump(mode="json")
        if {**base, **chosen} == base:
            return [Target(row, row.spec)]
        services.refuse_unfinished(row)
        before: list[Target] = []
    else:
        services.check_gateway(environment)
        source, drafts = services.source_for(environment)
        before = [Target(draft.row, draft.spec or {}) for draft in drafts]
        base = services.base_of(environment, deployment)
        row = row or GatewayService(
            environment=environment,
            source=source,
            deployment=deployment,
            gateway_id=environment.gateway_id,
            name=name,
            external_name=external_name(environment, name),
        )
    wish = services.checked_service(deployment, {**base, **chosen})
    if row.pk is None:
        services.make(row, False)
    return [*before, Target(row, wish.model_dump(mode="json"))]


def route_from_yaml(environment: Environment, name: str, text: RouteText) -> list[Target]:
    """Raises RuleViolation."""
    behind = GatewayService.objects.filter(
        environment=environment, gateway_id=environment.gateway_id, name=text.service
    ).first()
    if behind is None:
        raise RuleViolation(
            _("There is no gateway service %(name)s in this environment.") % {"name": text.service},
            field="service",
        )
    row = Route.objects.filter(environment=environment, name=name).first()
    written = text.model_dump(mode="json", exclude={"service"})
    if row is not None and row.revision:
        if row.service != behind:
            raise RuleViolation(
                _("A route stays with its service; write one of another name."), field="service"
            )
        if RouteWish.model_validate(row.spec).model_dump(mode="json") == written:
            return [Target(row, row.spec)]
        services.refuse_unfinished(row)
    wish = services.checked_route(environment, written)
    services.check_clash(environment, wish, row.pk if row else None)
    if row is None:
        row = Route(
            environment=environment,
            service=behind,
            gateway_id=environment.gateway_id,
            name=name,
            external_name=external_name(environment, name),
        )
        services.make(row, False)
    return [Target(row, wish.model_dump(mode="json"))]
