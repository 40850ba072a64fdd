"""Which route a request takes, by Kong 2.x's rules.

The route with more kinds of conditions wins, then the one with more headers, then plain hosts
before wildcards, regular expressions (by their priority) before prefixes, and longer paths.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.gateway.shapes import is_regex
from sandbox.store import Document


@dataclass(frozen=True)
class Request:
    """What routing looks at; `host` is without port, `path` without query."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True)
class Match:
    route: Document
    matched_path: str  # the part of the path that `strip_path` takes away


class Router:
    def __init__(self, routes: list[Document]) -> None:
        self._routes = [_Compiled(route) for route in routes]

    def match(self, request: Request) -> Match | None:
        best: tuple[Any, ...] | None = None
        found: Match | None = None
        for compiled in self._routes:
            hit = compiled.match(request)
            if hit is not None and (best is None or hit[0] > best):
                best, found = hit[0], Match(compiled.route, hit[1])
        return found


class _Compiled:
    def __init__(self, route: Document) -> None:
        self.route = route
        kong = route["kong"]
        self._methods = set(kong["methods"] or ())
        self._hosts = [host.lower() for host in kong["hosts"] or ()]
        self._headers = {
            name.lower(): {value.lower() for value in values}
            for name, values in (kong["headers"] or {}).items()
        }
        self._query = [(pair["Key"], pair["Value"]) for pair in route["tse"].get("query") or ()]
        self._paths = [
            (path, re.compile(path) if is_regex(path) else None) for path in kong["paths"] or ()
        ]
        self._categories = sum(
            bool(part)
            for part in (self._methods, self._hosts, self._headers, self._query, self._paths)
        )

    def match(self, request: Request) -> tuple[tuple[Any, ...], str] | None:
        """Rank (higher wins) and matched path; None if the request does not fit."""
        if self._methods and request.method not in self._methods:
            return None
        for name, values in self._headers.items():
            if request.headers.get(name, "").lower() not in values:
                return None
        for name, value in self._query:
            if request.query.get(name) != value:
                return None
        plain_host = False
        if self._hosts:
            hits = [host for host in self._hosts if _host_fits(host, request.host)]
            if not hits:
                return None
            plain_host = any("*" not in host for host in hits)
        matched, regex = "", False
        if self._paths:
            hit = self._path_hit(request.path)
            if hit is None:
                return None
            matched, regex = hit
        kong = self.route["kong"]
        rank = (
            self._categories,
            len(self._headers),
            plain_host,
            regex,
            kong["regex_priority"] if regex else 0,
            len(matched),
            -kong["created_at"],
        )
        return rank, matched

    def _path_hit(self, path: str) -> tuple[str, bool] | None:
        prefixes = []
        for text, pattern in self._paths:
            if pattern is None:
                if path.startswith(text):
                    prefixes.append(text)
            elif found := pattern.match(path):
                return found[0], True
        return (max(prefixes, key=len), False) if prefixes else None


def _host_fits(pattern: str, host: str) -> bool:
    host = host.lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    if pattern.endswith(".*"):
        return host.startswith(pattern[:-1])
    return host == pattern


def upstream_path(service_path: str | None, path: str, matched: str, strip: bool) -> str:
    """The path sent on: the service's path, then the request's (less what was matched)."""
    rest = path[len(matched) :] if strip else path
    base = (service_path or "/").rstrip("/")
    if not rest:
        return base or "/"
    return f"{base}/{rest.lstrip('/')}"
