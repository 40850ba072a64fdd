"""TKE: clusters, their endpoints, nodes, node pools and addons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ClusterSpec:
    """A managed cluster to be made.  `qgpu` lets pods share cards."""

    name: str
    version: str
    vpc_id: str
    cluster_cidr: str
    service_cidr: str = ""
    description: str = ""
    os: str = "tlinux3.1x86_64"
    runtime: str = "containerd"
    network: str = "GR"
    max_pods_per_node: int = 64
    max_services: int = 1024
    level: str = "L5"
    qgpu: bool = True
    deletion_protection: bool = False
    subnet_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """`status`: Creating, Running, Deleting, Abnormal, … as TKE says it."""

    id: str
    name: str
    description: str
    version: str
    status: str
    kind: str
    vpc_id: str
    cluster_cidr: str
    service_cidr: str
    runtime: str
    node_count: int
    level: str
    qgpu: bool
    deletion_protection: bool
    created_at: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointStatus:
    """Whether the API server can be reached: NotFound, Creating, Created, CreateFailed."""

    status: str
    message: str = ""

    @property
    def open(self) -> bool:
        return self.status == "Created"


@dataclass(frozen=True)
class ClusterEndpoints:
    """Addresses of the API server, "" where closed."""

    external: str
    intranet: str
    external_domain: str = ""
    intranet_domain: str = ""


@dataclass(frozen=True)
class Node:
    """`state`: initializing, running, failed.  `cards` and sizes only of native nodes."""

    instance_id: str
    state: str
    lan_ip: str
    pool_id: str
    role: str = "WORKER"
    kind: str = "Regular"
    name: str = ""
    instance_type: str = ""
    zone: str = ""
    cpu: int = 0
    memory_gib: int = 0
    cards: int = 0
    reason: str = ""
    unschedulable: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class Taint:
    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class GpuDriver:
    """One valid combination of driver, CUDA and cuDNN versions."""

    driver: str
    cuda: str
    cudnn: str
    mig: bool = False


@dataclass(frozen=True)
class NodePoolSpec:
    """A node pool to be made.  `native` pools are the only ones that can share cards (qGPU)."""

    name: str
    subnet_ids: tuple[str, ...]
    instance_types: tuple[str, ...]
    replicas: int
    min_replicas: int = 0
    max_replicas: int = 0
    autoscaling: bool = False
    native: bool = True
    vpc_id: str = ""  # standard pools only
    charge: str = "POSTPAID_BY_HOUR"
    disk_type: str = "CLOUD_PREMIUM"
    disk_gib: int = 100
    security_group_ids: tuple[str, ...] = ()
    gpu: GpuDriver | None = None
    qgpu: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    deletion_protection: bool = False


@dataclass(frozen=True)
class NodePool:
    """`kind`: Native, Regular, Super, External.  `state` in lower case: running/normal = fine."""

    id: str
    name: str
    kind: str
    state: str
    replicas: int
    ready: int
    min_replicas: int
    max_replicas: int
    autoscaling: bool
    instance_types: tuple[str, ...] = ()
    charge: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    deletion_protection: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class Addon:
    """`phase`: Installing, Succeeded, InstallFailed, Upgrading, UpgradFailed (sic), Terminating."""

    name: str
    version: str
    phase: str
    reason: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    created_at: datetime | None = None


@dataclass(frozen=True)
class AddonOffer:
    name: str
    label: str
    latest_version: str
