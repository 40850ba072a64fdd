"""Looking for objects that carry our mark and that no row accounts for.  Lists only, no writes.

In Kubernetes the mark is a label; at a gateway nothing but the name carries one.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.console.models import Orphan
from apps.core.phases import Phase
from apps.core.words import Say
from apps.deployments.manifests import OWNER_LABEL
from apps.deployments.models import Deployment
from apps.environments.clients import access_for, kube_for
from apps.environments.models import Environment
from apps.gateway.models import GatewayService, Route, external_name
from cloud import tse_routes, tse_services
from cloud.errors import CloudError, NotFound

log = logging.getLogger(__name__)

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "sd-console"
KUBERNETES = {
    "Deployment": ("apps/v1", "deployments"),
    "Service": ("v1", "services"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "PersistentVolume": ("v1", "persistentvolumes"),
}
Seen = tuple[str, str, str, str, dict[str, Any]]  # object kind, name, namespace, uid, facts


def look_everywhere() -> None:
    """One environment that cannot be read keeps what was found there before."""
    for environment in Environment.objects.all():
        if not environment.paused:
            look(environment)


def look(environment: Environment) -> None:
    """Write down what is nobody's, and forget what is gone or accounted for by now."""
    now = timezone.now()
    for kinds, reading in (
        (tuple(KUBERNETES), in_cluster),
        (("Gateway service", "Route"), at_gateways),
    ):
        try:
            found = list(reading(environment))
        except CloudError as error:
            log.warning("Orphans of %s were not looked for: %s", environment.name, error)
            continue
        for seen in found:
            write(environment, seen, now)
        # What a person is just deleting goes when the loop says so.
        Orphan.objects.filter(
            environment=environment,
            object_kind__in=kinds,
            seen_at__lt=now,
            delete_requested_at__isnull=True,
        ).delete()


def in_cluster(environment: Environment) -> Iterator[Seen]:
    if not environment.cluster_id:
        return
    kube = kube_for(environment)
    before = deployments_known()
    lists = [
        (
            kind,
            kube.list(
                version, plural, environment.namespace, label_selector=f"{MANAGED_BY}={OURS}"
            ),
        )
        for kind, (version, plural) in KUBERNETES.items()
    ]
    # A row that left while the lists were read had objects in the first of them.
    known = before | deployments_known()
    for kind, items in lists:
        for item in items.items:
            meta = item["metadata"]
            if meta.get("deletionTimestamp") or owner_of(item) in known:
                continue
            if kind == "PersistentVolume" and claimed_in(item) != environment.namespace:
                continue  # volumes are cluster-wide: it is another environment's to look after
            facts = {
                "created_at": meta.get("creationTimestamp", ""),
                "owner": owner_of(item),
                "instance": (meta.get("labels") or {}).get("app.kubernetes.io/instance", ""),
            }
            yield kind, meta["name"], meta.get("namespace", ""), meta["uid"], facts


def at_gateways(environment: Environment) -> Iterator[Seen]:
    prefix = external_name(environment, "") + "-"
    gateways = {environment.gateway_id} - {""}
    for model in (GatewayService, Route):
        mine = model.objects.filter(environment=environment)
        gateways |= set(mine.values_list("gateway_id", flat=True))
    access = access_for(environment)
    for gateway_id in sorted(gateways):
        before = names_known(gateway_id)
        try:
            services = tse_services.services(access, gateway_id)
            routes = tse_routes.routes(access, gateway_id)
        except NotFound:
            continue
        known = before | names_known(gateway_id)
        for service in services:
            name = service.spec.name
            if mine_by_name(name, prefix) and ("Gateway service", name) not in known:
                facts = {"created_at": "", "target": service.spec.service_name}
                yield "Gateway service", name, gateway_id, service.id, facts
        for route in routes:
            name = route.spec.name
            if mine_by_name(name, prefix) and ("Route", name) not in known:
                facts = {"created_at": stamp(route.created_at), "target": route.service_name}
                yield "Route", name, gateway_id, route.id, facts


def mine_by_name(name: str, prefix: str) -> bool:
    """True if `name` begins like ours, and no other environment's name fits better."""
    if not name.startswith(prefix):
        return False
    others = Environment.objects.values_list("name", flat=True)
    longer = [f"sdc-{one}-" for one in others if len(f"sdc-{one}-") > len(prefix)]
    return not name.startswith(tuple(longer))


def stamp(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def write(environment: Environment, seen: Seen, now: datetime) -> None:
    object_kind, name, namespace, uid, facts = seen
    say = Say("Nothing here accounts for it.")
    Orphan.objects.update_or_create(
        environment=environment,
        object_kind=object_kind,
        uid=uid,
        defaults={"name": name, "namespace": namespace, "facts": facts, "seen_at": now},
        create_defaults={
            "name": name,
            "namespace": namespace,
            "facts": facts,
            "seen_at": now,
            "found_at": now,
            "phase": Phase.READY,
            "message": say.to_json(),
        },
    )


# ---- what is accounted for ----------------------------------------------------------------------


def deployments_known() -> set[str]:
    return {str(pk) for pk in Deployment.objects.values_list("pk", flat=True)}


def names_known(gateway_id: str) -> set[tuple[str, str]]:
    services = GatewayService.objects.filter(gateway_id=gateway_id)
    routes = Route.objects.filter(gateway_id=gateway_id)
    return {
        *(("Gateway service", name) for name in services.values_list("external_name", flat=True)),
        *(("Route", name) for name in routes.values_list("external_name", flat=True)),
    }


def accounted_for(
    environment: Environment, live: Mapping[str, Any] | None, object_kind: str = "", name: str = ""
) -> bool:
    """Whether a row stands for the object: by its label, or by its name at a gateway."""
    if live is not None:
        owner = owner_of(live)
        return owner.isdigit() and Deployment.objects.filter(pk=int(owner)).exists()
    model = Route if object_kind == "Route" else GatewayService
    return bool(model.objects.filter(external_name=name).exists())


def is_ours(live: Mapping[str, Any]) -> bool:
    return bool((live["metadata"].get("labels") or {}).get(MANAGED_BY) == OURS)


def owner_of(item: Mapping[str, Any]) -> str:
    return str((item["metadata"].get("labels") or {}).get(OWNER_LABEL, ""))


def claimed_in(volume: Mapping[str, Any]) -> str:
    return str((volume["spec"].get("claimRef") or {}).get("namespace", ""))
