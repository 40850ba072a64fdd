"""COS: objects, parts, buckets and their rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ObjectHead:
    """`etag` without quotes; it is an MD5 only for objects put in one piece.

    `crc64` is CRC-64/XZ as a decimal string, "" if COS did not send it."""

    key: str
    size_bytes: int
    etag: str
    crc64: str
    content_type: str
    last_modified: datetime | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True)
class ListedObject:
    key: str
    size_bytes: int
    etag: str
    last_modified: datetime | None
    storage_class: str = ""


@dataclass(frozen=True)
class ObjectPage:
    """One page of a listing.  `next_marker` is "" on the last page."""

    objects: tuple[ListedObject, ...]
    prefixes: tuple[str, ...] = ()
    next_marker: str = ""


@dataclass(frozen=True)
class PutResult:
    etag: str
    crc64: str
    request_id: str = ""


@dataclass(frozen=True)
class Part:
    """One part of a multipart upload.  `number` from 1 to 10000; `etag` without quotes."""

    number: int
    etag: str
    size_bytes: int = 0
    last_modified: datetime | None = None


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload_id: str
    started_at: datetime | None


@dataclass(frozen=True)
class Acl:
    """`canned` is "private", "public-read" or "default" (as the bucket says)."""

    canned: str
    owner: str = ""
    grants: tuple[tuple[str, str], ...] = ()  # (who, permission)
    request_id: str = ""


@dataclass(frozen=True)
class CorsRule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ("*",)
    expose: tuple[str, ...] = ()
    max_age_s: int = 600
    id: str = ""


@dataclass(frozen=True)
class LifecycleRule:
    """Days are 0 when the rule does not say so."""

    id: str
    prefix: str = ""
    enabled: bool = True
    expire_days: int = 0
    abort_upload_days: int = 0


@dataclass(frozen=True)
class Bucket:
    name: str
    region: str
    created_at: datetime | None
