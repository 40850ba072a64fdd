"""Lifecycle rules of a bucket: what is thrown away, and after how many days."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.cos.errors import CosError
from sandbox.cos.markup import many
from sandbox.store import Document

if TYPE_CHECKING:
    from sandbox.cos.objects import Objects
    from sandbox.cos.uploads import Uploads

DAY_S = 86_400


def from_markup(content: dict[str, Any]) -> list[Document]:
    """The rules of a LifecycleConfiguration element.  Raises CosError MalformedXML."""
    rules: list[Document] = many(content.get("Rule"))
    if not rules:
        raise CosError("MalformedXML")
    for rule in rules:
        if rule.get("Status") not in ("Enabled", "Disabled"):
            raise CosError("MalformedXML")
        for action, member in (
            ("Expiration", "Days"),
            ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
        ):
            days = rule.get(action, {}).get(member) if rule.get(action) else None
            if days is not None and not (days.isdigit() and int(days) >= 1):
                raise CosError("InvalidArgument", f"{member} must be 1 or more.")
    return rules


def sweep(objects: "Objects", uploads: "Uploads", now: float) -> None:
    """Carry out what is due by `now`."""
    for bucket, document in objects.buckets():
        for rule in document.get("lifecycle", []):
            if rule["Status"] != "Enabled":
                continue
            for upload_id in _stale_uploads(uploads, bucket, rule, now):
                uploads.abort(upload_id)
            for key in _expired(objects, bucket, rule, now):
                objects.delete(bucket, key)


def _prefix(rule: Document) -> str:
    where = rule.get("Filter") or {}
    return str(where.get("Prefix") or rule.get("Prefix") or "")


def _stale_uploads(uploads: "Uploads", bucket: str, rule: Document, now: float) -> list[str]:
    days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    if days is None:
        return []
    return [
        upload_id
        for upload_id, upload in uploads.all(bucket)
        if upload["key"].startswith(_prefix(rule)) and now - upload["started"] > int(days) * DAY_S
    ]


def _expired(objects: "Objects", bucket: str, rule: Document, now: float) -> Iterator[str]:
    days = (rule.get("Expiration") or {}).get("Days")
    if days is None:
        return
    for key in list(objects.keys(bucket, prefix=_prefix(rule))):
        if now - objects.get(bucket, key)["modified"] > int(days) * DAY_S:
            yield key
