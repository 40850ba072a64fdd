"""The five functions of a gateway service; its hash key goes through Konga."""

from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.services import record
from apps.core.kinds import Applied, Blocked, Kind, Waiting
from apps.core.words import Say
from apps.environments.clients import access_for, kube_for
from apps.gateway import selectors, words
from apps.gateway.judgement import service_judge
from apps.gateway.leeway import service_adopt, service_overlook
from apps.gateway.models import GatewayService
from apps.gateway.plan import (
    CREATE_SERVICE,
    HASHING,
    NO_HASH,
    Binding,
    CreateService,
    DeleteService,
    Held,
    ModifyService,
    PodBehind,
    ServiceAction,
    ServiceHave,
    ServiceWant,
    SetHash,
    service_plan,
)
from apps.gateway.reconciler.ours import claim, forget_id, gone
from apps.gateway.spec import ServiceWish
from cloud import kong, tse, tse_services
from cloud.access import Access
from cloud.errors import Busy, CloudError, NotFound
from cloud.types import ServiceSpec


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


# What a person changed by hand is shown as drift; the hash key alone heals (plan.SetHash): without
# it people lose their sessions, and TSE itself drops it with every change of the service.
KIND = Kind(
    name="gateway-service",
    model=GatewayService,
    queue="reconcile",
    desired=service_desired,
    observe=service_observe,
    plan=service_plan,
    apply=service_apply,
    judge=service_judge,
    picture=service_picture,
    overlook=service_overlook,
    adopt=service_adopt,
    label=_("Gateway service"),
    resync_s=30,
    page="gateway-service-detail",
)
