"""Objects through the vendor's SDK: bytes, ranges, metadata, listing, copies, tags."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests
from fastcrc import crc64
from qcloud_cos import CosServiceError

from sandbox import demo
from sandbox.accounts import REGION
from sandbox.network import COS_PORT
from sandbox.world import World

BUCKET = demo.BUCKET


async def on_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def refused(function: Any, **kwargs: Any) -> CosServiceError:
    with pytest.raises(CosServiceError) as caught:
        await asyncio.to_thread(function, **kwargs)
    return caught.value


async def test_put_and_get_give_the_same_bytes_and_digests(client):
    data = bytes(range(256)) * 9000
    put = await on_thread(
        client.put_object,
        Bucket=BUCKET,
        Key="images/a b/ä+&?%.png",
        Body=data,
        ContentType="image/png",
        Metadata={"x-cos-meta-job": "42"},
        EnableMD5=True,
    )
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert put["x-cos-hash-crc64ecma"] == str(crc64.xz(data))

    def fetch() -> tuple[dict[str, str], bytes]:
        got = client.get_object(Bucket=BUCKET, Key="images/a b/ä+&?%.png")
        return got, got["Body"].get_raw_stream().read()

    got, body = await on_thread(fetch)
    assert body == data
    assert (got["Content-Type"], got["x-cos-meta-job"]) == ("image/png", "42")
    head = await on_thread(client.head_object, Bucket=BUCKET, Key="images/a b/ä+&?%.png")
    assert head["Content-Length"] == str(len(data))
    assert head["x-cos-hash-crc64ecma"] == str(crc64.xz(data))


@pytest.mark.parametrize(
    ("asked", "status", "body", "shown"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_range(world, address, asked, status, body, shown):
    world.cos.objects.put(BUCKET, "n.txt", b"0123456789", acl="public-read")
    got = await on_thread(requests.get, f"{address}/n.txt", headers={"Range": asked}, timeout=5)
    assert got.status_code == status
    assert got.headers.get("Content-Range") == shown
    if body is not None:
        assert got.content == body
    else:
        assert b"<Code>InvalidRange</Code>" in got.content


async def test_conditional_reads(client):
    await on_thread(client.put_object, Bucket=BUCKET, Key="c", Body=b"x")
    etag = f'"{hashlib.md5(b"x").hexdigest()}"'
    again = await on_thread(client.get_object, Bucket=BUCKET, Key="c", IfMatch=etag)
    assert again["ETag"] == etag
    error = await refused(client.get_object, Bucket=BUCKET, Key="c", IfMatch='"other"')
    assert (error.get_status_code(), error.get_error_code()) == (412, "PreconditionFailed")
    url = client.get_presigned_download_url(Bucket=BUCKET, Key="c")
    fresh = await on_thread(requests.get, url, headers={"If-None-Match": etag}, timeout=5)
    assert (fresh.status_code, fresh.content) == (304, b"")


async def test_errors_name_code_resource_and_request(client, make_client):
    error = await refused(client.get_object, Bucket=BUCKET, Key="nowhere")
    assert (error.get_status_code(), error.get_error_code()) == (404, "NoSuchKey")
    assert error.get_request_id() and error.get_resource_location().endswith("/nowhere")
    error = await refused(client.head_object, Bucket=BUCKET, Key="nowhere")
    assert error.get_error_code() == "NoSuchResource"
    elsewhere = make_client("absent-1250000000")
    error = await refused(elsewhere.get_object, Bucket="absent-1250000000", Key="k")
    assert error.get_error_code() == "NoSuchBucket"


async def test_damaged_upload_is_refused_and_leaves_nothing(client, world):
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    error = await refused(client.put_object, Bucket=BUCKET, Key="d", Body=b"x", ContentMD5=wrong)
    assert error.get_error_code() == "BadDigest"
    error = await refused(client.put_object, Bucket=BUCKET, Key="d", Body=b"x", ContentMD5="no")
    assert error.get_error_code() == "InvalidDigest"
    assert not world.cos.objects.exists(BUCKET, "d")


async def test_list_pages_with_prefix_and_delimiter(client, world):
    for number in range(7):
        world.cos.objects.put(BUCKET, f"images/2026/0{number}/ü {number}.png", b"x")
    world.cos.objects.put(BUCKET, "images/top.png", b"x")
    seen, marker, pages = [], "", 0
    while True:
        page = await on_thread(
            client.list_objects, Bucket=BUCKET, Prefix="images/", Marker=marker, MaxKeys=3
        )
        seen += [item["Key"] for item in page["Contents"]]
        pages += 1
        if page["IsTruncated"] == "false":
            break
        marker = page["NextMarker"]
    wanted = ["images/", *(f"images/2026/0{n}/ü {n}.png" for n in range(7)), "images/top.png"]
    assert (seen, pages) == (wanted, 3)
    folded = await on_thread(
        client.list_objects, Bucket=BUCKET, Prefix="images/2026/", Delimiter="/", MaxKeys=5
    )
    assert [c["Prefix"] for c in folded["CommonPrefixes"]] == [
        f"images/2026/0{n}/" for n in range(5)
    ]
    rest = await on_thread(
        client.list_objects,
        Bucket=BUCKET,
        Prefix="images/2026/",
        Delimiter="/",
        Marker=folded["NextMarker"],
    )
    assert [c["Prefix"] for c in rest["CommonPrefixes"]] == ["images/2026/05/", "images/2026/06/"]
    assert rest["IsTruncated"] == "false"


async def test_copy_keeps_or_replaces_what_is_known_about_it(client, world):
    await on_thread(
        client.put_object,
        Bucket=BUCKET,
        Key="from.png",
        Body=b"picture",
        ContentType="image/png",
        Metadata={"x-cos-meta-a": "1"},
    )
    source = {"Bucket": BUCKET, "Key": "from.png", "Region": REGION}
    made = await on_thread(client.copy_object, Bucket=BUCKET, Key="to.png", CopySource=source)
    assert made["ETag"] == f'"{hashlib.md5(b"picture").hexdigest()}"'
    await on_thread(client.delete_object, Bucket=BUCKET, Key="from.png")
    assert world.cos.objects.read(BUCKET, "to.png") == b"picture"
    head = await on_thread(client.head_object, Bucket=BUCKET, Key="to.png")
    assert (head["Content-Type"], head["x-cos-meta-a"]) == ("image/png", "1")
    source["Key"] = "to.png"
    await on_thread(
        client.copy_object,
        Bucket=BUCKET,
        Key="to.png",
        CopySource=source,
        CopyStatus="Replaced",
        ContentType="image/webp",
    )
    head = await on_thread(client.head_object, Bucket=BUCKET, Key="to.png")
    assert head["Content-Type"] == "image/webp" and "x-cos-meta-a" not in head
    error = await refused(client.copy_object, Bucket=BUCKET, Key="x", CopySource={
        **source, "Key": "gone"
    })  # fmt: skip
    assert error.get_error_code() == "NoSuchKey"


async def test_delete_one_and_many(client, world):
    for name in ("a", "b", "c"):
        world.cos.objects.put(BUCKET, name, b"x")
    await on_thread(client.delete_object, Bucket=BUCKET, Key="a")
    await on_thread(client.delete_object, Bucket=BUCKET, Key="a")
    done = await on_thread(
        client.delete_objects,
        Bucket=BUCKET,
        Delete={"Object": [{"Key": "b"}, {"Key": "c"}, {"Key": "never"}], "Quiet": "false"},
    )
    assert [item["Key"] for item in done["Deleted"]] == ["b", "c", "never"]
    assert list(world.cos.objects.keys(BUCKET)) == ["images/"]


async def test_tags(client):
    await on_thread(client.put_object, Bucket=BUCKET, Key="t", Body=b"x", Tagging="a=1&b=2")
    got = await on_thread(client.get_object_tagging, Bucket=BUCKET, Key="t")
    assert got["TagSet"]["Tag"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    tags = {"TagSet": {"Tag": [{"Key": "verdict", "Value": "Normal"}]}}
    await on_thread(client.put_object_tagging, Bucket=BUCKET, Key="t", Tagging=tags)
    got = await on_thread(client.get_object_tagging, Bucket=BUCKET, Key="t")
    assert got["TagSet"]["Tag"] == [{"Key": "verdict", "Value": "Normal"}]
    many = {"TagSet": {"Tag": [{"Key": f"k{n}", "Value": "v"} for n in range(11)]}}
    error = await refused(client.put_object_tagging, Bucket=BUCKET, Key="t", Tagging=many)
    assert error.get_error_code() == "InvalidTag"
    await on_thread(client.delete_object_tagging, Bucket=BUCKET, Key="t")
    head = await on_thread(client.head_object, Bucket=BUCKET, Key="t")
    assert "x-cos-tagging-count" not in head


async def test_objects_survive_a_restart(client, world):
    await on_thread(client.put_object, Bucket=BUCKET, Key="kept", Body=b"still here")
    await world.cos.stop()
    await world.cos.start(world)
    got = await on_thread(client.get_object, Bucket=BUCKET, Key="kept")
    assert await on_thread(got["Body"].get_raw_stream().read) == b"still here"


async def test_a_lost_answer_still_stored_the_object(client, world):
    rule = {"service": "cos", "action": "PutObject", "when": "after", "do": "drop", "nth": 1}
    world.faults.replace([rule])
    with pytest.raises(Exception, match=r"(?i)connection|remote"):
        await on_thread(client.put_object, Bucket=BUCKET, Key="lost", Body=b"x")
    assert world.cos.objects.read(BUCKET, "lost") == b"x"
    world.faults.replace(
        [{"service": "cos", "action": "HeadObject", "code": "SlowDown", "status": 503, "nth": 1}]
    )
    error = await refused(client.head_object, Bucket=BUCKET, Key="lost")
    assert error.get_status_code() == 503


async def test_a_sender_or_reader_that_goes_away_does_no_harm(client, world, caplog):
    url = client.get_presigned_url(Bucket=BUCKET, Key="half", Method="PUT")
    path = url.partition(f"{COS_PORT}")[2]
    reader, writer = await asyncio.open_connection(world.network.front, COS_PORT)
    head = f"PUT {path} HTTP/1.1\r\nHost: {world.network.front}\r\nContent-Length: 9000000\r\n\r\n"
    writer.write(head.encode() + b"x" * 3_000_000)
    await writer.drain()
    async with asyncio.timeout(5):
        while not blobs(world, at_least=1 << 20):
            await asyncio.sleep(0.01)
    writer.transport.abort()
    async with asyncio.timeout(5):
        while blobs(world, at_least=1):
            await asyncio.sleep(0.01)
    assert not world.cos.objects.exists(BUCKET, "half")

    world.cos.objects.put(BUCKET, "large", bytes(20 << 20), acl="public-read")
    reader, writer = await asyncio.open_connection(world.network.front, COS_PORT)
    writer.write(f"GET /{BUCKET}/large HTTP/1.1\r\nHost: {world.network.front}\r\n\r\n".encode())
    await reader.readexactly(1000)
    writer.transport.abort()
    head = await on_thread(client.head_object, Bucket=BUCKET, Key="large")
    assert head["Content-Length"] == str(20 << 20)
    assert "Error handling request" not in caplog.text


def blobs(world: World, at_least: int) -> list[Path]:
    """Files of that many bytes or more below the store of objects."""
    files = (path for path in (world.home / "cos").rglob("*") if path.is_file())
    return [path for path in files if path.stat().st_size >= at_least]


async def test_what_is_replaced_or_deleted_leaves_no_bytes(client, world, tmp_path):
    for body in (b"one", b"two two"):
        await on_thread(client.put_object, Bucket=BUCKET, Key="k", Body=body)
    source = {"Bucket": BUCKET, "Key": "k", "Region": REGION}
    await on_thread(client.copy_object, Bucket=BUCKET, Key="copy", CopySource=source)
    assert len(blobs(world, at_least=1)) == 2
    await on_thread(client.delete_object, Bucket=BUCKET, Key="k")
    assert world.cos.objects.read(BUCKET, "copy") == b"two two"
    await on_thread(client.delete_object, Bucket=BUCKET, Key="copy")
    assert blobs(world, at_least=1) == []


async def test_cannot_overwrite_when_told_not_to(client, world):
    headers = {"x-cos-forbid-overwrite": "true"}
    await on_thread(client.put_object, Bucket=BUCKET, Key="once", Body=b"1", Metadata=headers)
    error = await refused(client.put_object, Bucket=BUCKET, Key="once", Body=b"2", Metadata=headers)
    assert (error.get_status_code(), error.get_error_code()) == (409, "FileAlreadyExists")
    assert world.cos.objects.read(BUCKET, "once") == b"1"
