"""COS over real sockets."""

import hashlib
import io
import os
from dataclasses import replace

import pytest
import requests
from fastcrc import crc64

from cloud import errors
from cloud.access import Access
from cloud.cos import CosClient, buckets
from cloud.types import CorsRule, LifecycleRule


def test_an_object_goes_in_and_comes_out(cos: CosClient) -> None:
    content = os.urandom(70_000)
    made = cos.put("t/a b+ü.bin", content, content_type="image/png", metadata={"job": "7"})
    assert made.etag == hashlib.md5(content).hexdigest()
    assert made.crc64 == str(crc64.xz(content))
    assert made.request_id
    head = cos.head("t/a b+ü.bin")
    assert head is not None
    assert (head.size_bytes, head.etag, head.crc64) == (70_000, made.etag, made.crc64)
    assert (head.content_type, dict(head.metadata)) == ("image/png", {"job": "7"})
    assert head.last_modified is not None
    body = cos.get("t/a b+ü.bin")
    assert body is not None and body.read() == content
    assert cos.get_range("t/a b+ü.bin", 10, 5) == content[10:15]
    assert cos.get_range("t/a b+ü.bin", 69_990, 500) == content[69_990:]
    assert cos.delete("t/a b+ü.bin").request_id
    assert cos.delete("t/a b+ü.bin").request_id, "deleting it again succeeds"


def test_a_file_is_sent_as_a_stream(cos: CosClient) -> None:
    content = os.urandom(3_000_000)
    cos.put("t/stream", io.BytesIO(content))
    body = cos.get("t/stream")
    assert body is not None
    with body:
        assert b"".join(body.chunks(100_000)) == content


def test_what_is_absent_is_none(cos: CosClient) -> None:
    assert cos.head("t/none") is None
    assert cos.get("t/none") is None
    assert cos.get_range("t/none", 0, 10) is None
    assert cos.acl_get("t/none") is None
    assert cos.parts("t/none", "no-such-upload") is None


def test_a_copy_keeps_its_content(cos: CosClient) -> None:
    cos.put("t/from", b"hello", metadata={"k": "v"})
    made = cos.copy("t/from", "t/to")
    assert made.etag == hashlib.md5(b"hello").hexdigest()
    head = cos.head("t/to")
    assert head is not None and dict(head.metadata) == {"k": "v"}


def test_copying_nothing_is_not_found(cos: CosClient) -> None:
    with pytest.raises(errors.NotFound):
        cos.copy("t/never", "t/to2")


def test_a_listing_comes_in_pages_and_folders(cos: CosClient) -> None:
    names = [f"list/{folder}/{n} ü.txt" for folder in "ab" for n in range(4)]
    for name in names:
        cos.put(name, b"x")
    first = cos.list("list/", max_keys=3)
    assert [one.key for one in first.objects] == names[:3]
    assert first.next_marker
    second = cos.list("list/", marker=first.next_marker, max_keys=3)
    assert [one.key for one in second.objects] == names[3:6]
    assert [one.key for one in cos.list_all("list/")] == names
    folders = cos.list("list/", delimiter="/")
    assert (folders.objects, folders.prefixes) == ((), ("list/a/", "list/b/"))
    assert first.objects[0].size_bytes == 1 and first.objects[0].last_modified is not None


def test_visibility_is_what_a_stranger_sees(cos: CosClient) -> None:
    cos.put("t/seen", b"picture", acl="private")
    assert cos.anonymous_status("t/seen") == 403
    acl = cos.acl_get("t/seen")
    assert acl is not None and acl.canned == "private"
    assert cos.acl_set("t/seen", "public-read").request_id
    acl = cos.acl_get("t/seen")
    assert acl is not None and acl.canned == "public-read"
    assert cos.anonymous_status("t/seen") == 200
    assert requests.get(cos.object_url("t/seen"), timeout=5).content == b"picture"
    cos.acl_set("t/seen", "private")
    assert cos.anonymous_status("t/seen") == 403
    assert cos.anonymous_status("t/never") in (403, 404)


def test_the_acl_of_nothing_cannot_be_set(cos: CosClient) -> None:
    with pytest.raises(errors.NotFound):
        cos.acl_set("t/never", "private")


def test_parts_become_an_object(cos: CosClient) -> None:
    pieces = [os.urandom(1 << 20), os.urandom(1 << 20), b"the end"]
    upload = cos.multipart_create("t/big", metadata={"sha256": "x"})
    for number, piece in enumerate(pieces, 1):
        cos.part_put("t/big", upload.id, number, piece)
    found = cos.parts("t/big", upload.id)
    assert found is not None
    assert [(one.number, one.size_bytes) for one in found] == [
        (1, 1 << 20),
        (2, 1 << 20),
        (3, 7),
    ]
    assert found[0].etag == hashlib.md5(pieces[0]).hexdigest()
    assert "t/big" in [one.key for one in cos.multipart_open("t/")]
    made = cos.multipart_complete("t/big", upload.id, found)
    assert made.etag and made.request_id
    assert cos.parts("t/big", upload.id) is None, "a completed upload is closed"
    body = cos.get("t/big")
    assert body is not None and body.read() == b"".join(pieces)
    head = cos.head("t/big")
    assert head is not None and head.crc64 == str(crc64.xz(b"".join(pieces)))


def test_an_aborted_upload_is_gone(cos: CosClient) -> None:
    upload = cos.multipart_create("t/given-up")
    assert cos.multipart_abort("t/given-up", upload.id).request_id
    assert cos.parts("t/given-up", upload.id) is None
    cos.multipart_abort("t/given-up", upload.id)
    with pytest.raises(errors.NotFound):
        cos.multipart_complete("t/given-up", upload.id, ())


def test_a_browser_can_upload_with_signed_urls(cos: CosClient) -> None:
    """As the page does it: initiate, put parts, list them; only the signatures are ours."""
    key = "t/browser ü.safetensors"
    start = requests.post(cos.presign("POST", key, 60, params={"uploads": ""}), timeout=5)
    assert start.status_code == 200
    upload_id = start.text.partition("<UploadId>")[2].partition("</UploadId>")[0]
    part = {"partNumber": "1", "uploadId": upload_id}
    put = requests.put(cos.presign("PUT", key, 60, params=part), data=b"x" * 2048, timeout=5)
    assert put.status_code == 200
    assert put.headers["ETag"].strip('"') == hashlib.md5(b"x" * 2048).hexdigest()
    listed = requests.get(cos.presign("GET", key, 60, params={"uploadId": upload_id}), timeout=5)
    assert listed.status_code == 200 and "<PartNumber>1</PartNumber>" in listed.text
    found = cos.parts(key, upload_id)
    assert found is not None
    cos.multipart_complete(key, upload_id, found)
    assert requests.get(cos.presign("GET", key, 60), timeout=5).content == b"x" * 2048


def test_a_signature_covers_what_it_was_made_for(cos: CosClient) -> None:
    cos.put("t/signed", b"x", acl="private")
    url = cos.presign("GET", "t/signed", 60)
    assert requests.get(url, timeout=5).status_code == 200
    assert requests.put(url, data=b"y", timeout=5).status_code == 403
    assert requests.get(url.replace("signed?", "other?"), timeout=5).status_code == 403
    assert requests.get(cos.presign("GET", "t/signed", -120), timeout=5).status_code == 403


def test_the_bucket_keeps_its_rules(access: Access) -> None:
    cos = CosClient(access, "rules-1250000000")
    assert not cos.bucket_exists()
    assert cos.bucket_create().request_id
    cos.bucket_create()
    assert cos.bucket_exists()
    assert "rules-1250000000" in [one.name for one in buckets(access)]
    assert cos.cors_get() == () and cos.lifecycle_get() == ()
    rule = CorsRule(("https://a.example", "https://b.example"), ("PUT", "GET"), ("*",), ("ETag",))
    cos.cors_put([rule])
    assert [replace(one, id="") for one in cos.cors_get()] == [rule]
    keep = LifecycleRule("parts", "models/", abort_upload_days=3)
    drop = LifecycleRule("old", "tmp/", enabled=False, expire_days=9)
    cos.lifecycle_put([keep, drop])
    assert set(cos.lifecycle_get()) == {keep, drop}


def test_wrong_credentials_are_not_retried_as_trouble(access: Access) -> None:
    wrong = CosClient(replace(access, secret_key="wrong"), "sd-demo-1250000000")
    with pytest.raises(errors.NotAuthorized) as caught:
        wrong.put("t/x", b"x")
    assert caught.value.code == "SignatureDoesNotMatch"
    assert caught.value.request_id
    with pytest.raises(errors.NotAuthorized):
        wrong.head("t/x")


def test_listing_a_bucket_that_is_not_there(access: Access) -> None:
    with pytest.raises(errors.NotFound):
        CosClient(access, "never-1250000000").list()
