"""The one HTTP door of all JSON APIs: verify, check, throttle, call the handler, answer.

Every answer, good or bad, is HTTP 200 with Content-Type exactly `application/json`: the official
SDK takes an error with `; charset=utf-8` for an empty success.
"""

import inspect
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.accounts import REGION
from sandbox.faults import Dropped, Refused
from sandbox.tencent import tc3
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import new_uuid
from sandbox.tencent.table import Mistake, Table
from sandbox.tencent.throttle import Throttle
from sandbox.world import World

log = logging.getLogger(__name__)

READING = ("Describe", "Get", "Check", "List")
MAX_BODY_BYTES = 10 * 1024 * 1024
REGIONS = (REGION, "ap-shanghai", "ap-beijing", "ap-nanjing", "ap-chengdu", "ap-hongkong")
# Calls that need no region, as in the real account-wide services.
REGIONLESS = {"sts", "cvm:DescribeRegions"}


@dataclass
class Dispatch:
    """`handlers` maps (service, version, action) to the function that answers it."""

    world: World
    table: Table
    throttle: Throttle
    handlers: Mapping[tuple[str, str, str], Handler]
    # Members our answers had and the description lacks; a test insists that it stays empty.
    answer_mistakes: list[tuple[str, Mistake]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        request_id = new_uuid()
        try:
            response = await self._answer(request)
        except Dropped:
            return dropped(request)
        except Refused as refused:
            response = {"Error": {"Code": refused.code, "Message": refused.message}}
        except ApiError as error:
            response = {"Error": {"Code": error.code, "Message": error.message}}
        except Exception:
            log.exception("A handler failed.")
            response = {
                "Error": {"Code": "InternalError", "Message": "An internal error occurred."}
            }
        body = json.dumps({"Response": {**response, "RequestId": request_id}})
        # Given as bytes, aiohttp adds no charset.
        return web.Response(body=body.encode(), content_type="application/json")

    async def _answer(self, request: web.Request) -> Answer:
        raw = await request.read()
        headers = request.headers
        if request.method != "POST" or request.path != "/":
            raise ApiError("InvalidRequest", "Only POST / with a JSON body is served here.")
        now = self.world.clock.now()
        signed = tc3.verify(
            self.world.accounts, now, request.method, request.query_string, headers, raw
        )
        ask = self._ask(signed, headers, raw)
        if not ask.key.may(ask.service, ask.action):
            raise ApiError(
                "UnauthorizedOperation",
                f"You are not authorized to perform operation ({ask.service}:{ask.action}) on"
                " resource (*). Please check your CAM policies.",
            )
        self.throttle.take(ask.key.uin, ask.region, ask.service, ask.action, now)
        reads = ask.action.startswith(READING)
        about = json.dumps(ask.body, sort_keys=True)
        await self.world.faults.before(ask.service, ask.action, about, writes=not reads)
        self.table.check_request(ask.service, ask.version, ask.action, ask.body)
        handler = self.handlers.get((ask.service, ask.version, ask.action))
        if handler is None:
            raise ApiError(
                "UnsupportedOperation", f"The sandbox does not offer {ask.service}:{ask.action}."
            )
        answer = handler(ask)
        if inspect.isawaitable(answer):
            answer = await answer
        await self.world.faults.after(ask.service, ask.action)
        if reads:
            answer = self.world.faults.seen(ask.service, ask.action, about, answer)
        for mistake in self.table.answer_mistakes(ask.service, ask.version, ask.action, answer):
            self.answer_mistakes.append((ask.action, mistake))
            log.error("Answer of %s breaks the description: %s", ask.action, mistake)
        if self.table.deprecated(ask.service, ask.version, ask.action):
            answer = {**answer, "DeprecatedWarning": f"The action {ask.action} is deprecated."}
        return answer

    def _ask(self, signed: tc3.Signed, headers: Mapping[str, str], raw: bytes) -> Ask:
        service = signed.service
        for name in ("X-TC-Action", "X-TC-Version"):
            if not headers.get(name):
                raise ApiError(
                    "MissingParameter", f"The request is missing a required parameter `{name}`."
                )
        action, version = headers["X-TC-Action"], headers["X-TC-Version"]
        if not self.table.knows_service(service):
            raise ApiError("NoSuchProduct", f"The product {service} does not exist.")
        if not self.table.knows_version(service, version):
            raise ApiError("NoSuchVersion", f"The version {version} of {service} does not exist.")
        if not self.table.knows_action(service, version, action):
            raise ApiError("InvalidAction", f"The action {action} is invalid or not found.")
        region = headers.get("X-TC-Region", "")
        if not region and not {service, f"{service}:{action}"} & REGIONLESS:
            raise ApiError(
                "MissingParameter", "The request is missing a required parameter `X-TC-Region`."
            )
        if region and region not in REGIONS:
            raise ApiError("UnsupportedRegion", f"The region {region} is not supported.")
        if len(raw) > MAX_BODY_BYTES:
            raise ApiError("RequestSizeLimitExceeded", "The request body is larger than 10 MB.")
        try:
            body: Any = json.loads(raw or b"{}")
        except ValueError:
            raise ApiError("InvalidRequest", "The request body is not JSON.") from None
        return Ask(service, version, action, region, signed.key, body)


def dropped(request: web.Request) -> web.Response:
    """Close the connection so that the caller gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
