"""Calls of a multipart upload."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.cos import object_calls
from sandbox.cos.blobs import Blob
from sandbox.cos.bucket_calls import MAX_KEYS, owner_markup
from sandbox.cos.call import Call, Reply, xml_reply
from sandbox.cos.errors import CosError
from sandbox.cos.markup import many
from sandbox.cos.times import iso
from sandbox.cos.uploads import MAX_PART_NUMBER

if TYPE_CHECKING:
    from sandbox.cos.service import Cos


async def start(cos: "Cos", call: Call) -> Reply:
    await call.body()
    upload_id = cos.uploads.start(call.bucket, call.key, object_calls.wish(cos, call))
    content = {"Bucket": call.bucket, "Key": call.key, "UploadId": upload_id}
    return xml_reply("InitiateMultipartUploadResult", content)


def _part_number(call: Call) -> int:
    number = call.number("partNumber", 0, 1, MAX_PART_NUMBER + 1)
    if not 1 <= number <= MAX_PART_NUMBER:
        raise CosError("InvalidArgument", "Part number must be an integer between 1 and 10000.")
    return number


async def upload_part(cos: "Cos", call: Call) -> Reply:
    number, upload_id = _part_number(call), call.parameters["uploadId"]
    cos.uploads.get(call.bucket, call.key, upload_id)
    call.require_length()
    blob = await cos.objects.blobs.receive(call.chunks())
    _accept(cos, call, blob)
    cos.uploads.add(upload_id, number, blob)
    return Reply(headers={"ETag": f'"{blob.md5}"', "x-cos-hash-crc64ecma": str(blob.crc)})


def _accept(cos: "Cos", call: Call, blob: Blob) -> None:
    try:
        call.check_md5(blob.md5)
    except CosError:
        cos.objects.blobs.remove([blob.name])
        raise


async def copy_part(cos: "Cos", call: Call) -> Reply:
    number, upload_id = _part_number(call), call.parameters["uploadId"]
    cos.uploads.get(call.bucket, call.key, upload_id)
    bucket, key = object_calls.copy_source(cos, call)
    source = cos.objects.get(bucket, key)
    first, length = 0, source["size"]
    if call.headers.get("x-cos-copy-source-range"):
        part = object_calls.byte_range(call.headers["x-cos-copy-source-range"], source["size"])
        if part is None:
            raise CosError("InvalidRange")
        first, length = part
    pieces = cos.objects.blobs.stream(source["segments"], first, length)
    blob = await cos.objects.blobs.receive(pieces)
    cos.uploads.add(upload_id, number, blob)
    content = {"ETag": f'"{blob.md5}"', "LastModified": iso(cos.world.clock.now())}
    return xml_reply("CopyPartResult", content, x_cos_hash_crc64ecma=str(blob.crc))


async def list_parts(cos: "Cos", call: Call) -> Reply:
    upload_id = call.parameters["uploadId"]
    upload = cos.uploads.get(call.bucket, call.key, upload_id)
    most = call.number("max-parts", MAX_KEYS, 1, MAX_KEYS)
    marker = call.number("part-number-marker", 0, 0, MAX_PART_NUMBER)
    rest = [(number, part) for number, part in cos.uploads.parts(upload_id) if number > marker]
    shown = rest[:most]
    in_url = call.parameters.get("encoding-type") == "url"
    content: dict[str, Any] = {
        "Bucket": call.bucket,
        "Key": quote(call.key, safe="/-_.~") if in_url else call.key,
        "UploadId": upload_id,
        "Initiator": owner_markup(upload["owner"]),
        "Owner": owner_markup(upload["owner"]),
        "StorageClass": "STANDARD",
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1][0] if shown else marker,
        "MaxParts": most,
        "IsTruncated": len(rest) > most,
        "Part": [
            {
                "PartNumber": number,
                "LastModified": iso(part["modified"]),
                "ETag": f'"{part["md5"]}"',
                "Size": part["size"],
            }
            for number, part in shown
        ],
    }
    return xml_reply("ListPartsResult", content)


async def complete(cos: "Cos", call: Call) -> Reply:
    upload_id = call.parameters["uploadId"]
    cos.uploads.get(call.bucket, call.key, upload_id)
    wish = await call.xml("CompleteMultipartUpload")
    wanted = []
    for part in many(wish.get("Part")):
        number, etag = part.get("PartNumber") or "", part.get("ETag") or ""
        if not number.isdigit() or not etag:
            raise CosError("MalformedXML")
        wanted.append((int(number), etag.strip('"').lower()))
    made = cos.uploads.complete(call.bucket, call.key, upload_id, wanted)
    content = {
        "Location": f"{call.address.host}/{quote(call.key, safe='/-_.~')}",
        "Bucket": call.bucket,
        "Key": call.key,
        "ETag": f'"{made["etag"]}"',
    }
    return xml_reply("CompleteMultipartUploadResult", content, x_cos_hash_crc64ecma=made["crc64"])


async def abort(cos: "Cos", call: Call) -> Reply:
    cos.uploads.get(call.bucket, call.key, call.parameters["uploadId"])
    cos.uploads.abort(call.parameters["uploadId"])
    return Reply(204)


async def list_uploads(cos: "Cos", call: Call) -> Reply:
    asked = call.parameters
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after = (asked.get("key-marker", ""), asked.get("upload-id-marker", ""))
    most = call.number("max-uploads", MAX_KEYS, 1, MAX_KEYS)
    in_url = asked.get("encoding-type") == "url"

    def text(value: str) -> str | None:
        return (quote(value, safe="/-_.~") if in_url else value) or None

    rest, common = [], []
    past = not after[1]
    for upload_id, upload in cos.uploads.all(call.bucket):
        key = upload["key"]
        if not key.startswith(prefix) or key < after[0] or (not after[1] and key == after[0]):
            continue
        if key == after[0] and not past:
            past = upload_id == after[1]
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0:
            shared = key[: cut + len(delimiter)]
            if shared not in common:
                common.append(shared)
            continue
        rest.append((upload_id, upload))
    shown, more = rest[:most], len(rest) > most
    content: dict[str, Any] = {
        "Bucket": call.bucket,
        "Encoding-Type": "url" if in_url else None,
        "KeyMarker": text(after[0]),
        "UploadIdMarker": text(after[1]),
        "NextKeyMarker": text(shown[-1][1]["key"]) if more else None,
        "NextUploadIdMarker": shown[-1][0] if more else None,
        "MaxUploads": most,
        "IsTruncated": more,
        "Prefix": text(prefix),
        "Delimiter": text(delimiter),
        "Upload": [
            {
                "Key": text(upload["key"]),
                "UploadId": upload_id,
                "StorageClass": "STANDARD",
                "Initiator": owner_markup(upload["owner"]),
                "Owner": owner_markup(upload["owner"]),
                "Initiated": iso(upload["started"]),
            }
            for upload_id, upload in shown
        ],
        "CommonPrefixes": [{"Prefix": text(shared)} for shared in common],
    }
    return xml_reply("ListMultipartUploadsResult", content)
