"""Counts requests against rate limits, in fixed windows, as Kong's rate-limiting plug-in does.

With policy `local` every gateway node counts for itself, so the real limit is the threshold times
the number of nodes; the redis policies count once for all.
"""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.gateway.limit_detail import LimitDetail

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Subject:
    """What a request can be counted by."""

    ip: str
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    cookies: Mapping[str, str]
    service: str
    consumer: str = ""


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0  # until the full window ends, if not allowed


def window(unit: str, now: float) -> tuple[float, float]:
    """Start and end of the window `now` lies in; months and years follow the UTC calendar."""
    if unit in SECONDS:
        start = now // SECONDS[unit] * SECONDS[unit]
        return start, start + SECONDS[unit]
    today = datetime.fromtimestamp(now, UTC)
    month = today.month if unit == "month" else 1
    start = datetime(today.year, month, 1, tzinfo=UTC).timestamp()
    days = calendar.monthrange(today.year, today.month)[1] if unit == "month" else 365
    if unit == "year":
        days += calendar.isleap(today.year)
    return start, start + days * 86400


class Limiter:
    def __init__(self) -> None:
        self._counts: dict[tuple[Any, ...], tuple[int, float]] = {}  # -> count, end of window

    def check(
        self, limit_id: str, detail: LimitDetail, subject: Subject, node: int, now: float
    ) -> Verdict:
        """Count the request if every window still has room."""
        if not detail["Enabled"]:
            return Verdict(True)
        if detail["Policy"] != "local":
            node = 0
        counters = [
            (unit, most, (limit_id, node, name, unit))
            for name, thresholds in self._identifiers(detail, subject)
            for unit, most in thresholds
        ]
        headers: dict[str, str] = {}
        wait_s, tightest = 0.0, None
        for unit, most, key in counters:
            _, end = window(unit, now)
            used = self._used(key, now)
            left = max(0, most - used)
            headers[f"X-RateLimit-Limit-{unit.capitalize()}"] = str(most)
            headers[f"X-RateLimit-Remaining-{unit.capitalize()}"] = str(max(0, left - 1))
            if left == 0:
                wait_s = max(wait_s, end - now)
            if tightest is None or left < tightest[0]:
                tightest = (left, most, end)
        if tightest is not None:
            headers["RateLimit-Limit"] = str(tightest[1])
            headers["RateLimit-Remaining"] = str(max(0, tightest[0] - 1))
            headers["RateLimit-Reset"] = str(max(1, int(tightest[2] - now)))
        if detail.get("HideClientHeaders"):
            headers = {}
        if wait_s:
            return Verdict(False, {**headers, "Retry-After": str(max(1, int(wait_s)))}, wait_s)
        for unit, _, key in counters:
            self._counts[key] = (self._used(key, now) + 1, window(unit, now)[1])
        if len(self._counts) > 10_000:
            self._counts = {key: entry for key, entry in self._counts.items() if entry[1] > now}
        return Verdict(True, headers)

    def _used(self, key: tuple[Any, ...], now: float) -> int:
        count, end = self._counts.get(key, (0, 0.0))
        return count if now < end else 0

    def _identifiers(
        self, detail: LimitDetail, subject: Subject
    ) -> list[tuple[str, list[tuple[str, int]]]]:
        """Who is counted, with the thresholds that hold; the basic limit and matching rules."""
        found = []
        basic = detail.get("QpsThresholds") or detail.get("BasicLimitQpsThresholds") or []
        if basic:
            found.append((identifier(detail, subject), _pairs(basic)))
        for number, rule in enumerate(detail.get("LimitRules") or []):
            if all(holds(entry, subject) for entry in rule.get("Filters") or []):
                parts = [
                    _value(entry.get("Key", ""), entry.get("Value", ""), subject) or ""
                    for entry in rule.get("LimitBy") or []
                ]
                found.append(
                    (f"rule{number}:{'|'.join(parts)}", _pairs(rule.get("QpsThresholds") or []))
                )
        return found


def _pairs(thresholds: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(entry["Unit"], entry["Max"]) for entry in thresholds]


def identifier(detail: LimitDetail, subject: Subject) -> str:
    """What LimitBy names; the client's address where the request lacks it, as in Kong."""
    by = detail["LimitBy"]
    if by == "service":
        return f"service:{subject.service}"
    if by == "path" and subject.path == detail.get("Path"):
        return f"path:{subject.path}"
    if by == "header" and (value := subject.headers.get(detail.get("Header") or "")):
        return f"header:{value}"
    if by in ("consumer", "credential") and subject.consumer:
        return f"consumer:{subject.consumer}"
    return f"ip:{subject.ip}"


def _value(kind: str, name: str, subject: Subject) -> str | None:
    """One attribute of the request; None if it has none such."""
    kind = kind.lower()
    if kind in ("ip", "clientip", "system"):
        return subject.ip
    if kind == "path":
        return subject.path
    if kind == "method":
        return subject.method
    if kind == "service":
        return subject.service
    source = {"header": subject.headers, "query": subject.query, "cookie": subject.cookies}
    return source[kind].get(name) if kind in source else None


def holds(entry: Mapping[str, Any], subject: Subject) -> bool:
    """True if the filter {Key: kind, Name, Operator, Values} fits the request."""
    value = _value(entry.get("Key") or "", entry.get("Name") or "", subject)
    return compare(entry.get("Operator") or "in", value, list(entry.get("Values") or []))


def compare(operator: str, value: str | None, wanted: list[str]) -> bool:
    """One of Tencent's condition operators; an absent `value` satisfies only the negative ones."""
    if operator == "exists":
        return value is not None
    if value is None:
        return operator in ("ne", "not in")
    if operator in ("eq", "exact", "in"):
        return value in wanted
    if operator in ("ne", "not in"):
        return value not in wanted
    if operator == "prefix":
        return any(value.startswith(text) for text in wanted)
    if operator == "regex":
        return any(re.search(text, value) is not None for text in wanted)
    try:
        left, right = float(value), float(wanted[0])
    except (ValueError, IndexError):
        return False
    return {"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}[
        operator
    ]
