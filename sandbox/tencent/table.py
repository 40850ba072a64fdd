"""Tencent's published API description, used to check every request (and, in tests, every answer).

`table.json.gz` is made by make_table.py: services > versions > actions and objects.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.tencent.errors import ApiError

# Member kinds of the description -> what JSON may hold.  Dates travel as strings.
STRINGS = {"string", "datetime", "datetime_iso", "timestamp", "date", "binary"}
INTEGERS = {"int64": (-(2**63), 2**63), "uint64": (0, 2**64), "int32": (-(2**31), 2**31)}


@dataclass(frozen=True)
class Mistake:
    path: str  # "Filters.0.Name"
    kind: str  # "unknown" | "missing" | "type"
    detail: str = ""

    @property
    def nested(self) -> bool:
        return "." in self.path


class Table:
    def __init__(self) -> None:
        path = Path(__file__).with_name("table.json.gz")
        self._services: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))

    def knows_service(self, service: str) -> bool:
        return service in self._services

    def knows_version(self, service: str, version: str) -> bool:
        return version in self._services[service]

    def knows_action(self, service: str, version: str, action: str) -> bool:
        return action in self._services[service][version]["actions"]

    def deprecated(self, service: str, version: str, action: str) -> bool:
        return bool(self._services[service][version]["actions"][action][2])

    def check_request(self, service: str, version: str, action: str, body: Any) -> None:
        """Raise the ApiError Tencent answers for a malformed body.

        A missing member counts only at the top: inside objects the description marks members as
        required that the real services do without.
        """
        if not isinstance(body, dict):
            raise ApiError("InvalidRequest", "The request body is not a JSON object.")
        spec = self._services[service][version]
        for mistake in self._object(spec["objects"], spec["actions"][action][0], body, ""):
            if mistake.kind == "unknown":
                raise ApiError(
                    "UnknownParameter", f"The parameter `{mistake.path}` is not recognized."
                )
            if mistake.kind == "type":
                raise ApiError(
                    "InvalidParameter",
                    f"The value type of parameter `{mistake.path}` is not valid: {mistake.detail}.",
                )
            if not mistake.nested:
                raise ApiError(
                    "MissingParameter",
                    f"The request is missing a required parameter `{mistake.path}`.",
                )

    def answer_mistakes(
        self, service: str, version: str, action: str, answer: dict[str, Any]
    ) -> list[Mistake]:
        """What in `answer` the description does not know; absent members are no mistake."""
        spec = self._services[service][version]
        found = self._object(spec["objects"], spec["actions"][action][1], answer, "")
        return [mistake for mistake in found if mistake.kind != "missing"]

    def _object(
        self, objects: dict[str, Any], name: str, body: dict[str, Any], path: str
    ) -> list[Mistake]:
        members = objects.get(name, {})
        found: list[Mistake] = []
        for key, value in body.items():
            here = f"{path}.{key}" if path else key
            if key not in members:
                found.append(Mistake(here, "unknown"))
            elif value is not None:  # null counts as absent
                found += self._value(objects, members[key][0], members[key][1], value, here)
        for key, (_, _, required) in members.items():
            if required and body.get(key) is None:
                found.append(Mistake(f"{path}.{key}" if path else key, "missing"))
        return found

    def _value(
        self, objects: dict[str, Any], kind: str, member: str, value: Any, path: str
    ) -> list[Mistake]:
        if kind == "list":
            if not isinstance(value, list):
                return [Mistake(path, "type", f"a list of {member} is expected")]
            inner = "object" if member in objects else member
            return [
                mistake
                for index, item in enumerate(value)
                for mistake in self._value(objects, inner, member, item, f"{path}.{index}")
            ]
        if kind == "object":
            if not isinstance(value, dict):
                return [Mistake(path, "type", f"an object {member} is expected")]
            return self._object(objects, member, value, path)
        return [] if _fits(member, value) else [Mistake(path, "type", f"{member} is expected")]


def _fits(member: str, value: Any) -> bool:
    if member in STRINGS:
        return isinstance(value, str)
    if member == "bool":
        return isinstance(value, bool)
    if member in ("float", "double"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if member in INTEGERS:
        low, high = INTEGERS[member]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value < high
    return True
