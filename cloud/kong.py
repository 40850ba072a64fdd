"""Stickiness: the only way to a Kong upstream's hash key, through Konga or the Kong Admin API.

The gateway's own API cannot set it.  Which of the two consoles a gateway has, its description says;
`upstream_get` and `upstream_set_hash_on` are the same for both.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import requests

from cloud import errors
from cloud.network import unanswered
from cloud.reading import Data, part, parts, text
from cloud.types import Done, GatewayConsole, KongUpstream

SERVICE = "Kong"
TIMEOUT = (5.0, 10.0)  # connect, read; seconds
HASH_ON = ("none", "consumer", "ip", "header", "cookie")


class KongConsole(Protocol):
    """Kong's admin paths, however they are reached."""

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Data: ...


@dataclass
class KongAdmin:
    """The Admin API itself; `user` and `password` (Basic) only if the gateway asks for them."""

    base_url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Data:
        auth: Any = (self.user, self.password) if self.user else _unsigned
        return _send(method, f"{self.base_url.rstrip('/')}{path}", body=body, auth=auth)


@dataclass
class Konga:
    """Konga in front of the Admin API.  Logs in on first use, and again when its token is stale."""

    base_url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    _token: str = field(default="", repr=False)

    def login(self) -> None:
        """Raises NotAuthorized if Konga does not know the user."""
        body = {"identifier": self.user, "password": self.password}
        # Logging in changes nothing, so a lost answer is no worse than none.
        found = _send(
            "POST", f"{self.base_url.rstrip('/')}/login", body=body, auth=_unsigned, reads=True
        )
        self._token = text(found, "token")
        if not self._token:
            raise errors.NotAuthorized("Konga gave no token for this login.", service=SERVICE)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Data:
        if not self._token:
            self.login()
        try:
            return self._once(method, path, body)
        except errors.NotAuthorized:
            # Refused before anything was done: the token has run out.
            self.login()
            return self._once(method, path, body)

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Data:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self.base_url.rstrip('/')}/kong{path}"
        return _send(method, url, body=body, headers=headers, auth=_unsigned)


def console_for(console: GatewayConsole) -> KongConsole:
    """The client of an open console.  Raises Busy while it is closed or changing."""
    if not console.open:
        raise errors.Busy(f"The gateway's console is {console.status.lower()}.", service=SERVICE)
    url = console.http_url or console.https_url
    if "://" not in url:
        url = f"{'http' if console.http_url else 'https'}://{url}"
    if console.kind == "Konga":
        return Konga(url, console.user, console.password)
    return KongAdmin(url, console.user, console.password)


def upstreams(console: KongConsole) -> tuple[KongUpstream, ...]:
    """All upstreams, page by page."""
    found: list[KongUpstream] = []
    path = "/upstreams"
    while True:
        page = console.send("GET", path)
        found += [_upstream(one) for one in parts(page, "data")]
        path = text(page, "next")
        if not path:
            return tuple(found)
        path = path.removeprefix("/kong")


def upstream_get(console: KongConsole, name_or_id: str) -> KongUpstream | None:
    try:
        return _upstream(console.send("GET", f"/upstreams/{quote(name_or_id, safe='')}"))
    except errors.NotFound:
        return None


def upstream_set_hash_on(
    console: KongConsole, name_or_id: str, hash_on: str, hash_fallback: str = "none"
) -> Done:
    """`hash_on` "ip" sends a client always to the same pod, "none" undoes it.

    Kong switches the algorithm by itself: consistent hashing, or back to round robin."""
    if hash_on not in HASH_ON:
        raise errors.Rejected(f"Kong cannot hash on {hash_on!r}.", service=SERVICE)
    body = {"hash_on": hash_on, "hash_fallback": hash_fallback}
    console.send("PATCH", f"/upstreams/{quote(name_or_id, safe='')}", body)
    return Done()


def _upstream(one: Data) -> KongUpstream:
    return KongUpstream(
        id=text(one, "id"),
        name=text(one, "name"),
        hash_on=text(one, "hash_on", "none"),
        hash_fallback=text(one, "hash_fallback", "none"),
        algorithm=text(one, "algorithm"),
    )


def _send(
    method: str,
    url: str,
    *,
    body: dict[str, Any] | None,
    auth: Any,
    headers: dict[str, str] | None = None,
    reads: bool = False,
) -> Data:
    mutating = method != "GET" and not reads
    what = f"{method} {url.rpartition('/')[2]}"
    try:
        response = requests.request(
            method,
            url,
            json=body,
            headers=headers,
            auth=auth,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as exc:
        raise unanswered(exc, service=SERVICE, what=what, mutating=mutating) from None
    try:
        found = response.json()
    except ValueError:
        found = None
    if response.status_code >= 300:
        said = part({"body": found}, "body")
        raise errors.made(
            errors.by_status(response.status_code),
            text(said, "message") or f"The gateway's console answered {response.status_code}.",
            code=str(response.status_code),
            service=SERVICE,
            mutating=mutating,
        )
    if not isinstance(found, dict):
        raise errors.made(
            errors.Unreachable,
            "Something else than the gateway's console answered.",
            service=SERVICE,
            mutating=mutating,
        )
    return found


def _unsigned(request: Any) -> Any:
    """Keeps requests from adding credentials it finds in the user's netrc."""
    return request
