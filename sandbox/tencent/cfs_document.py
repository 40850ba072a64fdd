"""A file system as it is kept, and how much lies in it."""

import contextlib
from pathlib import Path
from typing import Any

from sandbox import demo
from sandbox.store import Document
from sandbox.tencent.cfs_access import BASIC_GROUP
from sandbox.tencent.names import new_id


def file_system_document(
    file_system_id: str, *, index: int, fsid: str, name: str, created_at: float, **given: Any
) -> Document:
    return {
        "id": file_system_id,
        "index": index,
        "ip": given.get("ip", ""),
        "fsid": fsid,
        "mount_target": new_id("mount"),
        "name": name,
        "created_at": created_at,
        "until": given.get("until", created_at),
        "state": given.get("state", "available"),
        "zone": given.get("zone", demo.ZONE),
        "net": given.get("net", "VPC"),
        "protocol": given.get("protocol", "NFS"),
        "storage": given.get("storage", "SD"),
        "group": given.get("group", BASIC_GROUP),
        "vpc": given.get("vpc", ""),
        "subnet": given.get("subnet", ""),
        "ccn": given.get("ccn", ""),
        "cidr": given.get("cidr", ""),
        "encrypted": given.get("encrypted", False),
        "tags": given.get("tags", []),
        "capacity": given.get("capacity", 0),
        "snapshot": given.get("snapshot", ""),
        "policy": given.get("policy", ""),
        "size_limit": 0,
    }


def used_bytes(folder: Path) -> int:
    """Size of all files under `folder`; 0 if it is not there."""
    total = 0
    for path in folder.rglob("*"):
        # Pods write and delete while we count.
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
