"""Multipart uploads: the SDK's own, a browser's by presigned URLs, resumed ones, stale ones."""

import asyncio
import hashlib
import os
import tracemalloc
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from fastcrc import crc64
from qcloud_cos import CosServiceError

from sandbox import demo

BUCKET = demo.BUCKET
MIB = 1 << 20


async def on_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def refused(function: Any, **kwargs: Any) -> CosServiceError:
    with pytest.raises(CosServiceError) as caught:
        await asyncio.to_thread(function, **kwargs)
    return caught.value


def etag_of(parts: list[bytes]) -> str:
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


async def test_upload_file_in_parts_and_its_digests(client, tmp_path: Path):
    data = os.urandom(5 * MIB + 12345)
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    done = await on_thread(
        client.upload_file,
        Bucket=BUCKET,
        Key="models/m.safetensors",
        LocalFilePath=str(path),
        PartSize=1,
        MAXThread=3,
        EnableMD5=True,
    )
    parts = [data[at : at + MIB] for at in range(0, len(data), MIB)]
    assert done["ETag"] == etag_of(parts)
    assert done["x-cos-hash-crc64ecma"] == str(crc64.xz(data))
    got = await on_thread(
        client.get_object, Bucket=BUCKET, Key="models/m.safetensors", Range="bytes=1048570-3145740"
    )
    assert await on_thread(got["Body"].get_raw_stream().read) == data[1048570:3145741]
    target = tmp_path / "back"
    await on_thread(
        client.download_file, Bucket=BUCKET, Key="models/m.safetensors", DestFilePath=str(target)
    )
    assert target.read_bytes() == data
    listed = await on_thread(client.list_multipart_uploads, Bucket=BUCKET)
    assert "Upload" not in listed


async def test_upload_file_resumes_where_it_stopped(client, world, tmp_path: Path):
    data = os.urandom(4 * MIB)
    path = tmp_path / "m.bin"
    path.write_bytes(data)
    begun = await on_thread(client.create_multipart_upload, Bucket=BUCKET, Key="m.bin")
    for number in (1, 3):
        await on_thread(
            client.upload_part,
            Bucket=BUCKET,
            Key="m.bin",
            Body=data[(number - 1) * MIB : number * MIB],
            PartNumber=number,
            UploadId=begun["UploadId"],
        )
    before = world.faults.calls["cos:UploadPart"]
    done = await on_thread(
        client.upload_file, Bucket=BUCKET, Key="m.bin", LocalFilePath=str(path), PartSize=1
    )
    assert world.faults.calls["cos:UploadPart"] - before == 2
    assert done["x-cos-hash-crc64ecma"] == str(crc64.xz(data))


async def test_browser_sends_parts_to_presigned_urls(client, world):
    begun = await on_thread(client.create_multipart_upload, Bucket=BUCKET, Key="b/ä 1.bin")
    parts = [os.urandom(MIB), b"tail"]
    etags = []
    for number, part in enumerate(parts, start=1):
        url = client.get_presigned_url(
            Bucket=BUCKET,
            Key="b/ä 1.bin",
            Method="PUT",
            Expired=300,
            Params={"partNumber": str(number), "uploadId": begun["UploadId"]},
        )
        request = urllib.request.Request(url, data=part, method="PUT")
        answer = await on_thread(urllib.request.urlopen, request, timeout=10)
        assert answer.headers["x-cos-hash-crc64ecma"] == str(crc64.xz(part))
        etags.append({"PartNumber": number, "ETag": answer.headers["ETag"]})
    done = await on_thread(
        client.complete_multipart_upload,
        Bucket=BUCKET,
        Key="b/ä 1.bin",
        UploadId=begun["UploadId"],
        MultipartUpload={"Part": etags},
    )
    assert done["ETag"] == etag_of(parts)
    assert world.cos.objects.read(BUCKET, "b/ä 1.bin") == b"".join(parts)


async def test_list_parts_in_pages(client):
    begun = await on_thread(client.create_multipart_upload, Bucket=BUCKET, Key="p")
    for number in (2, 5, 9):
        await on_thread(
            client.upload_part,
            Bucket=BUCKET,
            Key="p",
            Body=b"x" * number,
            PartNumber=number,
            UploadId=begun["UploadId"],
        )
    first = await on_thread(
        client.list_parts, Bucket=BUCKET, Key="p", UploadId=begun["UploadId"], MaxParts=2
    )
    assert [part["PartNumber"] for part in first["Part"]] == ["2", "5"]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == ("true", "5")
    rest = await on_thread(
        client.list_parts,
        Bucket=BUCKET,
        Key="p",
        UploadId=begun["UploadId"],
        PartNumberMarker=int(first["NextPartNumberMarker"]),
    )
    assert [(p["PartNumber"], p["Size"]) for p in rest["Part"]] == [("9", "9")]


@pytest.mark.parametrize(
    ("sizes", "wanted", "code"),
    [
        ({1: 100, 2: 100}, [1, 2], "EntityTooSmall"),
        ({1: MIB, 2: 100}, [2, 1], "InvalidPartOrder"),
        ({1: MIB}, [1, 2], "InvalidPart"),
    ],
)
async def test_complete_refuses_and_the_upload_stays_open(client, sizes, wanted, code):
    begun = await on_thread(client.create_multipart_upload, Bucket=BUCKET, Key="r")
    etags = dict.fromkeys(wanted, '"0"')
    for number, size in sizes.items():
        sent = await on_thread(
            client.upload_part,
            Bucket=BUCKET,
            Key="r",
            Body=b"x" * size,
            PartNumber=number,
            UploadId=begun["UploadId"],
        )
        etags[number] = sent["ETag"]
    error = await refused(
        client.complete_multipart_upload,
        Bucket=BUCKET,
        Key="r",
        UploadId=begun["UploadId"],
        MultipartUpload={"Part": [{"PartNumber": n, "ETag": etags[n]} for n in wanted]},
    )
    assert (error.get_status_code(), error.get_error_code()) == (400, code)
    await on_thread(
        client.abort_multipart_upload, Bucket=BUCKET, Key="r", UploadId=begun["UploadId"]
    )
    error = await refused(client.list_parts, Bucket=BUCKET, Key="r", UploadId=begun["UploadId"])
    assert (error.get_status_code(), error.get_error_code()) == (404, "NoSuchUpload")


async def test_lifecycle_throws_away_old_uploads_and_objects(client, world):
    rules = {
        "Rule": [
            {
                "ID": "stale uploads",
                "Filter": {"Prefix": ""},
                "Status": "Enabled",
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "3"},
            },
            {
                "ID": "drafts",
                "Filter": {"Prefix": "drafts/"},
                "Status": "Enabled",
                "Expiration": {"Days": "5"},
            },
        ]
    }
    await on_thread(client.put_bucket_lifecycle, Bucket=BUCKET, LifecycleConfiguration=rules)
    got = await on_thread(client.get_bucket_lifecycle, Bucket=BUCKET)
    assert [rule["ID"] for rule in got["Rule"]] == ["stale uploads", "drafts"]
    await on_thread(client.create_multipart_upload, Bucket=BUCKET, Key="old")
    world.cos.objects.put(BUCKET, "drafts/a", b"x")
    world.cos.objects.put(BUCKET, "images/a", b"x")

    async def until(condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.02)

    world.clock.offset_s = 4 * 86_400
    await until(lambda: not world.cos.uploads.all(BUCKET))
    assert world.cos.objects.exists(BUCKET, "drafts/a")
    world.clock.offset_s = 6 * 86_400
    await until(lambda: not world.cos.objects.exists(BUCKET, "drafts/a"))
    assert world.cos.objects.exists(BUCKET, "images/a")


async def test_large_bodies_pass_through_in_pieces(client, world, tmp_path: Path):
    """Sixty-four MiB up and down with an upper bound on what Python holds at once."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(64 * MIB)

    def send() -> None:
        with path.open("rb") as body:
            client.put_object(Bucket=BUCKET, Key="large.bin", Body=body)

    tracemalloc.start()
    try:
        await on_thread(send)
        got = await on_thread(client.get_object, Bucket=BUCKET, Key="large.bin")
        await on_thread(got["Body"].get_stream_to_file, str(tmp_path / "back.bin"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "back.bin").stat().st_size == 64 * MIB
    assert peak < 16 * MIB
