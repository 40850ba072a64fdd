"""What people do at the gateway: publish a deployment, change, take back.  Every change is a plan.

Objects that belong together are planned together, in the order they stand on each other: source,
service, route; deleting goes the other way.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.audit.services import record
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.deployments.models import Deployment
from apps.deployments.spec import PORT
from apps.environments.models import Environment
from apps.gateway import rules, selectors
from apps.gateway.models import GatewayService, Route, ServiceSource, external_name
from apps.gateway.rules import Traffic
from apps.gateway.spec import Part, RouteWish, ServiceWish, SourceWish

if TYPE_CHECKING:
    from apps.accounts.models import User

W = TypeVar("W", bound=Part)
ROUTE_FIELDS = ("methods", "hosts", "paths", "preserve_host", "limit")
SERVICE_FIELDS = ("timeout_ms", "retries", "algorithm", "hash_on")


@transaction.atomic
def deployment_publish(
    *,
    person: "User",
    deployment: Deployment,
    name: str,
    route: dict[str, Any],
    service: dict[str, Any] | None = None,
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Plan a way in to the deployment: the cluster's binding and the service if missing, a route.

    `route` holds ROUTE_FIELDS, `service` any of SERVICE_FIELDS; what is left out keeps its value or
    takes the default, and `hash_on` "ip" where stickiness is required.
    Raises RuleViolation with one sentence; nothing is kept then.
    """
    # One publication of an environment at a time, so that two cannot take the same requests.
    environment = Environment.objects.select_for_update().get(pk=deployment.environment_id)
    check_deployment(deployment)
    check_gateway(environment)
    source, source_draft = source_for(environment)
    behind, service_draft = service_for(environment, deployment, source, service or {})
    wish = checked_route(environment, route)
    check_clash(environment, wish, None)
    row = Route(
        environment=environment,
        service=behind,
        gateway_id=environment.gateway_id,
        name=name,
        external_name=external_name(environment, name),
    )
    make(row, Route.objects.filter(environment=environment, name=name).exists())
    after = wish.model_dump(mode="json")
    plan = plan_open(
        title=Say.of(
            gettext_noop("Publish deployment %(deployment)s as route %(route)s"),
            deployment=deployment.name,
            route=name,
        ),
        scope=environment.name,
        policy=environment.policy,
        author=person,
        drafts=[*source_draft, *service_draft, Draft(row, after)],
        reason=reason,
        trigger=trigger,
    )
    record(person, "gateway-route.create", "gateway-route", row.pk, name, None, after, reason)
    return plan


@transaction.atomic
def route_change(
    *,
    person: "User",
    row: Route,
    changes: dict[str, Any],
    seen: int | None = None,
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Plan other values for any of ROUTE_FIELDS.  `seen`: the generation the editor began with."""
    refuse_unfinished(row)
    refuse_stale(row, seen)
    environment = Environment.objects.select_for_update().get(pk=row.environment_id)
    wish = checked_route(environment, {**row.spec, **only(changes, ROUTE_FIELDS)})
    check_clash(environment, wish, row.pk)
    title = Say.of(gettext_noop("Change route %(name)s"), name=row.name)
    return propose(row, wish.model_dump(mode="json"), title, person, reason, "change", trigger)


@transaction.atomic
def service_change(
    *,
    person: "User",
    row: GatewayService,
    changes: dict[str, Any],
    seen: int | None = None,
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Plan other values for any of SERVICE_FIELDS."""
    refuse_unfinished(row)
    refuse_stale(row, seen)
    wish = checked_service(row.deployment, {**row.spec, **only(changes, SERVICE_FIELDS)})
    title = Say.of(gettext_noop("Change gateway service %(name)s"), name=row.name)
    return propose(row, wish.model_dump(mode="json"), title, person, reason, "change", trigger)


@transaction.atomic
def put_back(*, person: "User", row: ServiceSource | GatewayService | Route) -> Plan:
    """Plan the accepted wish again: what was changed by hand at the gateway is put back."""
    refuse_unfinished(row)
    title = Say.of(gettext_noop("Put %(name)s back in step at the gateway"), name=str(row))
    return propose(row, row.spec, title, person, "", "put_back", "drift")


@transaction.atomic
def route_delete(*, person: "User", row: Route, reason: str = "", trigger: str = "person") -> Plan:
    """Plan the end of a route; the service behind goes with its last route, the binding of the
    cluster with its last service."""
    refuse_unfinished(row)
    drafts = [Draft(row, None)]
    others = row.service.routes.exclude(pk=row.pk).filter(delete_requested_at__isnull=True)
    if not others.exists():
        drafts += leaving(row.service)
    title = Say.of(gettext_noop("Delete route %(name)s"), name=row.name)
    return plan_removal(row, drafts, title, person, reason, trigger)


@transaction.atomic
def service_delete(
    *, person: "User", row: GatewayService, reason: str = "", trigger: str = "person"
) -> Plan:
    """Plan the end of a service and of every route that leads to it."""
    refuse_unfinished(row)
    routes = list(row.routes.filter(delete_requested_at__isnull=True))
    for route in routes:
        refuse_unfinished(route)
    drafts = [*(Draft(route, None) for route in routes), *leaving(row)]
    title = Say.of(gettext_noop("Delete gateway service %(name)s"), name=row.name)
    return plan_removal(row, drafts, title, person, reason, trigger)


def leaving(service: GatewayService) -> list[Draft]:
    """The service, and the binding of its cluster if nothing else uses it."""
    drafts = [] if service.deleting else [Draft(service, None)]
    source = service.source
    if not source.deleting and not source.services.exclude(pk=service.pk).exists():
        drafts.append(Draft(source, None))
    return drafts


def plan_removal(
    row: GatewayService | Route,
    drafts: list[Draft],
    title: Say,
    person: "User",
    reason: str,
    trigger: str,
) -> Plan:
    environment = row.environment
    plan = plan_open(
        title=title,
        scope=environment.name,
        policy=environment.policy,
        author=person,
        drafts=drafts,
        reason=reason,
        trigger=trigger,
    )
    record(person, f"{kind(row)}.delete", kind(row), row.pk, row.name, row.spec, None, reason)
    return plan


def propose(
    row: ServiceSource | GatewayService | Route,
    after: dict[str, Any],
    title: Say,
    person: "User",
    reason: str,
    verb: str,
    trigger: str,
) -> Plan:
    environment = row.environment
    plan = plan_open(
        title=title,
        scope=environment.name,
        policy=environment.policy,
        author=person,
        drafts=[Draft(row, after)],
        reason=reason,
        trigger=trigger,
    )
    record(person, f"{kind(row)}.{verb}", kind(row), row.pk, str(row), row.spec, after, reason)
    return plan


def kind(row: ServiceSource | GatewayService | Route) -> str:
    return {ServiceSource: "gateway-source", GatewayService: "gateway-service"}.get(
        type(row), "gateway-route"
    )


def only(changes: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if name in fields}


# ---- what stands in the way ---------------------------------------------------------------------


def check_deployment(deployment: Deployment) -> None:
    if deployment.deleting:
        raise RuleViolation(_("This deployment is being deleted."), field="deployment")
    if not deployment.revision:
        raise RuleViolation(
            _("This deployment is only a draft; apply its plan first."), field="deployment"
        )


def check_gateway(environment: Environment) -> None:
    facts = selectors.gateway_facts(environment) if environment.gateway_id else None
    if facts is None:
        raise RuleViolation(
            _("Environment %(name)s has no gateway; adopt one first.") % {"name": environment.name},
            field="deployment",
        )
    if not facts.running:
        raise RuleViolation(
            _("Gateway %(name)s is %(state)s, not running; wait, then publish.")
            % {"name": facts.name, "state": facts.state},
            field="deployment",
        )


def refuse_unfinished(row: ServiceSource | GatewayService | Route) -> None:
    if row.deleting:
        raise RuleViolation(_("%(name)s is being deleted.") % {"name": row})
    if not row.revision:
        raise RuleViolation(
            _("%(name)s is only a draft; apply or discard its plan first.") % {"name": row}
        )


def refuse_stale(row: GatewayService | Route, seen: int | None) -> None:
    if seen is not None and seen != row.generation:
        raise Conflict(
            _("Somebody changed this while you were editing; what you typed is kept."),
            current=row.spec,
        )


def check_clash(environment: Environment, wish: RouteWish, own: int | None) -> None:
    mine = Traffic("", wish.methods, wish.hosts, wish.paths)
    other = rules.clash(mine, selectors.traffic(environment.gateway_id, without=own))
    if other is not None:
        raise RuleViolation(
            _(
                "Route %(name)s of this gateway already takes these requests (same host, path and"
                " method); choose another host or path."
            )
            % {"name": other.name},
            field="hosts",
        )


# ---- the rows of a publication ------------------------------------------------------------------


def source_for(environment: Environment) -> tuple[ServiceSource, list[Draft]]:
    """The binding of the environment's cluster; with a draft of it unless it is accepted."""
    row, _made = ServiceSource.objects.get_or_create(
        environment=environment,
        gateway_id=environment.gateway_id,
        cluster_id=environment.cluster_id,
    )
    if row.deleting:
        raise RuleViolation(
            _("Cluster %(cluster)s is just being unbound from the gateway; wait, then publish.")
            % {"cluster": row.cluster_id}
        )
    wish = SourceWish(name=external_name(environment, ""))
    return row, [] if row.revision else [Draft(row, wish.model_dump(mode="json"))]


def service_for(
    environment: Environment,
    deployment: Deployment,
    source: ServiceSource,
    wanted: dict[str, Any],
) -> tuple[GatewayService, list[Draft]]:
    """The service of the deployment; with a draft of it unless it is accepted just like that."""
    row = selectors.service_of(deployment)
    base = base_of(environment, deployment)
    if selectors.stickiness(deployment).required:
        base["hash_on"] = "ip"
    if row is not None:
        known = selectors.wish_of_service(row)
        base |= known.model_dump(mode="json") if known else {}
    wish = checked_service(deployment, {**base, **only(wanted, SERVICE_FIELDS)})
    if row is None:
        row = GatewayService(
            environment=environment,
            source=source,
            deployment=deployment,
            gateway_id=environment.gateway_id,
            name=deployment.name,
            external_name=external_name(environment, deployment.name),
        )
        make(row, False)
    after = wish.model_dump(mode="json")
    return row, [] if row.revision and row.spec == after else [Draft(row, after)]


def base_of(environment: Environment, deployment: Deployment) -> dict[str, Any]:
    """What of a service's wish follows from the deployment behind it."""
    return {
        "namespace": environment.namespace,
        "kube_service": deployment.service_name,
        "port": PORT,
    }


def make(row: GatewayService | Route, taken: bool) -> None:
    """Save a new row.  Raises RuleViolation if its name is not one, or somebody has it."""
    try:
        row.full_clean(exclude=["spec"], validate_unique=False, validate_constraints=False)
    except ValidationError as wrong:
        raise RuleViolation(wrong.messages[0], field="name") from wrong
    at_gateway = type(row).objects.filter(
        gateway_id=row.gateway_id, external_name=row.external_name
    )
    if taken or at_gateway.exists():
        raise RuleViolation(
            _("%(name)s is taken at this gateway; choose another name.") % {"name": row.name},
            field="name",
        )
    row.save()


def checked_route(environment: Environment, given: dict[str, Any]) -> RouteWish:
    """The wish of a route, checked against every rule.  Raises RuleViolation."""
    wish = shaped(RouteWish, given)
    rules.check_limit(wish.limit)
    return wish.model_copy(
        update={
            "hosts": rules.check_hosts(wish.hosts, selectors.gateway_ip(environment)),
            "paths": rules.check_paths(wish.paths),
            "methods": rules.check_methods(wish.methods),
        }
    )


def checked_service(deployment: Deployment | None, given: dict[str, Any]) -> ServiceWish:
    """The wish of a service, checked against every rule.  Raises RuleViolation."""
    wish = shaped(ServiceWish, given)
    rules.check_timeout(wish.timeout_ms)
    rules.check_retries(wish.retries)
    if deployment is not None:
        need = selectors.stickiness(deployment)
        rules.check_stickiness(deployment.name, need.required, need.replicas, wish.hash_on)
    return wish


def shaped(model: type[W], given: dict[str, Any]) -> W:
    """`given` as `model`.  Raises RuleViolation with the first thing that is wrong."""
    try:
        return model.model_validate(given)
    except ValueError as wrong:
        error = getattr(wrong, "errors", list)()[0]
        path = ".".join(str(part) for part in error["loc"])
        raise RuleViolation(
            _("%(field)s is not right: %(problem)s.") % {"field": path, "problem": error["msg"]},
            field=str(error["loc"][0]) if error["loc"] else "",
        ) from wrong
