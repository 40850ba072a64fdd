"""Watches: a stream of JSON lines, from a version on, as objects come, change and go."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.kube.objects import Change, Objects
from sandbox.kube.schema import Resource
from sandbox.kube.selectors import Match
from sandbox.kube.status import ApiError, expired

Document = dict[str, Any]
BOOKMARK_S = 60.0
LONGEST_S = 3600.0


class Watch:
    """One watch request.  `shape` turns (object, first of the stream) into what is sent."""

    def __init__(
        self,
        objects: Objects,
        resource: Resource,
        namespace: str | None,
        match: Match,
        shape: Callable[[Document, bool], Document],
    ) -> None:
        self.objects = objects
        self.resource = resource
        self.namespace = namespace
        self.match = match
        self.shape = shape
        self._first = True
        self._queue: asyncio.Queue[Change] = asyncio.Queue()

    async def serve(self, request: web.Request, stopping: asyncio.Event) -> web.StreamResponse:
        query = request.query
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        stop_listening = self.objects.listen(self._queue.put_nowait)
        try:
            opening = self._opening(query.get("resourceVersion", ""), query)
            await response.prepare(request)
            for line in opening:
                await response.write(line)
            if self._failed:
                return response
            timeout = min(float(query.get("timeoutSeconds") or LONGEST_S), LONGEST_S)
            bookmarks = query.get("allowWatchBookmarks") == "true"
            await self._follow(response, timeout, bookmarks, stopping)
        except ConnectionError:
            pass
        finally:
            stop_listening()
        return response

    def _opening(self, version: str, query: Any) -> list[bytes]:
        """What is sent before anything happens: the present, or the past since `version`."""
        self._failed = False
        self._sent_to = self.objects.version
        initial = query.get("sendInitialEvents") == "true"
        if version in ("", "0") or initial:
            lines = [
                self._line("ADDED", item)
                for item in self.objects.list(self.resource.store_key, self.namespace)
                if self.match(item)
            ]
            if initial and query.get("allowWatchBookmarks") == "true":
                lines.append(self._bookmark({"k8s.io/initial-events-end": "true"}))
            return lines
        since = int(version)
        if since < self.objects.oldest:
            self._failed = True
            return [self._error(expired(version, self.objects.oldest))]
        lines = []
        for change in self.objects.history:
            if since < change.version <= self._sent_to:
                lines += self._lines(change)
        return lines

    async def _follow(
        self,
        response: web.StreamResponse,
        timeout: float,
        bookmarks: bool,
        stopping: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        bookmark_at = loop.time() + min(BOOKMARK_S, max(timeout - 1, 0.1))
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set() and loop.time() < ends:
                pending = asyncio.ensure_future(self._queue.get())
                wait_s = min(ends, bookmark_at if bookmarks else ends) - loop.time()
                done, _ = await asyncio.wait(
                    {pending, stopped},
                    timeout=max(wait_s, 0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if pending in done:
                    change = pending.result()
                    if change.version > self._sent_to:
                        for line in self._lines(change):
                            await response.write(line)
                else:
                    pending.cancel()
                if bookmarks and loop.time() >= bookmark_at:
                    bookmark_at = loop.time() + BOOKMARK_S
                    await response.write(self._bookmark({}))
        finally:
            stopped.cancel()

    def _lines(self, change: Change) -> list[bytes]:
        """An object that leaves the selector is gone for this watcher; one that enters is new."""
        if change.resource != self.resource.store_key:
            return []
        if self.namespace is not None and change.namespace != self.namespace:
            return []
        was = change.old is not None and self.match(change.old)
        now = change.type != "DELETED" and self.match(change.new)
        if now:
            return [self._line("MODIFIED" if was else "ADDED", change.new)]
        if was:
            last = change.new
            if change.type != "DELETED" and change.old is not None:
                version = change.new["metadata"]["resourceVersion"]
                old = change.old
                last = {**old, "metadata": {**old["metadata"], "resourceVersion": version}}
            return [self._line("DELETED", last)]
        return []

    def _line(self, kind: str, item: Document) -> bytes:
        shaped = self.shape(item, self._first)
        self._first = False
        return _dump({"type": kind, "object": shaped})

    def _bookmark(self, annotations: Document) -> bytes:
        metadata: Document = {"resourceVersion": str(self.objects.version)}
        if annotations:
            metadata["annotations"] = annotations
        item = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "metadata": metadata,
        }
        return _dump({"type": "BOOKMARK", "object": item})

    @staticmethod
    def _error(error: ApiError) -> bytes:
        return _dump({"type": "ERROR", "object": error.status()})


def _dump(event: Document) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
