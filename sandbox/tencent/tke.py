"""TKE clusters (2018-05-25): create, read, change, delete, and the way into them (endpoints)."""

import json
from typing import Any

import yaml

from sandbox import demo
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import new_id, utc_z
from sandbox.tencent.outcome import failure
from sandbox.world import World

VERSIONS = ("1.34.1", "1.32.2", "1.30.0", "1.28.3", "1.26.1")
LEVELS = ("L5", "L20", "L50", "L100", "L200", "L500", "L1000", "L3000", "L5000")
RUNTIME_VERSION = "1.6.9"
FILTERS = (
    "ClusterName", "ClusterType", "ClusterStatus", "vpc-id", "tag-key", "tag-value", "Tags",
)  # fmt: skip


class Clusters:
    def __init__(self, world: World) -> None:
        self._world = world
        self.rows = world.store.collection("tke.clusters")
        self.nodes = world.store.collection("tke.nodes")
        self.pools = world.store.collection("tke.pools")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCluster": self.create,
            "DescribeClusters": self.describe,
            "DescribeClusterStatus": self.describe_status,
            "ModifyClusterAttribute": self.modify,
            "DeleteCluster": self.delete,
            "DescribeVersions": self.describe_versions,
            "DescribeClusterKubeconfig": self.kubeconfig,
            "DescribeClusterEndpoints": self.endpoints,
            "CreateClusterEndpoint": self.endpoint_create,
            "DescribeClusterEndpointStatus": self.endpoint_status,
            "DeleteClusterEndpoint": self.endpoint_delete,
            "DescribeTasks": self.describe_tasks,
        }

    def find(self, cluster_id: str) -> Document:
        """The cluster; ResourceNotFound.ClusterNotFound, one of four names Tencent has for it."""
        if cluster_id not in self.rows:
            raise ApiError("ResourceNotFound.ClusterNotFound", f"cluster {cluster_id} not found")
        return self.rows[cluster_id]

    def running(self, cluster_id: str) -> Document:
        """The cluster, if it can be worked on.  Raises FailedOperation.ClusterState otherwise."""
        cluster = self.find(cluster_id)
        if cluster["state"] != "Running":
            raise ApiError(
                "FailedOperation.ClusterState",
                f"cluster {cluster_id} is in state {cluster['state']}",
            )
        return cluster

    def create(self, ask: Ask) -> Answer:
        ask.choice("ClusterType", ("MANAGED_CLUSTER", "INDEPENDENT_CLUSTER"))
        basic = ask.get("ClusterBasicSettings", {})
        advanced = ask.get("ClusterAdvancedSettings", {})
        cidr = ask["ClusterCIDRSettings"]
        if ask.get("RunInstancesForNode") or ask.get("ExistedInstancesForNode"):
            raise ApiError("UnsupportedOperation", "the sandbox buys nodes through node pools only")
        version = basic.get("ClusterVersion", VERSIONS[0])
        if version not in VERSIONS:
            raise ApiError("InvalidParameter.Param", f"cluster version {version} is not offered")
        if basic.get("ClusterLevel", "L5") not in LEVELS:
            raise ApiError("InvalidParameter.Param", "ClusterLevel is invalid")
        vpc_id = basic.get("VpcId", "")
        if vpc_id not in self._world.store.collection("vpc.vpcs"):
            raise ApiError("InvalidParameter.Param", f"VpcId {vpc_id!r} does not exist")
        same = {row["cidr"].get("ClusterCIDR") for row in self.rows.values()}
        if cidr.get("ClusterCIDR") in same - {None} and not cidr.get("IgnoreClusterCIDRConflict"):
            raise ApiError(
                "InvalidParameter.CidrConflictWithOtherCluster",
                f"CIDR {cidr['ClusterCIDR']} conflicts with another cluster",
            )
        now = self._world.clock.now()
        cluster_id = new_id("cls")
        self.rows[cluster_id] = cluster_document(
            cluster_id,
            name=basic.get("ClusterName", cluster_id),
            version=version,
            vpc_id=vpc_id,
            created_at=now,
            until=now + self._world.pace.seconds("tke.cluster"),
            description=basic.get("ClusterDescription", ""),
            kind=ask["ClusterType"],
            os=basic.get("ClusterOs", "tlinux3.1x86_64"),
            cidr=cidr,
            subnet_id=basic.get("SubnetId", ""),
            level=basic.get("ClusterLevel", "L5"),
            qgpu_share=bool(advanced.get("QGPUShareEnable")),
            deletion_protection=bool(advanced.get("DeletionProtection")),
            network=advanced.get("NetworkType", "GR"),
            tags=basic.get("TagSpecification", []),
            addons=[entry["AddonName"] for entry in ask.get("ExtensionAddons", [])],
        )
        return {"ClusterId": cluster_id}

    def advance(self, now: float) -> None:
        """Move clusters and their endpoints on whose time has come."""
        for cluster_id, row in list(self.rows.items()):
            if row["state"] == "Creating" and row["until"] <= now:
                if failure(self._world, "tke", "CreateCluster"):
                    row["state"] = "Abnormal"
                else:
                    self._world.kube.create_cluster(cluster_id, row["version"])
                    row["state"] = "Running"
                self.rows.save(cluster_id)
            elif row["state"] == "Deleting" and row["until"] <= now:
                self._world.kube.delete_cluster(cluster_id)
                del self.rows[cluster_id]
                continue
            for endpoint in row["endpoints"].values():
                if endpoint["state"] == "Creating" and endpoint["until"] <= now:
                    reason = failure(self._world, "tke", "CreateClusterEndpoint")
                    endpoint["state"] = "CreateFailed" if reason else "Created"
                    endpoint["reason"] = reason
                    self.rows.save(cluster_id)

    def describe(self, ask: Ask) -> Answer:
        wanted = ask.get("ClusterIds", [])
        filters = ask.filters(FILTERS)
        rows = [
            row
            for row in self.rows.values()
            if (not wanted or row["id"] in wanted)
            and ask.get("ClusterType", row["kind"]) == row["kind"]
            and all(_matches(row, name, values) for name, values in filters.items())
        ]
        if missing := [cluster_id for cluster_id in wanted if cluster_id not in self.rows]:
            raise ApiError("ResourceNotFound.ClusterNotFound", f"clusters {missing} not found")
        return {
            "TotalCount": len(rows),
            "Clusters": [self._shown(row) for row in ask.page(rows)],
        }

    def _nodes(self, cluster_id: str) -> list[Document]:
        return [node for node in self.nodes.values() if node["cluster"] == cluster_id]

    def _shown(self, row: Document) -> dict[str, Any]:
        cidr = row["cidr"]
        return {
            "ClusterId": row["id"],
            "ClusterName": row["name"],
            "ClusterDescription": row["description"],
            "ClusterVersion": row["version"],
            "ClusterOs": row["os"],
            "ClusterType": row["kind"],
            "ClusterStatus": row["state"],
            "ClusterNodeNum": len(self._nodes(row["id"])),
            "ClusterMaterNodeNum": 0,
            "ClusterEtcdNodeNum": 0,
            "ClusterNetworkSettings": {
                "ClusterCIDR": cidr.get("ClusterCIDR", ""),
                "ServiceCIDR": cidr.get("ServiceCIDR", ""),
                "MaxNodePodNum": cidr.get("MaxNodePodNum", 64),
                "MaxClusterServiceNum": cidr.get("MaxClusterServiceNum", 1024),
                "IgnoreClusterCIDRConflict": cidr.get("IgnoreClusterCIDRConflict", False),
                "Ipvs": False,
                "Cni": True,
                "KubeProxyMode": "iptables",
                "VpcId": row["vpc"],
                "Subnets": None,
                "SubnetId": row["subnet"],
            },
            "Property": json.dumps({"NodeNameType": "lan-ip", "NetworkType": row["network"]}),
            "ProjectId": 0,
            "TagSpecification": row["tags"] or None,
            "ImageId": "img-9axl1k53",
            "OsCustomizeType": "GENERAL",
            "ContainerRuntime": "containerd",
            "RuntimeVersion": RUNTIME_VERSION,
            "DeletionProtection": row["deletion_protection"],
            "EnableExternalNode": False,
            "ClusterLevel": row["level"],
            "AutoUpgradeClusterLevel": False,
            "QGPUShareEnable": row["qgpu_share"],
            "CreatedTime": utc_z(row["created_at"]),
        }

    def describe_status(self, ask: Ask) -> Answer:
        wanted = ask.get("ClusterIds", [])
        rows = [row for row in self.rows.values() if not wanted or row["id"] in wanted]
        found = []
        for row in rows:
            states = [node["state"] for node in self._nodes(row["id"])]
            bad = states.count("failed")
            found.append(
                {
                    "ClusterId": row["id"],
                    "ClusterState": row["state"],
                    "ClusterInstanceState": "AllNormal"
                    if not bad
                    else ("AllAbnormal" if bad == len(states) else "PartialAbnormal"),
                    "ClusterBMonitor": False,
                    "ClusterInitNodeNum": states.count("initializing"),
                    "ClusterRunningNodeNum": states.count("running"),
                    "ClusterFailedNodeNum": bad,
                    "ClusterClosedNodeNum": 0,
                    "ClusterClosingNodeNum": 0,
                    "ClusterDeletionProtection": row["deletion_protection"],
                    "ClusterAuditEnabled": False,
                }
            )
        return {"ClusterStatusSet": found, "TotalCount": len(found)}

    def modify(self, ask: Ask) -> Answer:
        row = self.running(ask["ClusterId"])
        row["name"] = ask.get("ClusterName", row["name"])
        row["description"] = ask.get("ClusterDesc", row["description"])
        row["level"] = ask.choice("ClusterLevel", LEVELS, row["level"])
        row["qgpu_share"] = ask.get("QGPUShareEnable", row["qgpu_share"])
        self.rows.save(row["id"])
        return {
            "ProjectId": ask.get("ProjectId", 0),
            "ClusterName": row["name"],
            "ClusterDesc": row["description"],
            "ClusterLevel": row["level"],
            "QGPUShareEnable": row["qgpu_share"],
        }

    def delete(self, ask: Ask) -> Answer:
        ask.choice("InstanceDeleteMode", ("terminate", "retain"))
        row = self.find(ask["ClusterId"])
        if row["deletion_protection"]:
            raise ApiError(
                "OperationDenied.ClusterInDeletionProtection",
                f"cluster {row['id']} is in deletion protection",
            )
        if row["state"] == "Deleting":
            raise ApiError("FailedOperation.ClusterState", "the cluster is being deleted")
        row["state"] = "Deleting"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("tke.cluster") / 2
        self.rows.save(row["id"])
        for collection in (self.nodes, self.pools):
            for key in [k for k, v in collection.items() if v["cluster"] == row["id"]]:
                del collection[key]
        addons = self._world.store.collection("tke.addons")
        for key in [key for key in addons if key.startswith(f"{row['id']}/")]:
            del addons[key]
        return {}

    def describe_versions(self, ask: Ask) -> Answer:
        found = [{"Name": "tke-k8s", "Version": version, "Remark": ""} for version in VERSIONS]
        return {"TotalCount": len(found), "VersionInstanceSet": found}

    def describe_tasks(self, ask: Ask) -> Answer:
        wanted = {entry["Name"]: entry["Values"] for entry in ask.get("Filter", [])}
        return {
            "Tasks": [
                {
                    "TaskID": f"task-{row['id'][4:]}",
                    "TaskType": "cluster_create",
                    "ClusterID": row["id"],
                    "LifeState": "process" if row["state"] == "Creating" else "done",
                    "TargetObj": row["id"],
                    "CreatedAt": utc_z(row["created_at"]),
                    "UpdatedAt": utc_z(row["until"]),
                }
                for row in self.rows.values()
                if row["id"] in wanted.get("ClusterId", [row["id"]])
                and "cluster_create" in wanted.get("TaskType", ["cluster_create"])
            ]
        }

    # -- the way in

    def kubeconfig(self, ask: Ask) -> Answer:
        """The caller's personal kubeconfig.

        Without an open endpoint it still comes, naming a domain that nobody can reach.
        """
        row = self.running(ask["ClusterId"])
        text = self._world.kube.kubeconfig(row["id"], ask.key.uin)
        side = "external" if ask.get("IsExtranet", False) else "internal"
        if row["endpoints"].get(side, {}).get("state") != "Created":
            document = yaml.safe_load(text)
            for cluster in document["clusters"]:
                cluster["cluster"]["server"] = f"https://{row['id']}.ccs.tencent-cloud.com"
            text = yaml.safe_dump(document, sort_keys=False)
        return {"Kubeconfig": text}

    def endpoints(self, ask: Ask) -> Answer:
        row = self.running(ask["ClusterId"])
        document = yaml.safe_load(self._world.kube.kubeconfig(row["id"], ask.key.uin))
        cluster = document["clusters"][0]["cluster"]
        address = cluster["server"].removeprefix("https://")
        opened = {side for side, end in row["endpoints"].items() if end["state"] == "Created"}
        external = row["endpoints"].get("external", {})
        internal = row["endpoints"].get("internal", {})
        return {
            "CertificationAuthority": cluster.get("certificate-authority-data", ""),
            "ClusterExternalEndpoint": address if "external" in opened else "",
            "ClusterIntranetEndpoint": address if "internal" in opened else "",
            "ClusterDomain": f"{row['id']}.ccs.tencent-cloud.com",
            "ClusterExternalACL": None,
            "ClusterExternalDomain": external.get("domain", ""),
            "ClusterIntranetDomain": internal.get("domain", ""),
            "SecurityGroup": external.get("security_group", ""),
            "ClusterIntranetSubnetId": internal.get("subnet", ""),
            "IntranetSecurityGroup": internal.get("security_group", ""),
        }

    def endpoint_create(self, ask: Ask) -> Answer:
        row = self.running(ask["ClusterId"])
        external = ask.get("IsExtranet", False)
        side = "external" if external else "internal"
        if ask.get("ExtensiveParameters"):
            ask.json_text("ExtensiveParameters")
        if not external and not ask.get("SubnetId") and not ask.get("ExistedLoadBalancerId"):
            raise ApiError("InvalidParameter.Param", "SubnetId is needed for the intranet endpoint")
        if row["endpoints"].get(side, {}).get("state") in ("Creating", "Created"):
            raise ApiError("ResourceInUse", f"the {side} endpoint of the cluster exists already")
        row["endpoints"][side] = {
            "state": "Creating",
            "until": self._world.clock.now() + self._world.pace.seconds("tke.endpoint"),
            "domain": ask.get("Domain", ""),
            "security_group": ask.get("SecurityGroup", ""),
            "subnet": ask.get("SubnetId", ""),
            "reason": "",
        }
        self.rows.save(row["id"])
        return {}

    def endpoint_status(self, ask: Ask) -> Answer:
        row = self.find(ask["ClusterId"])
        side = "external" if ask.get("IsExtranet", False) else "internal"
        endpoint = row["endpoints"].get(side, {"state": "NotFound", "reason": ""})
        return {"Status": endpoint["state"], "ErrorMsg": endpoint["reason"]}

    def endpoint_delete(self, ask: Ask) -> Answer:
        row = self.find(ask["ClusterId"])
        side = "external" if ask.get("IsExtranet", False) else "internal"
        if row["endpoints"].pop(side, None) is None:
            raise ApiError("ResourceNotFound", f"the {side} endpoint does not exist")
        self.rows.save(row["id"])
        return {}


def cluster_document(
    cluster_id: str, *, name: str, version: str, vpc_id: str, created_at: float, **given: Any
) -> Document:
    """A cluster as it is kept; `given` overrides what a plain managed cluster has."""
    return {
        "id": cluster_id,
        "name": name,
        "version": version,
        "vpc": vpc_id,
        "created_at": created_at,
        "until": given.get("until", created_at),
        "state": given.get("state", "Creating"),
        "description": given.get("description", ""),
        "kind": given.get("kind", "MANAGED_CLUSTER"),
        "os": given.get("os", "tlinux3.1x86_64"),
        "cidr": given.get("cidr", {"ClusterCIDR": "172.16.0.0/16", "ServiceCIDR": "172.17.0.0/20"}),
        "subnet": given.get("subnet_id", demo.SUBNET_ID),
        "level": given.get("level", "L5"),
        "qgpu_share": given.get("qgpu_share", False),
        "deletion_protection": given.get("deletion_protection", False),
        "network": given.get("network", "GR"),
        "tags": given.get("tags", []),
        "addons": given.get("addons", []),
        "endpoints": given.get("endpoints", {}),
    }


def _matches(row: Document, name: str, values: list[str]) -> bool:
    tags = [tag for entry in row["tags"] for tag in entry.get("Tags") or []]
    have: dict[str, list[str]] = {
        "ClusterName": [row["name"]],
        "ClusterType": [row["kind"]],
        "ClusterStatus": [row["state"]],
        "vpc-id": [row["vpc"]],
        "tag-key": [tag["Key"] for tag in tags],
        "tag-value": [tag["Value"] for tag in tags],
        "Tags": [f"{tag['Key']}:{tag['Value']}" for tag in tags],
    }
    return any(value in values for value in have[name])
