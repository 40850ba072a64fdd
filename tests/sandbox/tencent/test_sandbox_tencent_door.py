"""The door of the JSON APIs: signatures, permissions, frequency, validation, faults."""

import asyncio
import hashlib
import time
from typing import Any

import aiohttp
import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.tke.v20180525 import models

from sandbox import demo
from sandbox.accounts import REGION, Key
from sandbox.network import API_PORT
from sandbox.tencent import tc3
from sandbox.world import World
from tests.sandbox.tencent.sdk import NATIVE, Call, client


async def refusal(world: World, service: str, action: str, /, **body: Any) -> str:
    """The error code the SDK raises; fails if it raises none."""
    key = body.pop("key", None)
    version = body.pop("version", "")
    with pytest.raises(TencentCloudSDKException) as caught:
        await asyncio.to_thread(client(world, service, key, version).call_json, action, body)
    return str(caught.value.get_code())


async def test_a_signed_call_is_answered_with_a_request_id(world: World, call: Call) -> None:
    answer = await call("sts", "GetCallerIdentity")
    assert answer["AccountId"] == "100000000001"
    assert len(answer["RequestId"]) == 36


async def test_typed_models_of_the_sdk_read_our_answers(world: World, call: Call) -> None:
    answer = models.DescribeClustersResponse()
    answer._deserialize(await call("tke", "DescribeClusters"))
    assert answer.Clusters[0].ClusterId == demo.CLUSTER_ID
    assert answer.Clusters[0].ClusterMaterNodeNum == 0
    assert answer.Clusters[0].QGPUShareEnable is True


@pytest.mark.parametrize("unsigned", [True, False])
async def test_the_payload_may_be_left_unsigned(world: World, unsigned: bool) -> None:
    sdk = client(world, "tke")
    sdk.profile.unsignedPayload = unsigned
    answer = await asyncio.to_thread(sdk.call_json, "DescribeClusters", {"Limit": 1})
    assert answer["Response"]["TotalCount"] == 1


async def test_a_wrong_secret_key_is_a_signature_failure(world: World) -> None:
    good = world.accounts.first()
    forged = Key(good.secret_id, "wrong" + good.secret_key, good.uin)
    code = await refusal(world, "tke", "DescribeClusters", key=forged)
    assert code == "AuthFailure.SignatureFailure"


async def test_an_unknown_secret_id_is_named_so(world: World) -> None:
    stranger = Key("AKIDnobody", "secret", "1")
    code = await refusal(world, "tke", "DescribeClusters", key=stranger)
    assert code == "AuthFailure.SecretIdNotFound"


@pytest.mark.parametrize("offset_s", [400, -400])
async def test_a_clock_that_is_off_expires_the_signature(world: World, offset_s: int) -> None:
    world.clock.offset_s = offset_s
    assert await refusal(world, "tke", "DescribeClusters") == "AuthFailure.SignatureExpire"


async def test_a_token_nobody_handed_out_is_refused(world: World) -> None:
    sdk = client(world, "tke")
    sdk.credential.token = "made-up"
    with pytest.raises(TencentCloudSDKException) as caught:
        await asyncio.to_thread(sdk.call_json, "DescribeClusters", {})
    assert caught.value.get_code() == "AuthFailure.TokenFailure"


async def test_a_tampered_body_is_a_signature_failure(world: World) -> None:
    answer = await raw(world, "tke", "DescribeClusters", b'{"Limit":1}', sent=b'{"Limit":2}')
    assert answer["Error"]["Code"] == "AuthFailure.SignatureFailure"


async def test_no_authorization_at_all_is_refused(world: World) -> None:
    answer = await raw(world, "tke", "DescribeClusters", b"{}", authorization="")
    assert answer["Error"]["Code"] == "AuthFailure.InvalidAuthorization"


async def test_errors_are_http_200_with_the_bare_content_type(world: World) -> None:
    url = f"http://{world.network.front}:{API_PORT}/"
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_key_without_the_grant_is_told_which_action_it_lacks(world: World) -> None:
    key = world.accounts.create(denied=("tke:DescribeClusters",), uin="100000000002")
    with pytest.raises(TencentCloudSDKException) as caught:
        await asyncio.to_thread(client(world, "tke", key).call_json, "DescribeClusters", {})
    assert caught.value.get_code() == "UnauthorizedOperation"
    assert "tke:DescribeClusters" in caught.value.get_message()
    answer = await asyncio.to_thread(client(world, "tke", key).call_json, "DescribeVersions", {})
    assert answer["Response"]["TotalCount"] > 0


@pytest.mark.parametrize(
    ("service", "version", "action", "body", "code"),
    [
        ("tke", "", "DescribeClusterzzz", {}, "InvalidAction"),
        ("tke", "2017-01-01", "DescribeClusters", {}, "NoSuchVersion"),
        ("nope", "2017-01-01", "DescribeClusters", {}, "NoSuchProduct"),
        ("tke", "", "DescribeClusterKubeconfig", {}, "MissingParameter"),
        ("tke", "", "DescribeClusters", {"Color": "red"}, "UnknownParameter"),
        ("tke", "", "DescribeClusters", {"Limit": "ten"}, "InvalidParameter"),
        ("tke", "", "DescribeClusters", {"Limit": True}, "InvalidParameter"),
        ("tke", "", "DescribeClusters", {"Limit": 101}, "InvalidParameterValue"),
        ("tke", "", "DescribeClusters", {"Filters": [{"Nam": "x"}]}, "UnknownParameter"),
        ("tcr", "", "DescribeInstances", {"RegistryIds": []}, "UnknownParameter"),
        ("tse", "", "DescribeNativeGatewayServiceSources", {"GatewayId": "g"}, "UnknownParameter"),
        ("cfs", "", "DoDirectoryOperation", {"OperationType": "check"}, "UnknownParameter"),
        ("vpc", "", "DescribeVpcs", {"Limit": 10}, "InvalidParameter"),
        ("tke", "", "DescribeClusterKubeconfig", {"ClusterId": "cls-none"},
         "ResourceNotFound.ClusterNotFound"),
        ("tke", "", "DescribeClusterRouteTables", {}, "UnsupportedOperation"),
        ("tke", NATIVE, "ScaleNodePool", {"ClusterId": "c", "NodePoolId": "p"}, "MissingParameter"),
    ],
)  # fmt: skip
async def test_malformed_requests_get_tencents_codes(
    world: World, service: str, version: str, action: str, body: dict[str, Any], code: str
) -> None:
    assert await refusal(world, service, action, version=version, **body) == code


async def test_null_members_count_as_absent(world: World, call: Call) -> None:
    assert (await call("tke", "DescribeClusters", Limit=None))["TotalCount"] == 1


async def test_too_many_calls_a_second_are_refused_per_action(world: World) -> None:
    world.tencent.throttle.factor = 0.2  # four a second
    sdk = client(world, "tke")
    codes = []
    for _ in range(8):
        try:
            await asyncio.to_thread(sdk.call_json, "DescribeVersions", {})
        except TencentCloudSDKException as exc:
            codes.append(exc.get_code())
    assert set(codes) == {"RequestLimitExceeded"}
    answer = await asyncio.to_thread(sdk.call_json, "DescribeClusters", {})
    assert answer["Response"]["TotalCount"] == 1


async def test_an_injected_error_answers_in_the_envelope(world: World) -> None:
    world.faults.replace(
        [{"service": "tke", "action": "DescribeClusters", "nth": 1, "code": "InternalError.Db"}]
    )
    assert await refusal(world, "tke", "DescribeClusters") == "InternalError.Db"
    answer = await asyncio.to_thread(client(world, "tke").call_json, "DescribeClusters", {})
    assert answer["Response"]["TotalCount"] == 1


async def test_a_dropped_answer_leaves_the_change_behind(world: World, call: Call) -> None:
    world.faults.replace(
        [{"service": "vpc", "action": "CreateVpc", "nth": 1, "when": "after", "do": "drop"}]
    )
    code = await refusal(world, "vpc", "CreateVpc", VpcName="lost", CidrBlock="10.9.0.0/16")
    assert code == "ClientNetworkError"
    found = await call("vpc", "DescribeVpcs", Filters=[{"Name": "vpc-name", "Values": ["lost"]}])
    assert found["TotalCount"] == 1


async def test_a_call_dropped_before_changes_nothing(world: World, call: Call) -> None:
    world.faults.replace([{"service": "vpc", "action": "CreateVpc", "nth": 1, "do": "drop"}])
    await refusal(world, "vpc", "CreateVpc", VpcName="never", CidrBlock="10.9.0.0/16")
    found = await call("vpc", "DescribeVpcs", Filters=[{"Name": "vpc-name", "Values": ["never"]}])
    assert found["TotalCount"] == 0


async def raw(
    world: World,
    service: str,
    action: str,
    signed: bytes,
    *,
    sent: bytes | None = None,
    authorization: str | None = None,
) -> dict[str, Any]:
    """A call whose signature covers `signed` while `sent` goes over the wire."""
    key = world.accounts.first()
    host = f"{world.network.front}:{API_PORT}"
    stamp = str(int(time.time()))
    date = time.strftime("%Y-%m-%d", time.gmtime(int(stamp)))
    digest = hashlib.sha256(signed).hexdigest()
    canonical = (
        f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{digest}"
    )
    text = tc3.string_to_sign(stamp, f"{date}/{service}/tc3_request", canonical)
    signature = tc3.signature(key.secret_key, date, service, text)
    if authorization is None:
        authorization = (
            f"TC3-HMAC-SHA256 Credential={key.secret_id}/{date}/{service}/tc3_request,"
            f" SignedHeaders=content-type;host, Signature={signature}"
        )
    headers = {
        "Content-Type": "application/json", "Host": host, "X-TC-Action": action,
        "X-TC-Version": "2018-05-25", "X-TC-Timestamp": stamp, "X-TC-Region": REGION,
        "Authorization": authorization,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{host}/", data=signed if sent is None else sent, headers=headers
        ) as a,
    ):
        answer: dict[str, Any] = (await a.json())["Response"]
        return answer


async def test_the_same_call_untampered_is_let_in(world: World) -> None:
    assert (await raw(world, "tke", "DescribeClusters", b'{"Limit":1}'))["TotalCount"] == 1
