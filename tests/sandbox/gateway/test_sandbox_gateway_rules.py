"""Rate limits, canary, IP restrictions, CORS, stickiness: set through the APIs, felt by traffic."""

import asyncio
from typing import Any

import aiohttp
import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox import demo
from sandbox.world import World
from tests.sandbox.gateway.traffic import Gate, pods
from tests.sandbox.tencent.sdk import until

NODES = 2  # of the preset gateway; the policy `local` counts on each of them


def limit(most: int, unit: str = "year", **more: Any) -> dict[str, Any]:
    """A LimitDetail counted once for all nodes, unless `Policy` says otherwise."""
    return {
        "Enabled": True,
        "QpsThresholds": [{"Unit": unit, "Max": most}],
        "LimitBy": "ip",
        "Policy": "redis",
        "ResponseType": "default",
        **more,
    }


async def limited(gate: Gate, detail: dict[str, Any]) -> None:
    await gate.open()
    await gate.tse("CreateCloudNativeAPIGatewayRouteRateLimit", Id="sd-all", LimitDetail=detail)


async def test_a_limit_counts_each_address_and_says_what_is_left(gate: Gate, world: World) -> None:
    await limited(gate, limit(2))
    async with pods(world, "sd", 1) as (pod,):
        first = await gate.get()
        assert first.headers["X-RateLimit-Limit-Year"] == "2"
        assert first.headers["X-RateLimit-Remaining-Year"] == "1"
        assert await gate.statuses(3) == {200: 1, 429: 2}
        assert (await gate.get()).text == '{"message":"API rate limit exceeded"}'
        assert (await gate.get(source="127.0.0.3")).status == 200
        assert len(pod.seen) == 3


@pytest.mark.parametrize("unit", ["second", "minute", "hour", "day", "month", "year"])
async def test_every_unit_opens_again_when_its_window_ends(
    gate: Gate, world: World, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = {
        "second": 1,
        "minute": 60,
        "hour": 3600,
        "day": 86400,
        "month": 32 * 86400,
        "year": 367 * 86400,
    }
    await limited(gate, limit(1, unit))
    now = [world.clock.now()]
    monkeypatch.setattr(world.clock, "now", lambda: now[0])
    async with pods(world, "sd", 1):
        for _ in range(2):
            assert await gate.statuses(3) == {200: 1, 429: 2}
            now[0] += spans[unit]


async def test_a_local_limit_holds_on_each_node(gate: Gate, world: World) -> None:
    await limited(gate, limit(2, Policy="local"))
    async with pods(world, "sd", 1):
        assert await gate.statuses(10) == {200: 2 * NODES, 429: 10 - 2 * NODES}


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        ({"LimitBy": "service"}, {"source": "127.0.0.3"}, None),
        ({"LimitBy": "header", "Header": "X-User"}, {"headers": {"X-User": "a"}},
         {"headers": {"X-User": "b"}}),
        ({"LimitBy": "path", "Path": "/txt2img"}, {"path": "/txt2img", "source": "127.0.0.4"},
         {"path": "/"}),
    ],
)  # fmt: skip
async def test_limits_count_by_what_they_name(
    gate: Gate,
    world: World,
    by: dict[str, Any],
    same: dict[str, Any],
    other: dict[str, Any] | None,
) -> None:
    await limited(gate, limit(1, **by))
    async with pods(world, "sd", 1):
        assert await gate.statuses(3, **same) == {200: 1, 429: 2}
        if other is not None:
            assert await gate.statuses(1, **other) == {200: 1}


async def test_a_limit_answers_in_its_own_words(gate: Gate, world: World) -> None:
    detail = limit(
        1, ResponseType="text", HideClientHeaders=True,
        RateLimitResponse={"Body": '{"say":"慢一点"}', "HttpStatus": 503,
                           "Headers": [{"Key": "X-Why", "Value": "limit"}]},
    )  # fmt: skip
    await limited(gate, detail)
    async with pods(world, "sd", 1):
        assert "X-RateLimit-Limit-Year" not in (await gate.get()).headers
        got = await gate.get()
        assert (got.status, got.text, got.headers["X-Why"]) == (503, '{"say":"慢一点"}', "limit")
        assert "X-RateLimit-Limit-Year" not in got.headers
        await gate.tse(
            "ModifyCloudNativeAPIGatewayRouteRateLimit", Id="sd-all",
            LimitDetail=limit(1, ResponseType="url", RateLimitResponseUrl="http://busy/"),
        )  # fmt: skip
        got = await gate.get()
        assert (got.status, got.headers["Location"]) == (302, "http://busy/")


async def test_a_queueing_limit_delays_instead_of_refusing(gate: Gate, world: World) -> None:
    await limited(gate, limit(1, "second", IsDelay=True, LineUpTime=20))
    async with pods(world, "sd", 1):
        got = await asyncio.gather(*(gate.get() for _ in range(3)))
        assert [answer.status for answer in got] == [200, 200, 200]


async def test_the_routes_limit_outranks_the_services(gate: Gate, world: World) -> None:
    await limited(gate, limit(1))
    await gate.tse("CreateCloudNativeAPIGatewayServiceRateLimit", Name="sd", LimitDetail=limit(4))
    async with pods(world, "sd", 1):
        assert await gate.statuses(3) == {200: 1, 429: 2}
        await gate.tse("DeleteCloudNativeAPIGatewayRouteRateLimit", Id="sd-all")
        assert await gate.statuses(6) == {200: 4, 429: 2}


async def test_a_limit_reads_back_as_written(gate: Gate) -> None:
    detail = limit(5, "minute", Policy="local")
    await limited(gate, detail)
    found = await gate.tse("DescribeCloudNativeAPIGatewayRouteRateLimit", Id="sd-all")
    assert detail.items() <= found["Result"].items()
    with pytest.raises(TencentCloudSDKException) as caught:
        await gate.tse(
            "ModifyCloudNativeAPIGatewayRouteRateLimit", Id="sd-all",
            LimitDetail=limit(5, "fortnight"),
        )  # fmt: skip
    assert caught.value.get_code() == "InvalidParameterValue.InvalidParameterValue"


async def test_parameter_rules_limit_only_what_they_match(gate: Gate, world: World) -> None:
    rule = {
        "Filters": [{"Key": "header", "Name": "X-Plan", "Operator": "in", "Values": ["free"]}],
        "LimitBy": [{"Key": "ip", "Value": ""}],
        "QpsThresholds": [{"Unit": "year", "Max": 1}],
    }
    await limited(gate, {"Enabled": True, "Policy": "redis", "LimitRules": [rule]})
    async with pods(world, "sd", 1):
        assert await gate.statuses(3, headers={"X-Plan": "free"}) == {200: 1, 429: 2}
        assert await gate.statuses(3, headers={"X-Plan": "paid"}) == {200: 3}
        assert await gate.statuses(1, headers={"X-Plan": "free"}, source="127.0.0.7") == {200: 1}


async def test_canary_rules_split_by_condition_and_weight(gate: Gate, world: World) -> None:
    old = await gate.open("old")
    new = await gate.serve("new")
    await gate.tse(
        "CreateCloudNativeAPIGatewayCanaryRule", ServiceId=old,
        CanaryRule={"Priority": 90, "Enabled": True,
                    "ConditionList": [{"Type": "header", "Key": "X-Beta", "Operator": "eq",
                                       "Value": "1"}],
                    "BalancedServiceList": [{"ServiceID": new, "Percent": 100.0}]},
    )  # fmt: skip
    await gate.tse(
        "CreateCloudNativeAPIGatewayCanaryRule", ServiceId=old,
        CanaryRule={"Priority": 10, "Enabled": True,
                    "BalancedServiceList": [{"ServiceID": old, "Percent": 90.0},
                                            {"ServiceID": new, "Percent": 10.0}]},
    )  # fmt: skip
    async with pods(world, "old", 1, 0) as (a,), pods(world, "new", 1, 1) as (b,):
        assert await gate.hits(20) == {a.ip: 18, b.ip: 2}
        assert await gate.hits(5, headers={"X-Beta": "1"}) == {b.ip: 5}
        await gate.tse("DeleteCloudNativeAPIGatewayCanaryRule", ServiceId=old, Priority=10)
        assert await gate.hits(10) == {a.ip: 10}
    listed = await gate.tse("DescribeCloudNativeAPIGatewayCanaryRules", ServiceId=old)
    assert [rule["Priority"] for rule in listed["Result"]["CanaryRuleList"]] == [90]


async def test_an_address_list_lets_in_or_keeps_out(gate: Gate, world: World) -> None:
    service_id = await gate.open()
    subject = {"SourceType": "service", "SourceId": service_id, "Enabled": True}
    async with pods(world, "sd", 1):
        await gate.tse(
            "CreateOrModifyCloudNativeAPIGatewayIPRestriction", **subject,
            RestrictionType="whiteList", AddressList=["127.0.0.8/30"],
        )  # fmt: skip
        assert (await gate.get(source="127.0.0.9")).status == 200
        assert (await gate.get(source="127.0.0.2")).status == 403
        await gate.tse(
            "CreateOrModifyCloudNativeAPIGatewayIPRestriction", **subject,
            RestrictionType="blackList", AddressList=["127.0.0.9"],
        )  # fmt: skip
        assert (await gate.get(source="127.0.0.9")).status == 403
        assert (await gate.get(source="127.0.0.2")).status == 200


async def test_cors_answers_the_preflight_itself(gate: Gate, world: World) -> None:
    service_id = await gate.open()
    await gate.tse(
        "CreateOrModifyCloudNativeAPIGatewayCORS", SourceType="service", SourceId=service_id,
        Enabled=True, Origins=["https://console.example.com"], Methods=["GET", "POST"], MaxAge=60,
    )  # fmt: skip
    origin = {"Origin": "https://console.example.com"}
    async with pods(world, "sd", 1) as (pod,):
        ahead = {**origin, "Access-Control-Request-Method": "POST"}
        got = await gate.send("OPTIONS", "/", headers=ahead)
        assert got.status == 200
        assert got.headers["Access-Control-Allow-Methods"] == "GET,POST"
        assert pod.seen == []
        got = await gate.get(headers=origin)
        assert got.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        got = await gate.get(headers={"Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in got.headers


async def test_routes_need_a_limit_to_be_listed_and_names_are_unique(gate: Gate) -> None:
    service_id = await gate.open()
    empty = await gate.tse("DescribeCloudNativeAPIGatewayRoutes")
    assert (empty["Result"]["TotalCount"], empty["Result"]["RouteList"]) == (1, [])
    with pytest.raises(TencentCloudSDKException) as caught:
        await gate.route(service_id, "sd-all")
    assert caught.value.get_code() == "InvalidParameterValue.ResourceAlreadyExist"


async def test_a_source_in_use_is_not_let_go(gate: Gate) -> None:
    await gate.open()
    source = {"GatewayID": demo.GATEWAY_ID, "SourceID": demo.CLUSTER_ID}
    with pytest.raises(TencentCloudSDKException) as caught:
        await gate.call("tse", "DeleteNativeGatewayServiceSource", **source)
    assert caught.value.get_code() == "ResourceInUse.GatewayServiceSourceExistService"
    await gate.tse("DeleteCloudNativeAPIGatewayService", Name="sd", DeleteRoutes=True)
    await gate.call("tse", "DeleteNativeGatewayServiceSource", **source)
    assert (await gate.get()).status == 404


async def test_a_new_gateway_opens_its_own_address_and_closes_it(gate: Gate, world: World) -> None:
    made = await gate.call(
        "tse", "CreateCloudNativeAPIGateway", Name="second", Type="kong", GatewayVersion="2.4.1",
        NodeConfig={"Specification": "1c2g", "Number": 2},
        VpcConfig={"VpcId": demo.VPC_ID, "SubnetId": demo.SUBNET_ID},
    )  # fmt: skip
    gateway_id = made["Result"]["GatewayId"]

    async def state() -> str:
        try:
            answer = await gate.call("tse", "DescribeCloudNativeAPIGateway", GatewayId=gateway_id)
        except TencentCloudSDKException as exc:
            return str(exc.get_code())
        return str(answer["Result"]["Status"])

    async def reachable() -> bool:
        url = f"http://{world.network.gateway(1)}:8000/"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status == 404
        except aiohttp.ClientError:
            return False

    await until(state, lambda found: found == "Running")
    await until(reachable, lambda there: there)
    await gate.call("tse", "DeleteCloudNativeAPIGateway", GatewayId=gateway_id)
    await until(state, lambda found: found == "ResourceNotFound.InstanceNotFound")
    assert not await reachable()
