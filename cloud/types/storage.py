"""CFS: file systems, who may mount them, snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class FileSystemSpec:
    """A file system to be made.  `storage`: SD or HP (NFS), TB or TP (Turbo).

    NFS lives in a subnet of a VPC; Turbo in a CCN, with an address range and a capacity."""

    name: str
    zone: str
    vpc_id: str = ""
    subnet_id: str = ""
    pgroup_id: str = "pgroupbasic"
    protocol: str = "NFS"
    storage: str = "SD"
    capacity_gib: int = 0
    ccn_id: str = ""
    cidr: str = ""
    encrypted: bool = False
    snapshot_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileSystem:
    """`state`: creating, available, …  Usable once a mount target is available too.

    `used_bytes` lags; `limit_gib` 0 = no limit."""

    id: str
    name: str
    state: str
    protocol: str
    storage: str
    zone: str
    used_bytes: int
    limit_gib: int
    capacity_gib: int
    bandwidth_mib_s: float
    pgroup_id: str
    pgroup_name: str
    creation_token: str = ""
    encrypted: bool = False
    created_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MountTarget:
    """`fsid` is what a Turbo mount needs; `ip` what NFS needs."""

    id: str
    file_system_id: str
    ip: str
    fsid: str
    state: str
    vpc_id: str
    subnet_id: str


@dataclass(frozen=True)
class PermissionGroup:
    id: str
    name: str
    description: str
    bound: int  # file systems that use it


@dataclass(frozen=True)
class PermissionRule:
    """`priority` 1 (first) to 100; `access` RO or RW; `squash` as NFS names it."""

    client: str
    access: str = "RO"
    squash: str = "root_squash"
    priority: int = 1
    id: str = ""


@dataclass(frozen=True)
class Snapshot:
    """`state`: creating, available, deleting, …; `percent` of the copy done."""

    id: str
    name: str
    file_system_id: str
    state: str
    percent: int
    size_mib: int
    created_at: datetime | None = None


@dataclass(frozen=True)
class MountClient:
    """A machine that has the file system mounted, as far as CFS sees it."""

    ip: str
    vpc_id: str
    zone: str
    directory: str
