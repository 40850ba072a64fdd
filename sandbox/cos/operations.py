"""Which operation a request is: method, bucket or object, and the sub-resource in the query."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.cos import bucket_calls, object_calls, upload_calls
from sandbox.cos.call import Call, Reply
from sandbox.cos.errors import CosError

if TYPE_CHECKING:
    from sandbox.cos.service import Cos

Handler = Callable[["Cos", Call], Awaitable[Reply]]
# Only the owner of the bucket, whatever the ACL says.
OWNER = "OWNER"


@dataclass(frozen=True)
class Operation:
    """`name` is the action for CAM and fault rules; `permission` is what an ACL must grant."""

    name: str
    handler: Handler
    permission: str


SERVICE: dict[tuple[str, str], Operation] = {
    ("GET", ""): Operation("GetService", bucket_calls.list_buckets, OWNER),
}
BUCKET: dict[tuple[str, str], Operation] = {
    ("GET", ""): Operation("GetBucket", bucket_calls.list_objects, "READ"),
    ("PUT", ""): Operation("PutBucket", bucket_calls.create_bucket, OWNER),
    ("HEAD", ""): Operation("HeadBucket", bucket_calls.head_bucket, "READ"),
    ("DELETE", ""): Operation("DeleteBucket", bucket_calls.delete_bucket, OWNER),
    ("POST", "delete"): Operation("DeleteMultipleObjects", bucket_calls.delete_objects, "WRITE"),
    ("GET", "uploads"): Operation("ListMultipartUploads", upload_calls.list_uploads, "READ"),
    ("GET", "acl"): Operation("GetBucketACL", bucket_calls.get_acl, "READ_ACP"),
    ("PUT", "acl"): Operation("PutBucketACL", bucket_calls.put_acl, "WRITE_ACP"),
    ("GET", "cors"): Operation("GetBucketCORS", bucket_calls.get_cors, OWNER),
    ("PUT", "cors"): Operation("PutBucketCORS", bucket_calls.put_cors, OWNER),
    ("DELETE", "cors"): Operation("DeleteBucketCORS", bucket_calls.delete_cors, OWNER),
    ("GET", "lifecycle"): Operation("GetBucketLifecycle", bucket_calls.get_lifecycle, OWNER),
    ("PUT", "lifecycle"): Operation("PutBucketLifecycle", bucket_calls.put_lifecycle, OWNER),
    ("DELETE", "lifecycle"): Operation(
        "DeleteBucketLifecycle", bucket_calls.delete_lifecycle, OWNER
    ),
    ("GET", "tagging"): Operation("GetBucketTagging", bucket_calls.get_tagging, OWNER),
    ("PUT", "tagging"): Operation("PutBucketTagging", bucket_calls.put_tagging, OWNER),
    ("DELETE", "tagging"): Operation("DeleteBucketTagging", bucket_calls.delete_tagging, OWNER),
    ("GET", "location"): Operation("GetBucketLocation", bucket_calls.location, "READ"),
    ("GET", "versioning"): Operation("GetBucketVersioning", bucket_calls.versioning, OWNER),
}
OBJECT: dict[tuple[str, str], Operation] = {
    ("GET", ""): Operation("GetObject", object_calls.get_object, "READ"),
    ("HEAD", ""): Operation("HeadObject", object_calls.head_object, "READ"),
    ("PUT", ""): Operation("PutObject", object_calls.put_object, "WRITE"),
    ("PUT", "copy"): Operation("PutObjectCopy", object_calls.copy_object, "WRITE"),
    ("DELETE", ""): Operation("DeleteObject", object_calls.delete_object, "WRITE"),
    ("GET", "acl"): Operation("GetObjectACL", object_calls.get_acl, "READ_ACP"),
    ("PUT", "acl"): Operation("PutObjectACL", object_calls.put_acl, "WRITE_ACP"),
    ("GET", "tagging"): Operation("GetObjectTagging", object_calls.get_tagging, OWNER),
    ("PUT", "tagging"): Operation("PutObjectTagging", object_calls.put_tagging, OWNER),
    ("DELETE", "tagging"): Operation("DeleteObjectTagging", object_calls.delete_tagging, OWNER),
    ("POST", "uploads"): Operation("InitiateMultipartUpload", upload_calls.start, "WRITE"),
    ("PUT", "part"): Operation("UploadPart", upload_calls.upload_part, "WRITE"),
    ("PUT", "copy-part"): Operation("UploadPartCopy", upload_calls.copy_part, "WRITE"),
    ("GET", "uploadId"): Operation("ListParts", upload_calls.list_parts, "READ"),
    ("POST", "uploadId"): Operation("CompleteMultipartUpload", upload_calls.complete, "WRITE"),
    ("DELETE", "uploadId"): Operation("AbortMultipartUpload", upload_calls.abort, "WRITE"),
}
_SUBRESOURCES = (
    "acl", "cors", "delete", "lifecycle", "location", "tagging", "uploads", "versioning",
    "uploadId", "versions", "policy", "website", "referer", "inventory", "logging", "replication",
    "encryption", "accelerate", "restore", "append", "rename", "domain", "origin", "notification",
)  # fmt: skip


def find(call: Call) -> Operation:
    """The operation `call` asks for.  Raises CosError MethodNotAllowed or NotImplemented."""
    if not call.bucket:
        table, sub = SERVICE, ""
    else:
        table = OBJECT if call.key else BUCKET
        sub = next((name for name in _SUBRESOURCES if name in call.parameters), "")
    if call.key and call.method == "PUT":
        copying = "x-cos-copy-source" in call.headers
        if sub == "uploadId":
            sub = "copy-part" if copying else "part"
        elif not sub and copying:
            sub = "copy"
    found = table.get((call.method, sub))
    if found:
        return found
    known = any(name == sub for _, name in table)
    raise CosError("MethodNotAllowed" if known or not sub else "NotImplemented")
