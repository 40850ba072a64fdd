"""The data path: takes a request, finds its route and a target, and streams both ways."""

import asyncio
import contextlib
import json
import logging
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sandbox.gateway.balance import Target
from sandbox.gateway.gateway import Gateway
from sandbox.gateway.limiter import Subject
from sandbox.gateway.plugins import Answered, Plugins
from sandbox.gateway.router import Match, Request, upstream_path
from sandbox.gateway.stickiness import Stick, stick
from sandbox.store import Document

log = logging.getLogger(__name__)

HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "proxy-connection",
}  # fmt: skip
TRUSTED = ip_network("127.0.0.1/32")
BUFFER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
PORTS = {"http": 80, "https": 443}


def client_ip(request: web.BaseRequest) -> str:
    """The peer's address, or what a trusted hop in front says it is."""
    peer = request.remote or ""
    with contextlib.suppress(ValueError):
        if ip_address(peer) in TRUSTED:
            forwarded = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
            said = request.headers.get("X-Real-IP", "").strip() or forwarded
            return str(ip_address(said)) if said else peer
    return peer


class Proxy:
    def __init__(self, gateway: Gateway, session: aiohttp.ClientSession) -> None:
        self._gateway = gateway
        self._session = session
        self._plugins = Plugins(gateway)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        extra: dict[str, str] = {}  # headers our plug-ins add to the answer of the service
        try:
            return await self._serve(request, extra)
        except Answered as answer:
            text = (
                answer.body
                if isinstance(answer.body, str)
                else json.dumps(answer.body, separators=(",", ":"))
            )
            response = web.Response(status=answer.status, body=text.encode())
            response.headers["Content-Type"] = "application/json; charset=utf-8"
            response.headers["Server"] = f"kong/{self._gateway.version}"
            response.headers.update({**extra, **answer.headers})
            return response
        except ConnectionError:
            raise  # the client went away in the middle; there is nobody to answer
        except Exception:
            log.exception("The proxy of %s failed.", self._gateway.config.gateway_id)
            text = '{"message":"An unexpected error occurred"}'
            return web.Response(status=500, text=text, content_type="application/json")

    async def _serve(self, request: web.BaseRequest, extra: dict[str, str]) -> web.StreamResponse:
        path = unquote(request.raw_path.partition("?")[0])
        asked = Request(
            request.method, (request.host or "").rsplit(":", 1)[0], path, request.headers,
            request.query,
        )  # fmt: skip
        match = self._gateway.router.match(asked)
        if match is None:
            raise Answered(404, {"message": "no Route matched with those values"})
        self._insist_on_https(request, match.route)
        service = self._gateway.service_of(match.route)
        subject = Subject(
            client_ip(request), request.method, path, request.headers, request.query,
            request.cookies, service["kong"]["id"] if service else "",
        )  # fmt: skip
        await self._plugins.run(request, match.route, service, subject, extra)
        if service is None:
            raise Answered(503, {"message": "no Service found with those values"})
        service = self._plugins.canary(service, subject)
        return await self._forward(request, match, service, subject, extra)

    def _insist_on_https(self, request: web.BaseRequest, route: Document) -> None:
        kong = route["kong"]
        if "http" in kong["protocols"]:
            return
        code = kong["https_redirect_status_code"]
        if code == 426:
            upgrade = {"Connection": "Upgrade", "Upgrade": "TLS/1.2, HTTP/1.1"}
            raise Answered(426, {"message": "Please use HTTPS protocol"}, upgrade)
        raise Answered(code, "", {"Location": f"https://{request.host}{request.raw_path}"})

    # -- the way to the target

    async def _forward(
        self,
        request: web.BaseRequest,
        match: Match,
        service: Document,
        subject: Subject,
        extra: dict[str, str],
    ) -> web.StreamResponse:
        kong = service["kong"]
        upstream = self._gateway.config.upstream_of(service)
        sticky = stick(upstream["kong"], request, subject.ip) if upstream else Stick(None)
        if sticky.set_cookie:
            extra["Set-Cookie"] = sticky.set_cookie
        path = upstream_path(
            kong["path"],
            request.raw_path.partition("?")[0],
            match.matched_path,
            match.route["kong"]["strip_path"],
        )
        query = request.raw_path.partition("?")[2]
        target_path = f"{path}?{query}" if query else path
        headers = self._headers(request, match, kong, subject)
        body = await _body(request, match.route)
        tried: set[str] = set()
        for attempt in range(kong["retries"] + 1):
            target = self._pick(kong, upstream, sticky.key, tried)
            tried.add(target.address)
            preserve = match.route["kong"]["preserve_host"]
            headers["Host"] = request.host if preserve else target.address
            url = URL(f"{kong['protocol']}://{target.address}{target_path}", encoded=True)
            last = attempt == kong["retries"]
            response = await self._try(
                request, url, headers, body, kong, upstream, target, extra, last
            )
            if response is not None:
                return response
        raise AssertionError("the last try answers or raises")

    def _pick(
        self, kong: dict[str, Any], upstream: Document | None, key: str | None, tried: set[str]
    ) -> Target:
        if upstream is None:
            return Target(kong["host"], kong["port"] or PORTS[kong["protocol"]])
        chosen = self._gateway.balancer(upstream).pick(
            upstream["kong"], self._gateway.targets(upstream), key, tried
        )
        if chosen is None:
            raise Answered(503, {"message": "failure to get a peer from the ring-balancer"})
        return chosen

    async def _try(
        self,
        request: web.BaseRequest,
        url: URL,
        headers: "CIMultiDict[str]",
        body: Any,
        kong: dict[str, Any],
        upstream: Document | None,
        target: Target,
        extra: dict[str, str],
        last: bool,
    ) -> web.StreamResponse | None:
        """One attempt; None means that another target may be tried."""
        balancer = self._gateway.balancer(upstream) if upstream else None
        passive = upstream["kong"]["healthchecks"]["passive"] if upstream else None
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=kong["connect_timeout"] / 1000,
            sock_read=kong["read_timeout"] / 1000,
        )
        if balancer is not None:
            balancer.inflight[target.address] += 1
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._tunnel(request, url, headers)
            async with self._session.request(
                request.method, url, headers=headers, data=body, timeout=timeout,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                if balancer is not None and passive is not None:
                    balancer.report_status(passive, target.address, answer.status)
                return await self._relay(request, answer, extra)
        except TimeoutError as exc:
            if balancer is not None and passive is not None:
                balancer.report_failure(passive, target.address, timeout=True)
            raise Answered(504, {"message": "The upstream server is timing out"}) from exc
        except aiohttp.ClientError as exc:
            if balancer is not None and passive is not None:
                balancer.report_failure(passive, target.address, timeout=False)
            # Only a request that was certainly not worked on may go to the next target.
            safe = isinstance(exc, aiohttp.ClientConnectorError) or request.method in IDEMPOTENT
            if safe and not last and (body is None or isinstance(body, bytes)):
                return None
            raise Answered(
                502, {"message": "An invalid response was received from the upstream server"}
            ) from exc
        finally:
            if balancer is not None:
                balancer.inflight[target.address] -= 1

    def _headers(
        self, request: web.BaseRequest, match: Match, kong: dict[str, Any], subject: Subject
    ) -> "CIMultiDict[str]":
        dropped = HOP_BY_HOP | {
            name.strip().lower() for name in request.headers.get("Connection", "").split(",")
        }
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in dropped
        )
        headers.popall("Host", None)
        forwarded = request.headers.get("X-Forwarded-For")
        peer = request.remote or ""
        headers["X-Forwarded-For"] = f"{forwarded}, {peer}" if forwarded else peer
        headers["X-Real-IP"] = subject.ip
        headers["X-Forwarded-Proto"] = "http"
        headers["X-Forwarded-Host"] = (request.host or "").rsplit(":", 1)[0]
        headers["X-Forwarded-Port"] = "8000"
        headers["X-Forwarded-Path"] = request.raw_path.partition("?")[0]
        if match.route["kong"]["strip_path"] and match.matched_path:
            headers["X-Forwarded-Prefix"] = match.matched_path
        return headers

    async def _relay(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse, extra: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                response.headers.add(name, value)
        for name, value in extra.items():
            if name == "Set-Cookie":
                response.headers.add(name, value)
            else:
                response.headers[name] = value
        response.headers["Via"] = f"kong/{self._gateway.version}"
        if "Content-Length" not in answer.headers and request.version >= aiohttp.HttpVersion11:
            response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientError, TimeoutError):
            # The head is out, or the client is gone: all that is left is to break off.
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _tunnel(
        self, request: web.BaseRequest, url: URL, headers: "CIMultiDict[str]"
    ) -> web.StreamResponse:
        """A WebSocket, message by message."""
        sent = CIMultiDict(
            (name, value)
            for name, value in headers.items()
            if not name.lower().startswith("sec-websocket-") and name.lower() != "content-length"
        )
        async with self._session.ws_connect(url, headers=sent, max_msg_size=0) as back:
            front = web.WebSocketResponse(max_msg_size=0)
            await front.prepare(request)

            async def pump(source: Any, sink: Any) -> None:
                async for message in source:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await sink.send_str(message.data)
                    elif message.type is aiohttp.WSMsgType.BINARY:
                        await sink.send_bytes(message.data)
                # One side hung up: so does the other, which ends the pump of the other way.
                await sink.close()

            await asyncio.gather(pump(front, back), pump(back, front), return_exceptions=True)
            return front


async def _body(request: web.BaseRequest, route: Document) -> Any:
    """Nothing, the whole body (so that it can be sent again), or a stream of a large one."""
    if not request.body_exists:
        return None
    length = request.content_length
    if not route["kong"]["request_buffering"] or (length or BUFFER_BYTES + 1) > BUFFER_BYTES:
        return request.content.iter_chunked(CHUNK_BYTES)
    parts = bytearray()
    async for chunk in request.content.iter_any():
        parts += chunk
    return bytes(parts)
