"""What the pages of environments show: rows and words, made of facts.  No HTTP, no HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.core.measures import size
from apps.core.models import Plan, PlanItem
from apps.core.phases import Phase
from apps.core.words import Say
from apps.environments import health as healths
from apps.environments import selectors
from apps.environments.health import Health
from apps.environments.models import (
    Environment,
    FindingKind,
    Preparation,
    Reading,
)
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
        if not self.environment.adopted and not self.troubles:
            return healths.OFF
        return healths.worst(self.products)

    @property
    def state_words(self) -> str:
        return str(STATE_WORDS[self.state])

    @property
    def troubles(self) -> list["TroubleRow"]:
        """What needs a person, worst first; one refused key is one trouble, not eight."""
        found: dict[str, list[Health]] = {}
        for one in self.products:
            if one.needs_person:
                found.setdefault(f"{one.sentence}{one.remedy}", []).append(one)
        rows = [TroubleRow(group) for group in found.values()]
        return sorted(rows, key=lambda one: healths.WORST_FIRST.index(one.state))

    @property
    def progress(self) -> "Progress":
        return progress(list(self.looks.values()))

    @property
    def oldest(self) -> Reading | None:
        """The reading that says how old what is shown of this row may be."""
        shown = {one.product for one in self.products}
        read = [
            look
            for product, look in self.looks.items()
            if product in shown and look.read_at and not look.error
        ]
        return min(read, key=lambda look: str(look.read_at), default=None)


@dataclass(frozen=True)
class TroubleRow:
    """One trouble of one or several products: the same state, sentence and remedy."""

    products: list[Health]

    @property
    def label(self) -> str:
        return _t(", ").join(_t(one.label) for one in self.products)

    @property
    def state(self) -> str:
        return self.products[0].state

    @property
    def sentence(self) -> Say:
        return self.products[0].sentence

    @property
    def remedy(self) -> Say:
        return self.products[0].remedy


@dataclass(frozen=True)
class Progress:
    """How far a look that somebody waits for has come."""

    done: int
    total: int

    @property
    def live(self) -> bool:
        return self.done < self.total


def progress(looks: Sequence[Reading]) -> Progress:
    asked = [look for look in looks if look.asked_at is not None]
    waiting = [look for look in asked if look.awaited and (look.due_at or look.running)]
    if not waiting:
        return Progress(0, 0)
    since = max(look.asked_at for look in waiting if look.asked_at)
    together = [look for look in asked if look.asked_at and look.asked_at >= since]
    return Progress(len(together) - len([one for one in together if one in waiting]), len(together))


def rows(environments: Sequence[Environment]) -> list[Row]:
    """In the order given; two queries however many there are."""
    looks = selectors.readings(environments)
    found = selectors.health_of(environments, looks)
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
            if look.running or (look.awaited and look.due_at):
                state = "run"
            elif look.error:
                state = "bad"
            elif look.read_at:
                state = "ok"
        total = sum(counts.get(kind, 0) for kind in remit.kinds)
        found.append(Step(product, remit.label, state, look, total))
    return found


@dataclass(frozen=True)
class Line:
    """One product on the page of an environment: how it is, and how it was read."""

    health: Health
    look: Reading | None


def lines(row: Row) -> list[Line]:
    return [Line(one, row.looks.get(one.product)) for one in row.products]


# ---- one environment ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Resource:
    """One adopted thing with what there is to know about it; `id` "" = not adopted."""

    label: str | Promise
    icon: str
    id: str
    name: str
    facts: list[tuple[str, str]]
    shelf: str = ""


def resources(environment: Environment) -> list[Resource]:
    """What belongs to the environment, in the order of the flow."""
    found = selectors.adopted(environment)
    cluster, files, registry = found.cluster, found.file_system, found.registry
    gateway, bucket = found.gateway, found.bucket
    return [
        Resource(
            FindingKind.CLUSTER.label,
            "server",
            environment.cluster_id,
            cluster.name if cluster else "",
            _given(
                (_t("Version"), cluster.version if cluster else ""),
                (_t("Namespace"), environment.namespace if environment.cluster_id else ""),
                ("VPC", environment.vpc_id),
            ),
            "nodes",
        ),
        Resource(
            FindingKind.FILE_SYSTEM.label,
            "folders",
            environment.cfs_id,
            files.name if files else "",
            _given(
                (_t("Mount IP"), environment.cfs_mount_ip),
                ("FSID", environment.cfs_fsid),
                (_t("Used"), size(files.used_bytes) if files else ""),
                (_t("Of workers"), environment.cfs_mount_path),
            ),
            "filesystems",
        ),
        Resource(
            FindingKind.REGISTRY.label,
            "package",
            environment.tcr_id,
            registry.name if registry else "",
            _given((_t("Domain"), environment.tcr_domain)),
            "images",
        ),
        Resource(
            FindingKind.GATEWAY.label,
            "route",
            environment.gateway_id,
            gateway.name if gateway else "",
            _given(
                (_t("Address"), environment.gateway_address),
                (_t("Version"), gateway.version if gateway else ""),
            ),
            "gateways",
        ),
        Resource(
            FindingKind.BUCKET.label,
            "database",
            environment.bucket,
            "",
            _given(
                (_t("Region"), bucket.region if bucket else ""),
                (_t("Moderation"), environment.biz_type or (_t("default") if bucket else "")),
            ),
            "buckets",
        ),
    ]


def _given(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair[1]]


@dataclass(frozen=True)
class Prepared:
    """What the console needs in the adopted resources, and the plan that waits for it (or None)."""

    row: Preparation
    plan: Plan | None

    @property
    def live(self) -> bool:
        return self.row.phase in (Phase.PENDING, Phase.WORKING)


def preparation(environment: Environment) -> Prepared | None:
    """None before anything was adopted."""
    row: Preparation | None = getattr(environment, "preparation", None)
    if row is None:
        return None
    waiting = (
        PlanItem.objects.filter(
            kind="preparation",
            object_id=row.pk,
            plan__status__in=["planning", "ready", "approved", "failed"],
        )
        .select_related("plan")
        .order_by("-plan_id")
        .first()
    )
    return Prepared(row, waiting.plan if waiting else None)
