"""CFS file systems with their mount target; the bytes lie in real folders under the sandbox home.

SD and HP file systems have no directory call: whoever wants a directory mounts the root.
"""

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.accounts import APP_ID
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.cfs_access import AccessGroups
from sandbox.tencent.cfs_document import file_system_document, used_bytes
from sandbox.tencent.errors import ApiError
from sandbox.tencent.machines import ZONES
from sandbox.tencent.names import beijing, free_index, new_id
from sandbox.tencent.outcome import failure
from sandbox.world import World

TOKEN_LIFE_S = 2 * 3600
SIZE_LIMIT_GIB = {"SD": 160 * 1024, "HP": 32 * 1024}
TURBO_STEP_GIB = 10240
TURBO_LEAST_GIB = {"TB": 20480, "TP": 10240}
FILTERS = (
    "fsid", "FsName", "FileSystemId", "VpcId", "SubnetId", "lifecyclestate", "LifeCycleState",
    "Zone", "StorageType", "Protocol",
)  # fmt: skip


class FileSystems:
    def __init__(self, world: World, groups: AccessGroups) -> None:
        self._world = world
        self._groups = groups
        self.rows = world.store.collection("cfs.filesystems")
        self.tokens = world.store.collection("cfs.tokens")
        self.account = world.store.collection("cfs.account")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCfsFileSystem": self.create,
            "DescribeCfsFileSystems": self.describe,
            "DescribeMountTargets": self.describe_mount_targets,
            "DescribeCfsFileSystemClients": self.describe_clients,
            "UpdateCfsFileSystemName": self.rename,
            "UpdateCfsFileSystemPGroup": self.change_group,
            "UpdateCfsFileSystemSizeLimit": self.change_size_limit,
            "ScaleUpFileSystem": self.scale_up,
            "DeleteCfsFileSystem": self.delete,
            "DoDirectoryOperation": self.directory_operation,
        }

    # -- used by the kubelet

    def resolve(self, mount_ip: str, path: str) -> Path | None:
        """The folder that `mount_ip:path` exports; None if there is no such target or directory.

        NFS v3 clients write `/<fsid>/path`, v4 clients `/path`; both lead to the same place.
        """
        for row in self.rows.values():
            if row["ip"] != mount_ip or row["state"] != "available":
                continue
            parts = [part for part in PurePosixPath("/", path).parts[1:] if part != "."]
            if ".." in parts:
                return None
            if parts and parts[0] == row["fsid"]:
                parts = parts[1:]
            folder = self.folder(row["id"]).joinpath(*parts)
            return folder if folder.is_dir() else None
        return None

    def folder(self, file_system_id: str) -> Path:
        return self._world.cfs_root / file_system_id

    def find(self, file_system_id: str) -> Document:
        if file_system_id not in self.rows:
            raise ApiError(
                "ResourceNotFound.FileSystemNotFound",
                f"file system {file_system_id} does not exist",
            )
        return self.rows[file_system_id]

    def _available(self, file_system_id: str) -> Document:
        row = self.find(file_system_id)
        if row["state"] != "available":
            raise ApiError(
                "InvalidParameterValue.InvalidFsStatus", f"the file system is {row['state']}"
            )
        return row

    # -- actions

    def create(self, ask: Ask) -> Answer:
        if "signed_up" not in self.account:
            raise ApiError("UnsupportedOperation.OutOfService", "CFS is not activated")
        net = ask.choice("NetInterface", ("VPC", "CCN"))
        protocol = ask.choice("Protocol", ("NFS", "CIFS", "TURBO"), "NFS")
        default_kind = "TB" if protocol == "TURBO" else "SD"
        kind = ask.choice("StorageType", ("SD", "HP", "TB", "TP", "THP"), default_kind)
        if (protocol == "TURBO") != (kind in ("TB", "TP", "THP")):
            raise ApiError("InvalidParameterValue", f"{kind} storage does not speak {protocol}")
        if ask["Zone"] not in ZONES:
            raise ApiError("InvalidParameterValue", f"zone {ask['Zone']} does not exist")
        self._groups.find(ask["PGroupId"])
        subnet_id = ask.get("SubnetId", "")
        if net == "VPC":
            if not ask.get("VpcId") or not subnet_id:
                raise ApiError(
                    "InvalidParameterValue.MissingVpcParameter", "VpcId and SubnetId are needed"
                )
            subnet = self._world.store.collection("vpc.subnets").get(subnet_id)
            if subnet is None or subnet["vpc"] != ask["VpcId"]:
                raise ApiError("InvalidParameterValue.InvalidVpcParameter", "no such VPC or subnet")
        capacity = ask.get("Capacity", 0)
        if protocol == "TURBO":
            least = TURBO_LEAST_GIB.get(kind, TURBO_STEP_GIB)
            if capacity < least or capacity % TURBO_STEP_GIB:
                raise ApiError(
                    "InvalidParameterValue.InvalidTurboCapacity",
                    f"Capacity is at least {least} GiB, in steps of {TURBO_STEP_GIB}",
                )
        earlier = self._by_token(ask)
        if earlier is not None:
            return self._created(earlier)
        now = self._world.clock.now()
        row = file_system_document(
            new_id("cfs"),
            index=free_index(row["index"] for row in self.rows.values()),
            fsid=new_id("f")[2:],
            name=ask.get("FsName", ""),
            created_at=now,
            state="creating",
            until=now + self._world.pace.seconds("cfs.filesystem"),
            zone=ask["Zone"],
            net=net,
            protocol=protocol,
            storage=kind,
            group=ask["PGroupId"],
            vpc=ask.get("VpcId", ""),
            subnet=subnet_id,
            ccn=ask.get("CcnId", ""),
            cidr=ask.get("CidrBlock", ""),
            encrypted=ask.get("Encrypted", False),
            tags=ask.get("ResourceTags", []),
            capacity=capacity,
            snapshot=ask.get("SnapshotId", ""),
            policy=ask.get("AutoSnapshotPolicyId", ""),
        )
        if row["snapshot"] and row["snapshot"] not in self._world.store.collection("cfs.snapshots"):
            raise ApiError("ResourceNotFound.SnapshotNotFound", "no such snapshot")
        row["ip"] = self._world.network.mount_target(row["index"])
        self.rows[row["id"]] = row
        if ask.get("ClientToken"):
            self.tokens[ask["ClientToken"]] = {"id": row["id"], "at": now, "body": ask.body}
        return self._created(row)

    def _by_token(self, ask: Ask) -> Document | None:
        """The file system an earlier call with the same ClientToken made; a token lives 2 hours."""
        token = ask.get("ClientToken", "")
        if not token:
            return None
        if len(token) > 64 or not token.isascii():
            raise ApiError(
                "InvalidParameterValue.InvalidClientToken", "at most 64 ASCII characters"
            )
        used = self.tokens.get(token)
        if used is None or self._world.clock.now() - used["at"] > TOKEN_LIFE_S:
            return None
        if used["body"] != ask.body:
            raise ApiError(
                "FailedOperation.ClientTokenInUse", "the token was used with other parameters"
            )
        return self.rows.get(used["id"])

    def _created(self, row: Document) -> Answer:
        return {
            "FileSystemId": row["id"],
            "FsName": row["name"],
            "CreationToken": row["name"],
            "CreationTime": beijing(row["created_at"]),
            "LifeCycleState": row["state"],
            "SizeByte": 0,
            "ZoneId": int(ZONES[row["zone"]][1]),
            "Encrypted": row["encrypted"],
        }

    def advance(self, now: float) -> None:
        for key, row in list(self.rows.items()):
            if row["until"] > now:
                continue
            if row["state"] == "creating":
                if failure(self._world, "cfs", "CreateCfsFileSystem"):
                    row["state"] = "create_failed"
                else:
                    self._lay_out(row)
                    row["state"] = "available"
                self.rows.save(key)
            elif row["state"] == "expanding":
                row["state"] = "available"
                self.rows.save(key)
            elif row["state"] == "deleting":
                shutil.rmtree(self.folder(key), ignore_errors=True)
                del self.rows[key]

    def _lay_out(self, row: Document) -> None:
        folder = self.folder(row["id"])
        saved = self._world.home / "cfs-snapshots" / row["snapshot"]
        if row["snapshot"] and saved.is_dir():
            shutil.copytree(saved, folder, dirs_exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        if row["protocol"] == "TURBO":
            (folder / "cfs").mkdir(exist_ok=True)

    def describe(self, ask: Ask) -> Answer:
        filters = ask.filters(FILTERS)
        rows = [
            row
            for row in self.rows.values()
            if ask.get("FileSystemId", row["id"]) == row["id"]
            and ask.get("VpcId", row["vpc"]) == row["vpc"]
            and ask.get("SubnetId", row["subnet"]) == row["subnet"]
            and ask.get("CreationToken", row["name"]) == row["name"]
            and all(_filtered(row, name, values) for name, values in filters.items())
            and all(
                {"TagKey": tag["TagKey"], "TagValue": tag["TagValue"]} in row["tags"]
                for tag in ask.get("Tags", [])
            )
        ]
        if ask.get("FileSystemId") and not rows:
            self.find(ask["FileSystemId"])
        return {
            "TotalCount": len(rows),
            "FileSystems": [self._shown(row) for row in ask.page(rows, default=10)],
        }

    def _shown(self, row: Document) -> dict[str, Any]:
        turbo = row["protocol"] == "TURBO"
        return {
            **self._created(row),
            "SizeByte": used_bytes(self.folder(row["id"])),
            "SizeLimit": row["size_limit"] or SIZE_LIMIT_GIB.get(row["storage"], row["capacity"]),
            "Zone": row["zone"],
            "Protocol": row["protocol"],
            "StorageType": row["storage"],
            "PGroup": {"PGroupId": row["group"], "Name": self._groups.name(row["group"])},
            "KmsKeyId": "",
            "AppId": int(APP_ID),
            "BandwidthLimit": 300.0 if row["storage"] == "SD" else 1024.0,
            "AutoSnapshotPolicyId": row["policy"],
            "SnapStatus": "normal",
            "Capacity": row["capacity"] if turbo else 0,
            "Tags": row["tags"] or None,
            "TieringState": "Disabled",
            "Version": "v4.0" if turbo else "v1.5",
            "MetaType": "basic",
        }

    def describe_mount_targets(self, ask: Ask) -> Answer:
        row = self.find(ask["FileSystemId"])
        if row["state"] == "create_failed":
            return {"MountTargets": [], "NumberOfMountTargets": 0}
        ready = row["state"] not in ("creating", "deleting")
        vpcs = self._world.store.collection("vpc.vpcs")
        subnets = self._world.store.collection("vpc.subnets")
        return {
            "MountTargets": [
                {
                    "FileSystemId": row["id"],
                    "MountTargetId": row["mount_target"],
                    "IpAddress": row["ip"] if ready else "",
                    "FSID": row["fsid"],
                    "LifeCycleState": "available" if ready else row["state"],
                    "NetworkInterface": row["net"],
                    "VpcId": row["vpc"],
                    "VpcName": vpcs.get(row["vpc"], {}).get("name", ""),
                    "SubnetId": row["subnet"],
                    "SubnetName": subnets.get(row["subnet"], {}).get("name", ""),
                    "CcnID": row["ccn"],
                    "CidrBlock": row["cidr"],
                    "ServerList": None,
                    "ServerListTruncated": False,
                }
            ],
            "NumberOfMountTargets": 1,
        }

    def describe_clients(self, ask: Ask) -> Answer:
        """Nobody: only clients with the CFS monitoring plug-in appear, and pods have none."""
        self.find(ask["FileSystemId"])
        return {"ClientList": [], "TotalCount": 0}

    def rename(self, ask: Ask) -> Answer:
        row = self._available(ask["FileSystemId"])
        row["name"] = ask.get("FsName", row["name"])
        self.rows.save(row["id"])
        return {"FileSystemId": row["id"], "CreationToken": row["name"], "FsName": row["name"]}

    def change_group(self, ask: Ask) -> Answer:
        row = self._available(ask["FileSystemId"])
        self._groups.find(ask["PGroupId"])
        row["group"] = ask["PGroupId"]
        self.rows.save(row["id"])
        return {"FileSystemId": row["id"], "PGroupId": row["group"]}

    def change_size_limit(self, ask: Ask) -> Answer:
        row = self._available(ask["FileSystemId"])
        row["size_limit"] = ask["FsLimit"]
        self.rows.save(row["id"])
        return {}

    def scale_up(self, ask: Ask) -> Answer:
        row = self._available(ask["FileSystemId"])
        target = ask["TargetCapacity"]
        if row["protocol"] != "TURBO":
            raise ApiError("UnsupportedOperation", "only Turbo file systems are scaled")
        if target <= row["capacity"] or target % TURBO_STEP_GIB:
            raise ApiError(
                "InvalidParameterValue.InvalidScaleupTargetCapacity",
                f"more than {row['capacity']} GiB, in steps of {TURBO_STEP_GIB}",
            )
        row["capacity"] = target
        row["state"] = "expanding"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("cfs.filesystem")
        self.rows.save(row["id"])
        return {"FileSystemId": row["id"], "TargetCapacity": target}

    def delete(self, ask: Ask) -> Answer:
        row = self.find(ask["FileSystemId"])
        if row["state"] in ("creating", "deleting"):
            raise ApiError(
                "InvalidParameterValue.InvalidFsStatus", f"the file system is {row['state']}"
            )
        row["state"] = "deleting"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("cfs.filesystem") / 2
        self.rows.save(row["id"])
        return {}

    def directory_operation(self, ask: Ask) -> Answer:
        """Create, check or move a directory under `/cfs/`: Turbo only.  `OpetationType` is sic."""
        kind = ask.choice("OpetationType", ("create", "check", "move"))
        row = self._available(ask["FileSystemId"])
        if row["protocol"] != "TURBO":
            raise ApiError("UnsupportedOperation", "only Turbo file systems have directory calls")
        folder = self._turbo_path(row, ask["DirectoryPath"])
        if kind == "check":
            return {"Result": int(folder.is_dir())}
        if kind == "create":
            folder.mkdir(parents=True, exist_ok=True)
            return {"Result": 1}
        target = self._turbo_path(row, ask.get("DestPath", ""))
        if not folder.is_dir() or target.exists():
            return {"Result": 0}
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        return {"Result": 1}

    def _turbo_path(self, row: Document, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if parts[:2] != ("/", "cfs") or len(parts) < 3 or ".." in parts:
            raise ApiError("InvalidParameterValue", "a path under /cfs/ is needed")
        return self.folder(row["id"]).joinpath(*parts[1:])


def _filtered(row: Document, name: str, values: list[str]) -> bool:
    have = {
        "fsid": row["id"],
        "filesystemid": row["id"],
        "fsname": row["name"],
        "vpcid": row["vpc"],
        "subnetid": row["subnet"],
        "lifecyclestate": row["state"],
        "zone": row["zone"],
        "storagetype": row["storage"],
        "protocol": row["protocol"],
    }
    return have[name.lower()] in values
