"""Node pools: native ones (2022-05-01, the only ones with qGPU) and standard ones (2018-05-25)."""

from typing import Any

from sandbox import demo
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import new_id, utc_z
from sandbox.tencent.tke import Clusters
from sandbox.tencent.tke_nodes import Nodes
from sandbox.world import World

# Requests say PREPAID, answers say PrepaidChargeType: both are Tencent's own words.
CHARGE_TYPES = {"PREPAID": "PrepaidChargeType", "POSTPAID_BY_HOUR": "PostpaidByHourChargeType"}
DISK_TYPES = {
    "CLOUD_PREMIUM": "CloudPremiumDiskType",
    "CLOUD_SSD": "CloudSSDDiskType",
    "CLOUD_BSSD": "CloudBSSDDiskType",
    "CLOUD_HSSD": "CloudHSSDDiskType",
}


class Pools:
    def __init__(self, world: World, clusters: Clusters, nodes: Nodes) -> None:
        self._world = world
        self._clusters = clusters
        self._nodes = nodes
        self.rows = world.store.collection("tke.pools")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateClusterNodePool": self.create_standard,
            "DescribeClusterNodePools": self.describe_standard,
            "DescribeClusterNodePoolDetail": self.describe_standard_one,
            "ModifyClusterNodePool": self.modify_standard,
            "ModifyNodePoolDesiredCapacityAboutAsg": self.scale_standard,
            "DeleteClusterNodePool": self.delete_standard,
            "RemoveNodeFromNodePool": self.remove_nodes,
        }

    def native_handlers(self) -> dict[str, Handler]:
        return {
            "CreateNodePool": self.create_native,
            "DescribeNodePools": self.describe_all,
            "ScaleNodePool": self.scale_native,
            "ModifyNodePool": self.modify_native,
            "DeleteNodePool": self.delete_native,
        }

    def _find(self, ask: Ask, pool_id: str, kind: str) -> Document:
        self._clusters.find(ask["ClusterId"])
        pool = self.rows.get(pool_id)
        if pool is None or pool["cluster"] != ask["ClusterId"] or pool["kind"] != kind:
            raise ApiError("ResourceNotFound", f"node pool {pool_id} not found")
        return pool

    def advance(self, now: float) -> None:
        for pool_id, pool in list(self.rows.items()):
            nodes = self._nodes.of_pool(pool_id)
            if pool["state"] in ("Creating", "Updating") and all(
                node["state"] != "initializing" for node in nodes
            ):
                pool["state"] = "Running"
                self.rows.save(pool_id)
            elif pool["state"] == "Deleting" and pool["until"] <= now:
                for node in nodes:
                    self._nodes.remove(node)
                del self.rows[pool_id]

    # -- native pools

    def create_native(self, ask: Ask) -> Answer:
        cluster = self._clusters.running(ask["ClusterId"])
        ask.choice("Type", ("Native", "External"))
        if ask["Type"] == "External":
            raise ApiError("UnsupportedOperation.NotInWhitelist", "External pools are not open.")
        native = ask.get("Native")
        if native is None:
            raise ApiError("InvalidParameter.Param", "Native is needed for a native node pool")
        for member in ("Scaling", "SubnetIds", "InstanceChargeType", "SystemDisk", "InstanceTypes"):
            if not native.get(member):
                raise ApiError("InvalidParameter.Param", f"Native.{member} is needed")
        if native["InstanceChargeType"] not in CHARGE_TYPES:
            raise ApiError("InvalidParameter.Param", "Native.InstanceChargeType is invalid")
        subnets = self._world.store.collection("vpc.subnets")
        for subnet_id in native["SubnetIds"]:
            if subnet_id not in subnets or subnets[subnet_id]["vpc"] != cluster["vpc"]:
                raise ApiError(
                    "InvalidParameter.SubnetNotExist", f"subnet {subnet_id} does not exist"
                )
        instance_type = native["InstanceTypes"][0]
        self._nodes.check_stock(instance_type, subnets[native["SubnetIds"][0]]["zone"])
        scaling = native["Scaling"]
        replicas = native.get("Replicas", scaling.get("MinReplicas", 0))
        low, high = scaling.get("MinReplicas", 0), scaling.get("MaxReplicas", max(replicas, 1))
        if native.get("EnableAutoscaling") and not low <= replicas <= high:
            raise ApiError("InvalidParameter.Param", "Replicas lies outside of Scaling")
        pool = native_pool(
            new_id("np"),
            ask["ClusterId"],
            ask["Name"],
            instance_type,
            self._world.clock.now(),
            spec=native,
            labels=ask.get("Labels", []),
            taints=ask.get("Taints", []),
            annotations=ask.get("Annotations", []),
            tags=ask.get("Tags", []),
            deletion_protection=ask.get("DeletionProtection", False),
            unschedulable=ask.get("Unschedulable", False),
        )
        self.rows[pool["id"]] = pool
        self._nodes.scale(pool, replicas)
        return {"NodePoolId": pool["id"]}

    def describe_all(self, ask: Ask) -> Answer:
        self._clusters.find(ask["ClusterId"])
        filters = ask.filters(
            ("NodePoolsName", "NodePoolsId", "Tags", "tag:tag-key", "NodePoolNames", "NodePoolIds")
        )
        ids = filters.get("NodePoolsId", filters.get("NodePoolIds"))
        names = filters.get("NodePoolsName", filters.get("NodePoolNames"))
        rows = [
            pool
            for pool in self.rows.values()
            if pool["cluster"] == ask["ClusterId"]
            and (ids is None or pool["id"] in ids)
            and (names is None or pool["name"] in names)
        ]
        return {
            "TotalCount": len(rows),
            "NodePools": [self._shown_in_2022(pool) for pool in ask.page(rows)],
        }

    def _shown_in_2022(self, pool: Document) -> dict[str, Any]:
        nodes = self._nodes.of_pool(pool["id"])
        shown: dict[str, Any] = {
            "ClusterId": pool["cluster"],
            "NodePoolId": pool["id"],
            "Name": pool["name"],
            "Type": pool["kind"],
            # Native pools say `Running`, standard ones `normal`, in one and the same list.
            "LifeState": pool["state"] if pool["kind"] == "Native" else _standard_state(pool),
            "CreatedAt": utc_z(pool["created_at"]),
            "Labels": pool["labels"],
            "Taints": pool["taints"],
            "Annotations": pool["annotations"],
            "Tags": pool["tags"],
            "DeletionProtection": pool["deletion_protection"],
            "Unschedulable": pool["unschedulable"],
        }
        if pool["kind"] == "Native":
            spec = dict(pool["spec"])
            # What the description of the answer does not have is not told back.
            for name in ("GPUConfigs", "QGPUEnable", "AutomationService", "Password",
                         "RuntimeVersion"):  # fmt: skip
                spec.pop(name, None)
            spec["InstanceChargeType"] = CHARGE_TYPES[spec["InstanceChargeType"]]
            disk = spec["SystemDisk"]
            spec["SystemDisk"] = {
                **disk, "DiskType": DISK_TYPES.get(disk["DiskType"], disk["DiskType"])
            }  # fmt: skip
            spec["Replicas"] = len(nodes)
            spec["ReadyReplicas"] = sum(node["state"] == "running" for node in nodes)
            shown["Native"] = spec
        else:
            standard = self._shown_in_2018(pool)
            shown["Regular"] = {
                name: standard[name]
                for name in ("LaunchConfigurationId", "AutoscalingGroupId", "NodeCountSummary",
                             "AutoscalingGroupStatus", "MaxNodesNum", "MinNodesNum",
                             "DesiredNodesNum", "NodePoolOs")
            }  # fmt: skip
        return shown

    def scale_native(self, ask: Ask) -> Answer:
        pool = self._find(ask, ask["NodePoolId"], "Native")
        self._nodes.scale(pool, ask.number("Replicas", 0, 1000))
        pool["state"] = "Updating"
        pool["spec"]["Replicas"] = ask["Replicas"]
        self.rows.save(pool["id"])
        return {}

    def modify_native(self, ask: Ask) -> Answer:
        pool = self._find(ask, ask["NodePoolId"], "Native")
        _take_common(pool, ask)
        pool["unschedulable"] = ask.get("Unschedulable", pool["unschedulable"])
        native = dict(ask.get("Native", {}))
        for name in ("UpdateExistedNode", "UpdateMachineManagement", "DeletePolicy"):
            native.pop(name, None)
        pool["spec"].update(native)
        pool["state"] = "Updating"
        self.rows.save(pool["id"])
        replicas = native.get("Replicas")
        if replicas is not None:
            self._nodes.scale(pool, replicas)
        return {}

    def delete_native(self, ask: Ask) -> Answer:
        self._begin_delete(self._find(ask, ask["NodePoolId"], "Native"))
        return {}

    def _begin_delete(self, pool: Document) -> None:
        if pool["deletion_protection"]:
            raise ApiError(
                "OperationDenied", f"node pool {pool['id']} is protected against deletion"
            )
        pool["state"] = "Deleting"
        pool["until"] = self._world.clock.now() + self._world.pace.seconds("tke.node") / 2
        self.rows.save(pool["id"])

    # -- standard pools

    def create_standard(self, ask: Ask) -> Answer:
        self._clusters.running(ask["ClusterId"])
        group = ask.json_text("AutoScalingGroupPara")
        launch = ask.json_text("LaunchConfigurePara")
        if not isinstance(group, dict) or not isinstance(launch, dict):
            raise ApiError("InvalidParameter.Param", "the JSON parameters are not objects")
        instance_type = launch.get("InstanceType", "")
        self._nodes.check_stock(instance_type, demo.ZONE)
        low, high = int(group.get("MinSize", 0)), int(group.get("MaxSize", 0))
        desired = int(group.get("DesiredCapacity", low))
        if not 0 <= low <= desired <= high:
            raise ApiError("FailedOperation.AsCommon", "MinSize <= DesiredCapacity <= MaxSize")
        pool = native_pool(
            new_id("np"),
            ask["ClusterId"],
            ask.get("Name", "pool"),
            instance_type,
            self._world.clock.now(),
            kind="Regular",
            labels=ask.get("Labels", []),
            taints=ask.get("Taints", []),
            annotations=ask.get("Annotations", []),
            tags=ask.get("Tags", []),
            deletion_protection=ask.get("DeletionProtection", False),
            asg=new_id("asg"),
            launch=new_id("asc"),
            low=low,
            high=high,
            autoscale=ask["EnableAutoscale"],
            os=ask.get("NodePoolOs", "tlinux3.1x86_64"),
            gpu_args=ask["InstanceAdvancedSettings"].get("GPUArgs"),
        )
        self.rows[pool["id"]] = pool
        self._nodes.scale(pool, desired)
        return {"NodePoolId": pool["id"]}

    def describe_standard(self, ask: Ask) -> Answer:
        self._clusters.find(ask["ClusterId"])
        filters = ask.filters(("NodePoolsName", "NodePoolsId", "Tags"))
        rows = [
            pool
            for pool in self.rows.values()
            if pool["cluster"] == ask["ClusterId"]
            and pool["kind"] == "Regular"
            and pool["id"] in filters.get("NodePoolsId", [pool["id"]])
            and pool["name"] in filters.get("NodePoolsName", [pool["name"]])
        ]
        return {
            "TotalCount": len(rows),
            "NodePoolSet": [self._shown_in_2018(pool) for pool in rows],
        }

    def describe_standard_one(self, ask: Ask) -> Answer:
        return {"NodePool": self._shown_in_2018(self._find(ask, ask["NodePoolId"], "Regular"))}

    def _shown_in_2018(self, pool: Document) -> dict[str, Any]:
        nodes = self._nodes.of_pool(pool["id"])
        ready = sum(node["state"] == "running" for node in nodes)
        nobody = {"Joining": 0, "Initializing": 0, "Normal": 0, "Total": 0}
        return {
            "NodePoolId": pool["id"],
            "Name": pool["name"],
            "ClusterInstanceId": pool["cluster"],
            "LifeState": _standard_state(pool),
            "LaunchConfigurationId": pool["launch"],
            "AutoscalingGroupId": pool["asg"],
            "AutoscalingGroupStatus": "enabled" if pool["autoscale"] else "disabled",
            "Labels": pool["labels"],
            "Taints": pool["taints"],
            "Annotations": pool["annotations"],
            "NodeCountSummary": {
                "ManuallyAdded": nobody,
                "AutoscalingAdded": {
                    "Joining": 0,
                    "Initializing": len(nodes) - ready,
                    "Normal": ready,
                    "Total": len(nodes),
                },
            },
            "MinNodesNum": pool["low"],
            "MaxNodesNum": pool["high"],
            "DesiredNodesNum": len(nodes),
            "NodePoolOs": pool["os"],
            "OsCustomizeType": "GENERAL",
            "ImageId": "img-9axl1k53",
            "RuntimeConfig": {"RuntimeType": "containerd", "RuntimeVersion": "1.6.9"},
            "Tags": pool["tags"],
            "DeletionProtection": pool["deletion_protection"],
            "GPUArgs": pool["gpu_args"],
        }

    def modify_standard(self, ask: Ask) -> Answer:
        pool = self._find(ask, ask["NodePoolId"], "Regular")
        _take_common(pool, ask)
        pool["low"] = ask.get("MinNodesNum", pool["low"])
        pool["high"] = ask.get("MaxNodesNum", pool["high"])
        pool["autoscale"] = ask.get("EnableAutoscale", pool["autoscale"])
        pool["os"] = ask.get("OsName", pool["os"])
        pool["gpu_args"] = ask.get("GPUArgs", pool["gpu_args"])
        self.rows.save(pool["id"])
        return {}

    def scale_standard(self, ask: Ask) -> Answer:
        pool = self._find(ask, ask["NodePoolId"], "Regular")
        if not pool["low"] <= ask["DesiredCapacity"] <= pool["high"]:
            raise ApiError("FailedOperation.AsCommon", "DesiredCapacity lies outside of the group")
        self._nodes.scale(pool, ask["DesiredCapacity"])
        pool["state"] = "Updating"
        self.rows.save(pool["id"])
        return {}

    def delete_standard(self, ask: Ask) -> Answer:
        for pool in [self._find(ask, pool_id, "Regular") for pool_id in ask["NodePoolIds"]]:
            self._begin_delete(pool)
        return {}

    def remove_nodes(self, ask: Ask) -> Answer:
        pool = self._find(ask, ask["NodePoolId"], "Regular")
        if len(ask["InstanceIds"]) > 100:
            raise ApiError("InvalidParameterValue", "At most 100 instances at once.")
        for node in self._nodes.of_pool(pool["id"]):
            if node["id"] in ask["InstanceIds"]:
                self._nodes.remove(node)
        return {}


def native_pool(
    pool_id: str, cluster_id: str, name: str, instance_type: str, created_at: float, **given: Any
) -> Document:
    """A node pool as it is kept; `given` says what differs from an empty native one."""
    spec = given.get("spec", {})
    return {
        "id": pool_id,
        "cluster": cluster_id,
        "name": name,
        "kind": given.get("kind", "Native"),
        "instance_type": instance_type,
        "state": given.get("state", "Creating"),
        "until": created_at,
        "created_at": created_at,
        "spec": spec,
        "qgpu": bool(spec.get("QGPUEnable")),
        "labels": given.get("labels", []),
        "taints": given.get("taints", []),
        "annotations": given.get("annotations", []),
        "tags": given.get("tags", []),
        "deletion_protection": given.get("deletion_protection", False),
        "unschedulable": given.get("unschedulable", False),
        "asg": given.get("asg", ""),
        "launch": given.get("launch", ""),
        "low": given.get("low", 0),
        "high": given.get("high", 0),
        "autoscale": given.get("autoscale", False),
        "os": given.get("os", ""),
        "gpu_args": given.get("gpu_args"),
    }


def _standard_state(pool: Document) -> str:
    words = {"Creating": "creating", "Running": "normal", "Updating": "updating"}
    return words.get(pool["state"], "deleting")


def _take_common(pool: Document, ask: Ask) -> None:
    pool["name"] = ask.get("Name", pool["name"])
    for member, name in (("Labels", "labels"), ("Taints", "taints"), ("Tags", "tags"),
                         ("Annotations", "annotations")):  # fmt: skip
        pool[name] = ask.get(member, pool[name])
    pool["deletion_protection"] = ask.get("DeletionProtection", pool["deletion_protection"])
