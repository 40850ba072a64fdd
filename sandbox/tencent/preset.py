"""What the account holds at the very first start, as named in sandbox/demo.py."""

from typing import TYPE_CHECKING

from sandbox import demo
from sandbox.tencent.cfs_document import file_system_document
from sandbox.tencent.tcr import namespace_document, registry_document, repository_document
from sandbox.tencent.tke import cluster_document
from sandbox.tencent.tke_addons import addon_document
from sandbox.tencent.tke_pools import native_pool
from sandbox.tencent.tse import gateway_document
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.tencent.service import Tencent

DAY_S = 86400
IMAGE_MIB = (4312, 4187, 5240)


def preset(tencent: "Tencent", world: World) -> None:
    """Everything Running, as if an ops team had bought it a month ago."""
    then = world.clock.now() - 30 * DAY_S
    tencent.vpc.seed(then)
    _cluster(tencent, world, then)
    _file_system(tencent, world, then)
    _registry(tencent, world, then)
    tencent.tse.instances.rows[demo.GATEWAY_ID] = gateway_document(
        demo.GATEWAY_ID,
        index=0,
        name=demo.GATEWAY_NAME,
        created_at=then,
        vpc={"VpcId": demo.VPC_ID, "SubnetId": demo.SUBNET_ID},
        console="Open",
    )
    world.gateway.sync(demo.GATEWAY_ID)


def _cluster(tencent: "Tencent", world: World, then: float) -> None:
    opened = {
        "state": "Created", "until": then, "domain": "", "security_group": "sg-demo0001",
        "subnet": demo.SUBNET_ID, "reason": "",
    }  # fmt: skip
    tencent.tke.clusters.rows[demo.CLUSTER_ID] = cluster_document(
        demo.CLUSTER_ID,
        name=demo.CLUSTER_NAME,
        version=demo.CLUSTER_VERSION,
        vpc_id=demo.VPC_ID,
        created_at=then,
        state="Running",
        qgpu_share=True,
        endpoints={"external": dict(opened), "internal": dict(opened)},
    )
    world.kube.create_cluster(demo.CLUSTER_ID, demo.CLUSTER_VERSION)
    for name in demo.ADDONS:
        tencent.tke.addons.rows[f"{demo.CLUSTER_ID}/{name}"] = addon_document(
            demo.CLUSTER_ID, name, created_at=then
        )
    pool = native_pool(
        demo.NODE_POOL_ID,
        demo.CLUSTER_ID,
        "a10-qgpu",
        demo.INSTANCE_TYPE,
        then,
        state="Running",
        spec={
            "Scaling": {"MinReplicas": 0, "MaxReplicas": 6, "CreatePolicy": "ZoneEquality"},
            "SubnetIds": [demo.SUBNET_ID],
            "InstanceChargeType": "POSTPAID_BY_HOUR",
            "SystemDisk": {"DiskType": "CLOUD_PREMIUM", "DiskSize": 100},
            "InstanceTypes": [demo.INSTANCE_TYPE],
            "Replicas": demo.NODE_COUNT,
            "QGPUEnable": True,
            "MachineType": "NativeCVM",
        },
    )
    tencent.tke.pools.rows[pool["id"]] = pool
    for _ in range(demo.NODE_COUNT):
        node = tencent.tke.nodes.add(pool)
        node["until"] = node["created_at"] = then
        tencent.tke.nodes.rows.save(node["id"])
    tencent.tke.nodes.advance(world.clock.now())


def _file_system(tencent: "Tencent", world: World, then: float) -> None:
    tencent.cfs.file_systems.account["signed_up"] = {}
    row = file_system_document(
        demo.CFS_ID,
        index=0,
        fsid=demo.CFS_FSID,
        name=demo.CFS_NAME,
        created_at=then,
        ip=world.network.mount_target(0),
        vpc=demo.VPC_ID,
        subnet=demo.SUBNET_ID,
    )
    tencent.cfs.file_systems.rows[demo.CFS_ID] = row
    for name in demo.MODEL_DIRECTORIES:
        (tencent.cfs.file_systems.folder(demo.CFS_ID) / name).mkdir(parents=True, exist_ok=True)


def _registry(tencent: "Tencent", world: World, then: float) -> None:
    registries = tencent.tcr.registries
    registries.rows[demo.REGISTRY_ID] = registry_document(
        demo.REGISTRY_ID, demo.REGISTRY_NAME, then, external="Opened"
    )
    registries.namespaces[f"{demo.REGISTRY_ID}/{demo.IMAGE_NAMESPACE}"] = namespace_document(
        demo.REGISTRY_ID, demo.IMAGE_NAMESPACE, 1, then
    )
    key = f"{demo.REGISTRY_ID}/{demo.IMAGE_NAMESPACE}/{demo.IMAGE_REPOSITORY}"
    row = repository_document(
        demo.REGISTRY_ID, demo.IMAGE_NAMESPACE, demo.IMAGE_REPOSITORY, then,
        brief="Stable Diffusion WebUI",
    )  # fmt: skip
    registries.repositories[key] = row
    for tag, size_mib in zip(demo.IMAGE_TAGS, IMAGE_MIB, strict=True):
        tencent.tcr.images.push(row, tag, then, size_mib=size_mib)
