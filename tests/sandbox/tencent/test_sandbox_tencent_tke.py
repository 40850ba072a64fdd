"""TKE: clusters, end points, node pools, nodes and add-ons through their states."""

import asyncio
import base64
import json
from typing import Any

import pytest
import yaml
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox import demo
from sandbox.world import World
from tests.sandbox.tencent.sdk import NATIVE, Call, until
from tests.sandbox.tencent.standin_kube import standin

CIDR = {"ClusterCIDR": "172.20.0.0/16", "ServiceCIDR": "172.21.0.0/20"}


async def create_cluster(call: Call, **more: Any) -> str:
    answer = await call(
        "tke",
        "CreateCluster",
        ClusterType="MANAGED_CLUSTER",
        ClusterCIDRSettings=CIDR,
        ClusterBasicSettings={"ClusterName": "new", "VpcId": demo.VPC_ID,
                              "ClusterVersion": "1.32.2"},
        **more,
    )  # fmt: skip
    return str(answer["ClusterId"])


async def state(call: Call, cluster_id: str) -> str:
    answer = await call("tke", "DescribeClusters", ClusterIds=[cluster_id])
    return str(answer["Clusters"][0]["ClusterStatus"])


async def running_cluster(call: Call, **more: Any) -> str:
    cluster_id = await create_cluster(call, **more)
    await until(lambda: state(call, cluster_id), lambda found: found == "Running")
    return cluster_id


async def test_a_cluster_is_first_creating_then_running(world: World, call: Call) -> None:
    world.pace.overrides["tke.cluster"] = 60  # 0.6 s in this world
    cluster_id = await create_cluster(call, ExtensionAddons=[{"AddonName": "cbs",
                                                              "AddonParam": "{}"}])  # fmt: skip
    assert cluster_id.startswith("cls-")
    assert await state(call, cluster_id) == "Creating"
    with pytest.raises(TencentCloudSDKException) as early:
        await call("tke", "DescribeClusterKubeconfig", ClusterId=cluster_id)
    assert early.value.get_code() == "FailedOperation.ClusterState"
    await until(lambda: state(call, cluster_id), lambda found: found == "Running")
    assert standin(world).cluster(cluster_id).version == "1.32.2"
    await until(
        lambda: call("tke", "DescribeAddon", ClusterId=cluster_id),
        lambda answer: [a["Phase"] for a in answer["Addons"]] == ["Succeeded"],
    )


async def test_a_cluster_in_an_unknown_vpc_is_refused(world: World, call: Call) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        await call(
            "tke", "CreateCluster", ClusterType="MANAGED_CLUSTER", ClusterCIDRSettings=CIDR,
            ClusterBasicSettings={"VpcId": "vpc-none"},
        )  # fmt: skip
    assert caught.value.get_code() == "InvalidParameter.Param"


async def test_a_cluster_may_turn_out_badly(world: World, call: Call) -> None:
    world.faults.replace([{"service": "tke", "action": "CreateCluster outcome"}])
    cluster_id = await create_cluster(call)
    await until(lambda: state(call, cluster_id), lambda found: found == "Abnormal")


async def test_deleting_a_cluster_takes_time_and_everything_with_it(
    world: World, call: Call
) -> None:
    cluster_id = await running_cluster(call)
    await call("tke", "DeleteCluster", ClusterId=cluster_id, InstanceDeleteMode="terminate")

    async def listed() -> list[str]:
        answer = await call("tke", "DescribeClusters")
        return [row["ClusterId"] for row in answer["Clusters"]]

    assert cluster_id not in await until(listed, lambda found: cluster_id not in found)
    with pytest.raises(KeyError):
        standin(world).cluster(cluster_id)


async def test_the_kubeconfig_is_useless_until_an_endpoint_is_open(
    world: World, call: Call
) -> None:
    cluster_id = await running_cluster(call)

    async def server() -> str:
        answer = await call(
            "tke", "DescribeClusterKubeconfig", ClusterId=cluster_id, IsExtranet=True
        )
        document = yaml.safe_load(answer["Kubeconfig"])
        return str(document["clusters"][0]["cluster"]["server"])

    async def status() -> str:
        answer = await call(
            "tke", "DescribeClusterEndpointStatus", ClusterId=cluster_id, IsExtranet=True
        )
        return str(answer["Status"])

    assert await status() == "NotFound"
    assert await server() == f"https://{cluster_id}.ccs.tencent-cloud.com"
    await call("tke", "CreateClusterEndpoint", ClusterId=cluster_id, IsExtranet=True)
    await until(status, lambda found: found == "Created")
    assert (await server()).endswith(":6443")


async def test_the_preset_pool_has_two_nodes_with_two_cards_each(world: World, call: Call) -> None:
    nodes = standin(world).cluster(demo.CLUSTER_ID).nodes
    assert len(nodes) == demo.NODE_COUNT
    for node in nodes.values():
        assert (node["cards"], node["card_gib"], node["qgpu"]) == (2, 22, True)
        assert node["labels"]["qgpu-device-enable"] == "enable"
    answer = await call("tke", "DescribeNodePools", version=NATIVE, ClusterId=demo.CLUSTER_ID)
    native = answer["NodePools"][0]["Native"]
    assert (native["Replicas"], native["ReadyReplicas"]) == (2, 2)
    assert native["InstanceChargeType"] == "PostpaidByHourChargeType"


def native_pool(**more: Any) -> dict[str, Any]:
    return {
        "ClusterId": demo.CLUSTER_ID,
        "Name": "more",
        "Type": "Native",
        "Labels": [{"Name": "team", "Value": "art"}],
        "Native": {
            "Scaling": {"MinReplicas": 0, "MaxReplicas": 4},
            "SubnetIds": [demo.SUBNET_ID],
            "InstanceChargeType": "POSTPAID_BY_HOUR",
            "SystemDisk": {"DiskType": "CLOUD_PREMIUM", "DiskSize": 100},
            "InstanceTypes": ["PNV4.7XLARGE116"],
            "Replicas": 1,
            "QGPUEnable": True,
            **more,
        },
    }


async def test_a_native_pool_buys_nodes_that_join_the_cluster(world: World, call: Call) -> None:
    pool_id = (await call("tke", "CreateNodePool", version=NATIVE, **native_pool()))["NodePoolId"]

    async def pool() -> dict[str, Any]:
        answer = await call(
            "tke", "DescribeNodePools", version=NATIVE, ClusterId=demo.CLUSTER_ID,
            Filters=[{"Name": "NodePoolsId", "Values": [pool_id]}],
        )  # fmt: skip
        found: dict[str, Any] = answer["NodePools"][0]
        return found

    row = await until(pool, lambda found: found["LifeState"] == "Running")
    assert row["Native"]["ReadyReplicas"] == 1
    nodes = standin(world).cluster(demo.CLUSTER_ID).nodes
    assert len(nodes) == 3
    assert [n["labels"]["team"] for n in nodes.values() if "team" in n["labels"]] == ["art"]
    await call(
        "tke", "ScaleNodePool", version=NATIVE, ClusterId=demo.CLUSTER_ID, NodePoolId=pool_id,
        Replicas=3,
    )  # fmt: skip
    await until(pool, lambda found: found["Native"]["ReadyReplicas"] == 3)
    await call(
        "tke", "DeleteNodePool", version=NATIVE, ClusterId=demo.CLUSTER_ID, NodePoolId=pool_id
    )
    await until(
        lambda: asyncio.sleep(0, len(standin(world).cluster(demo.CLUSTER_ID).nodes)),
        lambda count: count == 2,
    )


async def test_a_join_that_a_kill_cut_short_is_finished_later(world: World, call: Call) -> None:
    rows = world.store.collection("tke.nodes")
    for key, row in rows.items():
        # As it would be read back: the cluster had the node, the row did not know yet.
        row.update({"state": "initializing", "joined": False})
        rows.save(key)
    await until(
        lambda: asyncio.sleep(0, {row["state"] for row in rows.values()}),
        lambda states: states == {"running"},
    )
    assert len(standin(world).cluster(demo.CLUSTER_ID).nodes) == demo.NODE_COUNT


async def test_a_sold_out_type_is_refused_and_the_stock_list_says_so(
    world: World, call: Call
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        await call(
            "tke", "CreateNodePool", version=NATIVE,
            **native_pool(InstanceTypes=["GT4.4XLARGE96"]),
        )  # fmt: skip
    assert caught.value.get_code() == "ResourceInsufficient.SpecifiedInstanceType"
    stock = await call(
        "cvm", "DescribeZoneInstanceConfigInfos",
        Filters=[{"Name": "zone", "Values": [demo.ZONE]},
                 {"Name": "instance-family", "Values": ["GT4", "PNV4"]}],
    )  # fmt: skip
    status = {row["InstanceType"]: row["Status"] for row in stock["InstanceTypeQuotaSet"]}
    assert status["GT4.4XLARGE96"] == "SOLD_OUT"
    assert status[demo.INSTANCE_TYPE] == "SELL"


async def test_gpu_info_lists_the_driver_sets_of_gpu_types_only(world: World, call: Call) -> None:
    answer = await call("tke", "DescribeGPUInfo", version=NATIVE, InstanceType=demo.INSTANCE_TYPE)
    assert {"470.182.03", "535.183.06"} <= {entry["Driver"] for entry in answer["GPUParams"]}
    with pytest.raises(TencentCloudSDKException):
        await call("tke", "DescribeGPUInfo", version=NATIVE, InstanceType="S5.LARGE8")


async def test_a_standard_pool_takes_json_strings_and_has_no_slices(
    world: World, call: Call
) -> None:
    body = {
        "ClusterId": demo.CLUSTER_ID,
        "AutoScalingGroupPara": json.dumps({"MinSize": 0, "MaxSize": 2, "DesiredCapacity": 1}),
        "LaunchConfigurePara": json.dumps({"InstanceType": "PNV4.7XLARGE116"}),
        "InstanceAdvancedSettings": {},
        "EnableAutoscale": True,
        "Name": "standard",
    }
    with pytest.raises(TencentCloudSDKException) as caught:
        await call("tke", "CreateClusterNodePool", **{**body, "LaunchConfigurePara": "{"})
    assert caught.value.get_code() == "InvalidParameter.Param"
    pool_id = (await call("tke", "CreateClusterNodePool", **body))["NodePoolId"]

    async def pool() -> dict[str, Any]:
        answer = await call(
            "tke", "DescribeClusterNodePoolDetail", ClusterId=demo.CLUSTER_ID, NodePoolId=pool_id
        )
        found: dict[str, Any] = answer["NodePool"]
        return found

    row = await until(pool, lambda found: found["LifeState"] == "normal")
    assert row["NodeCountSummary"]["AutoscalingAdded"]["Normal"] == 1
    node = list(standin(world).cluster(demo.CLUSTER_ID).nodes.values())[-1]
    assert (node["cards"], node["qgpu"]) == (1, False)


async def test_addons_go_through_their_phases_and_keep_their_values(
    world: World, call: Call
) -> None:
    cluster_id = await running_cluster(call)
    values = base64.b64encode(json.dumps({"config": {"priority": "spread"}}).encode()).decode()
    await call("tke", "InstallAddon", ClusterId=cluster_id, AddonName="qgpu", RawValues=values)

    async def phase() -> str:
        answer = await call("tke", "DescribeAddon", ClusterId=cluster_id, AddonName="qgpu")
        return str(answer["Addons"][0]["Phase"])

    await until(phase, lambda found: found == "Succeeded")
    answer = await call("tke", "DescribeAddonValues", ClusterId=cluster_id, AddonName="qgpu")
    assert json.loads(answer["Values"]) == {"config": {"priority": "spread"}}
    assert json.loads(answer["DefaultValues"]) == {"config": {"priority": "binpack"}}
    for name, code in (("qgpu", "UnknownParameter"), ("QGPU", "UnknownParameter")):
        with pytest.raises(TencentCloudSDKException) as caught:
            await call("tke", "InstallAddon", ClusterId=cluster_id, AddonName=name)
        assert caught.value.get_code() == code
    world.faults.replace(
        [{"service": "tke", "action": "UpdateAddon outcome", "message": "timed out"}]
    )
    await call("tke", "UpdateAddon", ClusterId=cluster_id, AddonName="qgpu", RawValues=values)
    await until(phase, lambda found: found == "UpgradFailed")
    await call("tke", "DeleteAddon", ClusterId=cluster_id, AddonName="qgpu")

    async def gone() -> str:
        try:
            return await phase()
        except TencentCloudSDKException as exc:
            return str(exc.get_code())

    assert await until(gone, lambda found: found == "ResourceNotFound")


async def test_slices_appear_when_the_component_comes_after_the_node(
    world: World, call: Call
) -> None:
    await call("tke", "DeleteAddon", ClusterId=demo.CLUSTER_ID, AddonName="qgpu")
    addons = world.store.collection("tke.addons")
    await until(
        lambda: asyncio.sleep(0, f"{demo.CLUSTER_ID}/qgpu" in addons), lambda there: not there
    )
    pool = await call("tke", "CreateNodePool", version=NATIVE, **native_pool())
    nodes = standin(world).cluster(demo.CLUSTER_ID).nodes

    def slices() -> list[bool]:
        return [
            node["qgpu"]
            for node in nodes.values()
            if node["labels"]["tke.cloud.tencent.com/nodepool-id"] == pool["NodePoolId"]
        ]

    await until(lambda: asyncio.sleep(0, slices()), lambda found: found == [False])
    await call("tke", "InstallAddon", ClusterId=demo.CLUSTER_ID, AddonName="qgpu")
    await until(lambda: asyncio.sleep(0, slices()), lambda found: found == [True])
