"""Cross-origin rules of a bucket: which pages of other sites may call it from a browser."""

import re
from collections.abc import Iterable
from typing import Any

from sandbox.cos.errors import CosError
from sandbox.cos.markup import many
from sandbox.store import Document

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")


def from_markup(content: dict[str, Any]) -> list[Document]:
    """The rules of a CORSConfiguration element.  Raises CosError."""
    rules = []
    for rule in many(content.get("CORSRule")):
        origins, methods = many(rule.get("AllowedOrigin")), many(rule.get("AllowedMethod"))
        if not origins or not methods:
            raise CosError("MalformedXML")
        if any(method not in METHODS for method in methods):
            raise CosError("InvalidArgument", "AllowedMethod is not valid.")
        if any(origin.count("*") > 1 for origin in origins):
            raise CosError("InvalidArgument", "AllowedOrigin may hold one * only.")
        rules.append(
            {
                "ID": rule.get("ID") or None,
                "AllowedOrigin": origins,
                "AllowedMethod": methods,
                "AllowedHeader": many(rule.get("AllowedHeader")),
                "ExposeHeader": many(rule.get("ExposeHeader")),
                "MaxAgeSeconds": rule.get("MaxAgeSeconds") or None,
            }
        )
    if not rules:
        raise CosError("MalformedXML")
    return rules


def to_markup(rules: list[Document]) -> dict[str, Any]:
    kept = ({name: value for name, value in rule.items() if value} for rule in rules)
    return {"CORSRule": list(kept)}


def headers(
    rules: Iterable[Document],
    origin: str,
    method: str,
    asked_headers: Iterable[str] = (),
    *,
    preflight: bool = False,
) -> dict[str, str] | None:
    """The Access-Control headers of the first rule that allows the call; None if none does."""
    asked = [name.strip().lower() for name in asked_headers if name.strip()]
    for rule in rules:
        if not any(_matches(pattern, origin) for pattern in rule["AllowedOrigin"]):
            continue
        if method not in rule["AllowedMethod"]:
            continue
        allowed = [name.lower() for name in rule["AllowedHeader"]]
        if not all(any(_matches(pattern, name) for pattern in allowed) for name in asked):
            continue
        anyone = "*" in rule["AllowedOrigin"]
        found = {"Access-Control-Allow-Origin": "*" if anyone else origin}
        if not anyone:
            found["Vary"] = "Origin"
        if rule["ExposeHeader"]:
            found["Access-Control-Expose-Headers"] = ",".join(rule["ExposeHeader"])
        if preflight:
            found["Access-Control-Allow-Methods"] = ",".join(rule["AllowedMethod"])
            if asked:
                found["Access-Control-Allow-Headers"] = ",".join(asked)
            if rule["MaxAgeSeconds"]:
                found["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
        return found
    return None


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
