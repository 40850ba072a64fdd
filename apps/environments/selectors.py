"""What other apps and pages read of environments: from Findings, never from the cloud.

Rows come without their secrets: those are read, and decrypted, only where a worker asks for them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest

from apps.core.access import allowed
from apps.core.context import environment_chosen
from apps.environments import rules
from apps.environments.facts import (
    AddonFacts,
    BucketFacts,
    ClaimFacts,
    ClusterFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    ImageFacts,
    ModerationFacts,
    NodeFacts,
    NodePoolFacts,
    PodFacts,
    RegistryFacts,
    VolumeFacts,
)
from apps.environments.health import Health, Seen, Trouble, health
from apps.environments.models import Environment, Finding, FindingKind, Reading
from apps.environments.products import Product

F = TypeVar("F", bound=Fact)
SECRETS = ("secret_key", "session_token", "kubeconfig")


def environment_list(user: object) -> QuerySet[Environment]:
    """Those the person may see, by name."""
    everything = Environment.objects.defer(*SECRETS).order_by("name")
    return everything if allowed(user, "console.view") else everything.none()


def environment_get(name: str) -> Environment:
    """By name.  Raises Http404."""
    everything = Environment.objects.defer(*SECRETS).select_related("preparation")
    found = everything.filter(name=name).first()
    if found is None:
        raise Http404(f"No environment {name}.")
    return found


def current_environment(request: HttpRequest) -> Environment | None:
    """The one chosen in the top bar, or the only one there is; None = all of several."""
    pk = environment_chosen(request)
    mine = environment_list(request.user)
    if pk is not None and (found := mine.filter(pk=pk).first()):
        return found
    first_two = list(mine[:2])
    return first_two[0] if len(first_two) == 1 else None


def environments_of_the_switch() -> list[Environment]:
    """For the top bar: pk, name, stage, region."""
    return list(Environment.objects.only("pk", "name", "stage", "region").order_by("name"))


# ---- what is there, as last read ---------------------------------------------------------------


def facts(environment: Environment, kind: FindingKind, shape: type[F]) -> list[F]:
    """All facts of one kind, by name."""
    rows = Finding.objects.filter(environment=environment, kind=kind).order_by("name")
    return [shape.from_json(data) for data in rows.values_list("data", flat=True)]


def fact(environment: Environment, kind: FindingKind, external_id: str, shape: type[F]) -> F | None:
    """One fact; None if it was not seen at the last reading, or nothing is adopted."""
    if not external_id:
        return None
    stored = Finding.objects.filter(
        environment=environment, kind=kind, external_id=external_id
    ).values_list("data", flat=True)
    found = stored.first()
    return None if found is None else shape.from_json(found)


def cluster(environment: Environment) -> ClusterFacts | None:
    return fact(environment, FindingKind.CLUSTER, environment.cluster_id, ClusterFacts)


def file_system(environment: Environment) -> FileSystemFacts | None:
    return fact(environment, FindingKind.FILE_SYSTEM, environment.cfs_id, FileSystemFacts)


def registry(environment: Environment) -> RegistryFacts | None:
    return fact(environment, FindingKind.REGISTRY, environment.tcr_id, RegistryFacts)


def gateway(environment: Environment) -> GatewayFacts | None:
    return fact(environment, FindingKind.GATEWAY, environment.gateway_id, GatewayFacts)


def bucket(environment: Environment) -> BucketFacts | None:
    return fact(environment, FindingKind.BUCKET, environment.bucket, BucketFacts)


@dataclass(frozen=True)
class Adopted:
    """The facts of what belongs to an environment; None = not adopted, or not there any more."""

    cluster: ClusterFacts | None
    file_system: FileSystemFacts | None
    registry: RegistryFacts | None
    gateway: GatewayFacts | None
    bucket: BucketFacts | None


def adopted(environment: Environment) -> Adopted:
    """All of it in one query."""
    wanted = {
        (FindingKind.CLUSTER.value, environment.cluster_id),
        (FindingKind.FILE_SYSTEM.value, environment.cfs_id),
        (FindingKind.REGISTRY.value, environment.tcr_id),
        (FindingKind.GATEWAY.value, environment.gateway_id),
        (FindingKind.BUCKET.value, environment.bucket),
    }
    rows = Finding.objects.filter(
        environment=environment, external_id__in=[external_id for _kind, external_id in wanted]
    ).values_list("kind", "external_id", "data")
    found = {kind: data for kind, external_id, data in rows if (kind, external_id) in wanted}

    def one(kind: FindingKind, shape: type[F]) -> F | None:
        return shape.from_json(found[kind.value]) if kind.value in found else None

    return Adopted(
        one(FindingKind.CLUSTER, ClusterFacts),
        one(FindingKind.FILE_SYSTEM, FileSystemFacts),
        one(FindingKind.REGISTRY, RegistryFacts),
        one(FindingKind.GATEWAY, GatewayFacts),
        one(FindingKind.BUCKET, BucketFacts),
    )


def nodes(environment: Environment) -> list[NodeFacts]:
    """Nodes of the adopted cluster."""
    return facts(environment, FindingKind.NODE, NodeFacts)


def pods(environment: Environment) -> list[PodFacts]:
    """Pods of the environment's namespace, and any other pod that holds GPU: it takes room too."""
    return facts(environment, FindingKind.POD, PodFacts)


def node_pools(environment: Environment) -> list[NodePoolFacts]:
    found = facts(environment, FindingKind.NODE_POOL, NodePoolFacts)
    return [one for one in found if one.cluster_id == environment.cluster_id]


def addons(environment: Environment) -> list[AddonFacts]:
    """Add-ons of the adopted cluster."""
    found = facts(environment, FindingKind.ADDON, AddonFacts)
    return [one for one in found if one.cluster_id == environment.cluster_id]


def images(environment: Environment, registry_id: str = "") -> list[ImageFacts]:
    """Tags of the adopted TCR instance, newest first within a repository."""
    wanted = registry_id or environment.tcr_id
    found = facts(environment, FindingKind.IMAGE, ImageFacts)
    mine = [one for one in found if one.registry_id == wanted]
    return sorted(
        sorted(mine, key=lambda one: one.updated, reverse=True), key=lambda one: one.repository
    )


def image(environment: Environment, repository: str, tag: str) -> ImageFacts | None:
    """One tag; None if it is not there."""
    return next(
        (one for one in images(environment) if one.repository == repository and one.tag == tag),
        None,
    )


def volumes(environment: Environment) -> list[VolumeFacts]:
    return facts(environment, FindingKind.VOLUME, VolumeFacts)


def claims(environment: Environment) -> list[ClaimFacts]:
    return facts(environment, FindingKind.CLAIM, ClaimFacts)


def moderation_policies(environment: Environment) -> list[ModerationFacts]:
    return facts(environment, FindingKind.MODERATION, ModerationFacts)


@dataclass(frozen=True)
class CardFacts:
    """One card and what lies on it.  `index` None: slices whose card nobody told."""

    node: str
    index: int | None
    gpu_type: str
    memory_gib: int
    core_used: int
    memory_used_gib: int
    pods: tuple[PodFacts, ...]

    @property
    def core_free(self) -> int:
        return max(0, 100 - self.core_used)

    @property
    def memory_free_gib(self) -> int:
        return max(0, self.memory_gib - self.memory_used_gib)


def cards(environment: Environment) -> list[CardFacts]:
    """Every card of every node with the slices on it."""
    return lay_out(nodes(environment), pods(environment))


def lay_out(nodes: Sequence[NodeFacts], pods: Sequence[PodFacts]) -> list[CardFacts]:
    """Cards in the order of nodes and indexes.  Pure."""
    placed: dict[str, list[PodFacts]] = defaultdict(list)
    for pod in pods:
        if pod.node and pod.phase in ("Pending", "Running") and (pod.core or pod.memory_gib):
            placed[pod.node].append(pod)
    found: list[CardFacts] = []
    for node in nodes:
        on_card: dict[int | None, list[PodFacts]] = defaultdict(list)
        for pod in placed[node.name]:
            if pod.core > 100 and pod.card is not None:
                for index in range(pod.card, pod.card + pod.core // 100):
                    on_card[index].append(pod)
            else:
                on_card[pod.card].append(pod)
        indexes: list[int | None] = [*range(node.cards)]
        if on_card.get(None):
            indexes.append(None)
        found += [_card(node, index, on_card[index]) for index in indexes]
    return found


def _card(node: NodeFacts, index: int | None, pods: list[PodFacts]) -> CardFacts:
    whole = node.card_gib
    return CardFacts(
        node=node.name,
        index=index,
        gpu_type=node.gpu_type,
        memory_gib=whole if index is not None else 0,
        core_used=sum(min(pod.core, 100) for pod in pods),
        memory_used_gib=sum(pod.memory_gib or (whole if pod.core >= 100 else 0) for pod in pods),
        pods=tuple(pods),
    )


# ---- how the reading of it went -----------------------------------------------------------------


def readings(environments: Sequence[Environment]) -> dict[int, dict[Product, Reading]]:
    """Environment pk -> product -> how its last look went."""
    found: dict[int, dict[Product, Reading]] = {one.pk: {} for one in environments}
    for reading in Reading.objects.filter(environment__in=environments):
        found[reading.environment_id][Product(reading.product)] = reading
    return found


def health_of(
    environments: Sequence[Environment], looks: dict[int, dict[Product, Reading]] | None = None
) -> dict[int, list[Health]]:
    """Environment pk -> how each product is doing; two queries however many environments, one if
    the caller has the readings already."""
    found: dict[int, dict[tuple[str, str], dict[str, Any]]] = {one.pk: {} for one in environments}
    adopted = [
        wanted
        for one in environments
        for wanted in (one.cluster_id, one.cfs_id, one.tcr_id, one.gateway_id, one.bucket)
        if wanted
    ]
    rows = Finding.objects.filter(environment__in=environments).filter(
        Q(kind__in=[FindingKind.NODE, FindingKind.ADDON, FindingKind.MODERATION])
        | Q(
            kind__in=[
                FindingKind.CLUSTER,
                FindingKind.FILE_SYSTEM,
                FindingKind.REGISTRY,
                FindingKind.GATEWAY,
                FindingKind.BUCKET,
            ],
            external_id__in=adopted,
        )
    )
    for pk, kind, external_id, stored in rows.values_list(
        "environment_id", "kind", "external_id", "data"
    ):
        found[pk][kind, external_id] = stored
    looks = readings(environments) if looks is None else looks
    return {one.pk: health(seen(one, found[one.pk], looks[one.pk])) for one in environments}


def seen(
    environment: Environment,
    found: dict[tuple[str, str], dict[str, Any]],
    looks: dict[Product, Reading],
) -> Seen:
    """What is known of one environment, as the pure rules of health.py take it."""

    def one(kind: FindingKind, external_id: str, shape: type[F]) -> F | None:
        stored = found.get((kind.value, external_id))
        return None if stored is None else shape.from_json(stored)

    def every(kind: FindingKind, shape: type[F]) -> list[F]:
        return [shape.from_json(data) for (of, _), data in found.items() if of == kind.value]

    return Seen(
        cluster_id=environment.cluster_id,
        cfs_id=environment.cfs_id,
        tcr_id=environment.tcr_id,
        gateway_id=environment.gateway_id,
        bucket_name=environment.bucket,
        biz_type=environment.biz_type,
        vpc_id=environment.vpc_id,
        origins=rules.origins(settings.SDCONSOLE_PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS),
        cluster=one(FindingKind.CLUSTER, environment.cluster_id, ClusterFacts),
        file_system=one(FindingKind.FILE_SYSTEM, environment.cfs_id, FileSystemFacts),
        registry=one(FindingKind.REGISTRY, environment.tcr_id, RegistryFacts),
        gateway=one(FindingKind.GATEWAY, environment.gateway_id, GatewayFacts),
        bucket=one(FindingKind.BUCKET, environment.bucket, BucketFacts),
        nodes=every(FindingKind.NODE, NodeFacts),
        addons=[
            addon
            for addon in every(FindingKind.ADDON, AddonFacts)
            if addon.cluster_id == environment.cluster_id
        ],
        policies=every(FindingKind.MODERATION, ModerationFacts),
        read=frozenset(product for product, look in looks.items() if look.read_at),
        troubles={
            product: Trouble(look.error_say, look.remedy_say)
            for product, look in looks.items()
            if look.error
        },
    )


def counts(environment: Environment) -> dict[str, int]:
    """Finding kind -> how many there are."""
    rows = Finding.objects.filter(environment=environment).order_by()
    return dict(rows.values_list("kind").annotate(Count("pk")))


def read_at(environment: Environment, product: Product) -> datetime | None:
    """When this product was last read well."""
    return (
        Reading.objects.filter(environment=environment, product=product.value)
        .values_list("read_at", flat=True)
        .first()
    )
