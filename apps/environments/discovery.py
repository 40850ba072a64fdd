"""Reading the world: one function per product, each with lists only, into Findings.

They raise CloudError; what one of them raises is written to its own reading and hides no other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.environments import manifests
from apps.environments.clients import cos_for, kube_for, kubeconfig_fetch
from apps.environments.facts import (
    AccountFacts,
    AddonFacts,
    BucketFacts,
    ClusterFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    ImageFacts,
    ModerationFacts,
    NodePoolFacts,
    RegistryFacts,
    VpcFacts,
)
from apps.environments.models import Environment, FindingKind
from apps.environments.products import Product
from cloud import cfs, ci, cos, sts, tcr, tke, tke_pools, tse, vpc
from cloud.errors import NotAuthorized, Rejected
from cloud.kube import KubeClient
from cloud.types import MountTarget, Registry


@dataclass(frozen=True)
class Found:
    kind: FindingKind
    external_id: str
    name: str
    fact: Fact


def account(environment: Environment) -> list[Found]:
    caller = sts.whoami(environment.access())
    facts = AccountFacts(caller.user_id, caller.account_id, caller.kind)
    return [Found(FindingKind.ACCOUNT, caller.account_id, caller.account_id, facts)]


def networks(environment: Environment) -> list[Found]:
    return [
        Found(
            FindingKind.VPC, one.id, one.name, VpcFacts(one.id, one.name, one.cidr, one.is_default)
        )
        for one in vpc.vpcs(environment.access())
    ]


def clusters(environment: Environment) -> list[Found]:
    """All clusters; pools and add-ons of the adopted one, or of all while choosing."""
    access = environment.access()
    seen = tke.clusters(access)
    found = [
        Found(
            FindingKind.CLUSTER,
            one.id,
            one.name,
            ClusterFacts(
                id=one.id,
                name=one.name,
                state=one.status,
                version=one.version,
                vpc_id=one.vpc_id,
                node_count=one.node_count,
                deletion_protected=one.deletion_protection,
                created=iso(one.created_at),
            ),
        )
        for one in seen
    ]
    wanted = environment.cluster_id
    for cluster in seen:
        if cluster.status == "Running" and wanted in ("", cluster.id):
            found += pools_and_addons(environment, cluster.id)
    return found


def pools_and_addons(environment: Environment, cluster_id: str) -> list[Found]:
    access = environment.access()
    found = [
        Found(
            FindingKind.NODE_POOL,
            pool.id,
            pool.name,
            NodePoolFacts(
                id=pool.id,
                name=pool.name,
                cluster_id=cluster_id,
                state=pool.state,
                kind=pool.kind,
                wanted=pool.replicas,
                ready=pool.ready,
                least=pool.min_replicas,
                most=pool.max_replicas,
                autoscaling=pool.autoscaling,
                instance_types=pool.instance_types,
            ),
        )
        for pool in tke_pools.node_pools(access, cluster_id)
    ]
    found += [
        Found(
            FindingKind.ADDON,
            f"{cluster_id}/{one.name}",
            one.name,
            AddonFacts(one.name, cluster_id, one.version, one.phase, one.reason),
        )
        for one in tke.addons(access, cluster_id)
    ]
    return found


def workloads(environment: Environment) -> list[Found]:
    """Nodes, pods, volumes of the adopted cluster: four lists.

    A kubeconfig that TKE gave and the cluster does not take any more is fetched once again."""
    had_one = bool(environment.kubeconfig)
    try:
        return read_cluster(kube_for(environment), environment.namespace)
    except NotAuthorized as refused:
        if refused.code not in ("Unauthorized", "401") or not had_one:
            raise
        if environment.kubeconfig_pasted:
            raise
    kubeconfig_fetch(environment)
    return read_cluster(kube_for(environment), environment.namespace)


def read_cluster(kube: KubeClient, namespace: str) -> list[Found]:
    found: list[Found] = []
    for node in kube.list("v1", "nodes").items:
        facts = manifests.node_facts(node)
        found.append(Found(FindingKind.NODE, facts.name, facts.name, facts))
    # Pods of other namespaces take room on the same cards.
    for pod in kube.list("v1", "pods").items:
        on = manifests.pod_facts(pod)
        if on.namespace == namespace or ((on.core or on.whole_cards) and on.node):
            found.append(Found(FindingKind.POD, f"{on.namespace}/{on.name}", on.name, on))
    for volume in kube.list("v1", "persistentvolumes").items:
        of = manifests.volume_facts(volume)
        found.append(Found(FindingKind.VOLUME, of.name, of.name, of))
    for claim in kube.list("v1", "persistentvolumeclaims", namespace).items:
        for_ = manifests.claim_facts(claim)
        found.append(Found(FindingKind.CLAIM, f"{for_.namespace}/{for_.name}", for_.name, for_))
    return found


def file_systems(environment: Environment) -> list[Found]:
    access = environment.access()
    found = []
    for one in cfs.file_systems(access):
        # A mount target in the cluster's own network is the one that can be used.
        targets = cfs.mount_targets(access, one.id)
        target = best_target(targets, environment.vpc_id)
        facts = FileSystemFacts(
            id=one.id,
            name=one.name,
            state=one.state,
            storage=one.storage,
            protocol=one.protocol,
            used_bytes=one.used_bytes,
            limit_gib=one.limit_gib or one.capacity_gib,
            zone=one.zone,
            mount_state=target.state if target else "",
            mount_ip=target.ip if target else "",
            fsid=target.fsid if target else "",
            vpc_id=target.vpc_id if target else "",
            created=iso(one.created_at),
        )
        found.append(Found(FindingKind.FILE_SYSTEM, one.id, one.name, facts))
    return found


def best_target(targets: tuple[MountTarget, ...], vpc_id: str) -> MountTarget | None:
    """One in the wanted network first, then one that is available; None if there is none."""
    return max(
        targets,
        key=lambda one: (bool(vpc_id) and one.vpc_id == vpc_id, one.state == "available"),
        default=None,
    )


def registries(environment: Environment) -> list[Found]:
    """All instances of the region; the images only of the adopted one."""
    found = []
    for one in tcr.registries(environment.access()):
        facts = RegistryFacts(
            id=one.id,
            name=one.name,
            state=one.status,
            kind=one.kind,
            domain=one.domain,
            created=iso(one.created_at),
        )
        found.append(Found(FindingKind.REGISTRY, one.id, one.name, facts))
        if one.id == environment.tcr_id and facts.running:
            found += images(environment, one)
    return found


def images(environment: Environment, registry: Registry) -> list[Found]:
    access = environment.access()
    found = []
    for repository in tcr.repositories(access, registry.id):
        name = f"{repository.namespace}/{repository.name}"
        for tag in tcr.images(access, registry.id, repository.namespace, repository.name):
            facts = ImageFacts(
                registry_id=registry.id,
                domain=registry.domain,
                repository=name,
                tag=tag.tag,
                digest=tag.digest,
                size_bytes=tag.size_bytes,
                updated=iso(tag.updated_at),
            )
            named = f"{name}:{tag.tag}"
            found.append(Found(FindingKind.IMAGE, f"{registry.id}/{named}", named, facts))
    return found


def gateways(environment: Environment) -> list[Found]:
    access = environment.access()
    found = []
    for one in tse.gateways(access):
        ips = one.public_ips
        if not ips and one.id == environment.gateway_id:
            ips = tse.public_addresses(access, one.id)
        facts = GatewayFacts(
            id=one.id,
            name=one.name,
            state=one.status,
            version=one.version,
            vpc_id=one.vpc_id,
            address=address_of(ips, one.http_port),
            spec=one.specification,
            nodes=one.nodes,
            created=iso(one.created_at),
        )
        found.append(Found(FindingKind.GATEWAY, one.id, one.name, facts))
    return found


def address_of(ips: tuple[str, ...], ports: str) -> str:
    """ip:port of plain HTTP; "" without a public address."""
    if not ips:
        return ""
    port = ports.partition(",")[0].strip()
    return ips[0] if port in ("", "80") else f"{ips[0]}:{port}"


def buckets(environment: Environment) -> list[Found]:
    """Buckets of the account, also of other regions: a person should see why one cannot be chosen.

    CORS origins are read of the adopted one alone."""
    found = []
    for one in cos.buckets(environment.access()):
        origins = None
        if one.name == environment.bucket:
            rules = cos_for(environment).cors_get()
            origins = tuple(dict.fromkeys(origin for rule in rules for origin in rule.origins))
        facts = BucketFacts(one.name, one.region, iso(one.created_at), origins)
        found.append(Found(FindingKind.BUCKET, one.name, one.name, facts))
    return found


def moderation(environment: Environment) -> list[Found]:
    """Policies of the adopted bucket; none if CI is not switched on for it."""
    try:
        policies = ci.strategies(cos_for(environment))
    except Rejected:
        return []
    return [
        Found(
            FindingKind.MODERATION,
            one.biz_type,
            one.name,
            ModerationFacts(one.biz_type, one.name, one.is_default),
        )
        for one in policies
    ]


def iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


READERS: dict[Product, Callable[[Environment], list[Found]]] = {
    Product.STS: account,
    Product.VPC: networks,
    Product.TKE: clusters,
    Product.KUBE: workloads,
    Product.CFS: file_systems,
    Product.TCR: registries,
    Product.TSE: gateways,
    Product.COS: buckets,
    Product.CI: moderation,
}
