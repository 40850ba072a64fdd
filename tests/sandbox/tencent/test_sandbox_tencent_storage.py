"""CFS and TCR: states, tokens, folders, images, and what survives a restart."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox import demo
from sandbox.gateway.service import Gateways
from sandbox.tencent.service import Tencent
from sandbox.world import World, open_world
from tests.sandbox.tencent.sdk import Call, client, until

FILE_SYSTEM = {
    "Zone": demo.ZONE,
    "NetInterface": "VPC",
    "PGroupId": "pgroupbasic",
    "VpcId": demo.VPC_ID,
    "SubnetId": demo.SUBNET_ID,
    "FsName": "more",
}
IMAGES = {
    "RegistryId": demo.REGISTRY_ID,
    "NamespaceName": demo.IMAGE_NAMESPACE,
    "RepositoryName": demo.IMAGE_REPOSITORY,
}


async def code_of(call: Call, service: str, action: str, **body: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        await call(service, action, **body)
    return str(caught.value.get_code())


async def available(call: Call, file_system_id: str) -> None:
    async def state() -> str:
        answer = await call("cfs", "DescribeCfsFileSystems", FileSystemId=file_system_id)
        return str(answer["FileSystems"][0]["LifeCycleState"])

    await until(state, lambda found: found == "available")


async def mount_ip(call: Call, file_system_id: str) -> str:
    answer = await call("cfs", "DescribeMountTargets", FileSystemId=file_system_id)
    return str(answer["MountTargets"][0]["IpAddress"])


async def test_the_preset_file_system_exports_its_model_directories(
    world: World, call: Call
) -> None:
    address = await mount_ip(call, demo.CFS_ID)
    for name in demo.MODEL_DIRECTORIES:
        folder = world.tencent.cfs.resolve(address, f"/{name}")
        assert folder is not None
        assert world.tencent.cfs.resolve(address, f"/{demo.CFS_FSID}/{name}") == folder
    assert world.tencent.cfs.resolve(address, "/") == world.cfs_root / demo.CFS_ID
    assert world.tencent.cfs.resolve(address, "/models/absent") is None
    assert world.tencent.cfs.resolve(address, "/../..") is None
    assert world.tencent.cfs.resolve("127.1.2.3", "/") is None


async def test_a_client_token_makes_a_create_idempotent(world: World, call: Call) -> None:
    first = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM, ClientToken="op-1")
    again = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM, ClientToken="op-1")
    other = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM)
    assert first["FileSystemId"] == again["FileSystemId"] != other["FileSystemId"]
    changed = {**FILE_SYSTEM, "FsName": "different"}
    code = await code_of(call, "cfs", "CreateCfsFileSystem", **changed, ClientToken="op-1")
    assert code == "FailedOperation.ClientTokenInUse"
    world.tencent.cfs.file_systems.tokens["op-1"]["at"] -= 3 * 3600
    later = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM, ClientToken="op-1")
    assert later["FileSystemId"] != first["FileSystemId"]


async def test_a_file_system_becomes_available_with_its_mount_target(
    world: World, call: Call
) -> None:
    world.pace.overrides["cfs.filesystem"] = 40
    made = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM)
    assert made["LifeCycleState"] == "creating"
    assert await mount_ip(call, made["FileSystemId"]) == ""
    await available(call, made["FileSystemId"])
    address = await mount_ip(call, made["FileSystemId"])
    folder = world.tencent.cfs.resolve(address, "/")
    assert folder is not None
    (folder / "model.bin").write_bytes(b"x" * 100)
    answer = await call("cfs", "DescribeCfsFileSystems", FileSystemId=made["FileSystemId"])
    assert answer["FileSystems"][0]["SizeByte"] == 100
    await call("cfs", "DeleteCfsFileSystem", FileSystemId=made["FileSystemId"])
    await until(lambda: asyncio.sleep(0, folder.exists()), lambda there: not there)


async def test_a_file_system_may_fail_to_be_created(world: World, call: Call) -> None:
    world.faults.replace([{"service": "cfs", "action": "CreateCfsFileSystem outcome"}])
    made = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM)

    async def state() -> str:
        answer = await call("cfs", "DescribeCfsFileSystems", FileSystemId=made["FileSystemId"])
        return str(answer["FileSystems"][0]["LifeCycleState"])

    await until(state, lambda found: found == "create_failed")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"VpcId": None}, "InvalidParameterValue.MissingVpcParameter"),
        ({"SubnetId": "subnet-none"}, "InvalidParameterValue.InvalidVpcParameter"),
        ({"PGroupId": "pgroup-none"}, "ResourceNotFound.PgroupNotFound"),
        ({"StorageType": "XX"}, "InvalidParameterValue"),
        ({"Protocol": "TURBO", "Capacity": 5}, "InvalidParameterValue.InvalidTurboCapacity"),
    ],
)
async def test_impossible_file_systems_are_refused(
    world: World, call: Call, change: dict[str, Any], code: str
) -> None:
    body = {**FILE_SYSTEM, **change}
    assert await code_of(call, "cfs", "CreateCfsFileSystem", **body) == code


async def test_only_turbo_has_a_directory_call(world: World, call: Call) -> None:
    operation = {"OpetationType": "create", "DirectoryPath": "/cfs/models"}
    code = await code_of(call, "cfs", "DoDirectoryOperation", FileSystemId=demo.CFS_ID, **operation)
    assert code == "UnsupportedOperation"
    body = {**FILE_SYSTEM, "Protocol": "TURBO", "StorageType": "TP", "Capacity": 10240}
    turbo = (await call("cfs", "CreateCfsFileSystem", **body))["FileSystemId"]
    await available(call, turbo)
    answer = await call("cfs", "DoDirectoryOperation", FileSystemId=turbo, **operation)
    assert answer["Result"] == 1
    assert world.tencent.cfs.resolve(await mount_ip(call, turbo), "/cfs/models") is not None


async def test_permission_groups_keep_their_rules(world: World, call: Call) -> None:
    group = (await call("cfs", "CreateCfsPGroup", Name="pods"))["PGroupId"]
    rule = await call(
        "cfs", "CreateCfsRule", PGroupId=group, AuthClientIp="10.0.0.0/16", Priority=1,
        RWPermission="RW",
    )  # fmt: skip
    assert rule["UserPermission"] == "root_squash"
    code = await code_of(
        call, "cfs", "CreateCfsRule", PGroupId=group, AuthClientIp="10.0.0.0/16", Priority=2
    )
    assert code == "InvalidParameterValue.DuplicatedRuleAuthClientIp"
    await call("cfs", "UpdateCfsRule", PGroupId=group, RuleId=rule["RuleId"], Priority=7)
    rules = (await call("cfs", "DescribeCfsRules", PGroupId=group))["RuleList"]
    assert [(entry["Priority"], entry["RWPermission"]) for entry in rules] == [(7, "RW")]
    await call("cfs", "UpdateCfsFileSystemPGroup", PGroupId=group, FileSystemId=demo.CFS_ID)
    code = await code_of(call, "cfs", "DeleteCfsPGroup", PGroupId=group)
    assert code == "FailedOperation.PgroupInUse"


async def test_a_snapshot_holds_the_files_as_they_were(world: World, call: Call) -> None:
    model = world.cfs_root / demo.CFS_ID / "models/Stable-diffusion/a.safetensors"
    model.write_bytes(b"old")
    made = await call("cfs", "CreateCfsSnapshot", FileSystemId=demo.CFS_ID, SnapshotName="s")
    model.write_bytes(b"new")

    async def status() -> str:
        answer = await call("cfs", "DescribeCfsSnapshots", SnapshotId=made["SnapshotId"])
        return str(answer["Snapshots"][0]["Status"])

    await until(status, lambda found: found == "available")
    body = {**FILE_SYSTEM, "SnapshotId": made["SnapshotId"]}
    copy = (await call("cfs", "CreateCfsFileSystem", **body))["FileSystemId"]
    await available(call, copy)
    restored = world.cfs_root / copy / "models/Stable-diffusion/a.safetensors"
    assert restored.read_bytes() == b"old"


async def test_the_preset_images_are_there_for_the_kubelet(world: World, call: Call) -> None:
    answer = await call("tcr", "DescribeImages", **IMAGES)
    assert {image["ImageVersion"] for image in answer["ImageInfoList"]} == set(demo.IMAGE_TAGS)
    domain = f"{demo.REGISTRY_NAME}.tencentcloudcr.com"
    repository = f"{demo.IMAGE_NAMESPACE}/{demo.IMAGE_REPOSITORY}"
    has = world.tencent.tcr.has_image
    assert has(domain, repository, demo.IMAGE_TAGS[0])
    assert has(domain, repository, answer["ImageInfoList"][0]["Digest"])
    assert not has(domain, repository, "latest")
    assert not has("other.tencentcloudcr.com", repository, demo.IMAGE_TAGS[0])


async def test_images_are_paged_by_page_number(world: World, call: Call) -> None:
    pages = [
        (await call("tcr", "DescribeImages", **IMAGES, Limit=2, Offset=page))["ImageInfoList"]
        for page in (0, 1, 2)
    ]
    assert pages[0] == pages[1]
    assert [len(page) for page in pages] == [2, 2, 1]


async def test_a_digest_is_that_of_the_manifest(world: World, call: Call) -> None:
    image = (await call("tcr", "DescribeImages", **IMAGES))["ImageInfoList"][0]
    manifest = await call(
        "tcr", "DescribeImageManifests", **IMAGES, ImageVersion=image["ImageVersion"]
    )
    digest = hashlib.sha256(manifest["Manifest"].encode()).hexdigest()
    assert image["Digest"] == f"sha256:{digest}"


async def test_a_registry_is_deployed_in_steps_then_takes_images(world: World, call: Call) -> None:
    made = await call("tcr", "CreateInstance", RegistryName="sd-more", RegistryType="standard")
    registry = {"RegistryId": made["RegistryId"]}

    async def status() -> str:
        answer = await call("tcr", "DescribeInstanceStatus", RegistryIds=[made["RegistryId"]])
        return str(answer["RegistryStatusSet"][0]["Status"])

    await until(status, lambda found: found == "Running")
    check = await call("tcr", "CheckInstanceName", RegistryName="sd-more")
    assert (check["IsValidated"], check["DetailCode"]) == (False, 3)
    space = {**registry, "NamespaceName": "team"}
    code = await code_of(call, "tcr", "CreateRepository", **space, RepositoryName="ui")
    assert code == "ResourceNotFound.ErrNoNamespace"
    await call("tcr", "CreateNamespace", **space, IsPublic=False)
    await call("tcr", "CreateRepository", **space, RepositoryName="ui")
    code = await code_of(call, "tcr", "CreateRepository", **space, RepositoryName="ui")
    assert code == "InvalidParameter.ErrRepoExist"
    answer = await call("tcr", "DescribeRepositories", **registry)
    assert [row["Name"] for row in answer["RepositoryList"]] == ["team/ui"]


async def test_tokens_and_service_accounts_let_a_docker_login_in(world: World, call: Call) -> None:
    registry = {"RegistryId": demo.REGISTRY_ID}
    domain = f"{demo.REGISTRY_NAME}.tencentcloudcr.com"
    may_pull = world.tencent.tcr.access.may_pull
    temp = await call("tcr", "CreateInstanceToken", **registry)
    assert may_pull(domain, temp["Username"], temp["Token"])
    assert not may_pull(domain, temp["Username"], "guess")
    assert "TokenId" not in temp
    long = await call("tcr", "CreateInstanceToken", **registry, TokenType="longterm", Desc="ci")
    await call("tcr", "ModifyInstanceToken", **registry, TokenId=long["TokenId"], Enable=False)
    assert not may_pull(domain, long["Username"], long["Token"])
    account = await call(
        "tcr", "CreateServiceAccount", **registry, Name="puller", Duration=1,
        Permissions=[{"Resource": demo.IMAGE_NAMESPACE, "Actions": ["tcr:PullRepository"]}],
    )  # fmt: skip
    assert account["Name"] == "tcr$puller"
    assert may_pull(domain, account["Name"], account["Password"])
    world.clock.offset_s = 2 * 86400
    assert not may_pull(domain, account["Name"], account["Password"])


async def test_state_survives_a_restart(world: World, call: Call, tmp_path: Path) -> None:
    made = await call("cfs", "CreateCfsFileSystem", **FILE_SYSTEM)
    await world.gateway.stop()
    await world.tencent.stop()
    again = open_world(tmp_path / "sandbox", pace=0.01)
    again.kube, again.tencent, again.gateway = world.kube, Tencent(), Gateways()
    await again.tencent.start(again)
    await again.gateway.start(again)
    try:
        assert not again.first_start("Tencent")
        sdk = client(again, "cfs")

        async def state() -> str:
            body = {"FileSystemId": made["FileSystemId"]}
            answer = await asyncio.to_thread(sdk.call_json, "DescribeCfsFileSystems", body)
            return str(answer["Response"]["FileSystems"][0]["LifeCycleState"])

        await until(state, lambda found: found == "available")
    finally:
        await again.gateway.stop()
        await again.tencent.stop()
        again.close()
        await world.tencent.start(world)
        await world.gateway.start(world)
