"""The back door for tests: fault rules, paces and the journal of a running sandbox.

Only with `--control`.  Its address is in `<home>/control.json`, beside what clients are told, for
no client of a real cloud has such a door.

GET /journal?from=N    the calls from number N on
DELETE /journal       forget them
PUT /faults           rules as in a fault file
PUT /pace             {"factor": 1, "overrides": {}}
POST /keys            a new key pair
DELETE /keys/<id>     that pair is not valid any more
"""

import json
from dataclasses import asdict

from aiohttp import web

from sandbox.journal import Journal
from sandbox.network import CONTROL_PORT
from sandbox.world import World


class Control:
    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = world.faults.journal = Journal()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/journal", self._read)
        app.router.add_delete("/journal", self._forget)
        app.router.add_put("/faults", self._faults)
        app.router.add_put("/pace", self._pace)
        app.router.add_post("/keys", self._key)
        app.router.add_delete("/keys/{id}", self._revoke)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.world.network.front, CONTROL_PORT).start()
        told = {"control": f"{self.world.network.front}:{CONTROL_PORT}"}
        (self.world.home / "control.json").write_text(json.dumps(told))

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _read(self, request: web.Request) -> web.Response:
        start = int(request.query.get("from", "0"))
        return web.json_response([asdict(entry) for entry in self.journal.entries[start:]])

    async def _forget(self, request: web.Request) -> web.Response:
        self.journal.clear()
        return web.json_response({})

    async def _faults(self, request: web.Request) -> web.Response:
        self.world.faults.replace(await request.json())
        return web.json_response({})

    async def _pace(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.world.pace.factor = float(asked.get("factor", self.world.pace.factor))
        self.world.pace.overrides = asked.get("overrides", {})
        return web.json_response({})

    async def _key(self, request: web.Request) -> web.Response:
        key = self.world.accounts.create()
        return web.json_response({"secret_id": key.secret_id, "secret_key": key.secret_key})

    async def _revoke(self, request: web.Request) -> web.Response:
        self.world.accounts.delete(request.match_info["id"])
        return web.json_response({})
