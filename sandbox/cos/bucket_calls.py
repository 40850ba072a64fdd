"""Calls on buckets: make, list, delete, and what is kept with them (ACL, CORS, lifecycle, tags)."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.accounts import OWNER_UIN
from sandbox.cos import access, cors, lifecycle, tagging
from sandbox.cos.call import Call, Reply, xml_reply
from sandbox.cos.errors import CosError
from sandbox.cos.markup import many
from sandbox.cos.times import iso

if TYPE_CHECKING:
    from sandbox.cos.service import Cos

MAX_KEYS = 1000


def owner_markup(uin: str) -> dict[str, str]:
    return {"ID": access.account_id(uin), "DisplayName": access.account_id(uin)}


async def list_buckets(cos: "Cos", call: Call) -> Reply:
    found = [
        {
            "Name": name,
            "Location": bucket["region"],
            "CreationDate": iso(bucket["created"]).replace(".000Z", "Z"),
            "BucketType": "cos",
        }
        for name, bucket in cos.objects.buckets()
        if bucket["owner"] == call.uin
    ]
    uin = call.uin or OWNER_UIN
    content = {"Owner": owner_markup(uin), "Buckets": {"Bucket": found} if found else None}
    return xml_reply("ListAllMyBucketsResult", content)


async def create_bucket(cos: "Cos", call: Call) -> Reply:
    owner = call.uin or OWNER_UIN
    acl = access.from_headers(call.headers, owner, access.BUCKET_CANNED)
    await call.body()
    cos.objects.create_bucket(call.bucket, owner=owner, acl=acl)
    return Reply()


async def head_bucket(cos: "Cos", call: Call) -> Reply:
    bucket = cos.objects.bucket(call.bucket)
    return Reply(headers={"x-cos-bucket-region": bucket["region"], "x-cos-bucket-az-type": "SAZ"})


async def delete_bucket(cos: "Cos", call: Call) -> Reply:
    if cos.uploads.all(call.bucket):
        raise CosError("BucketNotEmpty")
    cos.objects.delete_bucket(call.bucket)
    return Reply(204)


async def location(cos: "Cos", call: Call) -> Reply:
    return xml_reply("LocationConstraint", cos.objects.bucket(call.bucket)["region"])


async def versioning(cos: "Cos", call: Call) -> Reply:
    """Versioning was never turned on: the answer has no Status."""
    return xml_reply("VersioningConfiguration", None)


async def list_objects(cos: "Cos", call: Call) -> Reply:
    """Keys in byte order; with a delimiter, keys that share what stands before it count once."""
    asked = call.parameters
    prefix, delimiter, marker = (asked.get(n, "") for n in ("prefix", "delimiter", "marker"))
    most = call.number("max-keys", MAX_KEYS, 0, MAX_KEYS)
    in_url = asked.get("encoding-type") == "url"
    if asked.get("encoding-type") not in (None, "", "url"):
        raise CosError("InvalidArgument", "Invalid Encoding Method specified in Request")

    def text(value: str) -> str | None:
        return (quote(value, safe="/-_.~") if in_url else value) or None

    contents: list[str] = []
    common: list[str] = []
    last, truncated = "", False
    for key in cos.objects.keys(call.bucket, prefix=prefix, after=marker):
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        shared = key[: cut + len(delimiter)] if cut >= 0 else ""
        # A marker may itself be a common prefix: everything under it was already given.
        if shared and (shared in common[-1:] or (marker and marker.startswith(shared))):
            continue
        if len(contents) + len(common) >= most:
            truncated = True
            break
        if shared:
            common.append(shared)
        else:
            contents.append(key)
        last = shared or key
    result: dict[str, Any] = {
        "Name": call.bucket,
        "EncodingType": "url" if in_url else None,
        "Prefix": text(prefix),
        "Marker": text(marker),
        "MaxKeys": most,
        "Delimiter": text(delimiter),
        "IsTruncated": truncated,
        "NextMarker": text(last) if truncated else None,
        "Contents": [_listed(cos, call.bucket, key, text(key)) for key in contents],
        "CommonPrefixes": [{"Prefix": text(shared)} for shared in common],
    }
    empty = ("EncodingType", "Delimiter", "NextMarker")
    return xml_reply(
        "ListBucketResult", {k: v for k, v in result.items() if not (k in empty and v is None)}
    )


def _listed(cos: "Cos", bucket: str, key: str, shown: str | None) -> dict[str, Any]:
    found = cos.objects.get(bucket, key)
    return {
        "Key": shown,
        "LastModified": iso(found["modified"]),
        "ETag": f'"{found["etag"]}"',
        "Size": found["size"],
        "Owner": {"ID": found["owner"], "DisplayName": found["owner"]},
        "StorageClass": "STANDARD",
    }


async def delete_objects(cos: "Cos", call: Call) -> Reply:
    if "content-md5" not in call.headers:
        raise CosError("InvalidRequest", "Missing required header for this request: Content-MD5")
    wish = await call.xml("Delete")
    wanted = many(wish.get("Object"))
    if not wanted or len(wanted) > 1000:
        raise CosError("MalformedXML")
    for item in wanted:
        cos.objects.delete(call.bucket, item.get("Key") or "")
    deleted = [{"Key": item.get("Key")} for item in wanted]
    quiet = str(wish.get("Quiet", "")).lower() == "true"
    return xml_reply("DeleteResult", {} if quiet else {"Deleted": deleted})


async def get_acl(cos: "Cos", call: Call) -> Reply:
    bucket = cos.objects.bucket(call.bucket)
    return xml_reply("AccessControlPolicy", access.to_markup(bucket["acl"], bucket["owner"]))


async def put_acl(cos: "Cos", call: Call) -> Reply:
    bucket = cos.objects.bucket(call.bucket)
    acl = access.from_headers(call.headers, bucket["owner"], access.BUCKET_CANNED)
    bucket["acl"] = acl or access.from_markup(await call.xml("AccessControlPolicy"))
    cos.objects.save_bucket(call.bucket)
    return Reply()


async def _keep(cos: "Cos", call: Call, name: str, value: Any) -> Reply:
    """Store `value` with the bucket under `name`; None takes it away."""
    bucket = cos.objects.bucket(call.bucket)
    bucket.pop(name, None)
    if value is not None:
        bucket[name] = value
    cos.objects.save_bucket(call.bucket)
    return Reply(204 if value is None else 200)


def _kept(cos: "Cos", call: Call, name: str, missing: str) -> Any:
    bucket = cos.objects.bucket(call.bucket)
    if name not in bucket:
        raise CosError(missing)
    return bucket[name]


async def put_cors(cos: "Cos", call: Call) -> Reply:
    return await _keep(cos, call, "cors", cors.from_markup(await call.xml("CORSConfiguration")))


async def get_cors(cos: "Cos", call: Call) -> Reply:
    rules = _kept(cos, call, "cors", "NoSuchCORSConfiguration")
    return xml_reply("CORSConfiguration", cors.to_markup(rules))


async def delete_cors(cos: "Cos", call: Call) -> Reply:
    return await _keep(cos, call, "cors", None)


async def put_lifecycle(cos: "Cos", call: Call) -> Reply:
    rules = lifecycle.from_markup(await call.xml("LifecycleConfiguration"))
    return await _keep(cos, call, "lifecycle", rules)


async def get_lifecycle(cos: "Cos", call: Call) -> Reply:
    rules = _kept(cos, call, "lifecycle", "NoSuchLifecycleConfiguration")
    return xml_reply("LifecycleConfiguration", {"Rule": rules})


async def delete_lifecycle(cos: "Cos", call: Call) -> Reply:
    return await _keep(cos, call, "lifecycle", None)


async def put_tagging(cos: "Cos", call: Call) -> Reply:
    return await _keep(cos, call, "tags", tagging.from_markup(await call.xml("Tagging"), most=50))


async def get_tagging(cos: "Cos", call: Call) -> Reply:
    return xml_reply("Tagging", tagging.to_markup(_kept(cos, call, "tags", "NoSuchTagSetError")))


async def delete_tagging(cos: "Cos", call: Call) -> Reply:
    return await _keep(cos, call, "tags", None)
