"""Konga and Kong Admin: stickiness, which only they can set, and the one shared configuration."""

from typing import Any

import aiohttp
import pytest

from sandbox.gateway.service import Gateways
from sandbox.network import KONG_ADMIN_PORT, KONGA_PORT
from sandbox.world import World, open_world
from tests.sandbox.gateway.traffic import Gate, pods
from tests.sandbox.tencent.sdk import until


class Konga:
    """A logged-in Konga session, reached as TSE's console config says."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session, self._url, self._token = session, url, token

    @classmethod
    async def login(cls, gate: Gate, session: aiohttp.ClientSession) -> "Konga":
        answer = await gate.tse("DescribeCloudNativeAPIGatewayConfig")
        found = answer["Result"]["ConfigList"][0]
        who = {"identifier": found["AdminUser"], "password": found["AdminPassword"]}
        async with session.post(f"{found['HttpUrl']}/login", json=who) as response:
            assert response.status == 200
            return cls(session, found["HttpUrl"], (await response.json())["token"])

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.request(
            method, f"{self._url}{path}", json=body, headers=headers
        ) as response:
            return response.status, await response.json()


async def upstream_id(gate: Gate) -> str:
    answer = await gate.tse("DescribeCloudNativeAPIGatewayUpstream", ServiceName="sd")
    return str(answer["Result"]["UpstreamList"][0]["ID"])


async def homes(gate: Gate, addresses: int = 12) -> dict[str, set[str]]:
    """Which pods the requests of each client address reached."""
    return {
        f"127.0.1.{number}": set(await gate.hits(4, source=f"127.0.1.{number}"))
        for number in range(1, addresses + 1)
    }


async def test_hash_on_ip_through_konga_makes_each_address_stay(gate: Gate, world: World) -> None:
    await gate.open(Algorithm="consisten_hashing")
    async with pods(world, "sd", 3) as running, aiohttp.ClientSession() as session:
        assert any(len(pods_of) > 1 for pods_of in (await homes(gate, 3)).values())
        konga = await Konga.login(gate, session)
        status, listed = await konga.ask("GET", "/kong/upstreams")
        assert (status, listed["data"][0]["hash_on"]) == (200, "none")
        key = await upstream_id(gate)
        status, changed = await konga.ask("PATCH", f"/kong/upstreams/{key}", {"hash_on": "ip"})
        assert (status, changed["algorithm"]) == (200, "consistent-hashing")
        before = await homes(gate)
        assert {len(pods_of) for pods_of in before.values()} == {1}
        assert len(set().union(*before.values())) > 1
        # One pod goes: only its own clients move.
        gone = running[0].ip
        await gate.tse(
            "ModifyUpstreamNodeStatus", ServiceName="sd", Host=gone, Port=7860, Status="UNHEALTHY"
        )
        after = await homes(gate)
        assert all(after[who] == where for who, where in before.items() if where != {gone})
        assert all(gone not in where for where in after.values())


async def test_tses_own_modify_loses_the_hash_key(gate: Gate, world: World) -> None:
    service_id = await gate.open()
    async with aiohttp.ClientSession() as session:
        konga = await Konga.login(gate, session)
        key = await upstream_id(gate)
        await konga.ask("PATCH", f"/kong/upstreams/{key}", {"hash_on": "ip"})
        await gate.tse(
            "ModifyCloudNativeAPIGatewayService", ID=service_id,
            **gate.service("sd", Algorithm="consisten_hashing"),
        )  # fmt: skip
        _, upstream = await konga.ask("GET", f"/kong/upstreams/{key}")
        assert (upstream["algorithm"], upstream["hash_on"]) == ("consistent-hashing", "none")


async def test_a_lost_answer_of_konga_leaves_the_change_behind(gate: Gate, world: World) -> None:
    await gate.open()
    world.faults.replace(
        [{"service": "kong", "action": "PATCH upstreams", "nth": 1, "when": "after", "do": "drop"}]
    )
    async with aiohttp.ClientSession() as session:
        konga = await Konga.login(gate, session)
        path = f"/kong/upstreams/{await upstream_id(gate)}"
        with pytest.raises(aiohttp.ClientError):
            await konga.ask("PATCH", path, {"hash_on": "ip"})
        assert (await konga.ask("GET", path))[1]["hash_on"] == "ip"


async def test_konga_lets_nobody_in_without_a_token(gate: Gate, world: World) -> None:
    url = f"http://{world.network.gateway(0)}:{KONGA_PORT}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/kong/upstreams") as response:
            assert (response.status, (await response.json())["logout"]) == (401, True)
        wrong = {"identifier": "admin", "password": "guess"}
        async with session.post(f"{url}/login", json=wrong) as response:
            assert response.status == 403


async def test_the_console_closes_and_opens_with_its_access_list(gate: Gate, world: World) -> None:
    url = f"http://{world.network.gateway(0)}:{KONGA_PORT}/"

    async def reachable() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    await gate.tse("ModifyConsoleNetwork", NetworkType="Open", Operate="Close")
    await until(reachable, lambda there: not there)
    await gate.tse("ModifyConsoleNetwork", NetworkType="Open", Operate="Open")
    await until(reachable, lambda there: there)
    await gate.tse(
        "ModifyConsoleNetwork", NetworkType="Open", Operate="Open",
        AccessControl={"Mode": "Whitelist", "CidrWhiteList": ["10.0.0.0/8"]},
    )  # fmt: skip
    await until(reachable, lambda there: not there)


async def test_kong_admin_shares_the_configuration(gate: Gate, world: World) -> None:
    await gate.open()
    url = f"http://{world.network.gateway(0)}:{KONG_ADMIN_PORT}"
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            async with session.request(method, f"{url}{path}", json=body) as response:
                return response.status, await response.json() if response.status != 204 else None

        assert (await ask("GET", "/"))[1]["version"] == "2.5.1"
        _, service = await ask("GET", "/services/sd")
        assert service["host"] == f"default-{service['id']}"
        assert "tse" not in service
        status, made = await ask("POST", "/upstreams", {"name": "own", "hash_on": "cookie",
                                                        "hash_on_cookie": "who"})  # fmt: skip
        assert (status, made["algorithm"]) == (201, "consistent-hashing")
        assert (await ask("POST", "/upstreams", {"name": "own"}))[0] == 409
        assert (await ask("POST", "/upstreams", {"name": "x", "hash_on": "moon"}))[0] == 400
        for ip in (world.network.pod(0), world.network.pod(1)):
            await ask("POST", "/upstreams/own/targets", {"target": f"{ip}:7860"})
        await ask("PUT", "/services/mine", {"host": "own", "port": 7860})
        status, route = await ask("POST", "/services/mine/routes", {"paths": ["/mine"]})
        assert status == 201
        assert (await ask("DELETE", "/services/mine"))[0] == 400
        await ask(
            "POST", f"/routes/{route['id']}/plugins",
            {"name": "rate-limiting", "config": {"year": 1, "policy": "redis", "limit_by": "ip"}},
        )  # fmt: skip
        async with pods(world, "elsewhere", 2):
            got = await gate.get("/mine/x", source="127.0.0.5")
            assert (got.status, got.headers["X-Path"]) == (200, "/x")
            cookie = got.headers["Set-Cookie"].split(";")[0]
            sticky = [
                await gate.get("/mine", source=f"127.0.2.{n}", headers={"Cookie": cookie})
                for n in range(1, 6)
            ]
            assert {answer.text for answer in sticky} == {got.text}
            assert (await gate.get("/mine", source="127.0.0.5")).status == 429
        listed = await gate.tse("DescribeCloudNativeAPIGatewayServices", Limit=10)
        assert {row["Name"] for row in listed["Result"]["ServiceList"]} == {"sd", "mine"}
        seen = await gate.tse("DescribeCloudNativeAPIGatewayRouteRateLimit", Id=route["id"])
        assert seen["Result"]["QpsThresholds"] == [{"Unit": "year", "Max": 1}]


async def test_the_configuration_survives_a_restart(gate: Gate, world: World) -> None:
    await gate.open()
    detail = {"QpsThresholds": [{"Unit": "year", "Max": 1}], "LimitBy": "ip", "Policy": "redis"}
    await gate.tse("CreateCloudNativeAPIGatewayRouteRateLimit", Id="sd-all", LimitDetail=detail)
    async with aiohttp.ClientSession() as session:
        konga = await Konga.login(gate, session)
        await konga.ask("PATCH", f"/kong/upstreams/{await upstream_id(gate)}", {"hash_on": "ip"})
    await world.gateway.stop()
    again = open_world(world.home, pace=0.01)
    again.kube, again.tencent, again.gateway = world.kube, world.tencent, Gateways()
    await again.gateway.start(again)
    try:
        reopened = Gate(again, gate.call)
        async with pods(world, "sd", 2):
            assert await reopened.statuses(2) == {200: 1, 429: 1}
        upstream = again.store.collection("kong.upstreams")
        assert [entry["kong"]["hash_on"] for entry in upstream.values()] == ["ip"]
    finally:
        await again.gateway.stop()
        again.close()
        await world.gateway.start(world)
