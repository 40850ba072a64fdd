"""Calls on objects: put, get, head, copy, delete, ACL, tags."""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sandbox.accounts import OWNER_UIN
from sandbox.cos import access, address, tagging
from sandbox.cos.blobs import Blob
from sandbox.cos.call import Call, Reply, xml_reply
from sandbox.cos.errors import CosError, NotModified
from sandbox.cos.objects import MAX_KEY_BYTES
from sandbox.cos.times import from_http, http, iso
from sandbox.store import Document

if TYPE_CHECKING:
    from sandbox.cos.service import Cos

KEPT_HEADERS = (
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "cache-control",
    "expires",
    "x-cos-storage-class",
)
# The query of a signed GET may replace these headers of the answer.
_OVERRIDES = (
    "content-type",
    "content-language",
    "content-disposition",
    "content-encoding",
    "cache-control",
    "expires",
)
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def wish(cos: "Cos", call: Call) -> Document:
    """What the headers of an upload say about the object to be: headers, acl, tags, owner."""
    if len(call.key.encode()) > MAX_KEY_BYTES:
        raise CosError("KeyTooLong")
    owner = cos.objects.bucket(call.bucket)["owner"]
    kept = {
        name: value
        for name, value in call.headers.items()
        if value and (name in KEPT_HEADERS or name.startswith("x-cos-meta-"))
    }
    if kept.get("x-cos-storage-class") == "STANDARD":  # said only of objects in another class
        del kept["x-cos-storage-class"]
    kept.setdefault("content-type", "application/octet-stream")
    acl = access.from_headers(call.headers, owner, access.OBJECT_CANNED)
    return {
        "headers": kept,
        "acl": acl or access.canned("default", owner, access.OBJECT_CANNED),
        "tags": tagging.from_header(call.headers.get("x-cos-tagging", "")),
        "owner": owner,
    }


async def put_object(cos: "Cos", call: Call) -> Reply:
    wanted = wish(cos, call)
    call.require_length()
    _refuse_overwrite(cos, call)
    blob = await cos.objects.blobs.receive(call.chunks())
    try:
        call.check_md5(blob.md5)
        _refuse_overwrite(cos, call)
    except CosError:
        cos.objects.blobs.remove([blob.name])
        raise
    made = cos.objects.store(
        call.bucket,
        call.key,
        [blob],
        etag=blob.md5,
        crc=blob.crc,
        headers=wanted["headers"],
        acl=wanted["acl"],
        tags=wanted["tags"],
    )
    return Reply(headers={"ETag": f'"{made["etag"]}"', "x-cos-hash-crc64ecma": made["crc64"]})


def _refuse_overwrite(cos: "Cos", call: Call) -> None:
    if call.headers.get("x-cos-forbid-overwrite", "").lower() != "true":
        return
    if cos.objects.exists(call.bucket, call.key):
        raise CosError("FileAlreadyExists", "The object you put is already exist.", 409)


def _wire_name(name: str) -> str:
    """`content-type` as COS writes it: clients that look headers up by case depend on it."""
    return name if name.startswith("x-") else name.title()


def _describe(found: Document) -> dict[str, str]:
    headers = {_wire_name(name): value for name, value in found["headers"].items()}
    headers |= {
        "ETag": f'"{found["etag"]}"',
        "Last-Modified": http(found["modified"]),
        "Accept-Ranges": "bytes",
        "x-cos-hash-crc64ecma": found["crc64"],
        "x-cos-object-type": "normal",
    }
    if found["tags"]:
        headers["x-cos-tagging-count"] = str(len(found["tags"]))
    return headers


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """(first byte, length) of a Range header; None if it is not one range of bytes.

    Raises CosError InvalidRange if it begins behind the end.
    """
    asked = _RANGE.match(text.strip())
    if not asked or asked.groups() == ("", ""):
        return None
    if not asked[1]:
        length = min(int(asked[2]), size)
        first = size - length
    else:
        first = int(asked[1])
        last = min(int(asked[2]) if asked[2] else size - 1, size - 1)
        if asked[2] and int(asked[2]) < first:
            return None
        length = last - first + 1
    if first >= size or length <= 0:
        raise CosError("InvalidRange")
    return first, length


def check_conditions(found: Document, headers: dict[str, str], prefix: str = "") -> None:
    """Raises CosError PreconditionFailed or NotModified as the If-* headers say."""
    etag, modified = found["etag"], int(found["modified"])

    def names(header: str) -> list[str] | None:
        value = headers.get(prefix + header)
        return None if value is None else [tag.strip().strip('"') for tag in value.split(",")]

    def moment(header: str) -> float | None:
        value = headers.get(prefix + header)
        return None if value is None else from_http(value)

    wanted, unwanted = names("if-match"), names("if-none-match")
    since, until = moment("if-modified-since"), moment("if-unmodified-since")
    if wanted is not None and etag not in wanted and "*" not in wanted:
        raise CosError("PreconditionFailed")
    if wanted is None and until is not None and modified > until:
        raise CosError("PreconditionFailed")
    same = unwanted is not None and (etag in unwanted or "*" in unwanted)
    old = unwanted is None and since is not None and modified <= since
    if same or old:
        if prefix:
            raise CosError("PreconditionFailed")
        raise NotModified({"ETag": f'"{etag}"', "Last-Modified": http(modified)})


async def get_object(cos: "Cos", call: Call) -> Reply:
    found = cos.objects.get(call.bucket, call.key)
    check_conditions(found, call.headers)
    headers = _describe(found)
    for name in _OVERRIDES:
        value = call.parameters.get(f"response-{name}")
        if value is None:
            continue
        if call.caller is None:
            raise CosError("InvalidRequest", "Request-specific response headers need a signature.")
        headers[_wire_name(name)] = value
    part = byte_range(call.headers["range"], found["size"]) if "range" in call.headers else None
    status, (first, length) = (206, part) if part else (200, (0, found["size"]))
    if part:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{found['size']}"
    body = cos.objects.blobs.stream(found["segments"], first, length)
    return Reply(status, headers, body, length)


async def head_object(cos: "Cos", call: Call) -> Reply:
    reply = await get_object(cos, call)
    return Reply(reply.status, reply.headers, b"", reply.length)


def copy_source(cos: "Cos", call: Call) -> tuple[str, str]:
    """Bucket and key of `x-cos-copy-source`; the caller must be allowed to read it."""
    raw = unquote(call.headers["x-cos-copy-source"].partition("?")[0])
    host, _, key = raw.lstrip("/").partition("/")
    found = address.find("/" + key, host)
    bucket, key = (found.bucket, found.key) if host.count(".") else (host, key)
    if not key:
        raise CosError("InvalidArgument", "x-cos-copy-source is not valid.")
    if not cos.objects.allows(bucket, key, "READ", call.uin):
        raise CosError("AccessDenied")
    return bucket, key


async def copy_object(cos: "Cos", call: Call) -> Reply:
    bucket, key = copy_source(cos, call)
    source = cos.objects.get(bucket, key)
    check_conditions(source, call.headers, "x-cos-copy-source-")
    wanted = wish(cos, call)
    directive = call.headers.get("x-cos-metadata-directive", "Copy").lower()
    if directive not in ("copy", "replaced"):
        raise CosError("InvalidArgument", "x-cos-metadata-directive is not valid.")
    if directive == "copy" and (bucket, key) == (call.bucket, call.key):
        raise CosError("InvalidRequest", "An object copied onto itself must change something.")
    kept = source if directive == "copy" else wanted
    # Blobs of an object carry no digests of their own: the copy keeps those of the whole.
    blobs = [Blob(cos.objects.blobs.link(name), size, "", 0) for name, size in source["segments"]]
    made = cos.objects.store(
        call.bucket,
        call.key,
        blobs,
        etag=source["etag"],
        crc=int(source["crc64"]),
        headers=kept["headers"],
        acl=wanted["acl"],
        tags=kept["tags"],
    )
    content = {
        "ETag": f'"{made["etag"]}"',
        "CRC64": made["crc64"],
        "LastModified": iso(made["modified"]),
    }
    return xml_reply("CopyObjectResult", content, x_cos_hash_crc64ecma=made["crc64"])


async def delete_object(cos: "Cos", call: Call) -> Reply:
    cos.objects.delete(call.bucket, call.key)
    return Reply(204)


async def get_acl(cos: "Cos", call: Call) -> Reply:
    found = cos.objects.get(call.bucket, call.key)
    reply = xml_reply("AccessControlPolicy", access.to_markup(found["acl"], found["owner"]))
    if found["acl"]["default"]:
        reply.headers["x-cos-acl"] = "default"
    return reply


async def put_acl(cos: "Cos", call: Call) -> Reply:
    found = cos.objects.get(call.bucket, call.key)
    acl = access.from_headers(call.headers, found["owner"] or OWNER_UIN, access.OBJECT_CANNED)
    if acl is None:
        acl = access.from_markup(await call.xml("AccessControlPolicy"))
    cos.objects.set_acl(call.bucket, call.key, acl)
    return Reply()


async def put_tagging(cos: "Cos", call: Call) -> Reply:
    found = cos.objects.get(call.bucket, call.key)
    found["tags"] = tagging.from_markup(await call.xml("Tagging"))
    cos.objects.save(call.bucket, call.key)
    return Reply()


async def get_tagging(cos: "Cos", call: Call) -> Reply:
    return xml_reply("Tagging", tagging.to_markup(cos.objects.get(call.bucket, call.key)["tags"]))


async def delete_tagging(cos: "Cos", call: Call) -> Reply:
    found = cos.objects.get(call.bucket, call.key)
    found["tags"] = {}
    cos.objects.save(call.bucket, call.key)
    return Reply(204)
