"""A control loop: keys are rung, each is reconciled once however often it rang meanwhile."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable

from sandbox.kube.status import ApiError

log = logging.getLogger("sandbox.kube")
Reconcile = Callable[[str], float | Awaitable[float | None] | None]
RETRY_S = 0.5


class Loop:
    """`reconcile(key)` answers in how many seconds to come again, or None."""

    def __init__(self, name: str, reconcile: Reconcile) -> None:
        self.name = name
        self._reconcile = reconcile
        self._keys: dict[str, None] = {}
        self._bell = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._task: asyncio.Task[None] | None = None

    def ring(self, key: str) -> None:
        self._keys[key] = None
        self._bell.set()

    def ring_after(self, key: str, seconds: float) -> None:
        """Ring later; an earlier appointment of the same key stands."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        known = self._timers.get(key)
        if known and not known.cancelled() and known.when() <= when:
            return
        if known:
            known.cancel()
        self._timers[key] = loop.call_at(when, self._due, key)

    def _due(self, key: str) -> None:
        self._timers.pop(key, None)
        self.ring(key)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"kube-{self.name}")

    async def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._bell.wait()
            while self._keys:
                key = next(iter(self._keys))
                del self._keys[key]
                await self._once(key)
                await asyncio.sleep(0)  # requests get their turn during a long cascade
            self._bell.clear()

    async def _once(self, key: str) -> None:
        try:
            again = self._reconcile(key)
            if inspect.isawaitable(again):
                again = await again
        except ApiError as exc:
            log.info("%s %s: %s", self.name, key, exc.message)
            self.ring_after(key, RETRY_S)
        except Exception:
            log.exception("%s %s", self.name, key)
            self.ring_after(key, RETRY_S)
        else:
            if again is not None:
                self.ring_after(key, again)
