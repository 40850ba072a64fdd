"""The hands of the three kinds: what the wish asks of the gateway, what is there, and the calls.

Nothing at the gateway carries a mark of ours but its name.  An object of that name is ours if we
know its id, or if a create call of this very row is on record whose id was never learnt.
"""

from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core.kinds import Applied, Blocked, Kind, Waiting
from apps.core.models import Intent, IntentState
from apps.core.words import Say
from apps.environments.clients import access_for, kube_for
from apps.gateway import judgement, selectors, words
from apps.gateway import plan as planning
from apps.gateway.models import GatewayService, Route, ServiceSource
from apps.gateway.plan import (
    CREATE_ROUTE,
    CREATE_SERVICE,
    HASHING,
    NO_HASH,
    BindCluster,
    Binding,
    CreateRoute,
    CreateService,
    DeleteLimit,
    DeleteRoute,
    DeleteService,
    Guide,
    Held,
    ModifyRoute,
    ModifyService,
    PodBehind,
    RouteAction,
    RouteHave,
    RouteWant,
    ServiceAction,
    ServiceHave,
    ServiceWant,
    SetHash,
    SetLimit,
    SourceAction,
    SourceHave,
    SourceWant,
    UnbindCluster,
)
from apps.gateway.rules import Traffic, clash
from apps.gateway.spec import RouteWish, ServiceWish, SourceWish
from cloud import kong, tse, tse_routes, tse_rules, tse_services
from cloud.access import Access
from cloud.errors import Busy, CloudError, NotFound
from cloud.types import Route as LiveRoute
from cloud.types import RouteSpec, ServiceSpec


def gone(row: ServiceSource | GatewayService | Route, want: object) -> None:
    """What a gateway that is not there any more means: fine for who is leaving.  Raises Blocked."""
    if want is not None:
        raise Blocked(Say.of(words.NO_GATEWAY, gateway=row.gateway_id)) from None


def claim(row: GatewayService | Route, found_id: str, create_call: str) -> bool:
    """True if the object of our name with this id is ours; its id is kept then."""
    if found_id == row.external_id:
        return True
    sent = Intent.objects.filter(
        kind="gateway-route" if isinstance(row, Route) else "gateway-service",
        object_id=row.pk,
        call=create_call,
    )
    open_still = sent.filter(state__in=[IntentState.PENDING, IntentState.UNKNOWN])
    known_made = not row.external_id and sent.filter(state=IntentState.OK).exists()
    if not known_made and not open_still.exists():
        return False
    type(row).objects.filter(pk=row.pk).update(external_id=found_id)
    row.external_id = found_id
    return True


def forget_id(row: GatewayService | Route) -> None:
    """Before creating: whatever id we knew is not of what comes now."""
    type(row).objects.filter(pk=row.pk).update(external_id="")
    row.external_id = ""


# ---- sources ------------------------------------------------------------------------------------


def source_desired(row: ServiceSource, spec: dict[str, Any] | None) -> SourceWant | None:
    if spec is None:
        return None
    return SourceWant(row.cluster_id, SourceWish.model_validate(spec).name)


def source_observe(row: ServiceSource, want: SourceWant | None) -> SourceHave | Held | None:
    try:
        found = tse.sources(access_for(row.environment), row.gateway_id)
        mine = next((one for one in found if one.id == row.cluster_id), None)
    except NotFound:
        gone(row, want)
        mine = None
    if want is None and (mine is None or mine.name != row.spec.get("name")):
        return Held() if row.services.exists() else None  # the binding itself was never ours
    return SourceHave(mine.id, mine.name, not want or mine.name == want.name) if mine else None


def source_apply(row: ServiceSource, action: SourceAction) -> Applied:
    access = access_for(row.environment)
    match action:
        case BindCluster(source):
            done = tse.source_create(access, row.gateway_id, source.cluster_id, source.name)
        case UnbindCluster(source):
            if row.services.exists():
                raise Waiting(Say(words.WAITS_FOR_SERVICES))
            done = tse.source_delete(access, row.gateway_id, source.cluster_id)
    return Applied(done.request_id)


# ---- services -----------------------------------------------------------------------------------


def service_desired(row: GatewayService, spec: dict[str, Any] | None) -> ServiceWant | None:
    if spec is None:
        return None
    wish = ServiceWish.model_validate(spec)
    binding = Binding(
        name=row.external_name,
        cluster_id=row.source.cluster_id,
        namespace=wish.namespace,
        kube_service=wish.kube_service,
        port=wish.port,
        protocol=wish.protocol,
        timeout_ms=wish.timeout_ms,
        retries=wish.retries,
        algorithm=HASHING if wish.hash_on != NO_HASH else wish.algorithm,
    )
    need = selectors.stickiness(row.deployment)
    return ServiceWant(
        binding,
        wish.hash_on,
        deployment=row.deployment.name if row.deployment else "",
        replicas=need.replicas,
        sticky_required=need.required,
        leaving=bool(row.deployment and row.deployment.deleting),
    )


def service_observe(row: GatewayService, want: ServiceWant | None) -> ServiceHave | Held | None:
    access = access_for(row.environment)
    try:
        found = tse_services.service(access, row.gateway_id, row.external_name)
        if found is None and want and tse.gateway(access, row.gateway_id) is None:
            gone(row, want)
    except NotFound:
        gone(row, want)
        found = None
    ours = found is not None and claim(row, found.id, CREATE_SERVICE)
    if want is None and not ours:
        return Held() if row.routes.exists() else None
    if found is None:
        return None
    if not ours:
        raise Blocked(Say.of(words.FOREIGN_SERVICE, name=row.external_name))
    pods = tuple(PodBehind(at.host, at.port, at.health != "UNHEALTHY") for at in found.targets)
    return ServiceHave(
        id=found.id,
        binding=projected(found.spec),
        hash_on=hash_of(access, row, want, found.spec.algorithm) if want else "",
        pods=pods,
        kube_service_there=True if pods or not want else kube_service_there(row, want),
    )


def projected(spec: ServiceSpec) -> Binding:
    return Binding(
        name=spec.name,
        cluster_id=spec.source_id,
        namespace=spec.namespace,
        kube_service=spec.service_name,
        port=spec.port,
        protocol=spec.protocol,
        timeout_ms=spec.timeout_ms,
        retries=spec.retries,
        algorithm=spec.algorithm,
    )


def hash_of(access: Access, row: GatewayService, want: ServiceWant, algorithm: str) -> str:
    """The hash key of the service's upstream; "" while the console is closed, or, where nobody
    wants a key, when it cannot be asked."""
    if want.hash_on == NO_HASH and algorithm != HASHING:
        return NO_HASH  # nothing is hashed: the console, and its login, are not needed
    try:
        console = open_console(access, row.gateway_id)
        upstream = tse_services.upstream(access, row.gateway_id, row.external_name)
        found = kong.upstream_get(console, upstream.name) if upstream else None
    except Busy:
        return ""
    except CloudError:
        if want.hash_on == NO_HASH:
            return ""
        raise
    return found.hash_on if found else ""


def open_console(access: Access, gateway_id: str) -> kong.KongConsole:
    """The console that is open, Konga before Kong Admin.  Raises Busy if none is."""
    found = sorted(
        tse.consoles(access, gateway_id), key=lambda one: (not one.open, one.kind != "Konga")
    )
    if not found:
        raise Busy("The gateway has no console.", service="Konga")
    return kong.console_for(found[0])


def kube_service_there(row: GatewayService, want: ServiceWant) -> bool:
    at = want.binding
    return (
        kube_for(row.environment).get("v1", "services", at.kube_service, at.namespace) is not None
    )


def service_apply(row: GatewayService, action: ServiceAction) -> Applied:
    access, gateway_id = access_for(row.environment), row.gateway_id
    match action:
        case CreateService(binding):
            if row.source.observed_generation == 0:
                raise Waiting(Say.of(words.WAITS_FOR_SOURCE, cluster=row.source.cluster_id))
            forget_id(row)
            made = tse_services.service_create(access, gateway_id, wanted_spec(binding))
            if made.id:
                GatewayService.objects.filter(pk=row.pk).update(external_id=made.id)
            return Applied(made.request_id)
        case ModifyService(service_id, _old, binding):
            live = tse_services.service(access, gateway_id, row.external_name)
            spec = wanted_spec(binding, live.spec if live else None)
            done = tse_services.service_modify(access, gateway_id, service_id, spec)
        case SetHash():
            return set_hash(access, row, action)
        case DeleteService(service_id, _name):
            if row.routes.exists():
                raise Waiting(Say(words.WAITS_FOR_ROUTES))
            done = tse_services.service_delete(access, gateway_id, service_id)
    return Applied(done.request_id)


def wanted_spec(binding: Binding, live: ServiceSpec | None = None) -> ServiceSpec:
    """The whole service as the API takes it; what we do not own stays as it is."""
    return replace(
        live or ServiceSpec(binding.name),
        name=binding.name,
        source_id=binding.cluster_id,
        namespace=binding.namespace,
        service_name=binding.kube_service,
        port=binding.port,
        protocol=binding.protocol,
        timeout_ms=binding.timeout_ms,
        retries=binding.retries,
        algorithm=binding.algorithm,
    )


def set_hash(access: Access, row: GatewayService, action: SetHash) -> Applied:
    upstream = tse_services.upstream(access, row.gateway_id, row.external_name)
    if upstream is None:
        raise Waiting(Say.of(words.WAITS_FOR_UPSTREAM, service=row.external_name))
    console = open_console(access, row.gateway_id)
    done = kong.upstream_set_hash_on(console, upstream.name, action.new)
    if row.generation == row.observed_generation:
        # Nobody asked: it had been lost.  Who took it away, the gateway does not tell.
        GatewayService.objects.filter(pk=row.pk).update(hash_restored_at=timezone.now())
        record(
            None,
            "gateway-service.restore",
            "gateway-service",
            row.pk,
            row.name,
            before={"hash_on": action.old},
            after={"hash_on": action.new},
        )
    return Applied(done.request_id)


def service_picture(have: ServiceHave | Held | None) -> dict[str, Any]:
    if not isinstance(have, ServiceHave):
        return {}
    return {
        "id": have.id,
        "hash_on": have.hash_on,
        "pods": [[pod.host, pod.port, pod.healthy] for pod in have.pods],
        "kube_service_there": have.kube_service_there,
    }


# ---- routes -------------------------------------------------------------------------------------


def route_desired(row: Route, spec: dict[str, Any] | None) -> RouteWant | None:
    if spec is None:
        return None
    wish = RouteWish.model_validate(spec)
    guide = Guide(
        name=row.external_name,
        service=row.service.external_name,
        methods=wish.methods,
        hosts=wish.hosts,
        paths=wish.paths,
        preserve_host=wish.preserve_host,
    )
    return RouteWant(
        guide,
        limit=planning.rate_limit(wish.limit) if wish.limit else None,
        nodes=selectors.gateway_nodes(row.environment, row.gateway_id),
        url=selectors.url_of(wish, row.environment.gateway_address),
    )


def route_observe(row: Route, want: RouteWant | None) -> RouteHave | None:
    """Our route by name, among all of the gateway: two that take the same requests are told."""
    access = access_for(row.environment)
    try:
        everything = tse_routes.routes(access, row.gateway_id)
    except NotFound:
        gone(row, want)
        return None
    found = next((one for one in everything if one.spec.name == row.external_name), None)
    if found is not None and not claim(row, found.id, CREATE_ROUTE):
        if want is None:
            return None
        raise Blocked(Say.of(words.FOREIGN_ROUTE, name=row.external_name))
    rivals = rivals_of(want, everything) if want else ()
    if found is None:
        if rivals:
            raise Blocked(Say.of(words.RIVAL_ROUTE, rival=rivals[0]))
        return None
    limit = tse_rules.rate_limit(access, row.gateway_id, "route", found.id) if want else None
    if limit is not None:
        limit = replace(limit, thresholds=planning.ordered(limit.thresholds))
    return RouteHave(found.id, guide_of(found), limit, rivals)


def rivals_of(want: RouteWant, everything: tuple[LiveRoute, ...]) -> tuple[str, ...]:
    guide = want.guide
    mine = Traffic(guide.name, guide.methods, guide.hosts, guide.paths)
    # A route that also asks for headers is more special than ours, and meant to be.
    others = (
        one.spec for one in everything if one.spec.name != guide.name and not one.spec.headers
    )
    return tuple(
        other.name
        for other in others
        if clash(mine, [Traffic(other.name, other.methods, other.hosts, other.paths)])
    )


def guide_of(live: LiveRoute) -> Guide:
    spec = live.spec
    return Guide(
        name=spec.name,
        service=live.service_name,
        methods=spec.methods,
        hosts=spec.hosts,
        paths=spec.paths,
        protocols=spec.protocols,
        preserve_host=spec.preserve_host,
        strip_path=spec.strip_path,
        request_buffering=spec.request_buffering,
        response_buffering=spec.response_buffering,
    )


def route_apply(row: Route, action: RouteAction) -> Applied:
    access, gateway_id = access_for(row.environment), row.gateway_id
    match action:
        case CreateRoute(guide):
            spec = route_spec(guide, ready_service_id(row))
            forget_id(row)
            done = tse_routes.route_create(access, gateway_id, spec)
        case ModifyRoute(route_id, _old, guide):
            live = tse_routes.route(access, gateway_id, row.external_name)
            spec = route_spec(guide, ready_service_id(row), live.spec if live else None)
            done = tse_routes.route_modify(access, gateway_id, route_id, spec)
        case SetLimit(_route, old, limit):
            send = tse_rules.rate_limit_modify if old else tse_rules.rate_limit_create
            done = send(access, gateway_id, "route", row.external_name, limit)
        case DeleteLimit():
            done = tse_rules.rate_limit_delete(access, gateway_id, "route", row.external_name)
        case DeleteRoute(route_id, _name):
            done = tse_routes.route_delete(access, gateway_id, route_id)
    return Applied(done.request_id)


def ready_service_id(row: Route) -> str:
    """Nobody is let in before the service is as it should be, with its stickiness set."""
    service = row.service
    if not service.external_id or service.observed_generation < service.generation:
        raise Waiting(Say.of(words.WAITS_FOR_SERVICE, service=service.name))
    return service.external_id


def route_spec(guide: Guide, service_id: str, live: RouteSpec | None = None) -> RouteSpec:
    """The whole route as the API takes it; what we do not own stays as it is."""
    return replace(
        live or RouteSpec(guide.name, service_id),
        name=guide.name,
        service_id=service_id,
        methods=guide.methods,
        hosts=guide.hosts,
        paths=guide.paths,
        protocols=guide.protocols,
        preserve_host=guide.preserve_host,
        strip_path=guide.strip_path,
        request_buffering=guide.request_buffering,
        response_buffering=guide.response_buffering,
    )


def route_picture(have: RouteHave | None) -> dict[str, Any]:
    return {"id": have.id, "rivals": list(have.rivals)} if have else {}


SOURCE = Kind(
    name="gateway-source",
    model=ServiceSource,
    queue="reconcile",
    desired=source_desired,
    observe=source_observe,
    plan=planning.source_plan,
    apply=source_apply,
    judge=judgement.source_judge,
    label=_("Service source"),
    resync_s=120,
    page="gateway-source-detail",
)
# What a person changed by hand is shown as drift; the hash key alone heals (plan.SetHash): without
# it people lose their sessions, and TSE itself drops it with every change of the service.
SERVICE = Kind(
    name="gateway-service",
    model=GatewayService,
    queue="reconcile",
    desired=service_desired,
    observe=service_observe,
    plan=planning.service_plan,
    apply=service_apply,
    judge=judgement.service_judge,
    picture=service_picture,
    label=_("Gateway service"),
    resync_s=30,
    page="gateway-service-detail",
)
ROUTE = Kind(
    name="gateway-route",
    model=Route,
    queue="reconcile",
    desired=route_desired,
    observe=route_observe,
    plan=planning.route_plan,
    apply=route_apply,
    judge=judgement.route_judge,
    picture=route_picture,
    label=_("Route"),
    resync_s=60,
    page="gateway-route-detail",
)
