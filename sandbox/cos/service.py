"""The COS endpoint: one port for path style and virtual hosts, with CI's calls passed on to it."""

import asyncio
import contextlib
from urllib.parse import unquote_plus

from aiohttp import ClientPayloadError, web

from sandbox import demo
from sandbox.accounts import REGION
from sandbox.cos import address, cors, lifecycle, operations, signature
from sandbox.cos.call import Call, Reply, new_request_id, xml_reply
from sandbox.cos.errors import CosError, NotModified
from sandbox.cos.objects import Objects
from sandbox.cos.uploads import Uploads
from sandbox.faults import Dropped, Refused
from sandbox.network import COS_PORT
from sandbox.world import World

SWEEP_S = 2.0


class Cos:
    world: World
    objects: Objects
    uploads: Uploads

    async def start(self, world: World) -> None:
        self.world = world
        self.objects = Objects(world)
        self.uploads = Uploads(world, self.objects)
        server = web.Server(self._serve)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, world.network.front, COS_PORT)
        await site.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        self._sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeper
        await self._runner.cleanup()

    def seed(self, world: World) -> None:
        """The bucket an ops team made in the console, private, with the folder for pictures."""
        self.objects.create_bucket(demo.BUCKET)
        self.objects.put(demo.BUCKET, "images/", b"", content_type="application/x-directory")

    async def _sweep(self) -> None:
        while True:
            lifecycle.sweep(self.objects, self.uploads, self.world.clock.now())
            await asyncio.sleep(max(0.2, SWEEP_S * self.world.pace.factor))

    # One request.

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = _read(request)
        try:
            reply = await self._answer(call)
        except (Dropped, ConnectionError, ClientPayloadError):
            return _hang_up(request)
        except Refused as refusal:
            reply = _refuse(call, CosError(refusal.code, refusal.message, refusal.status))
        except CosError as error:
            reply = _refuse(call, error)
        except NotModified as fresh:
            reply = Reply(304, fresh.headers)
        reply.headers |= self._cross_origin(call)
        reply.headers["x-cos-request-id"] = call.request_id
        reply.headers["Server"] = "tencent-cos"
        try:
            return await _send(request, reply)
        except (ConnectionError, FileNotFoundError):
            # The reader went away, or the object was replaced while it was read.
            return _hang_up(request)

    async def _answer(self, call: Call) -> Reply:
        if call.method == "OPTIONS":
            return self._preflight(call)
        await self._identify(call)
        if call.headers.get("expect", "").lower() == "100-continue":
            await call.request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        ci = self.world.ci
        if ci is not None and ci.takes(call):
            return await ci.answer(call)
        if call.address.ci:
            raise CosError("MethodNotAllowed")
        operation = operations.find(call)
        writes = call.method not in ("GET", "HEAD")
        await self.world.faults.before("cos", operation.name, call.key, writes=writes)
        self._authorize(call, operation)
        reply = await operation.handler(self, call)
        await self.world.faults.after("cos", operation.name)
        return reply

    async def _identify(self, call: Call) -> None:
        given = signature.fields(call.headers.get("authorization", ""), call.parameters)
        call.presigned = given is not None and "q-signature" in call.parameters
        call.parameters = {
            name: value for name, value in call.parameters.items() if not name.startswith("q-")
        }
        if given is not None:
            call.caller = signature.verify(
                self.world.accounts,
                self.world.clock.now(),
                call.method,
                call.address,
                given,
                call.parameters,
                call.headers,
            )

    def _authorize(self, call: Call, operation: operations.Operation) -> None:
        """Raises CosError AccessDenied, or NoSuchBucket for a bucket that is not there."""
        if call.caller and not call.caller.may("cos", operation.name):
            raise CosError("AccessDenied")
        if not call.bucket or operation.name == "PutBucket":
            if call.caller is None:
                raise CosError("AccessDenied")
            return
        owner = self.objects.bucket(call.bucket)["owner"]
        if operation.permission == operations.OWNER:
            if call.uin != owner:
                raise CosError("AccessDenied")
        elif not self.objects.allows(call.bucket, call.key, operation.permission, call.uin):
            raise CosError("AccessDenied")

    # Other sites' pages.

    def _rules(self, call: Call) -> list[dict[str, object]]:
        known = dict(self.objects.buckets())
        return list(known.get(call.bucket, {}).get("cors", []))

    def _cross_origin(self, call: Call) -> dict[str, str]:
        origin = call.headers.get("origin")
        if not origin or call.method == "OPTIONS":
            return {}
        return cors.headers(self._rules(call), origin, call.method) or {}

    def _preflight(self, call: Call) -> Reply:
        method = call.headers.get("access-control-request-method", "")
        origin = call.headers.get("origin", "")
        if not origin or not method:
            raise CosError(
                "InvalidRequest", "Insufficient information. Origin request header needed."
            )
        self.objects.bucket(call.bucket)
        asked = call.headers.get("access-control-request-headers", "").split(",")
        found = cors.headers(self._rules(call), origin, method, asked, preflight=True)
        if found is None:
            raise CosError("AccessForbidden")
        return Reply(headers=found)


def _hang_up(request: web.BaseRequest) -> web.Response:
    """Break the connection; what is returned goes nowhere."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _read(request: web.BaseRequest) -> Call:
    where = address.find(request.raw_path, request.headers.get("Host", ""))
    parameters = {}
    for item in where.query.split("&") if where.query else []:
        name, _, value = item.partition("=")
        parameters[unquote_plus(name)] = unquote_plus(value)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request, request.method, where, parameters, headers, new_request_id())


def _refuse(call: Call, error: CosError) -> Reply:
    host = f"{call.bucket}.cos.{REGION}.myqcloud.com" if call.bucket else call.address.host
    content = {"Code": error.code, "Message": error.message}
    if error.names_resource:
        content["Resource"] = host + call.address.path
    content |= {"RequestId": call.request_id, "TraceId": call.request_id}
    reply = xml_reply("Error", content, error.status)
    if call.method == "HEAD":
        reply.body = b""
    return reply


async def _send(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    if isinstance(reply.body, bytes):
        if request.method == "HEAD" and reply.length is not None:
            reply.headers["Content-Length"] = str(reply.length)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = reply.length
    await response.prepare(request)
    async for piece in reply.body:
        await response.write(piece)
    await response.write_eof()
    return response
