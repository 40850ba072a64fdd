"""Add-ons of a cluster: installed, upgraded and removed in the background, with their values."""

import base64
import json
from typing import Any

from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import utc_z
from sandbox.tencent.outcome import failure
from sandbox.tencent.tke import Clusters
from sandbox.world import World

# name -> (versions, newest last; label; default values)
CHARTS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "qgpu": (("1.0.8", "1.1.3"), "GPU", {"config": {"priority": "binpack"}}),
    "cos": (("1.0.3", "1.0.6"), "Storage", {}),
    "cfs": (("1.1.2", "1.1.6"), "Storage", {}),
    "cfsturbo": (("1.2.0", "1.2.4"), "Storage", {}),
    "nvidia-gpu": (("1.0.5",), "GPU", {}),
    "tcr": (("1.0.0", "1.0.2"), "Image", {}),
    "cbs": (("1.1.6",), "Storage", {}),
    "cluster-autoscaler": (("1.0.3",), "Scaler", {}),
    "eniipamd": (("3.6.4",), "Network", {}),
}


class Addons:
    def __init__(self, world: World, clusters: Clusters) -> None:
        self._world = world
        self._clusters = clusters
        self.rows = world.store.collection("tke.addons")

    def handlers(self) -> dict[str, Handler]:
        return {
            "InstallAddon": self.install,
            "DescribeAddon": self.describe,
            "UpdateAddon": self.update,
            "DeleteAddon": self.delete,
            "DescribeAddonValues": self.describe_values,
            "GetTkeAppChartList": self.describe_charts,
        }

    def advance(self, now: float) -> None:
        for cluster_id, cluster in self._clusters.rows.items():
            if cluster["state"] == "Running" and cluster["addons"]:
                for name in cluster["addons"]:
                    if name in CHARTS and f"{cluster_id}/{name}" not in self.rows:
                        self._begin(cluster_id, name, CHARTS[name][0][-1], {}, now)
                cluster["addons"] = []
                self._clusters.rows.save(cluster_id)
        for key, row in list(self.rows.items()):
            if row["until"] > now or row["phase"] not in ("Installing", "Upgrading", "Terminating"):
                continue
            if row["phase"] == "Terminating":
                del self.rows[key]
                continue
            installing = row["phase"] == "Installing"
            row["reason"] = failure(
                self._world, "tke", "InstallAddon" if installing else "UpdateAddon"
            )
            # `UpgradFailed` is how the real service spells it.
            bad = "InstallFailed" if installing else "UpgradFailed"
            row["phase"] = bad if row["reason"] else "Succeeded"
            self.rows.save(key)

    def _begin(
        self, cluster_id: str, name: str, version: str, values: dict[str, Any], now: float
    ) -> None:
        self.rows[f"{cluster_id}/{name}"] = addon_document(
            cluster_id, name, version=version, values=values, created_at=now,
            until=now + self._world.pace.seconds("tke.addon"), phase="Installing",
        )  # fmt: skip

    def _find(self, ask: Ask) -> Document:
        self._clusters.find(ask["ClusterId"])
        self._check_name(ask["AddonName"])
        row = self.rows.get(f"{ask['ClusterId']}/{ask['AddonName']}")
        if row is None:
            raise ApiError("ResourceNotFound", f"get addon failed: {ask['AddonName']} not found")
        return row

    def _check_name(self, name: str) -> None:
        if name not in CHARTS:
            raise ApiError("UnknownParameter", f"addon {name} is unknown: names are lower case")

    def _values(self, ask: Ask) -> dict[str, Any]:
        """RawValues, which is base64 of JSON."""
        text = ask.get("RawValues", "")
        if not text:
            return {}
        try:
            values = json.loads(base64.b64decode(text, validate=True))
        except ValueError as exc:
            raise ApiError("InvalidParameter.Param", f"RawValues: {exc}") from exc
        if not isinstance(values, dict):
            raise ApiError("InvalidParameter.Param", "RawValues is not a JSON object")
        return values

    def _version(self, name: str, asked: str) -> str:
        versions = CHARTS[name][0]
        if asked and asked not in versions:
            raise ApiError("InvalidParameter.Param", "addon version not found")
        return asked or versions[-1]

    def install(self, ask: Ask) -> Answer:
        self._clusters.running(ask["ClusterId"])
        name = ask["AddonName"]
        self._check_name(name)
        if f"{ask['ClusterId']}/{name}" in self.rows:
            raise ApiError("UnknownParameter", f"check addon is exist: {name}")
        version, values = self._version(name, ask.get("AddonVersion", "")), self._values(ask)
        if not ask.get("DryRun", False):
            self._begin(ask["ClusterId"], name, version, values, self._world.clock.now())
        return {}

    def describe(self, ask: Ask) -> Answer:
        self._clusters.find(ask["ClusterId"])
        if ask.get("AddonName"):
            rows = [self._find(ask)]
        else:
            rows = [row for row in self.rows.values() if row["cluster"] == ask["ClusterId"]]
        return {
            "Addons": [
                {
                    "AddonName": row["name"],
                    "AddonVersion": row["version"],
                    "RawValues": base64.b64encode(json.dumps(row["values"]).encode()).decode(),
                    "Phase": row["phase"],
                    "Reason": row["reason"],
                    "CreateTime": utc_z(row["created_at"]),
                }
                for row in rows
            ]
        }

    def update(self, ask: Ask) -> Answer:
        row = self._find(ask)
        strategy = ask.choice("UpdateStrategy", ("merge", "replace"), "merge")
        if row["phase"] in ("Installing", "Upgrading", "Terminating"):
            raise ApiError("FailedOperation.TaskAlreadyRunning", f"addon is {row['phase']}")
        version = self._version(row["name"], ask.get("AddonVersion", row["version"]))
        values = self._values(ask)
        if ask.get("DryRun", False):
            return {}
        row["version"] = version
        row["values"] = merged(row["values"], values) if strategy == "merge" else values
        row["phase"] = "Upgrading"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("tke.addon")
        self.rows.save(f"{row['cluster']}/{row['name']}")
        return {}

    def delete(self, ask: Ask) -> Answer:
        row = self._find(ask)
        row["phase"] = "Terminating"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("tke.addon") / 2
        self.rows.save(f"{row['cluster']}/{row['name']}")
        return {}

    def describe_values(self, ask: Ask) -> Answer:
        self._clusters.find(ask["ClusterId"])
        name = ask["AddonName"]
        self._check_name(name)
        row = self.rows.get(f"{ask['ClusterId']}/{name}")
        defaults = CHARTS[name][2]
        return {
            "Values": json.dumps(merged(defaults, row["values"] if row else {})),
            "DefaultValues": json.dumps(defaults),
        }

    def describe_charts(self, ask: Ask) -> Answer:
        return {
            "AppCharts": [
                {"Name": name, "Label": json.dumps({"category": label}), "LatestVersion": v[-1]}
                for name, (v, label, _) in CHARTS.items()
            ]
        }


def addon_document(
    cluster_id: str, name: str, *, created_at: float, phase: str = "Succeeded", **given: Any
) -> Document:
    return {
        "cluster": cluster_id,
        "name": name,
        "version": given.get("version", CHARTS[name][0][-1]),
        "values": given.get("values", {}),
        "phase": phase,
        "reason": "",
        "created_at": created_at,
        "until": given.get("until", created_at),
    }


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it, object by object."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = (
            merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return result
