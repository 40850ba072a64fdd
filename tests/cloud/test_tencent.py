"""The Tencent JSON APIs over real sockets: account, network, cluster, storage."""

import base64
import json
import uuid
from dataclasses import replace

import pytest

from cloud import cfs, errors, sts, tcr, tke, tke_pools, vpc
from cloud.access import Access
from cloud.cos import CosClient
from cloud.tencent import call, rows
from cloud.types import (
    Cluster,
    ClusterSpec,
    FileSystem,
    FileSystemSpec,
    NodePoolSpec,
    PermissionRule,
    Taint,
)
from tests.cloud.conftest import eventually

CLUSTER = "cls-demo0001"
REGISTRY = "tcr-demo0001"
STORAGE = "cfs-demo00001"
VPC, SUBNET, ZONE = "vpc-demo0001", "subnet-demo001", "ap-guangzhou-6"


def test_the_caller_is_known(access: Access, sandbox: dict[str, str]) -> None:
    found = sts.whoami(access)
    assert found.account_id == sandbox["uin"]
    assert found.request_id


def test_a_wrong_secret_is_not_authorized(access: Access) -> None:
    with pytest.raises(errors.NotAuthorized) as caught:
        sts.whoami(replace(access, secret_key="wrong"))
    assert caught.value.code == "AuthFailure.SignatureFailure"
    assert caught.value.request_id
    assert "wrong" not in str(caught.value)


def test_an_incomplete_key_pair_is_not_authorized(access: Access) -> None:
    with pytest.raises(errors.NotAuthorized):
        sts.whoami(replace(access, secret_key=""))
    with pytest.raises(errors.NotAuthorized):
        CosClient(replace(access, secret_key=""), "b-1")


def test_an_unknown_member_is_rejected(access: Access) -> None:
    with pytest.raises(errors.Rejected):
        call(access, "tke", tke.VERSION, "DescribeClusters", {"Clusters": []})


def test_networks_and_stock_can_be_chosen_from(access: Access) -> None:
    assert VPC in [one.id for one in vpc.vpcs(access)]
    (subnet,) = [one for one in vpc.subnets(access, VPC) if one.id == SUBNET]
    assert (subnet.vpc_id, subnet.zone) == (VPC, ZONE)
    assert ZONE in [one.id for one in vpc.zones(access) if one.available]
    types = vpc.instance_types(access, zone=ZONE, families=["PNV4"])
    assert types and all(one.family == "PNV4" and one.zone == ZONE for one in types)
    assert any(one.cards > 0 for one in types)


def test_pages_of_a_listing_are_put_together(access: Access) -> None:
    """Smaller pages give the same rows as one large page."""
    body = {"RegistryId": REGISTRY, "NamespaceName": "aigc"}
    body["RepositoryName"] = "stable-diffusion-webui"
    found = [
        [
            row["ImageVersion"]
            for row in rows(
                access,
                "tcr",
                tcr.VERSION,
                "DescribeImages",
                body,
                member="ImageInfoList",
                paging="page",
                limit=limit,
            )
        ]
        for limit in (1, 2, 100)
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(set(found[0])) >= 3


def test_the_cluster_the_account_has(access: Access) -> None:
    found = tke.cluster(access, CLUSTER)
    assert found is not None
    assert (found.name, found.status, found.vpc_id, found.qgpu) == (
        "sd-demo",
        "Running",
        VPC,
        True,
    )
    assert found in tke.clusters(access)
    assert tke.clusters(access, name="sd") == ()
    assert tke.cluster(access, "cls-nothere0") is None
    assert found.version in tke.versions(access)
    assert tke.endpoint_status(access, CLUSTER).open
    endpoints = tke.endpoints(access, CLUSTER)
    assert endpoints is not None and endpoints.external


def test_its_nodes_and_pools(access: Access) -> None:
    nodes = tke_pools.nodes(access, CLUSTER)
    assert len(nodes) >= 2
    assert {one.state for one in nodes} == {"running"}
    assert all(one.lan_ip and one.instance_type and one.cards == 2 for one in nodes)
    pool = next(one for one in tke_pools.node_pools(access, CLUSTER) if one.id == nodes[0].pool_id)
    assert (pool.kind, pool.charge) == ("Native", "POSTPAID_BY_HOUR")
    assert pool.ready == pool.replicas >= 2
    assert pool.instance_types == (nodes[0].instance_type,)
    drivers = tke_pools.gpu_info(access, nodes[0].instance_type)
    older = {one.instance_id for one in tke_pools.standard_nodes(access, CLUSTER)}
    assert older <= {one.instance_id for one in nodes}
    assert drivers and drivers[0].driver and drivers[0].cuda


def test_a_native_pool_lives_and_dies(access: Access) -> None:
    machine = tke_pools.nodes(access, CLUSTER)[0].instance_type
    spec = NodePoolSpec(
        name="extra",
        subnet_ids=(SUBNET,),
        instance_types=(machine,),
        replicas=1,
        max_replicas=3,
        qgpu=True,
        gpu=tke_pools.gpu_info(access, machine)[0],
        labels={"team": "art"},
        taints=(Taint("gpu", "a10", "NoSchedule"),),
    )
    made = tke_pools.node_pool_create(access, CLUSTER, spec)
    pool = eventually(
        lambda: tke_pools.node_pool(access, CLUSTER, made.id),
        lambda one: one is not None and one.state == "running" and one.ready == 1,
    )
    assert pool is not None
    assert (pool.name, dict(pool.labels), pool.taints) == ("extra", {"team": "art"}, spec.taints)
    tke_pools.node_pool_modify(access, CLUSTER, pool, labels={"team": "film"}, max_replicas=4)
    tke_pools.node_pool_scale(access, CLUSTER, pool, 0)
    pool = eventually(
        lambda: tke_pools.node_pool(access, CLUSTER, made.id),
        lambda one: one is not None and one.replicas == one.ready == 0,
    )
    assert pool is not None
    assert (dict(pool.labels), pool.max_replicas) == ({"team": "film"}, 4)
    tke_pools.node_pool_delete(access, CLUSTER, pool)
    eventually(lambda: tke_pools.node_pool(access, CLUSTER, made.id), lambda one: one is None)
    assert tke_pools.node_pool_delete(access, CLUSTER, pool).request_id


def test_a_standard_pool_is_made_from_json_in_json(access: Access) -> None:
    spec = NodePoolSpec(
        name="plain",
        subnet_ids=(SUBNET,),
        instance_types=(vpc.instance_types(access, zone=ZONE)[0].name,),
        replicas=0,
        max_replicas=2,
        native=False,
        vpc_id=VPC,
    )
    made = tke_pools.node_pool_create(access, CLUSTER, spec)
    found = eventually(
        lambda: list(tke_pools.standard_node_pools(access, CLUSTER)),
        lambda pools: any(one.id == made.id and one.state == "normal" for one in pools),
    )
    pool = next(one for one in found if one.id == made.id)
    assert (pool.name, pool.kind, pool.max_replicas) == ("plain", "Regular", 2)
    assert made.id in [one.id for one in tke_pools.node_pools(access, CLUSTER)]
    tke_pools.node_pool_delete(access, CLUSTER, pool)


def test_addons_are_installed_once(access: Access) -> None:
    assert {"qgpu", "cfs", "cos"} <= {one.name for one in tke.addons(access, CLUSTER)}
    assert tke.addon(access, CLUSTER, "eniipamd") is None
    values = {"config": {"priority": "spread"}}
    qgpu = tke.addon(access, CLUSTER, "qgpu")
    assert qgpu is not None and qgpu.phase == "Succeeded"
    tke.addon_update(access, CLUSTER, "qgpu", values=values)
    eventually(
        lambda: tke.addon(access, CLUSTER, "qgpu"),
        lambda one: one is not None and one.phase == "Succeeded" and one.values == values,
    )
    tke.addon_install(access, CLUSTER, "tcr")
    tke.addon_install(access, CLUSTER, "tcr")
    eventually(
        lambda: tke.addon(access, CLUSTER, "tcr"),
        lambda one: one is not None and one.phase == "Succeeded",
    )
    tke.addon_delete(access, CLUSTER, "tcr")
    eventually(lambda: tke.addon(access, CLUSTER, "tcr"), lambda one: one is None)
    tke.addon_delete(access, CLUSTER, "tcr")
    assert "qgpu" in [one.name for one in tke.addon_offers(access)]


def test_a_cluster_lives_and_dies(access: Access) -> None:
    spec = ClusterSpec("second", "1.34.1", VPC, "10.200.0.0/16", tags={"op": "o-1"})
    made = tke.cluster_create(access, spec)
    found = eventually(
        lambda: tke.cluster(access, made.id),
        lambda one: one is not None and one.status == "Running",
    )
    assert isinstance(found, Cluster)
    assert (found.name, found.cluster_cidr, found.qgpu) == ("second", "10.200.0.0/16", True)
    assert dict(found.tags) == {"op": "o-1"}
    assert not tke.endpoint_status(access, made.id).open
    tke.endpoint_create(access, made.id)
    eventually(lambda: tke.endpoint_status(access, made.id), lambda one: one.open)
    tke.cluster_modify(access, made.id, description="for tests")
    changed = tke.cluster(access, made.id)
    assert changed is not None and changed.description == "for tests"
    tke.cluster_delete(access, made.id)
    eventually(lambda: tke.cluster(access, made.id), lambda one: one is None)
    assert tke.cluster_delete(access, made.id).request_id
    assert tke.kubeconfig(access, made.id) is None


def test_the_file_system_the_account_has(access: Access) -> None:
    found = cfs.file_system(access, STORAGE)
    assert found is not None
    assert (found.name, found.state, found.storage) == ("sd-models", "available", "SD")
    assert found in cfs.file_systems(access)
    (target,) = cfs.mount_targets(access, STORAGE)
    assert (target.state, target.fsid, target.vpc_id) == ("available", "demofsid", VPC)
    assert target.ip
    assert cfs.file_system(access, "cfs-nothere00") is None
    assert cfs.mount_targets(access, "cfs-nothere00") == ()


def test_a_client_token_makes_one_file_system(access: Access) -> None:
    token = uuid.uuid4().hex
    spec = FileSystemSpec("twice", ZONE, VPC, SUBNET, tags={"op": "o-2"})
    first = cfs.file_system_create(access, spec, client_token=token)
    second = cfs.file_system_create(access, spec, client_token=token)
    assert first.id == second.id
    found = eventually(
        lambda: cfs.file_system(access, first.id),
        lambda one: one is not None and one.state == "available",
    )
    assert isinstance(found, FileSystem)
    assert (found.name, found.pgroup_id, dict(found.tags)) == (
        "twice",
        "pgroupbasic",
        {"op": "o-2"},
    )
    cfs.file_system_rename(access, first.id, "once")
    renamed = cfs.file_system(access, first.id)
    assert renamed is not None and renamed.name == "once"
    cfs.file_system_delete(access, first.id)
    eventually(lambda: cfs.file_system(access, first.id), lambda one: one is None)
    cfs.file_system_delete(access, first.id)


def test_who_may_mount_is_a_group_of_rules(access: Access) -> None:
    made = cfs.pgroup_create(access, "art-team", "for tests")
    group = next(one for one in cfs.pgroups(access) if one.id == made.id)
    assert (group.name, group.description, group.bound) == ("art-team", "for tests", 0)
    with pytest.raises(errors.AlreadyExists):
        cfs.pgroup_create(access, "art-team")
    rule = PermissionRule("10.0.0.0/8", "RW", "no_root_squash", 2)
    rule_id = cfs.rule_create(access, made.id, rule).id
    assert [one for one in cfs.rules(access, made.id) if one.id == rule_id] == [
        replace(rule, id=rule_id)
    ]
    tighter = replace(rule, id=rule_id, access="RO")
    cfs.rule_update(access, made.id, tighter)
    assert tighter in cfs.rules(access, made.id)
    cfs.rule_delete(access, made.id, rule_id)
    cfs.rule_delete(access, made.id, rule_id)
    assert rule_id not in [one.id for one in cfs.rules(access, made.id)]
    cfs.pgroup_delete(access, made.id)
    cfs.pgroup_delete(access, made.id)


def test_a_snapshot_is_taken_and_dropped(access: Access) -> None:
    made = cfs.snapshot_create(access, STORAGE, "before")

    def mine() -> list[str]:
        return [one.state for one in cfs.snapshots(access, STORAGE) if one.id == made.id]

    eventually(mine, lambda states: states == ["available"])
    cfs.snapshot_delete(access, made.id)
    eventually(mine, lambda states: states == [])
    cfs.snapshot_delete(access, made.id)


def test_only_turbo_makes_directories(access: Access) -> None:
    with pytest.raises(errors.Rejected):
        cfs.turbo_directory_create(access, STORAGE, "/cfs/models")
    spec = FileSystemSpec(
        "fast",
        ZONE,
        protocol="TURBO",
        storage="TB",
        capacity_gib=20480,
        ccn_id="ccn-demo0001",
        cidr="10.99.0.0/24",
    )
    made = cfs.file_system_create(access, spec, client_token=uuid.uuid4().hex)
    eventually(
        lambda: cfs.file_system(access, made.id),
        lambda one: one is not None and one.state == "available",
    )
    assert not cfs.turbo_directory_exists(access, made.id, "/cfs/models/")
    cfs.turbo_directory_create(access, made.id, "/cfs/models/")
    assert cfs.turbo_directory_exists(access, made.id, "/cfs/models/")
    cfs.file_system_delete(access, made.id)


def test_a_file_system_changes_its_group(access: Access) -> None:
    group = cfs.pgroup_create(access, "moved-to")
    cfs.file_system_pgroup_set(access, STORAGE, group.id)
    eventually(
        lambda: cfs.file_system(access, STORAGE),
        lambda one: one is not None and one.pgroup_id == group.id,
    )
    with pytest.raises(errors.Busy):
        cfs.pgroup_delete(access, group.id)
    eventually(lambda: cfs.file_system_pgroup_set(access, STORAGE, "pgroupbasic").request_id, bool)
    assert isinstance(cfs.clients(access, STORAGE), tuple)


def test_addon_values_travel_as_base64_json(access: Access) -> None:
    found = call(
        access, "tke", tke.VERSION, "DescribeAddon", {"ClusterId": CLUSTER, "AddonName": "qgpu"}
    )
    raw = found.data["Addons"][0]["RawValues"]
    assert json.loads(base64.b64decode(raw))
