"""Real requests through the data path: routing, balancing, streaming, failures."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox import demo
from sandbox.network import GATEWAY_PORT
from sandbox.world import World
from tests.sandbox.gateway.traffic import POD_PORT, Gate, pods
from tests.sandbox.tencent.sdk import until
from tests.sandbox.tencent.standin_kube import standin


async def test_without_a_route_the_answer_is_kongs_404(gate: Gate) -> None:
    got = await gate.get("/x")
    assert got.status == 404
    assert got.text == '{"message":"no Route matched with those values"}'


async def test_pods_are_taken_in_turn_and_followed_live(gate: Gate, world: World) -> None:
    await gate.open()
    assert (await gate.get()).status == 503
    async with pods(world, "sd", 3) as running:
        assert await gate.hits(6) == {pod.ip: 2 for pod in running}
    assert (await gate.get()).status == 503


async def test_a_list_of_addresses_is_weighted_and_can_be_changed(gate: Gate, world: World) -> None:
    async with pods(world, "unused", 2) as (heavy, light):
        targets = [
            {"Host": heavy.ip, "Port": POD_PORT, "Weight": 75},
            {"Host": light.ip, "Port": POD_PORT, "Weight": 25},
        ]
        more = {"UpstreamType": "IPList", "UpstreamInfo": {"Targets": targets}}
        service_id = await gate.serve("list", **more)
        await gate.route(service_id, "list")
        assert await gate.hits(8) == {heavy.ip: 6, light.ip: 2}
        await gate.tse("UpdateUpstreamTargets", Name="list", Targets=targets[1:])
        assert await gate.hits(3) == {light.ip: 3}


async def test_headers_tell_the_pod_who_asked(gate: Gate, world: World) -> None:
    await gate.open()
    async with pods(world, "sd", 1) as (pod,):
        await gate.get("/a?b=1", source="127.0.0.9", headers={"X-Real-IP": "6.6.6.6"})
        await gate.get("/", source="127.0.0.1", headers={"X-Real-IP": "6.6.6.6"})
        foreign, trusted = pod.seen
        assert foreign.headers["X-Real-IP"] == "127.0.0.9"
        assert foreign.headers["X-Forwarded-Path"] == "/a"
        assert foreign.raw_path == "/a?b=1"
        assert foreign.host == f"{pod.ip}:{POD_PORT}"
        assert trusted.headers["X-Real-IP"] == "6.6.6.6"


async def test_hosts_methods_headers_and_paths_choose_the_route(gate: Gate, world: World) -> None:
    await gate.bind()
    ids = {name: await gate.serve(name) for name in ("any", "host", "wild", "post", "team", "re")}
    await gate.route(ids["any"], "any")
    await gate.route(ids["host"], "host", Hosts=["sd.example.com"])
    await gate.route(ids["wild"], "wild", Hosts=["*.example.com"])
    await gate.route(ids["post"], "post", Methods=["POST"])
    await gate.route(ids["team"], "team", Headers=[{"Key": "X-Team", "Value": "art"}])
    await gate.route(ids["re"], "re", Paths=[r"/api/v\d+/"], RegexPriority=5)
    names = list(ids)
    address = {}
    async with (
        pods(world, names[0], 1, 0) as a, pods(world, names[1], 1, 1) as b,
        pods(world, names[2], 1, 2) as c, pods(world, names[3], 1, 3) as d,
        pods(world, names[4], 1, 4) as e, pods(world, names[5], 1, 5) as f,
    ):  # fmt: skip
        for name, running in zip(names, (a, b, c, d, e, f), strict=True):
            address[running[0].ip] = name
        for expected, method, path, headers in (
            ("any", "GET", "/", {}),
            ("host", "GET", "/", {"Host": "sd.example.com"}),
            ("wild", "GET", "/", {"Host": "other.example.com:8000"}),
            ("any", "GET", "/", {"Host": "example.com"}),
            ("post", "POST", "/", {}),
            ("team", "GET", "/", {"X-Team": "art"}),
            ("any", "GET", "/", {"X-Team": "science"}),
            ("re", "GET", "/api/v2/x", {}),
            ("any", "GET", "/api/vx/x", {}),
        ):
            got = await gate.send(method, path, headers=headers)
            assert address[got.text] == expected, (method, path, headers)


@pytest.mark.parametrize(
    ("strip", "base", "asked", "sent"),
    [
        (False, None, "/sd/x?q=1", "/sd/x?q=1"),
        (True, None, "/sd/x?q=1", "/x?q=1"),
        (True, None, "/sd", "/"),
        (True, "/base", "/sd/x", "/base/x"),
        (False, "/base", "/sd/x", "/base/sd/x"),
    ],
)
async def test_the_path_is_stripped_as_asked(
    gate: Gate, world: World, strip: bool, base: str | None, asked: str, sent: str
) -> None:
    await gate.bind()
    service_id = await gate.serve("sd", Path=base)
    await gate.route(service_id, "sd", Paths=["/sd"], StripPath=strip)
    async with pods(world, "sd", 1):
        assert (await gate.get(asked)).headers["X-Path"] == sent


async def test_the_host_is_kept_if_asked(gate: Gate, world: World) -> None:
    await gate.bind()
    service_id = await gate.serve("sd")
    await gate.route(service_id, "sd", PreserveHost=True)
    async with pods(world, "sd", 1):
        got = await gate.get(headers={"Host": "sd.example.com"})
        assert got.headers["X-Host"] == "sd.example.com"


async def test_plain_http_on_an_https_route_is_told_to_upgrade(gate: Gate) -> None:
    await gate.bind()
    service_id = await gate.serve("sd")
    await gate.route(service_id, "sd", Protocols=["https"])
    assert (await gate.get()).status == 426


async def test_bodies_are_streamed_both_ways(gate: Gate, world: World) -> None:
    await gate.bind()
    service_id = await gate.serve("sd")
    await gate.route(service_id, "sd", RequestBuffering=False, ResponseBuffering=False)
    url = f"http://{world.network.gateway(0)}:{GATEWAY_PORT}/stream"
    echoed: asyncio.Queue[bytes] = asyncio.Queue()

    async def talk() -> AsyncIterator[bytes]:
        yield b"one"
        assert await asyncio.wait_for(echoed.get(), 10) == b"one"  # before the request has ended
        yield b"two"

    async with (
        pods(world, "sd", 1),
        aiohttp.ClientSession() as session,
        session.post(url, data=talk()) as answer,
    ):
        parts = []
        async for chunk in answer.content.iter_any():
            parts.append(chunk)
            echoed.put_nowait(chunk)
        assert parts == [b"one", b"two"]


async def test_a_large_body_arrives_whole(gate: Gate, world: World) -> None:
    await gate.open()
    body = bytes(range(256)) * 80_000  # 20 MB: above what is buffered
    async with pods(world, "sd", 1) as (pod,):
        assert (await gate.send("POST", "/", data=body)).status == 200
        assert pod.bodies == [body]


async def test_answers_without_a_body_pass(gate: Gate, world: World) -> None:
    await gate.open()
    async with pods(world, "sd", 1) as (pod,):
        got = await gate.send("HEAD", "/")
        assert (got.status, got.text, got.headers["Content-Length"]) == (
            200,
            "",
            str(len(pod.ip)),
        )
        pod.status = 204
        assert (await gate.get()).status == 204


async def test_a_slow_pod_is_a_504_after_the_services_timeout(gate: Gate, world: World) -> None:
    await gate.open(Timeout=100)
    async with pods(world, "sd", 1) as (pod,):
        pod.sleep_s = 5
        assert (await gate.get()).status == 504


async def test_a_dead_pod_is_stepped_over(gate: Gate, world: World) -> None:
    await gate.open()
    async with pods(world, "sd", 2) as (dead, alive):
        await dead.stop()
        assert await gate.hits(4) == {alive.ip: 4}
        await dead.start()


async def test_a_reset_is_retried_for_reads_and_a_502_for_writes(gate: Gate, world: World) -> None:
    await gate.open()
    async with pods(world, "sd", 2) as (bad, good):
        bad.reset = True
        assert await gate.hits(2) == {good.ip: 2}
        codes = sorted([(await gate.send("POST", "/", data=b"x")).status for _ in range(2)])
        assert codes == [200, 502]


async def test_web_sockets_pass(gate: Gate, world: World) -> None:
    await gate.open()

    async def echo(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        socket = aiohttp.web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{message.data}!")
        return socket

    app = aiohttp.web.Application()
    app.router.add_get("/queue/join", echo)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    ip = world.network.pod(0)
    await aiohttp.web.TCPSite(runner, ip, POD_PORT).start()
    standin(world).cluster(demo.CLUSTER_ID).pods["sd", "sd", POD_PORT] = [(ip, POD_PORT)]
    url = f"http://{world.network.gateway(0)}:{GATEWAY_PORT}/queue/join"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=10) == "hello!"
    await runner.cleanup()


async def test_a_pod_is_taken_out_and_put_back(gate: Gate, world: World) -> None:
    await gate.open()
    async with pods(world, "sd", 2) as (out, stays):
        node = {"ServiceName": "sd", "Host": out.ip, "Port": POD_PORT}
        await gate.tse("ModifyUpstreamNodeStatus", **node, Status="UNHEALTHY")
        assert await gate.hits(4) == {stays.ip: 4}
        answer = await gate.tse("DescribeCloudNativeAPIGatewayUpstream", ServiceName="sd")
        health = {t["Host"]: t["Health"] for t in answer["Result"]["UpstreamList"][0]["Target"]}
        assert health[out.ip] == "UNHEALTHY"
        await gate.tse("ModifyUpstreamNodeStatus", **node, Status="HEALTHY")
        assert set(await gate.hits(4)) == {out.ip, stays.ip}


async def test_the_passive_check_breaks_the_circuit(gate: Gate, world: World) -> None:
    await gate.open()
    await gate.tse(
        "UpdateUpstreamHealthCheckConfig",
        Name="sd",
        HealthCheckConfig={
            "EnableActiveHealthCheck": False,
            "EnablePassiveHealthCheck": True,
            "PassiveHealthCheck": {"Type": "http"},
            "Failures": 2,
            "UnhealthyHttpStatuses": [500],
        },
    )
    async with pods(world, "sd", 2) as (bad, good):
        bad.status = 500
        assert await gate.statuses(10) == {200: 8, 500: 2}
        assert len(bad.seen) == 2
        detail = await gate.tse("DescribeOneCloudNativeAPIGatewayService", Name="sd")
        info = detail["Result"]["UpstreamInfo"]
        assert info["HealthStatus"] == "UNHEALTHY"
        assert {t["Host"]: t["Health"] for t in info["Targets"]} == {
            bad.ip: "UNHEALTHY",
            good.ip: "HEALTHY",
        }


async def test_the_active_check_takes_out_and_brings_back(gate: Gate, world: World) -> None:
    await gate.open()
    await gate.tse(
        "UpdateUpstreamHealthCheckConfig",
        Name="sd",
        HealthCheckConfig={
            "EnableActiveHealthCheck": True,
            "ActiveHealthCheck": {"HealthyInterval": 1, "UnHealthyInterval": 1, "HttpPath": "/ok"},
            "EnablePassiveHealthCheck": False,
            "Failures": 1,
            "Successes": 1,
            "UnhealthyHttpStatuses": [500],
        },
    )

    async def healthy() -> int:
        answer = await gate.tse("DescribeCloudNativeAPIGatewayUpstream", ServiceName="sd")
        targets = answer["Result"]["UpstreamList"][0]["Target"]
        return sum(target["Health"] == "HEALTHY" for target in targets)

    async with pods(world, "sd", 2) as (ill, _):
        ill.status = 500
        await until(healthy, lambda count: count == 1)
        ill.status = 200
        await until(healthy, lambda count: count == 2)
        assert any(request.path == "/ok" for request in ill.seen)


async def test_least_connections_avoids_the_busy_pod(gate: Gate, world: World) -> None:
    await gate.open(Algorithm="least-connections")
    async with pods(world, "sd", 2) as (first, second):
        first.sleep_s = 30
        waiting = asyncio.create_task(gate.get())
        while not first.seen:
            await asyncio.sleep(0.01)
        assert await gate.hits(4) == {second.ip: 4}
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
