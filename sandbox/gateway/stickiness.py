"""The key that consistent hashing uses for a request: `hash_on`, then `hash_fallback`."""

import uuid
from dataclasses import dataclass

from aiohttp import web

from sandbox.gateway.shapes import Entity


@dataclass(frozen=True)
class Stick:
    key: str | None  # None: nothing to hash, the target is chosen in turn
    set_cookie: str = ""


def stick(upstream: Entity, request: web.BaseRequest, ip: str) -> Stick:
    if upstream["algorithm"] != "consistent-hashing":
        return Stick(None)
    for how, header in (
        (upstream["hash_on"], upstream["hash_on_header"]),
        (upstream["hash_fallback"], upstream["hash_fallback_header"]),
    ):
        if how == "ip":
            return Stick(f"ip:{ip}")
        if how == "header" and (value := request.headers.get(header or "")):
            return Stick(f"header:{value}")
        if how == "cookie":
            name = upstream["hash_on_cookie"]
            if value := request.cookies.get(name):
                return Stick(f"cookie:{value}")
            value = str(uuid.uuid4())
            path = upstream["hash_on_cookie_path"] or "/"
            return Stick(f"cookie:{value}", f"{name}={value}; Path={path}; HttpOnly")
    return Stick(None)
