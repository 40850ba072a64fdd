"""TKE: nodes, node pools of both API versions, and the GPU drivers a machine type may have.

Native pools (2022-05-01) are the only ones that share cards; standard pools (2018-05-25) rest on
scaling groups.  The newer version lists both kinds.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from cloud.access import Access
from cloud.errors import NotFound
from cloud.reading import Data, flag, part, parts, text, texts, when, whole
from cloud.tencent import Answer, call, rows
from cloud.types import Created, Done, GpuDriver, Node, NodePool, NodePoolSpec, Taint

STANDARD = "2018-05-25"
NATIVE = "2022-05-01"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def nodes(access: Access, cluster_id: str) -> tuple[Node, ...]:
    """All workers; sizes and cards are known of native nodes only."""
    found = rows(
        access,
        "tke",
        NATIVE,
        "DescribeClusterInstances",
        {"ClusterId": cluster_id},
        member="InstanceSet",
    )
    return tuple(_node(one) for one in found)


def standard_nodes(access: Access, cluster_id: str) -> tuple[Node, ...]:
    """Workers as the older version lists them: without sizes, and without native nodes."""
    body = {"ClusterId": cluster_id, "InstanceRole": "WORKER"}
    found = rows(access, "tke", STANDARD, "DescribeClusterInstances", body, member="InstanceSet")
    return tuple(_node(one) for one in found)


def node_pools(access: Access, cluster_id: str) -> tuple[NodePool, ...]:
    """Pools of every kind."""
    found = rows(
        access, "tke", NATIVE, "DescribeNodePools", {"ClusterId": cluster_id}, member="NodePools"
    )
    return tuple(_pool(one) for one in found)


def standard_node_pools(access: Access, cluster_id: str) -> tuple[NodePool, ...]:
    """Standard pools as the older version describes them."""
    answer = _call(access, STANDARD, "DescribeClusterNodePools", {"ClusterId": cluster_id})
    return tuple(_standard_pool(one) for one in parts(answer.data, "NodePoolSet"))


def node_pool(access: Access, cluster_id: str, pool_id: str) -> NodePool | None:
    try:
        return next((one for one in node_pools(access, cluster_id) if one.id == pool_id), None)
    except NotFound:
        return None


def node_pool_create(access: Access, cluster_id: str, spec: NodePoolSpec) -> Created:
    """Not safe to repeat: look for `spec.name` in `node_pools` after a lost answer."""
    if spec.native:
        answer = _call(access, NATIVE, "CreateNodePool", _native_body(cluster_id, spec))
    else:
        body = _standard_body(cluster_id, spec)
        answer = _call(access, STANDARD, "CreateClusterNodePool", body)
    return Created(answer.need("NodePoolId"), answer.request_id)


def node_pool_scale(access: Access, cluster_id: str, pool: NodePool, replicas: int) -> Done:
    body: dict[str, Any] = {"ClusterId": cluster_id, "NodePoolId": pool.id}
    if pool.kind == "Native":
        body["Replicas"] = replicas
        return Done(_call(access, NATIVE, "ScaleNodePool", body).request_id)
    body["DesiredCapacity"] = replicas
    action = "ModifyNodePoolDesiredCapacityAboutAsg"
    return Done(_call(access, STANDARD, action, body).request_id)


def node_pool_modify(
    access: Access,
    cluster_id: str,
    pool: NodePool,
    *,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    taints: tuple[Taint, ...] | None = None,
    min_replicas: int | None = None,
    max_replicas: int | None = None,
    deletion_protection: bool | None = None,
) -> Done:
    """Change what is given; labels and taints are replaced whole."""
    body: dict[str, Any] = {
        "ClusterId": cluster_id,
        "NodePoolId": pool.id,
        "Name": name,
        "Labels": _labels(labels) if labels is not None else None,
        "Taints": _taints(taints) if taints is not None else None,
        "DeletionProtection": deletion_protection,
    }
    bounds = {} if min_replicas is None else {"MinReplicas": min_replicas}
    bounds |= {} if max_replicas is None else {"MaxReplicas": max_replicas}
    if pool.kind == "Native":
        if bounds:
            body["Native"] = {"Scaling": bounds}
        return Done(_call(access, NATIVE, "ModifyNodePool", body).request_id)
    body["MinNodesNum"], body["MaxNodesNum"] = min_replicas, max_replicas
    return Done(_call(access, STANDARD, "ModifyClusterNodePool", body).request_id)


def node_pool_delete(
    access: Access, cluster_id: str, pool: NodePool, *, keep_machines: bool = False
) -> Done:
    try:
        if pool.kind == "Native":
            body: dict[str, Any] = {"ClusterId": cluster_id, "NodePoolId": pool.id}
            return Done(_call(access, NATIVE, "DeleteNodePool", body).request_id)
        body = {
            "ClusterId": cluster_id,
            "NodePoolIds": [pool.id],
            "KeepInstance": keep_machines,
        }
        return Done(_call(access, STANDARD, "DeleteClusterNodePool", body).request_id)
    except NotFound as gone:
        return Done(gone.request_id)


def gpu_info(access: Access, instance_type: str, os_name: str = "") -> tuple[GpuDriver, ...]:
    """The valid driver combinations of a machine type; offer nothing else."""
    body = {"InstanceType": instance_type, "OsName": os_name or None}
    answer = _call(access, NATIVE, "DescribeGPUInfo", body)
    return tuple(
        GpuDriver(
            text(one, "Driver"), text(one, "CUDA"), text(one, "CUDNN"), flag(one, "MIGEnable")
        )
        for one in parts(answer.data, "GPUParams")
    )


def _call(access: Access, version: str, action: str, body: dict[str, Any]) -> Answer:
    return call(access, "tke", version, action, body)


def _native_body(cluster_id: str, spec: NodePoolSpec) -> dict[str, Any]:
    native: dict[str, Any] = {
        "Scaling": {
            "MinReplicas": spec.min_replicas,
            "MaxReplicas": max(spec.max_replicas, spec.replicas),
            "CreatePolicy": "ZoneEquality",
        },
        "SubnetIds": list(spec.subnet_ids),
        "InstanceChargeType": spec.charge,
        "SystemDisk": {"DiskType": spec.disk_type, "DiskSize": spec.disk_gib},
        "InstanceTypes": list(spec.instance_types),
        "Replicas": spec.replicas,
        "EnableAutoscaling": spec.autoscaling,
    }
    if spec.security_group_ids:
        native["SecurityGroupIds"] = list(spec.security_group_ids)
    if spec.gpu:
        driver = {
            "Driver": spec.gpu.driver,
            "CUDA": spec.gpu.cuda,
            "CUDNN": spec.gpu.cudnn,
            "MIGEnable": spec.gpu.mig,
        }
        native["GPUConfigs"] = [
            {"InstanceType": name, "GPUParams": driver} for name in spec.instance_types
        ]
    if spec.qgpu:
        native["QGPUEnable"] = True
    return {
        "ClusterId": cluster_id,
        "Name": spec.name,
        "Type": "Native",
        "Native": native,
        "Labels": _labels(spec.labels) or None,
        "Taints": _taints(spec.taints) or None,
        "DeletionProtection": spec.deletion_protection,
    }


def _standard_body(cluster_id: str, spec: NodePoolSpec) -> dict[str, Any]:
    scaling = {
        "MinSize": spec.min_replicas,
        "MaxSize": max(spec.max_replicas, spec.replicas),
        "DesiredCapacity": spec.replicas,
        "VpcId": spec.vpc_id,
        "SubnetIds": list(spec.subnet_ids),
    }
    launch = {
        "InstanceType": spec.instance_types[0] if spec.instance_types else "",
        "SystemDisk": {"DiskType": spec.disk_type, "DiskSize": spec.disk_gib},
        "InstanceChargeType": spec.charge,
        "SecurityGroupIds": list(spec.security_group_ids),
    }
    return {
        "ClusterId": cluster_id,
        "Name": spec.name,
        # These two are JSON texts inside the JSON.
        "AutoScalingGroupPara": json.dumps(scaling),
        "LaunchConfigurePara": json.dumps(launch),
        "InstanceAdvancedSettings": {},
        "EnableAutoscale": spec.autoscaling,
        "Labels": _labels(spec.labels) or None,
        "Taints": _taints(spec.taints) or None,
        "DeletionProtection": spec.deletion_protection,
    }


def _node(one: Data) -> Node:
    native = part(one, "Native")
    return Node(
        instance_id=text(one, "InstanceId"),
        state=text(one, "InstanceState"),
        lan_ip=text(one, "LanIP") or text(native, "LanIp"),
        pool_id=text(one, "NodePoolId"),
        role=text(one, "InstanceRole", "WORKER"),
        kind=text(one, "NodeType") or ("Native" if native else "Regular"),
        name=text(native, "MachineName"),
        instance_type=text(native, "InstanceType"),
        zone=text(native, "Zone"),
        cpu=whole(native, "CPU"),
        memory_gib=whole(native, "Memory"),
        cards=whole(native, "GPU"),
        reason=text(one, "FailedReason"),
        unschedulable=flag(one, "Unschedulable"),
        created_at=when(one.get("CreatedTime")),
    )


def _pool(one: Data) -> NodePool:
    native, regular = part(one, "Native"), part(one, "Regular")
    kind = text(one, "Type")
    if kind == "Regular":
        return _standard_pool({**regular, **{key: one[key] for key in one if key != "Regular"}})
    scaling = part(native, "Scaling")
    return NodePool(
        id=text(one, "NodePoolId"),
        name=text(one, "Name"),
        kind=kind,
        state=text(one, "LifeState").lower(),
        replicas=whole(native, "Replicas"),
        ready=whole(native, "ReadyReplicas"),
        min_replicas=whole(scaling, "MinReplicas"),
        max_replicas=whole(scaling, "MaxReplicas"),
        autoscaling=flag(native, "EnableAutoscaling"),
        instance_types=texts(native, "InstanceTypes"),
        charge=request_name(text(native, "InstanceChargeType"), "ChargeType"),
        labels=_read_labels(one),
        taints=_read_taints(one),
        deletion_protection=flag(one, "DeletionProtection"),
        created_at=when(one.get("CreatedAt")),
    )


def _standard_pool(one: Data) -> NodePool:
    counts = part(one, "NodeCountSummary")
    added = [part(counts, "ManuallyAdded"), part(counts, "AutoscalingAdded")]
    return NodePool(
        id=text(one, "NodePoolId"),
        name=text(one, "Name"),
        kind="Regular",
        state=text(one, "LifeState").lower(),
        replicas=whole(one, "DesiredNodesNum"),
        ready=sum(whole(count, "Normal") for count in added),
        min_replicas=whole(one, "MinNodesNum"),
        max_replicas=whole(one, "MaxNodesNum"),
        autoscaling=text(one, "AutoscalingGroupStatus") == "enabled",
        labels=_read_labels(one),
        taints=_read_taints(one),
        deletion_protection=flag(one, "DeletionProtection"),
        created_at=when(one.get("CreatedAt")),
    )


def request_name(answered: str, suffix: str) -> str:
    """Native pools answer `PostpaidByHourChargeType` where requests say `POSTPAID_BY_HOUR`."""
    if answered == answered.upper():
        return answered
    return _HUMP.sub("_", answered.removesuffix(suffix)).upper()


def _labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in labels.items()]


def _taints(taints: tuple[Taint, ...]) -> list[dict[str, str]]:
    return [{"Key": one.key, "Value": one.value, "Effect": one.effect} for one in taints]


def _read_labels(one: Data) -> dict[str, str]:
    return {text(label, "Name"): text(label, "Value") for label in parts(one, "Labels")}


def _read_taints(one: Data) -> tuple[Taint, ...]:
    return tuple(
        Taint(text(taint, "Key"), text(taint, "Value"), text(taint, "Effect"))
        for taint in parts(one, "Taints")
    )
