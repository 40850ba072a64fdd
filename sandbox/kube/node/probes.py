"""Probes: real HTTP requests and TCP connections to the pod's address."""

import asyncio
from typing import Any

import aiohttp

Document = dict[str, Any]


def port_of(port: int | str, container: Document) -> int:
    """A named port as its number; 0 if no container port has that name."""
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    for one in container.get("ports", []):
        if one.get("name") == port:
            return int(one["containerPort"])
    return 0


async def probe(spec: Document, container: Document, ip: str) -> str:
    """Why it failed, or "" if it succeeded."""
    timeout = spec.get("timeoutSeconds", 1)
    if "httpGet" in spec:
        return await _http(spec["httpGet"], container, ip, timeout)
    if "tcpSocket" in spec:
        return await _tcp(spec["tcpSocket"], container, ip, timeout)
    return "this sandbox runs no programs: exec and grpc probes cannot succeed"


async def _http(action: Document, container: Document, ip: str, timeout: float) -> str:
    port = port_of(action["port"], container)
    host = action.get("host") or ip
    scheme = action.get("scheme", "HTTP").lower()
    path = action.get("path", "/")
    url = f"{scheme}://{host}:{port}{path if path.startswith('/') else '/' + path}"
    headers = {one["name"]: one.get("value", "") for one in action.get("httpHeaders", [])}
    headers.setdefault("User-Agent", "kube-probe/1.34")
    try:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(url, headers=headers, allow_redirects=False, ssl=False) as response,
        ):
            if 200 <= response.status < 400:
                return ""
            return f"HTTP probe failed with statuscode: {response.status}"
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded)'
    except (aiohttp.ClientError, OSError, ValueError):
        return f'Get "{url}": dial tcp {host}:{port}: connect: connection refused'


async def _tcp(action: Document, container: Document, ip: str, timeout: float) -> str:
    port = port_of(action["port"], container)
    host = action.get("host") or ip
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError:
        return f"dial tcp {host}:{port}: connect: connection refused"
    writer.close()
    return ""
