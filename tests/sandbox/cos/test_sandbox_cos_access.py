"""Who gets in: signatures, presigned URLs, ACLs, anonymous readers, other sites' pages."""

import asyncio
from typing import Any

import pytest
import requests
from qcloud_cos import CosServiceError

from sandbox import demo
from sandbox.accounts import REGION, Key
from sandbox.network import COS_PORT

BUCKET = demo.BUCKET


async def on_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def refused(function: Any, **kwargs: Any) -> CosServiceError:
    with pytest.raises(CosServiceError) as caught:
        await asyncio.to_thread(function, **kwargs)
    return caught.value


async def status(method: str, url: str, **kwargs: Any) -> tuple[int, str]:
    got = await asyncio.to_thread(requests.request, method, url, timeout=5, **kwargs)
    return got.status_code, got.text


async def test_wrong_keys_are_refused(world, make_client):
    right = world.accounts.first()
    liar = make_client(key=Key(right.secret_id, "x" * 32, right.uin))
    error = await refused(liar.head_bucket, Bucket=BUCKET)
    assert error.get_status_code() == 403
    error = await refused(liar.list_objects, Bucket=BUCKET)
    assert error.get_error_code() == "SignatureDoesNotMatch"
    stranger = make_client(key=Key("AKIDnobody", "x" * 32, "1"))
    error = await refused(stranger.list_objects, Bucket=BUCKET)
    assert error.get_error_code() == "InvalidAccessKeyId"


async def test_clock_that_is_off_is_refused(world, client):
    world.clock.offset_s = -7200.0
    error = await refused(client.list_objects, Bucket=BUCKET)
    assert error.get_error_code() == "RequestTimeTooSkewed"
    world.clock.offset_s = 20_000.0
    error = await refused(client.list_objects, Bucket=BUCKET)
    assert (error.get_error_code(), error.get_error_msg()) == (
        "AccessDenied",
        "Request has expired",
    )


async def test_key_that_lacks_one_action(world, make_client):
    limited = make_client(key=world.accounts.create(denied=("cos:PutObject",)))
    error = await refused(limited.put_object, Bucket=BUCKET, Key="k", Body=b"x")
    assert (error.get_status_code(), error.get_error_code()) == (403, "AccessDenied")
    assert (await on_thread(limited.list_objects, Bucket=BUCKET))["Name"] == BUCKET


async def test_account_that_owns_nothing_here(world, make_client):
    other = make_client(key=world.accounts.create(uin="100000000009"))
    world.cos.objects.put(BUCKET, "mine", b"x")
    world.cos.objects.put(BUCKET, "shared", b"x", acl="authenticated-read")
    error = await refused(other.get_object, Bucket=BUCKET, Key="mine")
    assert error.get_error_code() == "AccessDenied"
    assert (await on_thread(other.get_object, Bucket=BUCKET, Key="shared"))["ETag"]


async def test_anonymous_reads_follow_the_objects_acl(client, address):
    await on_thread(client.put_object, Bucket=BUCKET, Key="images/p.png", Body=b"picture")
    url = f"{address}/images/p.png"
    code, text = await status("GET", url)
    assert code == 403 and "<Code>AccessDenied</Code>" in text
    got = await on_thread(client.get_object_acl, Bucket=BUCKET, Key="images/p.png")
    assert got["CannedACL"] == "default"
    for canned, wanted in (("public-read", 200), ("private", 403), ("authenticated-read", 403)):
        await on_thread(client.put_object_acl, Bucket=BUCKET, Key="images/p.png", ACL=canned)
        assert (await status("GET", url))[0] == wanted
    await on_thread(client.put_object_acl, Bucket=BUCKET, Key="images/p.png", ACL="public-read")
    got = await on_thread(client.get_object_acl, Bucket=BUCKET, Key="images/p.png")
    assert got["CannedACL"] == "public-read"
    assert (await status("PUT", url, data=b"spoilt"))[0] == 403
    assert (await status("DELETE", url))[0] == 403


async def test_default_follows_the_bucket_and_private_does_not(client, address):
    await on_thread(client.put_object, Bucket=BUCKET, Key="follows", Body=b"x")
    await on_thread(client.put_object, Bucket=BUCKET, Key="private", Body=b"x", ACL="private")
    await on_thread(client.put_bucket_acl, Bucket=BUCKET, ACL="public-read")
    got = await on_thread(client.get_bucket_acl, Bucket=BUCKET)
    assert got["CannedACL"] == "public-read"
    assert (await status("GET", f"{address}/follows"))[0] == 200
    assert (await status("GET", f"{address}/private"))[0] == 403
    assert (await status("GET", f"{address}/absent"))[0] == 404
    assert "<Key>follows</Key>" in (await status("GET", f"{address}/"))[1]


async def test_grants_to_one_account(world, client, make_client):
    friend = make_client(key=world.accounts.create(uin="100000000009"))
    await on_thread(client.put_object, Bucket=BUCKET, Key="g", Body=b"x")
    await on_thread(client.put_object_acl, Bucket=BUCKET, Key="g", GrantRead='id="100000000009"')
    assert (await on_thread(friend.get_object, Bucket=BUCKET, Key="g"))["ETag"]
    policy = await on_thread(client.get_object_acl, Bucket=BUCKET, Key="g")
    grants = [(g["Grantee"]["ID"], g["Permission"]) for g in policy["AccessControlList"]["Grant"]]
    assert grants[1] == ("qcs::cam::uin/100000000009:uin/100000000009", "READ")
    owner_only = {
        "Owner": policy["Owner"],
        "AccessControlList": {"Grant": [policy["AccessControlList"]["Grant"][0]]},
    }
    await on_thread(client.put_object_acl, Bucket=BUCKET, Key="g", AccessControlPolicy=owner_only)
    error = await refused(friend.get_object, Bucket=BUCKET, Key="g")
    assert error.get_error_code() == "AccessDenied"


async def test_presigned_urls_expire_and_bind_method_and_parameters(world, client):
    world.cos.objects.put(BUCKET, "private.png", b"picture")
    url = client.get_presigned_url(Bucket=BUCKET, Key="private.png", Method="GET", Expired=300)
    assert await status("GET", url) == (200, "picture")
    assert (await status("GET", url.replace("private.png", "images/")))[0] == 403
    assert (await status("DELETE", url))[0] == 403
    named = client.get_presigned_url(
        Bucket=BUCKET,
        Key="private.png",
        Method="GET",
        Params={"response-content-disposition": 'attachment; filename="a b.png"'},
    )
    got = await on_thread(requests.get, named, timeout=5)
    assert got.headers["Content-Disposition"] == 'attachment; filename="a b.png"'
    assert (await status("GET", named.replace("a+b.png", "c.png")))[0] == 403
    world.clock.offset_s = 301.0
    code, text = await status("GET", url)
    assert code == 403 and "Request has expired" in text


async def test_virtual_host_style_and_buckets(world, make_client):
    wiring = {"Domain": None, "IP": world.network.front, "Port": COS_PORT}
    client = make_client(**wiring)
    await on_thread(client.create_bucket, Bucket="other-1250000000")
    error = await refused(client.create_bucket, Bucket="other-1250000000")
    assert error.get_error_code() == "BucketAlreadyOwnedByYou"
    assert (await on_thread(client.head_bucket, Bucket="other-1250000000"))[
        "x-cos-bucket-region"
    ] == REGION
    await on_thread(client.put_object, Bucket="other-1250000000", Key="k", Body=b"x")
    error = await refused(client.delete_bucket, Bucket="other-1250000000")
    assert error.get_error_code() == "BucketNotEmpty"
    listed = await on_thread(make_client().list_buckets)
    assert [item["Name"] for item in listed["Buckets"]["Bucket"]] == [BUCKET, "other-1250000000"]
    await on_thread(client.delete_object, Bucket="other-1250000000", Key="k")
    await on_thread(client.delete_bucket, Bucket="other-1250000000")
    error = await refused(client.list_objects, Bucket="other-1250000000")
    assert (error.get_status_code(), error.get_error_code()) == (404, "NoSuchBucket")
    nameless = make_client("Bad_Name-1250000000")
    error = await refused(nameless.create_bucket, Bucket="Bad_Name-1250000000")
    assert error.get_error_code() == "InvalidBucketName"


async def test_pages_of_other_sites(client, address):
    error = await refused(client.get_bucket_cors, Bucket=BUCKET)
    assert error.get_error_code() == "NoSuchCORSConfiguration"
    rule = {
        "ID": "console",
        "AllowedOrigin": ["http://*.example.com"],
        "AllowedMethod": ["PUT", "GET"],
        "AllowedHeader": ["content-*", "x-cos-*"],
        "ExposeHeader": ["ETag", "x-cos-hash-crc64ecma"],
        "MaxAgeSeconds": "600",
    }
    await on_thread(client.put_bucket_cors, Bucket=BUCKET, CORSConfiguration={"CORSRule": [rule]})
    asked = {
        "Origin": "http://console.example.com",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = await on_thread(requests.options, f"{address}/m.bin", headers=asked, timeout=5)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "http://console.example.com"
    assert "PUT" in allowed.headers["Access-Control-Allow-Methods"]
    assert allowed.headers["Access-Control-Max-Age"] == "600"
    for change in (
        {"Origin": "http://evil.test"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "x-evil"},
    ):
        answer = await on_thread(
            requests.options, f"{address}/m.bin", headers=asked | change, timeout=5
        )
        assert answer.status_code == 403 and "AccessForbidden" in answer.text
    url = client.get_presigned_url(Bucket=BUCKET, Key="m.bin", Method="PUT")
    sent = await on_thread(
        requests.put, url, data=b"x", headers={"Origin": asked["Origin"]}, timeout=5
    )
    assert sent.headers["Access-Control-Expose-Headers"] == "ETag,x-cos-hash-crc64ecma"
    await on_thread(client.delete_bucket_cors, Bucket=BUCKET)
    answer = await on_thread(requests.options, f"{address}/m.bin", headers=asked, timeout=5)
    assert answer.status_code == 403
