"""The Kong Admin API of one gateway, in the shapes of Kong 2.x."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.faults import Dropped, Refused
from sandbox.gateway.balance import checks_on
from sandbox.gateway.config import KINDS, Missing, Taken
from sandbox.gateway.gateway import Gateway
from sandbox.gateway.shapes import PLUGINS, Entity, SchemaViolation
from sandbox.store import Document

NESTED = {
    ("services", "routes"): "service",
    ("services", "plugins"): "service",
    ("routes", "plugins"): "route",
    ("upstreams", "targets"): "upstream",
}


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None


NOT_FOUND = Reply(404, {"message": "Not found"})
DROPPED = Reply(0)  # no answer at all
WRONG_METHOD = Reply(405, {"message": "Method not allowed"})


class Admin:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._config = gateway.config

    async def serve(self, request: web.Request) -> web.Response:
        try:
            body = await read_body(request)
        except ValueError:
            reply = Reply(400, {"message": "Cannot parse JSON body"})
        else:
            path = request.path.strip("/")
            reply = await faulty(
                self._gateway,
                f"{request.method} {path.partition('/')[0] or 'node'}",
                lambda: self.answer(request.method, path, dict(request.query), body),
            )
        return shown(request, reply, {"Server": f"kong/{self._gateway.version}"})

    def answer(self, method: str, path: str, query: dict[str, str], body: Entity) -> Reply:
        """What Kong answers to one call; Konga passes its own calls on to here."""
        parts = [part for part in path.split("/") if part]
        try:
            reply = self._route(method, parts, query, body)
        except Missing:
            return NOT_FOUND
        except SchemaViolation as exc:
            return Reply(
                400,
                {
                    "message": f"schema violation ({json.dumps(exc.fields)})",
                    "name": "schema violation",
                    "fields": exc.fields,
                    "code": 2,
                },
            )
        except Taken as exc:
            return Reply(
                409,
                {
                    "message": f"UNIQUE violation detected on '{{name=\"{exc}\"}}'",
                    "name": "unique constraint violation",
                    "fields": {"name": str(exc)},
                    "code": 5,
                },
            )
        if method not in ("GET", "HEAD"):
            self._gateway.changed()
        return reply

    def _route(self, method: str, parts: list[str], query: dict[str, str], body: Entity) -> Reply:
        if not parts:
            return Reply(200, self._node())
        if parts == ["status"]:
            return Reply(200, {"database": {"reachable": True}, "server": {}})
        if parts == ["plugins", "enabled"]:
            return Reply(200, {"enabled_plugins": list(PLUGINS)})
        if parts[0] not in KINDS or len(parts) > 4:
            return NOT_FOUND
        if len(parts) == 1:
            return self._collection(method, parts[0], query, body, {})
        if len(parts) == 2:
            return self._one(method, parts[0], parts[1], body)
        return self._nested(method, parts, query, body)

    def _node(self) -> Entity:
        version = self._gateway.version
        return {
            "version": version,
            "tagline": "Welcome to kong",
            "hostname": self._config.gateway_id,
            "node_id": self._config.gateway_id,
            "lua_version": "LuaJIT 2.1.0-beta3",
            "plugins": {"available_on_server": dict.fromkeys(PLUGINS, True)},
            "configuration": {"database": "postgres"},
        }

    def _nested(self, method: str, parts: list[str], query: dict[str, str], body: Entity) -> Reply:
        parent = self._config.find(parts[0], parts[1])
        if parts[0] == "routes" and parts[2] == "service":
            service = self._gateway.service_of(parent)
            return (
                NOT_FOUND
                if service is None
                else self._one(method, "services", service["kong"]["id"], body)
            )
        if parts[0] == "upstreams" and parts[2] in ("health", "targets") and method == "GET":
            return Reply(200, self._targets(parent, with_health=parts[2] == "health"))
        member = NESTED.get((parts[0], parts[2]))
        if member is None:
            return NOT_FOUND
        link = {member: {"id": parent["kong"]["id"]}}
        if len(parts) == 3:
            return self._collection(method, parts[2], query, body, link)
        if parts[2] == "targets":
            parts[3] = self._target_id(parent, parts[3])
        return self._one(method, parts[2], parts[3], {**body, **link} if body else body)

    def _collection(
        self, method: str, kind: str, query: dict[str, str], body: Entity, link: Entity
    ) -> Reply:
        if method == "GET":
            rows = [
                entry["kong"]
                for entry in self._config.all(kind)
                if all(entry["kong"][member] == value for member, value in link.items())
            ]
            return Reply(200, _page(rows, query, kind))
        if method != "POST":
            return WRONG_METHOD
        now = self._gateway.world.clock.now()
        entry = self._config.create(kind, {**body, **link}, now)
        return Reply(201, entry["kong"])

    def _one(self, method: str, kind: str, key: str, body: Entity) -> Reply:
        now = self._gateway.world.clock.now()
        if method == "PUT":
            try:
                entry = self._config.find(kind, key)
            except Missing:
                known = {"id": key} if _is_uuid(key) else {"name": key}
                return Reply(200, self._config.create(kind, {**body, **known}, now)["kong"])
            method = "PATCH"
        if method == "DELETE":
            try:
                entry = self._config.find(kind, key)
            except Missing:
                return Reply(204)  # Kong calls the delete of what is gone a success
            return self._delete(kind, entry)
        entry = self._config.find(kind, key)
        if method == "GET":
            return Reply(200, entry["kong"])
        if method != "PATCH":
            return WRONG_METHOD
        self._config.change(kind, entry, body, now)
        if kind == "plugins":
            # Tencent's richer LimitDetail no longer tells the truth: read it off the plug-in.
            entry["tse"] = {}
            self._config.save(kind, entry)
        return Reply(200, entry["kong"])

    def _delete(self, kind: str, entry: Document) -> Reply:
        if kind == "services":
            for route in self._config.all("routes"):
                if (route["kong"]["service"] or {}).get("id") == entry["kong"]["id"]:
                    return Reply(
                        400,
                        {
                            "message": "an existing 'routes' entity references this 'services'"
                            " entity",
                            "name": "foreign key violation",
                            "fields": {"@referenced_by": "routes"},
                            "code": 4,
                        },
                    )
        self._config.drop(kind, entry)
        return Reply(204)

    def _target_id(self, upstream: Document, key: str) -> str:
        for entry in self._config.all("targets"):
            kong = entry["kong"]
            if kong["upstream"]["id"] == upstream["kong"]["id"] and key in (
                kong["id"],
                kong["target"],
            ):
                return str(kong["id"])
        raise Missing("targets", key)

    def _targets(self, upstream: Document, *, with_health: bool) -> Entity:
        """Targets as they are now; the pods of a followed Service have no entity of their own."""
        own = {
            entry["kong"]["target"]: entry["kong"]
            for entry in self._config.all("targets")
            if entry["kong"]["upstream"]["id"] == upstream["kong"]["id"]
        }
        checked = checks_on(upstream["kong"]["healthchecks"])
        rows = []
        for target in self._gateway.targets(upstream):
            row = own.get(target.address) or {
                "id": target.address,
                "target": target.address,
                "weight": target.weight,
                "upstream": {"id": upstream["kong"]["id"]},
                "created_at": upstream["kong"]["created_at"],
                "tags": None,
            }
            if with_health:
                good = "HEALTHY" if checked else "HEALTHCHECKS_OFF"
                row = {**row, "health": good if target.healthy else "UNHEALTHY"}
            rows.append(row)
        return {"data": rows, "next": None}


def _page(rows: list[Entity], query: dict[str, str], kind: str) -> Entity:
    """Kong's list: `size` rows from `offset` on, filtered by `tags` (a,b = both; a/b = either)."""
    if tags := query.get("tags"):
        wanted = tags.split("/") if "/" in tags else tags.split(",")
        need = any if "/" in tags else all
        rows = [row for row in rows if need(tag in (row.get("tags") or ()) for tag in wanted)]
    size = min(int(query.get("size", "100")), 1000)
    start = int(query.get("offset", "0") or 0)
    more = start + size < len(rows)
    page: Entity = {
        "data": rows[start : start + size],
        "next": f"/{kind}?offset={start + size}" if more else None,
    }
    return {**page, "offset": str(start + size)} if more else page


async def read_body(request: web.Request) -> Entity:
    """The JSON or form body as an object.  Raises ValueError if it is neither."""
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(await request.post())
    raw = await request.read()
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


async def faulty(gateway: Gateway, action: str, answer: Callable[[], Reply]) -> Reply:
    """The answer, unless a fault rule for service "kong" (action "PATCH upstreams") strikes."""
    faults = gateway.world.faults
    try:
        await faults.before("kong", action, writes=not action.startswith("GET"))
        reply = answer()
        await faults.after("kong", action)
    except Dropped:
        return DROPPED
    except Refused as refused:
        return Reply(refused.status, {"message": refused.message})
    return reply


def shown(request: web.Request, reply: Reply, headers: dict[str, str]) -> web.Response:
    if reply is DROPPED:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    return web.json_response(reply.body, status=reply.status, headers=headers)


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4
