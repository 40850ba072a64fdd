"""The cluster's network: service addresses that really forward TCP to ready pods."""

import asyncio
import contextlib
import itertools
import logging
from typing import Any

from sandbox.kube.context import Context, split
from sandbox.kube.controllers.endpoints import SERVICE_LABEL

Document = dict[str, Any]
Address = tuple[str, int]
log = logging.getLogger("sandbox.kube")
CHUNK = 64 * 1024
CONNECT_S = 3.0


class Forward:
    """One listening (address, port) and the pods behind it: round robin, or sticky by client."""

    def __init__(self) -> None:
        self.targets: list[Address] = []
        self.sticky_s = 0.0
        self._turn = itertools.count()
        self._stuck: dict[str, tuple[Address, float]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, address: Address) -> None:
        self._server = await asyncio.start_server(self._serve, *address, reuse_address=True)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def choose(self, client: str, now: float) -> list[Address]:
        """Targets in the order to try them for this client's next connection."""
        if not self.targets:
            return []
        if self.sticky_s:
            known = self._stuck.get(client)
            if known and known[0] in self.targets and now - known[1] < self.sticky_s:
                self._stuck[client] = (known[0], now)
                return [known[0]]
        start = next(self._turn) % len(self.targets)
        order = self.targets[start:] + self.targets[:start]
        if self.sticky_s:
            self._stuck[client] = (order[0], now)
        return order

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        for target in self.choose(client, asyncio.get_running_loop().time()):
            try:
                opening = asyncio.open_connection(*target)
                back, forth = await asyncio.wait_for(opening, CONNECT_S)
            except OSError:
                continue
            try:
                await asyncio.gather(_pump(reader, forth), _pump(back, writer))
            except OSError:
                pass
            finally:
                forth.transport.abort()
            return


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK):
        sink.write(chunk)
        await sink.drain()
    # An end of the stream is passed on: the other direction may still have something to say.
    with contextlib.suppress(OSError, RuntimeError):
        sink.write_eof()


class Proxy:
    """kube-proxy of the whole cluster: one Forward for each service address with ready pods."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._forwards: dict[str, dict[Address, Forward]] = {}

    def ready(self, namespace: str, name: str, port: Document | None) -> list[Address]:
        """Ready endpoints of a service port (all ports if None), from its slices."""
        found: list[Address] = []
        for item in self.context.list("endpointslices", namespace):
            if item["metadata"].get("labels", {}).get(SERVICE_LABEL) != name:
                continue
            for one in item.get("ports") or []:
                if port is not None and one.get("name", "") != port.get("name", ""):
                    continue
                for endpoint in item.get("endpoints") or []:
                    if endpoint.get("conditions", {}).get("ready", True):
                        found += [(ip, one["port"]) for ip in endpoint["addresses"]]
        return found

    def _wanted(self, key: str) -> dict[Address, list[Address]]:
        namespace, name = split(key)
        service = self.context.get("services", namespace, name)
        if service is None or service["spec"]["type"] == "ExternalName":
            return {}
        addresses = [service["spec"].get("clusterIP", "None")]
        ingress = service["status"].get("loadBalancer", {}).get("ingress", [])
        addresses += [one["ip"] for one in ingress]
        nodes = [
            address["address"]
            for node in self.context.list("nodes")
            for address in node["status"].get("addresses", [])
            if address["type"] == "InternalIP"
        ]
        wanted = {}
        for port in service["spec"].get("ports", []):
            if port["protocol"] != "TCP":
                continue
            targets = self.ready(namespace, name, port)
            if not targets:
                continue  # nothing listens: a connection is refused, as kube-proxy does
            for address in addresses:
                if address != "None":
                    wanted[address, port["port"]] = targets
            if port.get("nodePort"):
                for address in nodes:
                    wanted[address, port["nodePort"]] = targets
        return wanted

    async def reconcile(self, key: str) -> float | None:
        wanted = self._wanted(key)
        held = self._forwards.setdefault(key, {})
        for address in [address for address in held if address not in wanted]:
            await held.pop(address).close()
        namespace, name = split(key)
        service = self.context.get("services", namespace, name)
        sticky = 0.0
        if service and service["spec"].get("sessionAffinity") == "ClientIP":
            sticky = service["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        failed = False
        for address, targets in wanted.items():
            forward = held.get(address)
            if forward is None:
                forward = Forward()
                try:
                    await forward.listen(address)
                except OSError as exc:
                    failed = True
                    self._complain(service, address, exc)
                    continue
                held[address] = forward
            forward.targets, forward.sticky_s = targets, sticky
        if not held:
            self._forwards.pop(key, None)
        return 5.0 if failed else None

    def _complain(self, service: Document | None, address: Address, exc: OSError) -> None:
        message = f"Cannot listen on {address[0]}:{address[1]}: {exc.strerror or exc}"
        log.warning(message)
        if service:
            self.context.events.record(service, "Warning", "FailedToListen", message, "kube-proxy")

    async def stop(self) -> None:
        for held in self._forwards.values():
            for forward in held.values():
                await forward.close()
        self._forwards.clear()
