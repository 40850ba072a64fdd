"""Tell the caller's own server what became of a job: real HTTP, a few tries, nothing promised.

Fault rules for ("ci", "Callback") bend this.  One try is one call: `before` + `drop` or `error`
loses that try, `delay` lets later jobs overtake it, `after` + `drop` delivers it twice.
"""

import asyncio
import logging

import aiohttp

from sandbox.faults import Dropped, Refused
from sandbox.store import Document
from sandbox.world import World

TRIES = 3
PATIENCE_S = 5.0
PAUSE_S = 1.0  # before the second try, doubled before the third; scaled by the pace

log = logging.getLogger(__name__)


async def deliver(world: World, url: str, body: Document) -> bool:
    """POST `body` to `url` until it answers 200; False if it never did."""
    headers = {"X-Ci-Content-Version": "Detail"}
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_S * 2 ** (attempt - 1) * world.pace.factor)
        try:
            await world.faults.before("ci", "Callback")
            async with (
                aiohttp.ClientSession(timeout=patience) as web,
                web.post(url, json=body, headers=headers) as answer,
            ):
                await answer.read()
            await world.faults.after("ci", "Callback")
        except (aiohttp.ClientError, TimeoutError, ValueError, Dropped, Refused) as exc:
            log.info("callback to %s failed: %r", url.partition("?")[0], exc)
            continue
        if answer.status == 200:
            return True
    return False
