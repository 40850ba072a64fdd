"""What a person ticked out of what discovery found, and whether it belongs together."""

from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from apps.core.errors import RuleViolation
from apps.environments import rules
from apps.environments.facts import (
    BucketFacts,
    ClusterFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    RegistryFacts,
)
from apps.environments.models import Environment, Finding, FindingKind

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Choice:
    """Ids of Findings; "" = none of that kind."""

    cluster_id: str = ""
    cfs_id: str = ""
    tcr_id: str = ""
    gateway_id: str = ""
    bucket: str = ""
    namespace: str = "sd"


@dataclass(frozen=True)
class Chosen:
    cluster: ClusterFacts | None
    file_system: FileSystemFacts | None
    registry: RegistryFacts | None
    gateway: GatewayFacts | None
    bucket: BucketFacts | None
    vpc_id: str


def chosen(environment: Environment, choice: Choice) -> Chosen:
    """The facts behind the ids.

    Raises RuleViolation naming the field when one was not found, is of no use yet, or lies in
    another VPC or region than the cluster."""
    if not any((choice.cluster_id, choice.cfs_id, choice.tcr_id, choice.gateway_id, choice.bucket)):
        raise RuleViolation(_("Choose at least one resource."), field="cluster_id")
    if not rules.NAMESPACE.fullmatch(choice.namespace):
        raise RuleViolation(_("Small letters, digits and hyphens, at most 63."), field="namespace")
    if choice.namespace in rules.RESERVED_NAMESPACES:
        raise RuleViolation(_("This namespace belongs to the cluster itself."), field="namespace")
    facts = {
        (finding.kind, finding.external_id): finding.data
        for finding in Finding.objects.filter(
            environment=environment,
            external_id__in=[
                choice.cluster_id,
                choice.cfs_id,
                choice.tcr_id,
                choice.gateway_id,
                choice.bucket,
            ],
        )
    }

    def fact(kind: FindingKind, external_id: str, shape: type[F], field: str) -> F | None:
        if not external_id:
            return None
        stored = facts.get((kind.value, external_id))
        if stored is None:
            raise RuleViolation(
                _("%(id)s was not found in this region.") % {"id": external_id}, field=field
            )
        return shape.from_json(stored)

    found = Chosen(
        cluster=(
            cluster := fact(FindingKind.CLUSTER, choice.cluster_id, ClusterFacts, "cluster_id")
        ),
        file_system=(
            files := fact(FindingKind.FILE_SYSTEM, choice.cfs_id, FileSystemFacts, "cfs_id")
        ),
        registry=fact(FindingKind.REGISTRY, choice.tcr_id, RegistryFacts, "tcr_id"),
        gateway=(
            gateway := fact(FindingKind.GATEWAY, choice.gateway_id, GatewayFacts, "gateway_id")
        ),
        bucket=(bucket := fact(FindingKind.BUCKET, choice.bucket, BucketFacts, "bucket")),
        vpc_id=(cluster or files or gateway or ClusterFacts("", "", "")).vpc_id,
    )
    if files and not files.available:
        raise RuleViolation(
            _("%(name)s has no available mount target yet.") % {"name": files.name or files.id},
            field="cfs_id",
        )
    for one, field in ((files, "cfs_id"), (gateway, "gateway_id")):
        if one and one.vpc_id and found.vpc_id and one.vpc_id != found.vpc_id:
            raise RuleViolation(
                _("%(name)s lies in %(vpc)s, the cluster in %(wanted)s: they must share a VPC.")
                % {"name": one.name or one.id, "vpc": one.vpc_id, "wanted": found.vpc_id},
                field=field,
            )
    if bucket and bucket.region and bucket.region != environment.region:
        raise RuleViolation(
            _("%(name)s lies in %(region)s, the environment in %(wanted)s.")
            % {"name": bucket.name, "region": bucket.region, "wanted": environment.region},
            field="bucket",
        )
    return found
