"""What the pages of environments show: rows and words, made of facts.  No HTTP, no HTML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.environments import health as healths
from apps.environments import selectors
from apps.environments.facts import (
    AddonFacts,
    BucketFacts,
    ClusterFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    ImageFacts,
    NodeFacts,
    NodePoolFacts,
    PodFacts,
    RegistryFacts,
    VolumeFacts,
)
from apps.environments.health import Health
from apps.environments.models import Environment, Finding, FindingKind, Reading
from apps.environments.products import REMITS, Product

STATE_WORDS: dict[str, Promise] = {
    healths.OK: _("Healthy"),
    healths.RUN: _("Under way"),
    healths.WARN: _("Needs attention"),
    healths.BAD: _("Broken"),
    healths.OFF: _("Not adopted"),
}


@dataclass(frozen=True)
class Row:
    """One environment of the list."""

    environment: Environment
    products: Sequence[Health]
    looks: dict[Product, Reading]

    @property
    def state(self) -> str:
        return healths.worst(self.products) if self.environment.adopted else healths.OFF

    @property
    def state_words(self) -> str:
        return str(STATE_WORDS[self.state])

    @property
    def troubles(self) -> list[Health]:
        """What needs a person, worst first; the same trouble of two columns only once."""
        found: dict[str, Health] = {}
        for one in self.products:
            if one.needs_person:
                found.setdefault(f"{one.product}{one.sentence}", one)
        return sorted(found.values(), key=lambda one: healths.WORST_FIRST.index(one.state))

    @property
    def progress(self) -> "Progress":
        return progress(self.looks.values())

    @property
    def oldest(self) -> Reading | None:
        """The reading that says how old this row may be."""
        read = [look for look in self.looks.values() if look.read_at and not look.error]
        return min(
            read, key=lambda look: look.read_at.timestamp() if look.read_at else 0, default=None
        )


@dataclass(frozen=True)
class Progress:
    """How far a look that somebody waits for has come."""

    done: int
    total: int

    @property
    def live(self) -> bool:
        return self.done < self.total


def progress(looks: object) -> Progress:
    asked = [look for look in looks if look.asked_at is not None]  # type: ignore[attr-defined]
    waiting = [look for look in asked if look.awaited and (look.due_at or look.running)]
    if not waiting:
        return Progress(0, 0)
    since = max(look.asked_at for look in waiting)
    together = [look for look in asked if look.asked_at >= since] or waiting
    return Progress(len(together) - len([one for one in together if one in waiting]), len(together))


def rows(environments: Sequence[Environment]) -> list[Row]:
    """In the order given; three queries however many there are."""
    found = selectors.health_of(environments)
    looks = selectors.readings(environments)
    return [Row(one, found[one.pk], looks[one.pk]) for one in environments]


def worst_first(found: list[Row]) -> list[Row]:
    order = {state: place for place, state in enumerate(healths.WORST_FIRST)}
    return sorted(found, key=lambda row: (order[row.state], row.environment.name))


# ---- discovery, product by product ---------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One product of the first look: "" not begun, run, ok, bad."""

    product: Product
    label: str
    state: str
    reading: Reading | None
    found: int


def steps(looks: dict[Product, Reading], counts: dict[str, int]) -> list[Step]:
    found = []
    for product, remit in REMITS.items():
        if remit.needs:
            continue  # nothing to read before something is adopted
        look = looks.get(product)
        state = ""
        if look is not None:
            if look.running:
                state = "run"
            elif look.error:
                state = "bad"
            elif look.read_at:
                state = "ok"
        total = sum(counts.get(kind, 0) for kind in remit.kinds)
        found.append(Step(product, remit.label, state, look, total))
    return found


# ---- what may be adopted -------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One radio button.  `why_not` says why it cannot be chosen, "" = it can."""

    value: str
    name: str
    facts: str
    why_not: str
    chosen: bool


@dataclass(frozen=True)
class Pick:
    """One kind to choose from."""

    field: str
    label: str | Promise
    icon: str
    purpose: str | Promise
    options: list[Option]
    nothing: str | Promise
    chosen: str
    error: str = ""


def picks(environment: Environment, chosen: dict[str, str], errors: dict[str, str]) -> list[Pick]:
    """Everything found, with what was chosen; the first usable one where nothing was chosen yet."""
    stored: dict[str, list[dict[str, object]]] = {}
    kinds = [
        FindingKind.CLUSTER,
        FindingKind.FILE_SYSTEM,
        FindingKind.REGISTRY,
        FindingKind.GATEWAY,
        FindingKind.BUCKET,
    ]
    rows = Finding.objects.filter(environment=environment, kind__in=kinds).order_by("name")
    for kind, data in rows.values_list("kind", "data"):
        stored.setdefault(kind, []).append(data)

    def pick(
        field: str,
        kind: FindingKind,
        shape: type[Fact],
        icon: str,
        purpose: str | Promise,
        nothing: str | Promise,
        read: Callable[[Fact], tuple[str, str, str, str]],
    ) -> Pick:
        told = [read(shape.from_json(data)) for data in stored.get(kind, [])]
        wanted = chosen.get(field)
        if wanted is None:
            wanted = next((value for value, _name, _facts, why in told if not why), "")
        options = [
            Option(value, name or value, facts, why, value == wanted)
            for value, name, facts, why in told
        ]
        return Pick(
            field, kind.label, icon, purpose, options, nothing, wanted, errors.get(field, "")
        )

    return [
        pick(
            "cluster_id",
            FindingKind.CLUSTER,
            ClusterFacts,
            "server",
            _("Runs the web UIs on its GPU nodes."),
            _("There is no cluster in this region."),
            _cluster_option,
        ),
        pick(
            "cfs_id",
            FindingKind.FILE_SYSTEM,
            FileSystemFacts,
            "folders",
            _("Holds the model files that all pods read."),
            _("There is no file system in this region."),
            _file_system_option,
        ),
        pick(
            "tcr_id",
            FindingKind.REGISTRY,
            RegistryFacts,
            "package",
            _("Holds the web UI images."),
            _("There is no TCR instance in this region."),
            _registry_option,
        ),
        pick(
            "gateway_id",
            FindingKind.GATEWAY,
            GatewayFacts,
            "route",
            _("Lets people in, with limits. Optional."),
            _("There is no cloud-native gateway in this region."),
            _gateway_option,
        ),
        pick(
            "bucket",
            FindingKind.BUCKET,
            BucketFacts,
            "database",
            _("Takes uploads and generated images."),
            _("The account has no bucket."),
            lambda fact: _bucket_option(fact, environment.region),
        ),
    ]


def _cluster_option(fact: Fact) -> tuple[str, str, str, str]:
    assert isinstance(fact, ClusterFacts)
    nodes = _t("%(n)s nodes") % {"n": fact.node_count}
    facts = " · ".join(word for word in (fact.version, nodes, fact.vpc_id) if word)
    why = "" if fact.running else _t("It is %(state)s.") % {"state": fact.state}
    return fact.id, fact.name, facts, why


def _file_system_option(fact: Fact) -> tuple[str, str, str, str]:
    assert isinstance(fact, FileSystemFacts)
    facts = " · ".join(word for word in (fact.storage, fact.mount_ip, fact.vpc_id) if word)
    why = "" if fact.available else _t("It has no available mount target.")
    return fact.id, fact.name, facts, why


def _registry_option(fact: Fact) -> tuple[str, str, str, str]:
    assert isinstance(fact, RegistryFacts)
    why = "" if fact.running else _t("It is %(state)s.") % {"state": fact.state}
    return fact.id, fact.name, " · ".join(word for word in (fact.kind, fact.domain) if word), why


def _gateway_option(fact: Fact) -> tuple[str, str, str, str]:
    assert isinstance(fact, GatewayFacts)
    facts = " · ".join(word for word in (fact.version, fact.address, fact.vpc_id) if word)
    why = "" if fact.running else _t("It is %(state)s.") % {"state": fact.state}
    return fact.id, fact.name, facts, why


def _bucket_option(fact: Fact, region: str) -> tuple[str, str, str, str]:
    assert isinstance(fact, BucketFacts)
    why = "" if fact.region == region else _t("It lies in another region.")
    return fact.name, fact.name, fact.region, why


# ---- the inventory -------------------------------------------------------------------------------


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
