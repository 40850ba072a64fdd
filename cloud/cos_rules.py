"""The bucket's documents: CORS and lifecycle, each read and replaced whole."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from cloud.cos_wire import Wire, request_id, to_xml, xml
from cloud.errors import NotFound
from cloud.reading import part, parts, text, texts, whole
from cloud.types import CorsRule, Done, LifecycleRule


def cors_get(wire: Wire) -> tuple[CorsRule, ...]:
    try:
        content = wire.send("GET", None, params={"cors": ""}).content
    except NotFound:
        return ()
    found = xml(content, "CORSConfiguration", lists=("CORSRule",))
    return tuple(
        CorsRule(
            origins=texts(one, "AllowedOrigin"),
            methods=texts(one, "AllowedMethod"),
            headers=texts(one, "AllowedHeader"),
            expose=texts(one, "ExposeHeader"),
            max_age_s=whole(one, "MaxAgeSeconds"),
            id=text(one, "ID"),
        )
        for one in parts(found, "CORSRule")
    )


def cors_put(wire: Wire, rules: Sequence[CorsRule]) -> Done:
    rows = [
        {
            **({"ID": rule.id} if rule.id else {}),
            "AllowedOrigin": list(rule.origins),
            "AllowedMethod": list(rule.methods),
            "AllowedHeader": list(rule.headers),
            "ExposeHeader": list(rule.expose),
            "MaxAgeSeconds": str(rule.max_age_s),
        }
        for rule in rules
    ]
    return _replace(wire, "cors", "CORSConfiguration", {"CORSRule": rows})


def lifecycle_get(wire: Wire) -> tuple[LifecycleRule, ...]:
    try:
        content = wire.send("GET", None, params={"lifecycle": ""}).content
    except NotFound:
        return ()
    found = xml(content, "LifecycleConfiguration", lists=("Rule",))
    return tuple(
        LifecycleRule(
            id=text(one, "ID"),
            prefix=text(part(one, "Filter"), "Prefix"),
            enabled=text(one, "Status") == "Enabled",
            expire_days=whole(part(one, "Expiration"), "Days"),
            abort_upload_days=whole(
                part(one, "AbortIncompleteMultipartUpload"), "DaysAfterInitiation"
            ),
        )
        for one in parts(found, "Rule")
    )


def lifecycle_put(wire: Wire, rules: Sequence[LifecycleRule]) -> Done:
    rows: list[dict[str, Any]] = []
    for rule in rules:
        row: dict[str, Any] = {
            "ID": rule.id,
            "Filter": {"Prefix": rule.prefix},
            "Status": "Enabled" if rule.enabled else "Disabled",
        }
        if rule.expire_days:
            row["Expiration"] = {"Days": str(rule.expire_days)}
        if rule.abort_upload_days:
            days = str(rule.abort_upload_days)
            row["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
        rows.append(row)
    return _replace(wire, "lifecycle", "LifecycleConfiguration", {"Rule": rows})


def _replace(wire: Wire, name: str, root: str, value: dict[str, Any]) -> Done:
    """Put the document.  COS insists on Content-MD5 here."""
    body = to_xml(root, value)
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    headers = {"Content-MD5": digest, "Content-Type": "application/xml"}
    response = wire.send("PUT", None, params={name: ""}, headers=headers, body=body)
    return Done(request_id(response))
