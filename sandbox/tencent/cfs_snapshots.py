"""CFS snapshots (real copies of the files), automatic snapshot policies, and Turbo quotas."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from sandbox.accounts import APP_ID, REGION
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.cfs import FileSystems
from sandbox.tencent.cfs_document import used_bytes
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing, new_id
from sandbox.tencent.outcome import failure
from sandbox.world import World

MIB = 1024 * 1024


class Snapshots:
    def __init__(self, world: World, file_systems: FileSystems) -> None:
        self._world = world
        self._file_systems = file_systems
        self.rows = world.store.collection("cfs.snapshots")
        self.policies = world.store.collection("cfs.policies")
        self.quotas = world.store.collection("cfs.quotas")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCfsSnapshot": self.create,
            "DescribeCfsSnapshots": self.describe,
            "DeleteCfsSnapshot": self.delete,
            "UpdateCfsSnapshotAttribute": self.update,
            "CreateAutoSnapshotPolicy": self.policy_create,
            "DescribeAutoSnapshotPolicies": self.describe_policies,
            "DeleteAutoSnapshotPolicy": self.policy_delete,
            "BindAutoSnapshotPolicy": self.policy_bind,
            "UnbindAutoSnapshotPolicy": self.policy_unbind,
            "SetUserQuota": self.quota_set,
            "DescribeUserQuota": self.describe_quotas,
        }

    def folder(self, snapshot_id: str) -> Path:
        return self._world.home / "cfs-snapshots" / snapshot_id

    def _find(self, snapshot_id: str) -> Document:
        if snapshot_id not in self.rows:
            raise ApiError("ResourceNotFound.SnapshotNotFound", f"{snapshot_id} does not exist")
        return self.rows[snapshot_id]

    async def create(self, ask: Ask) -> Answer:
        source = self._file_systems.find(ask["FileSystemId"])
        if source["state"] != "available":
            raise ApiError("InvalidParameterValue.InvalidFsStatus", source["state"])
        now = self._world.clock.now()
        row = {
            "id": new_id("snapcfs"),
            "file_system": source["id"],
            "name": ask.get("SnapshotName", ""),
            "state": "creating",
            "size_mib": 0,
            "alive_days": 0,
            "tags": ask.get("ResourceTags", []),
            "created_at": now,
            "until": now + self._world.pace.seconds("cfs.snapshot"),
        }
        await asyncio.to_thread(
            shutil.copytree, self._file_systems.folder(source["id"]), self.folder(row["id"])
        )
        row["size_mib"] = -(-used_bytes(self.folder(row["id"])) // MIB)
        self.rows[row["id"]] = row
        return {"SnapshotId": row["id"]}

    def advance(self, now: float) -> None:
        for key, row in list(self.rows.items()):
            if row["state"] == "creating" and row["until"] <= now:
                bad = failure(self._world, "cfs", "CreateCfsSnapshot")
                row["state"] = "create-failed" if bad else "available"
                self.rows.save(key)
            elif row["state"] == "deleting" and row["until"] <= now:
                shutil.rmtree(self.folder(key), ignore_errors=True)
                del self.rows[key]

    def describe(self, ask: Ask) -> Answer:
        filters = ask.filters(
            ("SnapshotId", "SnapshotName", "FileSystemId", "FsName", "Status", "tag-key")
        )
        rows = [
            row
            for row in self.rows.values()
            if ask.get("FileSystemId", row["file_system"]) == row["file_system"]
            and ask.get("SnapshotId", row["id"]) == row["id"]
            and row["id"] in filters.get("SnapshotId", [row["id"]])
            and row["name"] in filters.get("SnapshotName", [row["name"]])
            and row["file_system"] in filters.get("FileSystemId", [row["file_system"]])
            and row["state"] in filters.get("Status", [row["state"]])
        ]
        ask.choice("OrderField", ("CreationTime",), "CreationTime")
        backwards = ask.choice("Order", ("asc", "desc"), "desc") == "desc"
        rows.sort(key=lambda row: row["created_at"], reverse=backwards)
        return {
            "TotalCount": len(rows),
            "TotalSize": sum(row["size_mib"] for row in rows),
            "Snapshots": [self._shown(row) for row in ask.page(rows)],
        }

    def _shown(self, row: Document) -> dict[str, Any]:
        source = self._file_systems.rows.get(row["file_system"], {})
        now, span = self._world.clock.now(), max(row["until"] - row["created_at"], 0.001)
        percent = int(100 * (now - row["created_at"]) / span)
        return {
            "SnapshotId": row["id"],
            "SnapshotName": row["name"],
            "FileSystemId": row["file_system"],
            "FsName": source.get("name", ""),
            "Status": row["state"],
            "Percent": 100 if row["state"] == "available" else max(0, min(99, percent)),
            "Size": row["size_mib"],
            "AliveDay": row["alive_days"],
            "AppId": int(APP_ID),
            "RegionName": REGION,
            "CreationTime": beijing(row["created_at"]),
            "SnapshotType": "manual",
            "Tags": row["tags"] or None,
        }

    def delete(self, ask: Ask) -> Answer:
        ids = [*ask.get("SnapshotIds", [])]
        if ask.get("SnapshotId"):
            ids.append(ask["SnapshotId"])
        if not ids:
            raise ApiError("MissingParameter", "SnapshotId or SnapshotIds is needed")
        for row in [self._find(snapshot_id) for snapshot_id in ids]:
            row["state"] = "deleting"
            row["until"] = self._world.clock.now() + self._world.pace.seconds("cfs.snapshot") / 2
            self.rows.save(row["id"])
        return {"SnapshotId": ids[0]}

    def update(self, ask: Ask) -> Answer:
        row = self._find(ask["SnapshotId"])
        row["name"] = ask.get("SnapshotName", row["name"])
        row["alive_days"] = ask.get("AliveDays", row["alive_days"])
        self.rows.save(row["id"])
        return {"SnapshotId": row["id"]}

    # -- policies

    def policy_create(self, ask: Ask) -> Answer:
        if not any(ask.get(name) for name in ("DayOfWeek", "DayOfMonth", "IntervalDays")):
            raise ApiError(
                "InvalidParameterValue", "one of DayOfWeek, DayOfMonth, IntervalDays is needed"
            )
        row = {
            "id": new_id("asp"),
            "name": ask.get("PolicyName", ""),
            "hour": ask["Hour"],
            "week": ask.get("DayOfWeek", ""),
            "month": ask.get("DayOfMonth", ""),
            "interval": ask.get("IntervalDays", 0),
            "alive_days": ask.get("AliveDays", 0),
            "created_at": self._world.clock.now(),
        }
        self.policies[row["id"]] = row
        return {"AutoSnapshotPolicyId": row["id"]}

    def _policy(self, ask: Ask) -> Document:
        if ask["AutoSnapshotPolicyId"] not in self.policies:
            raise ApiError("ResourceNotFound.SnapshotPolicyNotFound", "no such policy")
        return self.policies[ask["AutoSnapshotPolicyId"]]

    def describe_policies(self, ask: Ask) -> Answer:
        rows = [
            row
            for row in self.policies.values()
            if ask.get("AutoSnapshotPolicyId", row["id"]) == row["id"]
        ]
        return {
            "TotalCount": len(rows),
            "AutoSnapshotPolicies": [
                {
                    "AutoSnapshotPolicyId": row["id"],
                    "PolicyName": row["name"],
                    "CreationTime": beijing(row["created_at"]),
                    "FileSystemNums": sum(
                        source["policy"] == row["id"] for source in self._file_systems.rows.values()
                    ),
                    "DayOfWeek": row["week"],
                    "DayOfMonth": row["month"],
                    "IntervalDays": row["interval"],
                    "Hour": row["hour"],
                    "AliveDays": row["alive_days"],
                    "IsActivated": 1,
                    "Status": "available",
                    "AppId": int(APP_ID),
                    "RegionName": REGION,
                }
                for row in ask.page(rows)
            ],
        }

    def policy_delete(self, ask: Ask) -> Answer:
        row = self._policy(ask)
        self._bind(list(self._file_systems.rows), row["id"], "")
        del self.policies[row["id"]]
        return {"AutoSnapshotPolicyId": row["id"]}

    def _bind(self, file_system_ids: list[str], old: str | None, new: str) -> None:
        for source in [self._file_systems.find(name) for name in file_system_ids]:
            if old is None or source["policy"] == old:
                source["policy"] = new
                self._file_systems.rows.save(source["id"])

    def policy_bind(self, ask: Ask) -> Answer:
        """FileSystemIds is one string, ids separated by commas."""
        row = self._policy(ask)
        self._bind(ask["FileSystemIds"].split(","), None, row["id"])
        return {"AutoSnapshotPolicyId": row["id"]}

    def policy_unbind(self, ask: Ask) -> Answer:
        row = self._policy(ask)
        self._bind(ask["FileSystemIds"].split(","), row["id"], "")
        return {"AutoSnapshotPolicyId": row["id"]}

    # -- quotas

    def quota_set(self, ask: Ask) -> Answer:
        row = self._file_systems.find(ask["FileSystemId"])
        if row["protocol"] != "TURBO":
            raise ApiError("UnsupportedOperation", "only Turbo file systems have quotas")
        kind = ask.choice("UserType", ("Uid", "Gid", "Dir"))
        subject = ask.get("DirectoryPath" if kind == "Dir" else "UserId", "")
        if not subject:
            raise ApiError("MissingParameter", "UserId or DirectoryPath is needed")
        self.quotas[f"{row['id']}/{kind}/{subject}"] = {
            "file_system": row["id"],
            "kind": kind,
            "subject": subject,
            "capacity": ask.get("CapacityHardLimit", 0),
            "files": ask.get("FileHardLimit", 0),
        }
        return {"UserId": ask.get("UserId", "")}

    def describe_quotas(self, ask: Ask) -> Answer:
        rows = [row for row in self.quotas.values() if row["file_system"] == ask["FileSystemId"]]
        return {
            "TotalCount": len(rows),
            "UserQuotaInfo": [
                {
                    "UserType": row["kind"],
                    "UserId": "" if row["kind"] == "Dir" else row["subject"],
                    "DirectoryPath": row["subject"] if row["kind"] == "Dir" else "",
                    "CapacityHardLimit": row["capacity"],
                    "FileHardLimit": row["files"],
                    "FileSystemId": row["file_system"],
                    "Status": "available",
                }
                for row in ask.page(rows, default=10)
            ],
        }
