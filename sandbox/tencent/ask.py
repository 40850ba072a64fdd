"""One verified request as a handler sees it, and the small questions handlers ask of it."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.accounts import Key
from sandbox.tencent.errors import ApiError

Body = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    service: str
    version: str
    action: str
    region: str
    key: Key
    body: Body

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The member `name`; `default` if it is absent or null."""
        value = self.body.get(name)
        return default if value is None else value

    def choice(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """The member `name`, one of `allowed`.  Raises InvalidParameterValue otherwise."""
        value = self.get(name, default)
        options = tuple(allowed)
        if value not in options:
            raise ApiError(
                "InvalidParameterValue",
                f"The value `{value}` of parameter `{name}` is not one of {', '.join(options)}.",
            )
        return str(value)

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """The member `name` between `low` and `high`.  Raises InvalidParameterValue otherwise."""
        value = self.get(name, default)
        if value is None or not low <= value <= high:
            raise ApiError(
                "InvalidParameterValue",
                f"The value `{value}` of parameter `{name}` is not between {low} and {high}.",
            )
        return int(value)

    def json_text(self, name: str) -> Any:
        """The JSON document that the string member `name` holds."""
        try:
            return json.loads(self[name])
        except ValueError as exc:
            raise ApiError(
                "InvalidParameter.Param", f"The parameter `{name}` is not JSON: {exc}."
            ) from exc

    def page(self, rows: list[Any], *, default: int = 20, most: int = 100) -> list[Any]:
        """The asked part of `rows`: Offset rows skipped, at most Limit of the rest."""
        # vpc sends both as strings; everybody else as numbers.
        try:
            offset, limit = int(self.get("Offset", 0)), int(self.get("Limit", default))
        except ValueError as exc:
            raise ApiError("InvalidParameterValue", "Offset and Limit are numbers.") from exc
        if offset < 0 or not 0 <= limit <= most:
            raise ApiError(
                "InvalidParameterValue", f"Limit is between 0 and {most}, Offset not negative."
            )
        return rows[offset : offset + limit]

    def numbered_page(self, rows: list[Any], *, default: int = 20, most: int = 100) -> list[Any]:
        """The asked page of `rows` where Offset is a page number from 1 (TCR); 0 counts as 1."""
        limit = self.number("Limit", 1, most, default)
        number = max(self.number("Offset", 0, 1_000_000, 1), 1)
        return rows[(number - 1) * limit : number * limit]

    def filters(self, known: Iterable[str]) -> dict[str, list[str]]:
        """`Filters` [{Name, Values}] as one dict.  Raises InvalidParameterValue on other names."""
        found: dict[str, list[str]] = {}
        names = tuple(known)
        for entry in self.get("Filters", []):
            if entry.get("Name") not in names:
                raise ApiError(
                    "InvalidParameterValue", f"The filter `{entry.get('Name')}` is not supported."
                )
            found[entry["Name"]] = list(entry.get("Values") or [])
        return found


Answer = Body
Handler = Callable[[Ask], Answer | Awaitable[Answer]]
