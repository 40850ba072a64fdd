"""The adopt page: what was found, as radio buttons, with the reason why one cannot be chosen."""

from collections.abc import Callable
from dataclasses import dataclass

from django.forms import Form
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.core.words import Say
from apps.environments.facts import (
    BucketFacts,
    ClusterFacts,
    Fact,
    FileSystemFacts,
    GatewayFacts,
    RegistryFacts,
)
from apps.environments.models import Environment, Finding, FindingKind, Reading
from apps.environments.products import Product


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
    error: str
    unread: Say  # why the product could not be read


PRODUCTS = {
    "cluster_id": Product.TKE,
    "cfs_id": Product.CFS,
    "tcr_id": Product.TCR,
    "gateway_id": Product.TSE,
    "bucket": Product.COS,
}


def picks(
    environment: Environment,
    chosen: dict[str, str],
    errors: dict[str, str],
    looks: dict[Product, Reading],
) -> list[Pick]:
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
        name: str,
        kind: FindingKind,
        shape: type[Fact],
        icon: str,
        purpose: str | Promise,
        nothing: str | Promise,
        read: Callable[[Fact], tuple[str, str, str, str]],
    ) -> Pick:
        told = [read(shape.from_json(data)) for data in stored.get(kind, [])]
        wanted = chosen.get(name)
        if wanted is None:
            wanted = next((value for value, _name, _facts, why in told if not why), "")
        options = [
            Option(value, called or value, facts, why, value == wanted)
            for value, called, facts, why in told
        ]
        look = looks.get(PRODUCTS[name])
        unread = look.error_say if look is not None else Say("")
        error = errors.get(name, "")
        return Pick(name, kind.label, icon, purpose, options, nothing, wanted, error, unread)

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
    nodes = _t("nodes: %(n)s") % {"n": fact.node_count}
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


CHOSEN = ("cluster_id", "cfs_id", "tcr_id", "gateway_id", "bucket")


def adopted(environment: Environment) -> dict[str, str]:
    names = (*CHOSEN, "namespace", "cfs_mount_path")
    return {name: getattr(environment, name) for name in names}


def chosen(form: Form, environment: Environment) -> dict[str, str]:
    """What the radio buttons show: as posted, else as adopted, else nothing was ever chosen."""
    if form.is_bound:
        return {name: form.data.get(name, "") for name in CHOSEN}
    if environment.adopted:
        return {name: getattr(environment, name) for name in CHOSEN}
    return {}


def said(form: Form) -> dict[str, str]:
    """Field -> the first thing that is wrong with it."""
    if not form.is_bound:
        return {}
    return {name: str(errors[0]) for name, errors in form.errors.items() if errors}
