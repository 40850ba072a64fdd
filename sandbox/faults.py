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
                  "error" (answer `code`, `message`, and HTTP `status` where the protocol has one),
                  "stale" (a read answers what it answered `back` changes ago; with `--control`)
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sandbox.journal import Journal


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
    do: Literal["drop", "delay", "error", "stale"] = "error"
    seconds: float = 1.0
    code: str = "InternalError"
    message: str = "injected fault"
    status: int = 500
    back: int = 1
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
        self.journal: Journal | None = None

    @classmethod
    def from_file(cls, path: Path) -> "Faults":
        return cls(json.loads(path.read_text()))

    def replace(self, rules: list[dict[str, Any]]) -> None:
        self.rules = [Rule(**rule) for rule in rules]

    async def before(
        self, service: str, action: str, subject: str = "", *, writes: bool = False
    ) -> None:
        """Count the call, then raise or wait if a rule says so.  Raises Dropped or Refused."""
        name = f"{service}:{action}"
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.journal is not None:
            self.journal.begin(service, action, subject, writes)
        await self._strike(service, action, "before")

    async def after(self, service: str, action: str) -> None:
        """The change is stored; raise or wait if the answer is to be lost or late."""
        if self.journal is not None:
            self.journal.done()
        await self._strike(service, action, "after")

    def seen(self, service: str, action: str, question: str, answer: Any) -> Any:
        """`answer` of a read, unless a rule makes it an earlier one."""
        if self.journal is None:
            return answer
        back = 0
        for rule in self.rules:
            if rule.do == "stale" and rule.hits(service, action, rule.when):
                back = rule.back
                self.journal.struck("stale")
        return self.journal.seen(f"{service}:{action}:{question}", answer, back)

    async def _strike(self, service: str, action: str, when: str) -> None:
        for rule in self.rules:
            if rule.do == "stale" or not rule.hits(service, action, when):
                continue
            if self.journal is not None:
                self.journal.struck(f"{when} {rule.do}")
            if rule.do == "delay":
                await asyncio.sleep(rule.seconds)
            elif rule.do == "drop":
                raise Dropped
            else:
                raise Refused(rule.code, rule.message, rule.status)
