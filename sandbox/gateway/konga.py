"""Konga's HTTP API: a login, and everything under /kong passed on to Kong Admin.

The only way to the hash key of an upstream, for Tencent's own API has no word for it.
"""

import contextlib
import secrets
from ipaddress import ip_address, ip_network
from typing import Any

from aiohttp import web

from sandbox.gateway.admin import Admin, Reply, faulty, read_body, shown
from sandbox.gateway.gateway import Gateway


class Konga:
    def __init__(self, gateway: Gateway, admin: Admin) -> None:
        self._gateway = gateway
        self._admin = admin
        self._tokens: dict[str, str] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self._let_in(request.remote or ""):
            # The access list is a security group in front: the caller sees no server at all.
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        try:
            body = await read_body(request)
        except ValueError:
            return shown(request, Reply(400, {"message": "Cannot parse JSON body"}), {})
        return shown(request, await self._answer(request, body), {})

    def _let_in(self, address: str) -> bool:
        access = self._gateway.row["access"]
        if not access:
            return True
        names = {"Whitelist": "CidrWhiteList", "Blacklist": "CidrBlackList"}
        networks = access.get(names[access["Mode"]]) or []
        listed = False
        with contextlib.suppress(ValueError):
            listed = any(
                ip_address(address) in ip_network(entry, strict=False) for entry in networks
            )
        return listed if access["Mode"] == "Whitelist" else not listed

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> Reply:
        path = request.path.strip("/")
        if path == "":
            return Reply(200, {"name": "konga"})
        if path == "login" and request.method == "POST":
            return self._login(body)
        if path != "kong" and not path.startswith("kong/"):
            return Reply(404, {"message": "Not found"})
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            return Reply(401, {"message": "No Authorization header was found", "logout": True})
        if scheme != "Bearer" or token not in self._tokens:
            return Reply(401, {"message": "Invalid Token!", "logout": True})
        connection = request.headers.get("connection-id", "1")
        if connection != "1":
            return Reply(400, {"message": "No connection is selected. Please activate one"})
        # Konga turns a PUT into a PATCH on its way to Kong.
        method = "PATCH" if request.method == "PUT" else request.method
        inner = path[4:].strip("/")
        return await faulty(
            self._gateway,
            f"{method} {inner.partition('/')[0] or 'node'}",
            lambda: self._admin.answer(method, inner, dict(request.query), body),
        )

    def _login(self, body: dict[str, Any]) -> Reply:
        row = self._gateway.row
        user, password = str(body.get("identifier", "")), str(body.get("password", ""))
        if user != row["admin_user"] or not secrets.compare_digest(
            password.encode(), row["admin_password"].encode()
        ):
            return Reply(403, {"message": "Wrong identifier or password"})
        token = secrets.token_urlsafe(32)
        self._tokens[token] = user
        return Reply(
            200,
            {
                "user": {
                    "id": 1,
                    "username": user,
                    "email": "admin@example.com",
                    "admin": True,
                    "active": True,
                    "node": {"id": 1, "name": "kong", "type": "default", "active": True},
                },
                "token": token,
            },
        )
