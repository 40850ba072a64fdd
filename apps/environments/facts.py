"""What discovery keeps of the world: one frozen value per kind of Finding, kept in its `data`.

Pure.  Times are ISO 8601 in UTC, "" where unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class Fact:
    """A value that knows how to come back from JSON, whatever an older release stored."""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        names = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in names})


@dataclass(frozen=True)
class AccountFacts(Fact):
    uin: str
    account_id: str
    kind: str = ""


@dataclass(frozen=True)
class VpcFacts(Fact):
    id: str
    name: str
    cidr: str = ""
    is_default: bool = False


@dataclass(frozen=True)
class ClusterFacts(Fact):
    """`state` as TKE says it: Creating, Running, …  `network`: GR, VPC-CNI, …"""

    id: str
    name: str
    state: str
    version: str = ""
    vpc_id: str = ""
    network: str = ""
    node_count: int = 0
    deletion_protected: bool = False
    created: str = ""

    @property
    def running(self) -> bool:
        return self.state == "Running"


@dataclass(frozen=True)
class NodePoolFacts(Fact):
    """`kind`: Native, Regular, Super or External; only Native carries qGPU."""

    id: str
    name: str
    cluster_id: str
    state: str
    kind: str = ""
    wanted: int = 0
    ready: int = 0
    least: int = 0
    most: int = 0
    autoscaling: bool = False
    instance_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class AddonFacts(Fact):
    """`phase`: Installing, Succeeded, InstallFailed, Upgrading, UpgradFailed (sic), Terminating."""

    name: str
    cluster_id: str
    version: str
    phase: str
    reason: str = ""

    @property
    def healthy(self) -> bool:
        return self.phase == "Succeeded"


@dataclass(frozen=True)
class NodeFacts(Fact):
    """What a node offers, from its allocatable resources; never from a table of GPU types.

    core_per_node   qGPU compute, percent of one card summed over the cards (2 cards = 200)
    memory_gib_per_node   qGPU memory summed over the cards
    schedule_policy   best-effort, fixed-share or burst-share
    """

    name: str
    ready: bool
    gpu_type: str = ""
    cards: int = 0
    core_per_node: int = 0
    memory_gib_per_node: int = 0
    instance_type: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    schedule_policy: str = "best-effort"
    cpu_cores: float = 0.0
    memory_gib: float = 0.0
    ip: str = ""
    zone: str = ""
    kubelet: str = ""
    schedulable: bool = True
    problem: str = ""  # the condition that makes it unfit, "" = none
    whole_cards: int = 0  # nvidia.com/gpu, without qGPU
    created: str = ""

    @property
    def card_gib(self) -> int:
        """Memory of one card, 0 without qGPU."""
        return self.memory_gib_per_node // self.cards if self.cards else 0


@dataclass(frozen=True)
class PodFacts(Fact):
    """One pod and its slice.  `card`: index on its node, None if not placed or not told.

    core 100, 200, … are whole cards; memory_gib 0 then means all of their memory.
    `reason` is what holds it up in Kubernetes' own word (ImagePullBackOff, Unschedulable, …).
    """

    name: str
    namespace: str
    phase: str
    ready: bool
    node: str = ""
    card: int | None = None
    core: int = 0
    memory_gib: int = 0
    whole_cards: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    image: str = ""
    ip: str = ""
    restarts: int = 0
    reason: str = ""
    message: str = ""
    started: str = ""
    deleting: bool = False

    @property
    def instance(self) -> str:
        """The deployment it belongs to by its standard label, else its owner."""
        return self.labels.get("app.kubernetes.io/instance", "") or self.owner


@dataclass(frozen=True)
class VolumeFacts(Fact):
    """A PersistentVolume.  `host` and `path` for CFS and NFS, `bucket` for COS."""

    name: str
    phase: str
    capacity: str = ""
    driver: str = ""
    host: str = ""
    path: str = ""
    bucket: str = ""
    claim: str = ""  # namespace/name
    access_modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClaimFacts(Fact):
    name: str
    namespace: str
    phase: str
    volume: str = ""
    capacity: str = ""
    access_modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSystemFacts(Fact):
    """`limit_gib` 0 = pay as you go.  Usable only when it and its mount target are available."""

    id: str
    name: str
    state: str
    storage: str = ""
    protocol: str = ""
    used_bytes: int = 0
    limit_gib: int = 0
    zone: str = ""
    mount_state: str = ""
    mount_ip: str = ""
    fsid: str = ""
    vpc_id: str = ""
    created: str = ""

    @property
    def available(self) -> bool:
        return self.state == "available" and self.mount_state == "available"

    @property
    def used_share(self) -> float | None:
        """0 to 1; None without a limit."""
        return self.used_bytes / (self.limit_gib << 30) if self.limit_gib else None


@dataclass(frozen=True)
class RegistryFacts(Fact):
    id: str
    name: str
    state: str
    kind: str = ""
    domain: str = ""
    namespaces: int | None = None
    created: str = ""

    @property
    def running(self) -> bool:
        return self.state == "Running"


@dataclass(frozen=True)
class ImageFacts(Fact):
    """One tag.  `repository` is "namespace/name"; `reference` is what a pod spec names."""

    registry_id: str
    domain: str
    repository: str
    tag: str
    digest: str
    size_bytes: int = 0
    updated: str = ""

    @property
    def reference(self) -> str:
        return f"{self.domain}/{self.repository}:{self.tag}"


@dataclass(frozen=True)
class GatewayFacts(Fact):
    """`address` is ip:port people reach it at, "" without a public one."""

    id: str
    name: str
    state: str
    version: str = ""
    vpc_id: str = ""
    address: str = ""
    spec: str = ""
    nodes: int = 0
    created: str = ""

    @property
    def running(self) -> bool:
        return self.state == "Running"


@dataclass(frozen=True)
class BucketFacts(Fact):
    """`origins`: who may call it from a browser; None = not asked (only the adopted bucket is)."""

    name: str
    region: str
    created: str = ""
    origins: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ModerationFacts(Fact):
    """One policy of CI in the adopted bucket."""

    biz_type: str
    name: str
    is_default: bool = False
