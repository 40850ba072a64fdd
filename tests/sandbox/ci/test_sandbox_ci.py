"""Moderation through the vendor's SDK: verdicts by pixels, freezing, states, strategies."""

import asyncio
import base64
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from qcloud_cos.cos_auth import CosS3Auth
from qcloud_cos.cos_comm import CiDetectType

from sandbox import demo
from sandbox.accounts import REGION, Key
from sandbox.ci.errors import CiError
from sandbox.network import COS_PORT
from tests.sandbox.ci.conftest import picture

BUCKET = demo.BUCKET
ALL = CiDetectType.PORN | CiDetectType.TERRORIST | CiDetectType.POLITICS | CiDetectType.ADS


async def on_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def audit(client: Any, *inputs: dict[str, Any], **conf: Any) -> list[dict[str, Any]]:
    """The synchronous batch call, as a list of JobsDetail."""
    answer = await on_thread(
        client.ci_auditing_image_batch, Bucket=BUCKET, Input=list(inputs), **conf
    )
    return answer["JobsDetail"]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def finished(client: Any, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            got = await on_thread(client.ci_auditing_image_query, Bucket=BUCKET, JobID=job_id)
            if got["JobsDetail"]["State"] in ("Success", "Failed"):
                return got["JobsDetail"]
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("colour", "share", "label", "result"),
    [
        ("#2f9e8f", 1.0, "Normal", "0"),
        ("#3b6fd4", 1.0, "Normal", "0"),
        ("#d01010", 1.0, "Terrorism", "1"),
        ("#d01010", 0.2, "Terrorism", "2"),
        ("#d01010", 0.05, "Normal", "0"),
        ("#e010b0", 0.8, "Porn", "1"),
        ("#f0d010", 0.8, "Ads", "1"),
        ("#f0d010", 0.2, "Ads", "2"),
        ("#5a00d0", 0.8, "Politics", "1"),
    ],
)
async def test_pixels_decide(client, colour, share, label, result):
    [detail] = await audit(client, {"Content": text(picture(colour, share))}, DetectType=ALL)
    assert (detail["State"], detail["Label"], detail["Result"]) == ("Success", label, result)
    score = int(detail["Score"])
    assert {"0": score <= 60, "1": score > 90, "2": 60 < score <= 90}[result]


async def test_offending_region_is_told_in_pixels_of_the_picture(client):
    image = picture("#d01010", 0.5, size=(1000, 600))
    [detail] = await audit(client, {"Content": text(image)}, DetectType=CiDetectType.TERRORIST)
    found = detail["TerrorismInfo"]["ObjectResults"]["Location"]
    assert float(found["X"]) < 30 and float(found["Y"]) < 30
    assert 440 < float(found["Width"]) < 510 and 540 < float(found["Height"]) <= 600
    assert "PornInfo" not in detail


async def test_one_bad_picture_does_not_fail_the_batch(client, world):
    world.cos.objects.put(BUCKET, "images/ok.png", picture("#2f9e8f"))
    world.cos.objects.put(BUCKET, "images/broken.png", b"<html>not a picture</html>")
    inputs = [
        {"Object": "images/ok.png", "DataId": "a"},
        {"Object": "images/broken.png"},
        {"Object": "images/absent.png"},
        {"Content": text(picture("#2f9e8f", size=(20, 300)))},
        {"Content": "%%%"},
        {"Url": "http://127.0.0.1:9/x.png"},
    ]
    details = await audit(client, *inputs, DetectType=ALL)
    assert [detail["State"] for detail in details] == ["Success"] + ["Failed"] * 5
    assert [detail.get("Code") for detail in details] == [
        None, "-443", "ResourceNotFound", "-442", "InvalidContent", "ResourceDownloadFailed",
    ]  # fmt: skip
    assert details[0]["DataId"] == "a" and details[0]["Object"] == "images/ok.png"
    assert all(detail["Message"] for detail in details[1:])


async def test_large_images_need_the_paid_option(client):
    noise = picture("#2f9e8f", size=(1600, 1200)) + b"\0" * (5 << 20)
    plain, paid = await audit(
        client,
        {"Content": text(noise)},
        {"Content": text(noise), "LargeImageDetect": "1"},
        DetectType=ALL,
    )
    assert (plain["Code"], paid["State"], paid["CompressionResult"]) == ("-167", "Success", "1")


async def test_freeze_takes_the_object_from_the_public(client, world):
    for name, colour in (("bad", "#d01010"), ("good", "#2f9e8f")):
        world.cos.objects.put(BUCKET, f"images/{name}.png", picture(colour), acl="public-read")
    site = f"http://{world.network.front}:{COS_PORT}/{BUCKET}/images"
    assert (await on_thread(requests.get, f"{site}/bad.png", timeout=5)).status_code == 200
    bad, good = await audit(
        client,
        {"Object": "images/bad.png"},
        {"Object": "images/good.png"},
        DetectType=ALL,
        Freeze={"PornScore": 90, "TerrorismScore": 90},
    )
    assert (bad["ForbidState"], good["ForbidState"]) == ("1", "0")
    assert (await on_thread(requests.get, f"{site}/bad.png", timeout=5)).status_code == 403
    assert (await on_thread(requests.get, f"{site}/good.png", timeout=5)).status_code == 200
    signed = client.get_presigned_download_url(Bucket=BUCKET, Key="images/bad.png")
    assert (await on_thread(requests.get, signed, timeout=5)).status_code == 200


async def submit(client: Any, *inputs: dict[str, Any], **conf: Any) -> list[dict[str, Any]]:
    answer = await on_thread(
        client.ci_auditing_submit_common,
        Bucket=BUCKET,
        Key=None,
        DetectType=ALL,
        Type="image",
        Input=list(inputs),
        Conf={"Async": 1, **conf},
    )
    found = answer["JobsDetail"]
    return found if isinstance(found, list) else [found]


async def test_async_job_passes_through_its_states_and_calls_back(client, world, ear):
    await on_thread(
        client.put_object,
        Bucket=BUCKET,
        Key="images/p.png",
        Body=picture("#d01010", 0.2),
        Metadata={"x-cos-meta-job": "7"},
    )
    world.pace.overrides["ci.audit"] = 6.0  # slow enough to be seen on the way
    callback = f"{ear.url}/hooks/cos/secret/"
    [job] = await submit(client, {"Object": "images/p.png", "DataId": "7"}, Callback=callback)
    assert job["State"] == "Submitted" and "Label" not in job and job["JobId"].startswith("si")
    states = set()
    async with asyncio.timeout(10):
        while "Success" not in states:
            got = await on_thread(client.ci_auditing_image_query, Bucket=BUCKET, JobID=job["JobId"])
            states.add(got["JobsDetail"]["State"])
    assert "Auditing" in states
    await ear.until(1)
    path, headers, body = ear.heard[0]
    assert path == "/hooks/cos/secret/"
    assert headers["X-Ci-Content-Version"] == "Detail"
    detail = body["JobsDetail"]
    assert body["EventName"] == "ReviewImage"
    assert (detail["JobId"], detail["DataId"]) == (job["JobId"], "7")
    assert (detail["BucketId"], detail["Region"]) == (BUCKET, "ap-guangzhou")
    assert (detail["Label"], detail["Result"]) == ("Terrorism", "2")
    assert detail["TerrorismInfo"]["HitFlag"] == 2
    assert detail["CosHeaders"] == {"x-cos-meta-job": "7"}


async def test_callbacks_are_repeated_lost_and_overtaken(client, world, ear):
    sent = {"Content": text(picture("#2f9e8f"))}
    world.faults.replace(
        [{"service": "ci", "action": "Callback", "when": "after", "do": "drop", "nth": 1}]
    )
    await submit(client, sent, Callback=ear.url)
    await ear.until(2)
    assert ear.heard[0][2] == ear.heard[1][2]

    world.faults.replace([{"service": "ci", "action": "Callback", "do": "drop"}])
    before = world.faults.calls["ci:Callback"]
    [lost] = await submit(client, sent, Callback=ear.url)
    await finished(client, lost["JobId"])
    async with asyncio.timeout(10):
        while world.faults.calls["ci:Callback"] < before + 3:
            await asyncio.sleep(0.01)
    assert len(ear.heard) == 2

    rule = {"service": "ci", "action": "Callback", "do": "delay", "nth": 1, "seconds": 0.5}
    world.faults.replace([rule])
    [first] = await submit(client, sent, Callback=ear.url)
    await finished(client, first["JobId"])
    [second] = await submit(client, sent, Callback=ear.url)
    await ear.until(4)
    order = [body["JobsDetail"]["JobId"] for _, _, body in ear.heard[2:]]
    assert order == [second["JobId"], first["JobId"]]


async def test_callback_is_tried_again_when_refused(client, ear):
    ear.status = 500
    await submit(client, {"Content": text(picture("#2f9e8f"))}, Callback=ear.url)
    await ear.until(1)
    ear.status = 200
    await ear.until(2)


async def refused(client: Any, function: Any, **kwargs: Any) -> tuple[int, str]:
    """Status and Code.  The SDK cannot read CI's errors: they name no Resource."""
    with pytest.raises(CosServiceError) as caught:
        await asyncio.to_thread(function, **kwargs)
    document = ElementTree.fromstring(caught.value.get_origin_msg())
    return caught.value.get_status_code(), document.findtext("Code") or ""


async def test_unknown_foreign_and_forgotten_jobs(client, world):
    query = client.ci_auditing_image_query
    assert await refused(client, query, Bucket=BUCKET, JobID="si" + "0" * 32) == (
        404, "ResourceNotFound",
    )  # fmt: skip
    [job] = await submit(client, {"Content": text(picture("#2f9e8f"))})
    assert (await finished(client, job["JobId"]))["State"] == "Success"
    with pytest.raises(CiError, match="does not exist"):
        world.ci.jobs.get("other-1250000000", job["JobId"])
    assert world.ci.jobs.get(BUCKET, job["JobId"])["state"] == "Success"
    world.clock.offset_s = 31 * 86_400
    with pytest.raises(CiError, match="does not exist"):
        world.ci.jobs.get(BUCKET, job["JobId"])


async def test_get_form_of_a_stored_object(client, world):
    world.cos.objects.put(BUCKET, "images/x.png", picture("#d01010"))
    got = await on_thread(
        client.get_object_sensitive_content_recognition,
        Bucket=BUCKET,
        Key="images/x.png",
        DetectType=CiDetectType.PORN | CiDetectType.TERRORIST,
    )
    assert (got["Label"], got["Result"]) == ("Terrorism", "1")
    assert int(got["TerroristInfo"]["Score"]) > 90 and "TerrorismInfo" not in got
    assert int(got["PornInfo"]["Score"]) > 60


async def test_strategies_choose_the_scenes(client, world):
    site = f"http://{world.network.front}:{COS_PORT}/{BUCKET}"
    config = client.get_conf()

    def call(method: str, path: str, body: str = "", **params: str) -> ElementTree.Element:
        answer = requests.request(
            method,
            site + path,
            params=params,
            data=body.encode(),
            auth=CosS3Auth(config, path, params=params),
            timeout=5,
        )
        return ElementTree.fromstring(answer.content)

    scenes = "<Labels><Image><Ads><QRCode/></Ads></Image></Labels>"
    body = f"<Request><Name>strict</Name>{scenes}</Request>"
    made = await on_thread(call, "POST", "/audit/strategy", body, service="Image")
    biz_type = made.findtext("BizType")
    assert biz_type
    listed = await on_thread(call, "GET", "/audit/strategy", service="Image")
    assert [node.text for node in listed.iter("Name")] == ["default", "strict"]
    one = await on_thread(call, "GET", f"/audit/strategy/{biz_type}", service="Image")
    assert one.find("Strategy/Labels/Image/Ads/QRCode") is not None
    [red] = await audit(client, {"Content": text(picture("#d01010"))}, BizType=biz_type)
    assert red["Label"] == "Normal" and "TerrorismInfo" not in red and "AdsInfo" in red
    [default] = await audit(client, {"Content": text(picture("#d01010"))})
    assert default["Label"] == "Terrorism"
    body = "<Request><Labels><Image><Terrorism/></Image></Labels></Request>"
    await on_thread(call, "PUT", f"/audit/strategy/{biz_type}", body, service="Image")
    [red] = await audit(client, {"Content": text(picture("#d01010"))}, BizType=biz_type)
    assert red["Label"] == "Terrorism"
    refusal = await on_thread(call, "POST", "/audit/strategy", "<Request/>", service="Image")
    assert refusal.findtext("Code") == "InvalidArgument" and refusal.find("Resource") is None
    assert await refused(
        client,
        client.ci_auditing_image_batch,
        Bucket=BUCKET,
        Input=[{"Content": text(picture("#d01010"))}],
        BizType="nobody",
    ) == (400, "InvalidArgument")


async def test_limits_binding_and_feedback(client, world):
    small = text(picture("#2f9e8f", size=(32, 32)))
    batch = client.ci_auditing_image_batch
    many = [{"Content": small}] * 101
    assert await refused(client, batch, Bucket=BUCKET, Input=many) == (400, "InvalidArgument")
    assert len(await audit(client, *many[:100])) == 100
    await on_thread(
        client.ci_auditing_report_badcase,
        Bucket=BUCKET,
        ContentType=2,
        Label="Porn",
        SuggestedLabel="Normal",
        Url="https://example.com/a.png",
        JobId="si1",
    )
    assert world.ci.badcases()[0]["SuggestedLabel"] == "Normal"
    bound = await on_thread(client.ci_get_pic_bucket)
    assert [item["BucketId"] for item in bound["PicBucketList"]] == [BUCKET]
    await on_thread(client.ci_close_pic_bucket, Bucket=BUCKET)
    one = [{"Content": small}]
    assert await refused(client, batch, Bucket=BUCKET, Input=one) == (403, "AccessDenied")
    await on_thread(client.ci_open_pic_bucket, Bucket=BUCKET)
    assert (await audit(client, {"Content": small}, {"Content": small}))[0]["State"] == "Success"


async def test_interrupted_jobs_go_on_after_a_restart(client, world, ear):
    world.pace.overrides["ci.audit"] = 1000.0
    [job] = await submit(client, {"Content": text(picture("#f0d010"))}, Callback=ear.url)
    await world.ci.stop()
    del world.pace.overrides["ci.audit"]
    await world.ci.start(world)
    assert (await finished(client, job["JobId"]))["Label"] == "Ads"
    await ear.until(1)


async def test_by_ci_host_and_who_may(world):
    """Virtual hosts, as a client on the real network would call."""

    def client(key: Key) -> CosS3Client:
        config = CosConfig(
            Region=REGION,
            SecretId=key.secret_id,
            SecretKey=key.secret_key,
            Scheme="http",
            IP=world.network.front,
            Port=COS_PORT,
        )
        return CosS3Client(config, retry=0)

    image = [{"Content": text(picture("#d01010"))}] * 2
    details = await audit(client(world.accounts.first()), *image)
    assert {detail["Label"] for detail in details} == {"Terrorism"}
    limited = client(world.accounts.create(denied=("ci:CreateAuditingPictureJob",)))
    batch = limited.ci_auditing_image_batch
    assert await refused(limited, batch, Bucket=BUCKET, Input=image) == (403, "AccessDenied")
    stranger = client(world.accounts.create(uin="100000000009"))
    batch = stranger.ci_auditing_image_batch
    assert await refused(stranger, batch, Bucket=BUCKET, Input=image) == (403, "AccessDenied")
    site = f"http://{world.network.front}:{COS_PORT}/{BUCKET}/image/auditing"
    anonymous = await on_thread(requests.post, site, data="<Request/>", timeout=5)
    assert anonymous.status_code == 403
    host = {"Host": f"{BUCKET}.ci.{REGION}.myqcloud.com"}
    address = f"http://{world.network.front}:{COS_PORT}/nonsense"
    key = world.accounts.first()
    config = CosConfig(Region=REGION, SecretId=key.secret_id, SecretKey=key.secret_key)
    signed = CosS3Auth(config, "/nonsense", params={})
    odd = await on_thread(requests.get, address, headers=host, auth=signed, timeout=5)
    assert odd.status_code == 405
