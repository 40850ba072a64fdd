"""What every route needs of a request: the engine behind it, and its JSON body."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.webui.asks import Invalid
from sandbox.webui.engine import Engine

ENGINE = web.AppKey("engine", Engine)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def engine_of(request: web.Request) -> Engine:
    return request.app[ENGINE]


async def body_of(request: web.Request) -> Any:
    """The body as JSON.  Raises Invalid."""
    try:
        return await request.json()
    except ValueError as exc:
        problem = {"loc": ["body", 0], "msg": "Expecting value", "type": "value_error.jsondecode"}
        raise Invalid([problem]) from exc
