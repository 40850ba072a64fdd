"""How each product of an environment is doing: one state, one sentence, one remedy.  Pure.

Worst first is the page's business; here every product gets exactly one answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

from apps.core.words import Say
from apps.environments import rules
from apps.environments.facts import (
    AddonFacts,
    BucketFacts,
    ClusterFacts,
    FileSystemFacts,
    GatewayFacts,
    ModerationFacts,
    NodeFacts,
    RegistryFacts,
)
from apps.environments.products import Product

OK, RUN, WARN, BAD, OFF = "ok", "run", "warn", "bad", "hold"
WORST_FIRST = (BAD, WARN, RUN, OFF, OK)
FINE = gettext_noop("OK")
UNREAD = gettext_noop("Not read yet")
NOT_ADOPTED = gettext_noop("Not adopted")
GONE = gettext_noop("Gone")
FAILED = gettext_noop("Cannot be read")
CLUSTER_COMING = (
    "Creating",
    "Trading",
    "Scaling",
    "Upgrading",
    "NodeUpgrading",
    "RuntimeUpgrading",
    "MasterScaling",
    "ClusterLevelUpgrading",
    "Recovering",
)


@dataclass(frozen=True)
class Trouble:
    """Why the last look at a product failed."""

    error: Say
    remedy: Say


@dataclass(frozen=True)
class Seen:
    """What is adopted of an environment and what was last read of it."""

    cluster_id: str = ""
    cfs_id: str = ""
    tcr_id: str = ""
    gateway_id: str = ""
    bucket_name: str = ""
    biz_type: str = ""
    vpc_id: str = ""
    origins: tuple[str, ...] = ()  # of the console itself
    cluster: ClusterFacts | None = None
    file_system: FileSystemFacts | None = None
    registry: RegistryFacts | None = None
    gateway: GatewayFacts | None = None
    bucket: BucketFacts | None = None
    nodes: Sequence[NodeFacts] = ()
    addons: Sequence[AddonFacts] = ()
    policies: Sequence[ModerationFacts] = ()
    read: frozenset[Product] = frozenset()  # products that were read well at least once
    troubles: Mapping[Product, Trouble] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """`label` heads the column, `word` stands in the cell; the sentences say why and what to do."""

    key: str
    label: str
    product: Product
    state: str
    word: Say
    sentence: Say = field(default_factory=lambda: Say(""))
    remedy: Say = field(default_factory=lambda: Say(""))

    @property
    def needs_person(self) -> bool:
        return self.state in (BAD, WARN)


def health(seen: Seen) -> list[Health]:
    """One answer for each of TKE, nodes, qGPU, TCR, CFS, gateway, COS and CI, in this order."""
    return [
        _judged("tke", "TKE", Product.TKE, seen, seen.cluster_id, _cluster),
        _judged("nodes", gettext_noop("Nodes"), Product.KUBE, seen, seen.cluster_id, _nodes),
        _judged("qgpu", "qGPU", Product.TKE, seen, seen.cluster_id, _qgpu),
        _judged("tcr", "TCR", Product.TCR, seen, seen.tcr_id, _registry),
        _judged("cfs", "CFS", Product.CFS, seen, seen.cfs_id, _files),
        _judged("gateway", gettext_noop("Gateway"), Product.TSE, seen, seen.gateway_id, _gateway),
        _judged("cos", "COS", Product.COS, seen, seen.bucket_name, _bucket),
        _judged("ci", "CI", Product.CI, seen, seen.bucket_name, _moderation),
    ]


def worst(found: Sequence[Health]) -> str:
    return min((one.state for one in found), key=WORST_FIRST.index, default=OFF)


Answer = tuple[str, Say, Say, Say]
Judge = Callable[[Seen], Answer]
NOTHING = Say("")


def _judged(
    key: str, label: str, product: Product, seen: Seen, adopted: str, judge: Judge
) -> Health:
    trouble = seen.troubles.get(product)
    if trouble is not None:
        answer = (BAD, Say(FAILED), trouble.error, trouble.remedy)
    elif not adopted:
        answer = (OFF, Say(NOT_ADOPTED), NOTHING, NOTHING)
    elif product not in seen.read:
        answer = (RUN, Say(UNREAD), NOTHING, NOTHING)
    else:
        answer = judge(seen)
    return Health(key, label, product, *answer)


def _fine(sentence: Say, word: Say | None = None) -> Answer:
    return OK, word or Say(FINE), sentence, NOTHING


def _gone(what: str) -> Answer:
    return (
        BAD,
        Say(GONE),
        Say.of(gettext_noop("%(id)s was not found in the region any more."), id=what),
        Say(gettext_noop("Adopt what stands in its place, or restore it in Tencent's console.")),
    )


def _in_state(what: str, state: str, coming: Sequence[str]) -> Answer:
    """Not running: on its way, or in a state that a person must look into."""
    say = Say.of(gettext_noop("%(id)s is in state %(state)s."), id=what, state=state)
    if state in coming:
        return RUN, Say.of("%(state)s", state=state), say, NOTHING
    return (
        BAD,
        Say.of("%(state)s", state=state),
        say,
        Say(gettext_noop("Look into it in Tencent's console.")),
    )


def _cluster(seen: Seen) -> Answer:
    found = seen.cluster
    if found is None:
        return _gone(seen.cluster_id)
    if found.running:
        say = gettext_noop("Kubernetes %(version)s, nodes: %(count)s.")
        return _fine(Say.of(say, version=found.version, count=found.node_count))
    return _in_state(found.id, found.state, CLUSTER_COMING)


def _nodes(seen: Seen) -> Answer:
    total = len(seen.nodes)
    ready = sum(node.ready for node in seen.nodes)
    word = Say.of("%(ready)s / %(total)s", ready=ready, total=total)
    if not total:
        return (
            WARN,
            word,
            Say(gettext_noop("The cluster has no nodes.")),
            Say(gettext_noop("Add a node pool with GPU machines in Tencent's console.")),
        )
    if ready < total:
        first = next(node for node in seen.nodes if not node.ready)
        return (
            WARN if ready else BAD,
            word,
            Say.of(
                gettext_noop("%(node)s is not ready: %(problem)s"),
                node=first.name,
                problem=first.problem,
            ),
            Say(gettext_noop("Look at the node in the inventory; replace it if it stays so.")),
        )
    if not any(node.cards or node.whole_cards for node in seen.nodes):
        return (
            WARN,
            word,
            Say(gettext_noop("No node offers a GPU.")),
            Say(gettext_noop("Add a native node pool of a GPU type with qGPU switched on.")),
        )
    cards = sum(node.cards or node.whole_cards for node in seen.nodes)
    types = ", ".join(sorted({node.gpu_type for node in seen.nodes if node.gpu_type}))
    say = Say.of(gettext_noop("Cards: %(count)s, %(types)s."), count=cards, types=types)
    return _fine(say, word)


def _qgpu(seen: Seen) -> Answer:
    found = next((one for one in seen.addons if one.name == "qgpu"), None)
    if found is None:
        return (
            WARN,
            Say(gettext_noop("Not installed")),
            Say(gettext_noop("Without the qgpu add-on pods cannot share a card.")),
            Say(gettext_noop("Install the add-on qgpu on the cluster.")),
        )
    if found.healthy:
        say = Say.of(gettext_noop("Add-on qgpu %(version)s."), version=found.version)
        return _fine(say)
    if found.phase in ("Installing", "Upgrading"):
        say = Say.of(gettext_noop("The add-on is in phase %(phase)s."), phase=found.phase)
        return RUN, Say(gettext_noop("Updating")), say, NOTHING
    return (
        BAD,
        Say.of("%(phase)s", phase=found.phase),
        Say.of(
            gettext_noop("The add-on qgpu reports %(phase)s: %(reason)s"),
            phase=found.phase,
            reason=found.reason or "–",
        ),
        Say(gettext_noop("Delete the add-on and install it again.")),
    )


def _registry(seen: Seen) -> Answer:
    found = seen.registry
    if found is None:
        return _gone(seen.tcr_id)
    if found.running:
        return _fine(Say.of("%(domain)s", domain=found.domain))
    return _in_state(found.id, found.state, ("Pending", "Deploying"))


def _files(seen: Seen) -> Answer:
    found = seen.file_system
    if found is None:
        return _gone(seen.cfs_id)
    if found.state != "available":
        return _in_state(found.id, found.state, ("creating", "mounting", "upgrading", "expanding"))
    if found.mount_state != "available":
        return (
            BAD,
            Say(gettext_noop("No mount target")),
            Say.of(gettext_noop("%(id)s has no available mount target."), id=found.id),
            Say(gettext_noop("Add a mount target in the cluster's VPC.")),
        )
    share = found.used_share
    if share is not None and share >= rules.ALMOST_FULL:
        percent = round(share * 100)
        return (
            WARN,
            Say.of(gettext_noop("%(percent)s%% full"), percent=percent),
            Say.of(gettext_noop("The file system is %(percent)s%% full."), percent=percent),
            Say(gettext_noop("Delete models nobody uses, or raise the file system's limit.")),
        )
    used = round(found.used_bytes / (1 << 30), 1)
    return _fine(Say.of(gettext_noop("%(used)s GiB used."), used=used))


def _gateway(seen: Seen) -> Answer:
    found = seen.gateway
    if found is None:
        return _gone(seen.gateway_id)
    if not found.running:
        return _in_state(
            found.id,
            found.state,
            ("Creating", "InstallingPlugin", "CreatedWithNoPlugin", "Modifying", "UpdatingSpec"),
        )
    if not found.address:
        return (
            WARN,
            Say(gettext_noop("No address")),
            Say(gettext_noop("The gateway has no public address.")),
            Say(gettext_noop("Give it one in Tencent's console, or use it from inside the VPC.")),
        )
    return _fine(Say.of(gettext_noop("Reached at %(address)s."), address=found.address))


def _bucket(seen: Seen) -> Answer:
    found = seen.bucket
    if found is None:
        return _gone(seen.bucket_name)
    allowed = found.origins
    if allowed is not None and "*" not in allowed and not set(seen.origins) <= set(allowed):
        return (
            WARN,
            Say(gettext_noop("No CORS rule")),
            Say(gettext_noop("Browsers may not upload to the bucket from this console yet.")),
            Say(
                gettext_noop(
                    "Apply the plan that prepares the environment; without one, choose what"
                    " belongs once more."
                )
            ),
        )
    return _fine(Say(gettext_noop("Browsers may upload from this console.")))


def _moderation(seen: Seen) -> Answer:
    if not seen.policies:
        return (
            OFF,
            Say(gettext_noop("Off")),
            Say(gettext_noop("The bucket has no moderation policy.")),
            Say(gettext_noop("Switch on image moderation for the bucket in Tencent's console.")),
        )
    if seen.biz_type and seen.biz_type not in {one.biz_type for one in seen.policies}:
        return (
            WARN,
            Say(gettext_noop("Policy gone")),
            Say.of(gettext_noop("CI does not know the policy %(id)s."), id=seen.biz_type),
            Say(gettext_noop("Choose another moderation policy under Settings.")),
        )
    return _fine(Say.of(gettext_noop("Moderation policies: %(count)s."), count=len(seen.policies)))
