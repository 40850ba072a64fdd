"""The shelves of the inventory: what of each kind of thing can be sorted, filtered and found."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.environments.facts import (
    AddonFacts,
    BucketFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    ImageFacts,
    NodeFacts,
    NodePoolFacts,
    PodFacts,
    VolumeFacts,
)
from apps.environments.models import Environment, Finding, FindingKind
from apps.environments.products import Product


@dataclass(frozen=True)
class Shelf:
    """One kind of thing in the inventory.  `sorts` are URL name -> field path of Finding."""

    key: str
    label: str | Promise
    kind: FindingKind
    shape: type[Fact]
    product: Product
    icon: str
    sorts: dict[str, str]
    nothing: str | Promise
    next_step: str | Promise
    filter_field: str = ""
    filter_label: str | Promise = ""
    search: tuple[str, ...] = ("name",)


SHELVES: dict[str, Shelf] = {
    shelf.key: shelf
    for shelf in (
        Shelf(
            "nodes",
            _("Nodes"),
            FindingKind.NODE,
            NodeFacts,
            Product.KUBE,
            "server",
            {
                "name": "name",
                "state": "data__ready",
                "gpu": "data__gpu_type",
                "cards": "data__cards",
                "type": "data__instance_type",
                "created": "data__created",
            },
            _("The cluster has no nodes."),
            _("Nodes appear once a cluster is adopted and a node pool runs."),
            "data__gpu_type",
            _("GPU type"),
            ("name", "data__ip", "data__instance_type"),
        ),
        Shelf(
            "pods",
            _("Pods"),
            FindingKind.POD,
            PodFacts,
            Product.KUBE,
            "box",
            {
                "name": "name",
                "state": "data__phase",
                "node": "data__node",
                "core": "data__core",
                "memory": "data__memory_gib",
                "restarts": "data__restarts",
                "started": "data__started",
            },
            _("No pod runs in this environment yet."),
            _("Pods appear once a deployment is rolled out."),
            "data__phase",
            _("State"),
            ("name", "data__node", "data__image", "data__ip"),
        ),
        Shelf(
            "volumes",
            _("Volumes"),
            FindingKind.VOLUME,
            VolumeFacts,
            Product.KUBE,
            "database",
            {"name": "name", "state": "data__phase", "path": "data__path"},
            _("The cluster has no volumes."),
            _("A deployment makes the volumes it mounts."),
            "data__phase",
            _("State"),
            ("name", "data__path", "data__claim"),
        ),
        Shelf(
            "images",
            _("Images"),
            FindingKind.IMAGE,
            ImageFacts,
            Product.TCR,
            "package",
            {
                "name": "name",
                "repository": "data__repository",
                "size": "data__size_bytes",
                "updated": "data__updated",
            },
            _("The registry holds no image."),
            _("Push a web UI image to the adopted TCR instance, then read again."),
            "data__repository",
            _("Repository"),
            ("name", "data__digest"),
        ),
        Shelf(
            "filesystems",
            _("File systems"),
            FindingKind.FILE_SYSTEM,
            FileSystemFacts,
            Product.CFS,
            "folders",
            {"name": "name", "state": "data__state", "used": "data__used_bytes"},
            _("There is no file system in this region."),
            _("Buy one in Tencent's console, in the cluster's VPC, then read again."),
            "data__state",
            _("State"),
            ("name", "external_id", "data__mount_ip"),
        ),
        Shelf(
            "gateways",
            _("Gateways"),
            FindingKind.GATEWAY,
            GatewayFacts,
            Product.TSE,
            "route",
            {"name": "name", "state": "data__state", "version": "data__version"},
            _("There is no cloud-native gateway in this region."),
            _("Without one, web UIs are reached through a load balancer of the cluster."),
            "data__state",
            _("State"),
            ("name", "external_id", "data__address"),
        ),
        Shelf(
            "buckets",
            _("Buckets"),
            FindingKind.BUCKET,
            BucketFacts,
            Product.COS,
            "database",
            {"name": "name", "region": "data__region", "created": "data__created"},
            _("The account has no bucket."),
            _("Make one in Tencent's console in this region, then read again."),
            "data__region",
            _("Region"),
        ),
        Shelf(
            "pools",
            _("Node pools"),
            FindingKind.NODE_POOL,
            NodePoolFacts,
            Product.TKE,
            "stack-2",
            {"name": "name", "state": "data__state", "ready": "data__ready"},
            _("The cluster has no node pool."),
            _("Add a native node pool of a GPU type in Tencent's console."),
            "data__kind",
            _("Kind"),
        ),
        Shelf(
            "addons",
            _("Add-ons"),
            FindingKind.ADDON,
            AddonFacts,
            Product.TKE,
            "puzzle",
            {"name": "name", "state": "data__phase", "version": "data__version"},
            _("The cluster has no add-on."),
            _("qgpu, cfs and cos are what Stable Diffusion needs."),
            "data__phase",
            _("State"),
        ),
    )
}
CARDS = "cards"  # not a kind of finding: laid out of nodes and pods


def shelf_rows(environment: Environment, shelf: Shelf) -> QuerySet[Finding]:
    rows = Finding.objects.filter(environment=environment, kind=shelf.kind)
    if shelf.kind in (FindingKind.ADDON, FindingKind.NODE_POOL) and environment.cluster_id:
        rows = rows.filter(data__cluster_id=environment.cluster_id)
    return rows


def shelf_choices(environment: Environment, shelf: Shelf) -> list[tuple[str, str]]:
    """What the filter of a shelf offers: the values that really occur."""
    if not shelf.filter_field:
        return []
    values = (
        shelf_rows(environment, shelf)
        .order_by(shelf.filter_field)
        .values_list(shelf.filter_field, flat=True)
        .distinct()[:50]
    )
    return [(str(value), str(value)) for value in values if value]
