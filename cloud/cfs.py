"""CFS: file systems, mount targets, permission groups and rules, snapshots, Turbo directories."""

from typing import Any

from cloud.access import Access
from cloud.errors import NotFound
from cloud.reading import flag, part, parts, text, when, whole
from cloud.tencent import Answer, call, rows, tags_of
from cloud.types import (
    Created,
    Done,
    FileSystem,
    FileSystemSpec,
    MountClient,
    MountTarget,
    PermissionGroup,
    PermissionRule,
    Snapshot,
)

VERSION = "2019-07-19"


def file_systems(access: Access, *, creation_token: str = "") -> tuple[FileSystem, ...]:
    """All file systems, or those made with one client token."""
    body = {"CreationToken": creation_token} if creation_token else {}
    return tuple(_file_system(one) for one in _rows(access, "DescribeCfsFileSystems", body))


def file_system(access: Access, file_system_id: str) -> FileSystem | None:
    try:
        found = list(_rows(access, "DescribeCfsFileSystems", {"FileSystemId": file_system_id}))
    except NotFound:
        return None
    return _file_system(found[0]) if found else None


def file_system_create(access: Access, spec: FileSystemSpec, *, client_token: str) -> Created:
    """`client_token` (<= 64 ASCII characters) makes a repeat within two hours the same one."""
    body: dict[str, Any] = {
        "Zone": spec.zone,
        "NetInterface": "CCN" if spec.ccn_id else "VPC",
        "PGroupId": spec.pgroup_id,
        "Protocol": spec.protocol,
        "StorageType": spec.storage,
        "VpcId": spec.vpc_id or None,
        "SubnetId": spec.subnet_id or None,
        "CcnId": spec.ccn_id or None,
        "CidrBlock": spec.cidr or None,
        "FsName": spec.name,
        "ClientToken": client_token,
        "Capacity": spec.capacity_gib or None,
        "Encrypted": True if spec.encrypted else None,
        "SnapshotId": spec.snapshot_id or None,
        "ResourceTags": [{"TagKey": key, "TagValue": value} for key, value in spec.tags.items()]
        or None,
    }
    answer = _call(access, "CreateCfsFileSystem", body)
    return Created(answer.need("FileSystemId"), answer.request_id)


def file_system_rename(access: Access, file_system_id: str, name: str) -> Done:
    body = {"FileSystemId": file_system_id, "FsName": name}
    return Done(_call(access, "UpdateCfsFileSystemName", body).request_id)


def file_system_pgroup_set(access: Access, file_system_id: str, pgroup_id: str) -> Done:
    body = {"FileSystemId": file_system_id, "PGroupId": pgroup_id}
    return Done(_call(access, "UpdateCfsFileSystemPGroup", body).request_id)


def file_system_delete(access: Access, file_system_id: str) -> Done:
    """Deletes the data too; mount targets go with it."""
    return _gone(access, "DeleteCfsFileSystem", {"FileSystemId": file_system_id})


def mount_targets(access: Access, file_system_id: str) -> tuple[MountTarget, ...]:
    try:
        answer = _call(access, "DescribeMountTargets", {"FileSystemId": file_system_id})
    except NotFound:
        return ()
    return tuple(
        MountTarget(
            id=text(one, "MountTargetId"),
            file_system_id=text(one, "FileSystemId"),
            ip=text(one, "IpAddress"),
            fsid=text(one, "FSID"),
            state=text(one, "LifeCycleState"),
            vpc_id=text(one, "VpcId"),
            subnet_id=text(one, "SubnetId"),
        )
        for one in parts(answer.data, "MountTargets")
    )


def clients(access: Access, file_system_id: str) -> tuple[MountClient, ...]:
    """Who has it mounted; only machines with the CFS plug-in are seen."""
    found = _rows(
        access,
        "DescribeCfsFileSystemClients",
        {"FileSystemId": file_system_id},
        member="ClientList",
    )
    return tuple(
        MountClient(
            text(one, "ClientIp"),
            text(one, "VpcId"),
            text(one, "Zone"),
            text(one, "MountDirectory"),
        )
        for one in found
    )


def pgroups(access: Access) -> tuple[PermissionGroup, ...]:
    answer = _call(access, "DescribeCfsPGroups", {})
    return tuple(
        PermissionGroup(
            text(one, "PGroupId"),
            text(one, "Name"),
            text(one, "DescInfo"),
            whole(one, "BindCfsNum"),
        )
        for one in parts(answer.data, "PGroupList")
    )


def pgroup_create(access: Access, name: str, description: str = "") -> Created:
    """Not safe to repeat: look for `name` in `pgroups` after a lost answer."""
    body = {"Name": name, "DescInfo": description or None}
    answer = _call(access, "CreateCfsPGroup", body)
    return Created(answer.need("PGroupId"), answer.request_id)


def pgroup_delete(access: Access, pgroup_id: str) -> Done:
    return _gone(access, "DeleteCfsPGroup", {"PGroupId": pgroup_id})


def rules(access: Access, pgroup_id: str) -> tuple[PermissionRule, ...]:
    try:
        answer = _call(access, "DescribeCfsRules", {"PGroupId": pgroup_id})
    except NotFound:
        return ()
    return tuple(
        PermissionRule(
            client=text(one, "AuthClientIp"),
            access=text(one, "RWPermission").upper(),
            squash=text(one, "UserPermission"),
            priority=whole(one, "Priority"),
            id=text(one, "RuleId"),
        )
        for one in parts(answer.data, "RuleList")
    )


def rule_create(access: Access, pgroup_id: str, rule: PermissionRule) -> Created:
    answer = _call(access, "CreateCfsRule", {"PGroupId": pgroup_id, **_rule(rule)})
    return Created(answer.need("RuleId"), answer.request_id)


def rule_update(access: Access, pgroup_id: str, rule: PermissionRule) -> Done:
    body = {"PGroupId": pgroup_id, "RuleId": rule.id, **_rule(rule)}
    return Done(_call(access, "UpdateCfsRule", body).request_id)


def rule_delete(access: Access, pgroup_id: str, rule_id: str) -> Done:
    return _gone(access, "DeleteCfsRule", {"PGroupId": pgroup_id, "RuleId": rule_id})


def snapshots(access: Access, file_system_id: str = "") -> tuple[Snapshot, ...]:
    body = {"FileSystemId": file_system_id} if file_system_id else {}
    return tuple(
        Snapshot(
            id=text(one, "SnapshotId"),
            name=text(one, "SnapshotName"),
            file_system_id=text(one, "FileSystemId"),
            state=text(one, "Status"),
            percent=whole(one, "Percent"),
            size_mib=whole(one, "Size"),
            created_at=when(one.get("CreationTime")),
        )
        for one in _rows(access, "DescribeCfsSnapshots", body, member="Snapshots")
    )


def snapshot_create(access: Access, file_system_id: str, name: str) -> Created:
    body = {"FileSystemId": file_system_id, "SnapshotName": name}
    answer = _call(access, "CreateCfsSnapshot", body)
    return Created(answer.need("SnapshotId"), answer.request_id)


def snapshot_delete(access: Access, snapshot_id: str) -> Done:
    return _gone(access, "DeleteCfsSnapshot", {"SnapshotId": snapshot_id})


def turbo_directory_create(access: Access, file_system_id: str, path: str) -> Done:
    """Make `path` (below /cfs/) on a Turbo file system; SD and HP have no such call."""
    return Done(_directory(access, file_system_id, "create", path).request_id)


def turbo_directory_exists(access: Access, file_system_id: str, path: str) -> bool:
    answer = _directory(access, file_system_id, "check", path)
    return whole(answer.data, "Result") == 1


def _directory(access: Access, file_system_id: str, operation: str, path: str) -> Answer:
    body = {
        "FileSystemId": file_system_id,
        "OpetationType": operation,  # spelled so by the API
        "DirectoryPath": path,
    }
    return _call(access, "DoDirectoryOperation", body)


def _call(access: Access, action: str, body: dict[str, Any]) -> Answer:
    return call(access, "cfs", VERSION, action, body)


def _rows(access: Access, action: str, body: dict[str, Any], member: str = "FileSystems") -> Any:
    return rows(access, "cfs", VERSION, action, body, member=member)


def _gone(access: Access, action: str, body: dict[str, Any]) -> Done:
    try:
        return Done(_call(access, action, body).request_id)
    except NotFound as gone:
        return Done(gone.request_id)


def _rule(rule: PermissionRule) -> dict[str, Any]:
    return {
        "AuthClientIp": rule.client,
        "Priority": rule.priority,
        "RWPermission": rule.access,
        "UserPermission": rule.squash,
    }


def _file_system(one: Any) -> FileSystem:
    pgroup = part(one, "PGroup")
    return FileSystem(
        id=text(one, "FileSystemId"),
        name=text(one, "FsName"),
        state=text(one, "LifeCycleState"),
        protocol=text(one, "Protocol"),
        storage=text(one, "StorageType"),
        zone=text(one, "Zone"),
        used_bytes=whole(one, "SizeByte"),
        limit_gib=whole(one, "SizeLimit"),
        capacity_gib=whole(one, "Capacity"),
        bandwidth_mib_s=float(one.get("BandwidthLimit") or 0.0),
        pgroup_id=text(pgroup, "PGroupId"),
        pgroup_name=text(pgroup, "Name"),
        creation_token=text(one, "CreationToken"),
        encrypted=flag(one, "Encrypted"),
        created_at=when(one.get("CreationTime")),
        tags=tags_of(one, "TagKey", "TagValue"),
    )
