"""COS: objects of one bucket, their visibility, uploads in parts, and the bucket's own rules.

`presign` and `object_url` work without the network, so web requests may use them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO
from urllib.parse import quote

import requests

from cloud import cos_rules
from cloud.access import Access
from cloud.cos_bodies import ObjectBody, head_of, metadata_headers, plain, put_of, unsigned
from cloud.cos_wire import CONNECT_S, Wire, refused, request_id, to_xml, xml
from cloud.errors import AlreadyExists, LostAnswer, NotFound
from cloud.network import unanswered
from cloud.reading import as_int, part, parts, text, when
from cloud.types import (
    Acl,
    Bucket,
    CorsRule,
    Created,
    Done,
    LifecycleRule,
    ListedObject,
    ObjectHead,
    ObjectPage,
    OpenUpload,
    Part,
    PutResult,
)

ALL_USERS = "/groups/global/AllUsers"
COMPLETE_S = 600.0  # COS may take minutes to join the parts of a large object
Source = bytes | IO[bytes]


class CosClient:
    """One bucket.  Reads of something absent return None, deletes of it succeed."""

    def __init__(self, access: Access, bucket: str, *, timeout_s: float = 30.0) -> None:
        self.wire = Wire(access, bucket, timeout_s)
        self.bucket = bucket

    # Objects

    def head(self, key: str) -> ObjectHead | None:
        try:
            return head_of(key, self.wire.send("HEAD", key))
        except NotFound:
            return None

    def get(self, key: str) -> ObjectBody | None:
        try:
            response = self.wire.send("GET", key, stream=True, headers=plain())
        except NotFound:
            return None
        return ObjectBody(response, head_of(key, response), f"GET {key}")

    def get_range(self, key: str, start: int, length: int) -> bytes | None:
        """At most `length` bytes from `start` on; None if there is no such object."""
        if length <= 0:
            return b""
        asked = f"bytes={start}-{start + length - 1}"
        try:
            response = self.wire.send("GET", key, headers={"Range": asked, **plain()})
        except NotFound:
            return None
        content = response.content
        return content if response.status_code == 206 else content[start : start + length]

    def put(
        self,
        key: str,
        body: Source,
        *,
        content_type: str = "application/octet-stream",
        acl: str = "",
        metadata: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> PutResult:
        """`acl`: "private", "public-read", or "" for the bucket's; `metadata` without prefix."""
        headers = {"Content-Type": content_type, **metadata_headers(metadata)}
        if acl:
            headers["x-cos-acl"] = acl
        return put_of(self.wire.send("PUT", key, headers=headers, body=body, timeout_s=timeout_s))

    def delete(self, key: str) -> Done:
        try:
            return Done(request_id(self.wire.send("DELETE", key)))
        except NotFound as gone:
            return Done(gone.request_id)

    def copy(self, source_key: str, key: str, *, source_bucket: str = "") -> PutResult:
        """Copy inside the region, keeping type and metadata; the copy's ACL is the bucket's."""
        host = f"{source_bucket or self.bucket}.cos.{self.wire.access.region}.myqcloud.com"
        headers = {
            "x-cos-copy-source": f"{host}/{quote(source_key, safe='/-_.~')}",
            "x-cos-metadata-directive": "Copy",
        }
        response = self.wire.send("PUT", key, headers=headers, timeout_s=COMPLETE_S)
        return self._joined(response, "CopyObjectResult", f"PUT {key}")

    def list(
        self, prefix: str = "", *, delimiter: str = "", marker: str = "", max_keys: int = 1000
    ) -> ObjectPage:
        params = {"prefix": prefix, "max-keys": str(max_keys)}
        params |= {"delimiter": delimiter} if delimiter else {}
        params |= {"marker": marker} if marker else {}
        lists = ("Contents", "CommonPrefixes")
        found = xml(
            self.wire.send("GET", None, params=params).content, "ListBucketResult", lists=lists
        )
        objects = tuple(
            ListedObject(
                key=text(one, "Key"),
                size_bytes=as_int(one.get("Size")),
                etag=text(one, "ETag").strip('"'),
                last_modified=when(one.get("LastModified")),
                storage_class=text(one, "StorageClass"),
            )
            for one in parts(found, "Contents")
        )
        more = text(found, "IsTruncated").lower() == "true"
        last = text(found, "NextMarker") or (objects[-1].key if objects else "")
        return ObjectPage(
            objects,
            tuple(text(one, "Prefix") for one in parts(found, "CommonPrefixes")),
            last if more else "",
        )

    def list_all(self, prefix: str = "") -> Iterator[ListedObject]:
        """Every object under `prefix`, page by page."""
        marker = ""
        while True:
            page = self.list(prefix, marker=marker)
            yield from page.objects
            marker = page.next_marker
            if not marker:
                return

    # Visibility

    def acl_get(self, key: str) -> Acl | None:
        try:
            response = self.wire.send("GET", key, params={"acl": ""})
        except NotFound:
            return None
        found = xml(response.content, "AccessControlPolicy", lists=("Grant",))
        grants = tuple(
            (
                text(part(one, "Grantee"), "URI") or text(part(one, "Grantee"), "ID"),
                text(one, "Permission"),
            )
            for one in parts(part(found, "AccessControlList"), "Grant")
        )
        public = any(
            who.endswith(ALL_USERS) and what in ("READ", "FULL_CONTROL") for who, what in grants
        )
        canned = "public-read" if public else "private"
        if response.headers.get("x-cos-acl") == "default":
            canned = "default"
        return Acl(canned, text(part(found, "Owner"), "ID"), grants, request_id(response))

    def acl_set(self, key: str, canned: str) -> Done:
        """`canned`: "private", "public-read" or "default"."""
        response = self.wire.send(
            "PUT", key, params={"acl": ""}, headers={"x-cos-acl": canned}, body=b""
        )
        return Done(request_id(response))

    def anonymous_status(self, key: str, *, timeout_s: float = 10.0) -> int:
        """What a stranger gets: the HTTP status of a fresh, unsigned GET whose body is not read."""
        headers = {"Cache-Control": "no-cache", **plain()}
        try:
            with requests.Session() as stranger:
                response = stranger.get(
                    self.object_url(key),
                    headers=headers,
                    auth=unsigned,
                    timeout=(CONNECT_S, timeout_s),
                    stream=True,
                    allow_redirects=False,
                )
                response.close()
        except requests.RequestException as exc:
            raise unanswered(exc, service="COS", what=f"GET {key}", mutating=False) from None
        return response.status_code

    def object_url(self, key: str) -> str:
        return self.wire.url(key)

    def presign(
        self,
        method: str,
        key: str,
        expires_s: int,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A URL that carries our permission for `expires_s` seconds: a secret, never log it.

        `headers` must be sent by whoever uses it exactly as given here."""
        query = dict(params or {})
        if self.wire.access.token:
            query["x-cos-security-token"] = self.wire.access.token
        return str(
            self.wire.sdk.get_presigned_url(
                self.bucket,
                key,
                method,
                Expired=expires_s,
                Params=query,
                Headers=dict(headers or {}),
            )
        )

    # Uploads in parts

    def multipart_create(
        self,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> Created:
        headers = {"Content-Type": content_type, **metadata_headers(metadata)}
        response = self.wire.send("POST", key, params={"uploads": ""}, headers=headers, body=b"")
        found = xml(response.content, "InitiateMultipartUploadResult")
        upload_id = text(found, "UploadId")
        if not upload_id:
            raise LostAnswer(
                "COS opened an upload without naming it.",
                request_id=request_id(response),
                service="COS",
            )
        return Created(upload_id, request_id(response))

    def multipart_open(self, prefix: str = "") -> tuple[OpenUpload, ...]:
        """Uploads neither completed nor aborted, all pages."""
        found: list[OpenUpload] = []
        after: dict[str, str] = {}
        while True:
            params = {"uploads": "", "prefix": prefix, "max-uploads": "1000", **after}
            content = self.wire.send("GET", None, params=params).content
            page = xml(content, "ListMultipartUploadsResult", lists=("Upload",))
            found += [
                OpenUpload(text(one, "Key"), text(one, "UploadId"), when(one.get("Initiated")))
                for one in parts(page, "Upload")
            ]
            if text(page, "IsTruncated").lower() != "true":
                return tuple(found)
            after = {
                "key-marker": text(page, "NextKeyMarker"),
                "upload-id-marker": text(page, "NextUploadIdMarker"),
            }

    def part_put(self, key: str, upload_id: str, number: int, body: Source) -> PutResult:
        params = {"partNumber": str(number), "uploadId": upload_id}
        return put_of(self.wire.send("PUT", key, params=params, body=body, timeout_s=COMPLETE_S))

    def parts(self, key: str, upload_id: str) -> tuple[Part, ...] | None:
        """What COS holds of the upload, by number, all pages; None if it is unknown or closed."""
        found: list[Part] = []
        marker = "0"
        while True:
            params = {"uploadId": upload_id, "part-number-marker": marker, "max-parts": "1000"}
            try:
                content = self.wire.send("GET", key, params=params).content
            except NotFound:
                return None
            page = xml(content, "ListPartsResult", lists=("Part",))
            found += [
                Part(
                    number=as_int(one.get("PartNumber")),
                    etag=text(one, "ETag").strip('"'),
                    size_bytes=as_int(one.get("Size")),
                    last_modified=when(one.get("LastModified")),
                )
                for one in parts(page, "Part")
            ]
            marker = text(page, "NextPartNumberMarker")
            if text(page, "IsTruncated").lower() != "true" or not marker:
                return tuple(sorted(found, key=lambda one: one.number))

    def multipart_complete(self, key: str, upload_id: str, made: Sequence[Part]) -> PutResult:
        """Join `made` into the object.  COS may fail late inside a 200: that is an error too."""
        rows = [{"PartNumber": str(one.number), "ETag": f'"{one.etag}"'} for one in made]
        response = self.wire.send(
            "POST",
            key,
            params={"uploadId": upload_id},
            headers={"Content-Type": "application/xml"},
            body=to_xml("CompleteMultipartUpload", {"Part": rows}),
            timeout_s=COMPLETE_S,
        )
        return self._joined(response, "CompleteMultipartUploadResult", f"POST {key}")

    def multipart_abort(self, key: str, upload_id: str) -> Done:
        try:
            return Done(request_id(self.wire.send("DELETE", key, params={"uploadId": upload_id})))
        except NotFound as gone:
            return Done(gone.request_id)

    # The bucket

    def bucket_exists(self) -> bool:
        try:
            self.wire.send("HEAD", None)
        except NotFound:
            return False
        return True

    def bucket_create(self) -> Done:
        """A private bucket; one that is ours already counts as created."""
        try:
            return Done(request_id(self.wire.send("PUT", None, body=b"")))
        except AlreadyExists as taken:
            if self.bucket_exists():
                return Done(taken.request_id)
            raise

    def cors_get(self) -> tuple[CorsRule, ...]:
        return cos_rules.cors_get(self.wire)

    def cors_put(self, rules: Sequence[CorsRule]) -> Done:
        """Replaces all CORS rules; browser uploads need ETag among `expose`."""
        return cos_rules.cors_put(self.wire, rules)

    def lifecycle_get(self) -> tuple[LifecycleRule, ...]:
        return cos_rules.lifecycle_get(self.wire)

    def lifecycle_put(self, rules: Sequence[LifecycleRule]) -> Done:
        """Replaces all lifecycle rules."""
        return cos_rules.lifecycle_put(self.wire, rules)

    def _joined(self, response: requests.Response, root: str, what: str) -> PutResult:
        found = xml(response.content, root)
        if not text(found, "ETag"):
            response.status_code = 500  # failed late, in the body of a 200
            raise refused(response, service="COS", what=what, mutating=True)
        crc64 = text(found, "CRC64") or str(response.headers.get("x-cos-hash-crc64ecma", ""))
        return PutResult(text(found, "ETag").strip('"'), crc64, request_id(response))


def buckets(access: Access) -> tuple[Bucket, ...]:
    """All buckets of the account, whatever their region."""
    host = access.cos_endpoint or "service.cos.myqcloud.com"
    wire = Wire(access, "", 15.0)
    response = wire.send("GET", None, url=f"{access.cos_scheme}://{host}/")
    found = xml(response.content, "ListAllMyBucketsResult", lists=("Bucket",))
    return tuple(
        Bucket(text(one, "Name"), text(one, "Location"), when(one.get("CreationDate")))
        for one in parts(part(found, "Buckets"), "Bucket")
    )
