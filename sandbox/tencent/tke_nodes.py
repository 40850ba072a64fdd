"""Nodes of TKE clusters: bought, joining their cluster, leaving it."""

from typing import Any

from sandbox import demo
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.machines import DRIVER_SETS, MACHINES
from sandbox.tencent.names import free_index, new_id, utc_z
from sandbox.tencent.outcome import failure
from sandbox.tencent.tke import Clusters
from sandbox.world import World

ROLES = ("WORKER", "MASTER_ETCD", "MASTER", "ETCD", "ALL")


class Nodes:
    def __init__(self, world: World, clusters: Clusters) -> None:
        self._world = world
        self._clusters = clusters
        self.rows = world.store.collection("tke.nodes")
        self.pools = world.store.collection("tke.pools")
        self.addons = world.store.collection("tke.addons")

    def handlers(self) -> dict[str, Handler]:
        return {"DescribeClusterInstances": self.describe}

    def native_handlers(self) -> dict[str, Handler]:
        return {
            "DescribeClusterInstances": self.describe_native,
            "DescribeClusterMachines": self.describe_machines,
            "DescribeGPUInfo": self.describe_gpu_info,
        }

    def of_pool(self, pool_id: str) -> list[Document]:
        return [node for node in self.rows.values() if node["pool"] == pool_id]

    def check_stock(self, instance_type: str, zone: str) -> None:
        """Raises the error of a type that does not exist or is sold out in `zone`."""
        machine = MACHINES.get(instance_type)
        if machine is None:
            raise ApiError(
                "InvalidParameter.Param", f"instance type {instance_type} does not exist"
            )
        if zone not in machine.zones or zone in machine.sold_out:
            raise ApiError(
                "ResourceInsufficient.SpecifiedInstanceType",
                f"The specified instance type {instance_type} is insufficient in {zone}.",
            )

    def add(self, pool: Document) -> Document:
        """Buy one node for `pool`; it joins the cluster when its time has come."""
        now = self._world.clock.now()
        index = free_index(node["index"] for node in self.rows.values())
        node_id = new_id("ins")
        self.rows[node_id] = {
            "id": node_id,
            "cluster": pool["cluster"],
            "pool": pool["id"],
            "index": index,
            "ip": self._world.network.node(index),
            "machine": f"{pool['id']}-{new_id('m', 5)[2:]}",
            "type": pool["instance_type"],
            "zone": demo.ZONE,
            "state": "initializing",
            "reason": "",
            "until": now + self._world.pace.seconds("tke.node"),
            "created_at": now,
            "qgpu": False,
            "joined": False,
        }
        return self.rows[node_id]

    def remove(self, node: Document) -> None:
        """Give the node back: it leaves the cluster at once."""
        if node["joined"]:
            self._world.kube.cluster(node["cluster"]).remove_node(node["ip"])
        del self.rows[node["id"]]

    def scale(self, pool: Document, replicas: int) -> None:
        """Buy or give back nodes until the pool has `replicas`; the newest leave first."""
        nodes = self.of_pool(pool["id"])
        for _ in range(replicas - len(nodes)):
            self.add(pool)
        for node in sorted(nodes, key=lambda node: -node["created_at"])[
            : max(0, len(nodes) - replicas)
        ]:
            self.remove(node)

    def advance(self, now: float) -> None:
        for node_id, node in list(self.rows.items()):
            cluster = self._clusters.rows.get(node["cluster"])
            if cluster is None or cluster["state"] != "Running":
                continue
            if node["state"] == "initializing" and node["until"] <= now:
                node["reason"] = failure(self._world, "tke", "CreateNodePool")
                if node["reason"]:
                    node["state"] = "failed"
                else:
                    self._join(node)
                    node["state"] = "running"
                self.rows.save(node_id)
            elif node["joined"] and not node["qgpu"] and self._shares(node):
                # The qGPU component arrived after the node: its device plug-in starts anew.
                self._join(node)
                self.rows.save(node_id)

    def _shares(self, node: Document) -> bool:
        """True if the node offers slices.

        That takes a native pool with QGPUEnable, the component, and sharing on in the cluster.
        """
        cluster = self._clusters.rows[node["cluster"]]
        pool = self.pools.get(node["pool"], {})
        addon = self.addons.get(f"{node['cluster']}/qgpu", {})
        installed = addon.get("phase") in ("Succeeded", "Upgrading")
        return bool(pool.get("qgpu") and cluster["qgpu_share"] and installed)

    def _join(self, node: Document) -> None:
        machine = MACHINES[node["type"]]
        pool = self.pools[node["pool"]]
        node["qgpu"] = self._shares(node)
        node["joined"] = True
        labels = {
            "node.kubernetes.io/instance-type": machine.name,
            "topology.kubernetes.io/region": node["zone"].rsplit("-", 1)[0],
            "topology.kubernetes.io/zone": node["zone"],
            "cloud.tencent.com/node-instance-id": node["id"],
            "tke.cloud.tencent.com/nodepool-id": pool["id"],
            "kubernetes.io/hostname": node["ip"],
            **{label["Name"]: label["Value"] for label in pool["labels"]},
        }
        if pool["kind"] == "Native":
            labels["node.tke.cloud.tencent.com/machine"] = node["machine"]
        if node["qgpu"]:
            labels["qgpu-device-enable"] = "enable"
        cluster = self._world.kube.cluster(node["cluster"])
        # It may be there already: with other devices, or from a join that a kill cut short.
        cluster.remove_node(node["ip"])
        cluster.add_node(
            name=node["ip"],
            ip=node["ip"],
            labels=labels,
            cards=machine.cards,
            card_gib=machine.card_gib,
            qgpu=node["qgpu"],
            gpu_type=machine.gpu_type,
            cpu=machine.cpu,
            memory_gib=machine.memory_gib,
        )

    # -- reads

    def describe(self, ask: Ask) -> Answer:
        """2018-05-25: every node in one flat form."""
        self._clusters.find(ask["ClusterId"])
        role = ask.choice("InstanceRole", ROLES, "WORKER")
        filters = ask.filters(("nodepool-id", "nodepool-instance-type"))
        wanted = ask.get("InstanceIds", [])
        rows = [
            node
            for node in self.rows.values()
            if node["cluster"] == ask["ClusterId"]
            and role in ("WORKER", "ALL")
            and (not wanted or node["id"] in wanted)
            and node["pool"] in filters.get("nodepool-id", [node["pool"]])
        ]
        return {
            "TotalCount": len(rows),
            "InstanceSet": [
                {
                    "InstanceId": node["id"],
                    "InstanceRole": "WORKER",
                    "InstanceState": node["state"],
                    "FailedReason": node["reason"],
                    "DrainStatus": "",
                    "LanIP": node["ip"],
                    "NodePoolId": node["pool"],
                    "AutoscalingGroupId": self.pools[node["pool"]].get("asg", ""),
                    "InstanceAdvancedSettings": None,
                    "CreatedTime": utc_z(node["created_at"]),
                }
                for node in ask.page(rows)
            ],
        }

    def describe_native(self, ask: Ask) -> Answer:
        """2022-05-01: nodes of all kinds, native ones with their machine."""
        self._clusters.find(ask["ClusterId"])
        filters = ask.filters(
            (
                "InstanceIds",
                "InstanceType",
                "VagueIpAddress",
                "Labels",
                "NodePoolNames",
                "NodePoolIds",
                "VagueInstanceName",
                "InstanceStates",
            )
        )
        rows = [
            node
            for node in self.rows.values()
            if node["cluster"] == ask["ClusterId"]
            and node["id"] in filters.get("InstanceIds", [node["id"]])
            and node["pool"] in filters.get("NodePoolIds", [node["pool"]])
            and node["type"] in filters.get("InstanceType", [node["type"]])
            and any(part in node["ip"] for part in filters.get("VagueIpAddress", [""]))
        ]
        return {
            "TotalCount": len(rows),
            "InstanceSet": [self._instance(node) for node in ask.page(rows)],
            "Errors": None,
        }

    def _instance(self, node: Document) -> dict[str, Any]:
        pool = self.pools[node["pool"]]
        native = pool["kind"] == "Native"
        return {
            "InstanceId": node["id"],
            "InstanceRole": "WORKER",
            "InstanceState": node["state"],
            "FailedReason": node["reason"],
            "Unschedulable": False,
            "CreatedTime": utc_z(node["created_at"]),
            "LanIP": node["ip"],
            "NodePoolId": node["pool"],
            "NodeType": pool["kind"],
            "Native": {
                **self._machine(node),
                "LanIp": node["ip"],
                "InstanceId": node["id"],
                "GPUParams": driver_set(DRIVER_SETS[0]) if MACHINES[node["type"]].cards else None,
                "MachineType": pool["spec"].get("MachineType", "NativeCVM"),
            }
            if native
            else None,
            "Regular": None if native else {"AutoscalingGroupId": pool.get("asg", "")},
        }

    def _machine(self, node: Document) -> dict[str, Any]:
        machine = MACHINES[node["type"]]
        return {
            "MachineName": node["machine"],
            "MachineState": {"running": "Running", "failed": "Failed"}.get(
                node["state"], "Pending"
            ),
            "Zone": node["zone"],
            "CPU": machine.cpu,
            "GPU": machine.cards,
            "Memory": machine.memory_gib,
            "InstanceType": machine.name,
            "InstanceFamily": machine.family,
            "InstanceChargeType": "PostpaidByHourChargeType",
            "CreatedAt": utc_z(node["created_at"]),
        }

    def describe_machines(self, ask: Ask) -> Answer:
        self._clusters.find(ask["ClusterId"])
        filters = ask.filters(("NodePoolsId", "nodePoolId", "MachineName", "InstanceIds"))
        pools = filters.get("NodePoolsId", filters.get("nodePoolId"))
        rows = [
            node
            for node in self.rows.values()
            if node["cluster"] == ask["ClusterId"]
            and self.pools[node["pool"]]["kind"] == "Native"
            and (pools is None or node["pool"] in pools)
        ]
        return {
            "TotalCount": len(rows),
            "Machines": [{**self._machine(node), "LanIP": node["ip"]} for node in ask.page(rows)],
        }

    def describe_gpu_info(self, ask: Ask) -> Answer:
        machine = MACHINES.get(ask["InstanceType"])
        if machine is None or not machine.cards:
            raise ApiError(
                "InvalidParameter.Param", f"{ask['InstanceType']} is not a GPU instance type"
            )
        return {"GPUParams": [driver_set(entry) for entry in DRIVER_SETS]}


def driver_set(entry: tuple[str, str, str]) -> dict[str, Any]:
    driver, cuda, cudnn = entry
    return {
        "Driver": driver,
        "CUDA": cuda,
        "CUDNN": cudnn,
        "MIGEnable": False,
        "Fabric": False,
        "CustomGPUDriver": "",
    }
