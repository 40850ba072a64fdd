"""Injected faults: what goes wrong, at which call, before or after the change is stored.

A fault file is a JSON list of rules, for example
    [{"service": "tse", "action": "CreateCloudNativeAPIGatewayRoute", "nth": 1,
      "when": "after", "do": "drop"}]

service, action   exact names ("cos"/"PutObject", "kube"/"PATCH deployments", "ci"/"SubmitJob",
                  "webui"/"txt2img"); "*" = any
nth               which matching call, counted from 1; absent = every one
times             for how many calls from `nth` on (default 1; with no nth: without end)
when              "before" (nothing was changed) or "after" (it was done, the answer is lost)
do                "drop" (the connection closes without an answer), "delay" (wait `seconds`),
                  "error" (answer `code`, `message`, and HTTP `status` where the protocol has one)
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


class Dropped(Exception):
    """Close the connection without an answer."""


class Refused(Exception):
    """Answer with this error instead, in the protocol of the service."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass
class Rule:
    service: str = "*"
    action: str = "*"
    nth: int | None = None
    times: int | None = None
    when: Literal["before", "after"] = "before"
    do: Literal["drop", "delay", "error"] = "error"
    seconds: float = 1.0
    code: str = "InternalError"
    message: str = "injected fault"
    status: int = 500
    seen: int = 0

    def hits(self, service: str, action: str, when: str) -> bool:
        if when != self.when or self.service not in ("*", service):
            return False
        if self.action not in ("*", action):
            return False
        self.seen += 1
        if self.nth is None:
            return self.times is None or self.seen <= self.times
        return self.nth <= self.seen < self.nth + (self.times or 1)


class Faults:
    """The rules in force; every dispatcher asks `before` and `after` around each call it serves."""

    def __init__(self, rules: list[dict[str, Any]] | None = None) -> None:
        self.rules = [Rule(**rule) for rule in rules or []]
        self.calls: dict[str, int] = {}

    @classmethod
    def from_file(cls, path: Path) -> "Faults":
        return cls(json.loads(path.read_text()))

    def replace(self, rules: list[dict[str, Any]]) -> None:
        self.rules = [Rule(**rule) for rule in rules]

    async def before(self, service: str, action: str) -> None:
        """Count the call, then raise or wait if a rule says so.  Raises Dropped or Refused."""
        name = f"{service}:{action}"
        self.calls[name] = self.calls.get(name, 0) + 1
        await self._strike(service, action, "before")

    async def after(self, service: str, action: str) -> None:
        """The change is stored; raise or wait if the answer is to be lost or late."""
        await self._strike(service, action, "after")

    async def _strike(self, service: str, action: str, when: str) -> None:
        for rule in self.rules:
            if not rule.hits(service, action, when):
                continue
            if rule.do == "delay":
                await asyncio.sleep(rule.seconds)
            elif rule.do == "drop":
                raise Dropped
            else:
                raise Refused(rule.code, rule.message, rule.status)
