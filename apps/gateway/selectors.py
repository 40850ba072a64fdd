"""Reads of the gateway for pages, the API, and the apps above."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When

from apps.core.changes import Change
from apps.core.models import Plan, PlanStatus, Revision
from apps.core.phases import NEEDS_PERSON, Phase
from apps.deployments.models import Deployment
from apps.environments import selectors as environments
from apps.environments.facts import GatewayFacts
from apps.environments.models import Environment, FindingKind
from apps.gateway import rules
from apps.gateway.models import GatewayService, Route, ServiceSource
from apps.gateway.rules import Traffic
from apps.gateway.spec import RouteWish, ServiceWish

SECRETS = tuple(f"environment__{name}" for name in environments.SECRETS)
# What needs a person comes first in every list.
WORST_FIRST = Case(
    *[
        When(phase=phase, then=Value(rank))
        for rank, phase in enumerate(
            (
                Phase.BLOCKED,
                Phase.DEGRADED,
                Phase.DELETING,
                Phase.WORKING,
                Phase.PENDING,
                Phase.DRAFT,
            )
        )
    ],
    default=Value(9),
    output_field=IntegerField(),
)


# ---- lists --------------------------------------------------------------------------------------


def routes(environment: Environment | None = None) -> QuerySet[Route]:
    found: QuerySet[Route] = (
        Route.objects.select_related("environment", "service__deployment")
        .defer(*SECRETS)
        .annotate(rank=WORST_FIRST)
    )
    return found.filter(environment=environment) if environment else found


def services(environment: Environment | None = None) -> QuerySet[GatewayService]:
    found: QuerySet[GatewayService] = (
        GatewayService.objects.select_related("environment", "source", "deployment")
        .defer(*SECRETS)
        .annotate(rank=WORST_FIRST, route_count=Count("routes"))
    )
    return found.filter(environment=environment) if environment else found


def sources(environment: Environment | None = None) -> QuerySet[ServiceSource]:
    found: QuerySet[ServiceSource] = (
        ServiceSource.objects.select_related("environment")
        .defer(*SECRETS)
        .annotate(service_count=Count("services"))
    )
    return found.filter(environment=environment) if environment else found


def troubled_services(environment: Environment | None = None) -> list[GatewayService]:
    """Services that wait for a person or are worse than asked, worst first; a handful."""
    found: Any = services(environment).filter(phase__in=NEEDS_PERSON)
    return list(found.order_by("rank", "name")[:5])


def route_get(pk: int) -> Route | None:
    return routes().filter(pk=pk).first()


def service_get(pk: int) -> GatewayService | None:
    return services().filter(pk=pk).first()


def source_get(pk: int) -> ServiceSource | None:
    return sources().filter(pk=pk).first()


def needing_a_person() -> int:
    """Routes and services that do not do what was asked; for the number in the navigation."""
    found = [
        model.objects.filter(phase__in=NEEDS_PERSON).order_by().values_list("pk")
        for model in (Route, GatewayService)
    ]
    return int(found[0].union(found[1], all=True).count())


def drift(row: ServiceSource | GatewayService | Route) -> list[Change]:
    """What differs between the accepted wish and the gateway while nobody asked for a change."""
    return [Change.from_json(stored) for stored in row.drift]


def open_plans(kind: str, pk: int) -> QuerySet[Plan]:
    """Plans about this object that wait for a decision."""
    return Plan.objects.filter(
        items__kind=kind,
        items__object_id=pk,
        status__in=[PlanStatus.PLANNING, PlanStatus.READY],
    ).order_by("-pk")


# ---- wishes -------------------------------------------------------------------------------------


def wish_of_route(row: Route) -> RouteWish | None:
    """The accepted wish, or the drafted one; None if there is neither."""
    stored = _stored("gateway-route", row)
    return RouteWish.model_validate(stored) if stored else None


def wish_of_service(row: GatewayService) -> ServiceWish | None:
    stored = _stored("gateway-service", row)
    return ServiceWish.model_validate(stored) if stored else None


def _stored(kind: str, row: GatewayService | Route) -> dict[str, Any]:
    if row.spec:
        accepted: dict[str, Any] = row.spec
        return accepted
    drafted = Revision.objects.filter(kind=kind, object_id=row.pk).order_by("-number").first()
    return drafted.spec if drafted else {}


def drafted_wishes(rows: Iterable[Route]) -> dict[int, RouteWish]:
    """Route pk -> its wish, accepted or drafted; one query however many."""
    rows = list(rows)
    bare = [row.pk for row in rows if not row.spec]
    stored: dict[int, dict[str, Any]] = {row.pk: row.spec for row in rows if row.spec}
    if bare:
        revisions = Revision.objects.filter(kind="gateway-route", object_id__in=bare)
        for revision in revisions.order_by("number"):
            stored[revision.object_id] = revision.spec
    return {pk: RouteWish.model_validate(spec) for pk, spec in stored.items()}


def traffic(gateway_id: str, without: int | None = None) -> list[Traffic]:
    """Which requests the routes we know take at this gateway, drafts included."""
    rows = list(Route.objects.filter(gateway_id=gateway_id).exclude(pk=without))
    wishes = drafted_wishes(rows)
    return [
        Traffic(row.name, wish.methods, wish.hosts, wish.paths)
        for row in rows
        if (wish := wishes.get(row.pk)) is not None
    ]


# ---- the deployment behind ----------------------------------------------------------------------


@dataclass(frozen=True)
class Stickiness:
    """Whether clients must stay with a pod, and why."""

    required: bool
    replicas: int
    has_page: bool


def stickiness(deployment: Deployment | None, replicas: int | None = None) -> Stickiness:
    """What the accepted wish of the deployment asks of its gateway service."""
    spec: dict[str, Any] = deployment.spec if deployment else {}
    arguments = [*spec.get("flags", ()), *spec.get("extra_args", ())]
    number = int(spec.get("replicas", 0)) if replicas is None else replicas
    return Stickiness(
        rules.sticky_required(arguments, number) if spec else False,
        number,
        rules.has_page(arguments),
    )


def publishable(environment: Environment | None = None) -> QuerySet[Deployment]:
    """Deployments that were accepted and are not leaving, on an environment with a gateway."""
    found = (
        Deployment.objects.select_related("environment")
        .defer(*SECRETS)
        .filter(revision__gt=0, delete_requested_at__isnull=True)
        .exclude(environment__gateway_id="")
        .order_by("environment__name", "name")
    )
    return found.filter(environment=environment) if environment else found


def service_of(deployment: Deployment) -> GatewayService | None:
    """The service that leads to it on the environment's present gateway; None before the first."""
    return (
        GatewayService.objects.filter(
            deployment=deployment,
            gateway_id=deployment.environment.gateway_id,
            delete_requested_at__isnull=True,
        )
        .order_by("pk")
        .first()
    )


# ---- the gateway --------------------------------------------------------------------------------


def gateway_facts(environment: Environment, gateway_id: str = "") -> GatewayFacts | None:
    return environments.fact(
        environment, FindingKind.GATEWAY, gateway_id or environment.gateway_id, GatewayFacts
    )


def gateway_nodes(environment: Environment, gateway_id: str) -> int:
    """How many nodes count for themselves; 1 if nobody told."""
    facts = gateway_facts(environment, gateway_id)
    return max(1, facts.nodes) if facts else 1


def gateway_ip(environment: Environment) -> str:
    return environment.gateway_address.rpartition(":")[0] or environment.gateway_address


def url_of(wish: RouteWish, address: str) -> str:
    """What a person opens: the first host with the gateway's port, then the first path."""
    ip, _, port = address.partition(":")
    host = next((one for one in wish.hosts if "*" not in one), "") or ip
    return f"http://{host}{':' + port if port else ''}{wish.paths[0]}" if host else ""


@dataclass(frozen=True)
class Entrance:
    """Where requests for a deployment go in: `base_url` reaches the gateway; `host` must be sent as
    the Host header for the route to take them."""

    base_url: str
    host: str


def entrance(deployment: Deployment) -> Entrance | None:
    """A ready route that lets requests for pictures through to the deployment; None if there is
    none."""
    return entrances([deployment]).get(deployment.pk)


def entrances(deployments: Sequence[Deployment]) -> dict[int, Entrance]:
    """Deployment pk -> its entrance, for those that have one; one query however many."""
    asked = {one.pk: one for one in deployments if one.environment.gateway_address}
    ready = Route.objects.filter(
        service__deployment__in=asked,
        phase=Phase.READY,
        delete_requested_at__isnull=True,
    ).order_by("pk")
    found: dict[int, Entrance] = {}
    for row in ready.select_related("service"):
        deployment = asked[row.service.deployment_id or 0]
        environment, wish = deployment.environment, RouteWish.model_validate(row.spec)
        if deployment.pk in found or row.gateway_id != environment.gateway_id:
            continue
        if rules.reaches_generation(wish.methods, wish.paths):
            address = environment.gateway_address
            host = _host(wish, address, deployment.name)
            found[deployment.pk] = Entrance(f"http://{address}", host)
    return found


def _host(wish: RouteWish, address: str, name: str) -> str:
    plain = [host for host in wish.hosts if "*" not in host]
    if plain:
        return plain[0]
    if wish.hosts:
        return wish.hosts[0].replace("*", name)
    return address.partition(":")[0]
