"""CI's results in every form they arrive in."""

from typing import Any

from cloud.ci import parse_callback
from cloud.moderation_reading import job_result
from cloud.types import Box

DETAIL: dict[str, Any] = {
    "JobId": "si1",
    "DataId": "image-7",
    "State": "Success",
    "Object": "images/2026/a.png",
    "Result": "1",
    "Label": "Ads",
    "SubLabel": "QRCode",
    "Score": "96",
    "ForbidState": "1",
    "PornInfo": {"HitFlag": "0", "Score": "3"},
    "AdsInfo": {
        "HitFlag": "1",
        "Score": "96",
        "SubLabel": "QRCode",
        "OcrResults": [
            {
                "Text": "buy now",
                "Keywords": ["buy"],
                "Location": {"X": "1.5", "Y": "2", "Width": "30", "Height": "9", "Rotate": "0"},
            }
        ],
        "ObjectResults": {"Name": "QRCode", "Location": {"X": 5, "Y": 6, "Width": 7, "Height": 8}},
    },
    "TerroristInfo": {"HitFlag": 2, "Score": 70},
}


def test_a_detail_reads_the_same_from_numbers_and_strings() -> None:
    found = job_result(DETAIL)
    assert (found.result, found.score, found.forbid_state) == (1, 96, 1)
    assert {scene.name: scene.hit for scene in found.scenes} == {
        "porn": 0,
        "terrorism": 2,
        "ads": 1,
    }
    ads = next(scene for scene in found.scenes if scene.name == "ads")
    assert ads.boxes == (Box("QRCode", 5, 6, 7, 8), Box("buy", 1, 2, 30, 9))
    assert ads.texts == ("buy now",)
    numbers = DETAIL | {"Result": 1, "Score": 96, "ForbidState": 1}
    assert job_result(numbers) == found


def test_a_job_has_no_result_before_it_succeeded() -> None:
    assert job_result({"JobId": "si1", "State": "Auditing", "Result": "0"}).result is None
    submitted = job_result({"JobId": "si1"})
    assert (submitted.state, submitted.finished) == ("Submitted", False)


def test_a_bad_image_fails_its_own_job_only() -> None:
    found = job_result({"Code": "InvalidArgument", "Message": "too large", "DataId": "x"})
    assert (found.state, found.code, found.message) == ("Failed", "InvalidArgument", "too large")
    assert found.result is None and found.finished


def test_a_detail_callback_is_the_same_result() -> None:
    body = {"EventName": "ReviewImage", "JobsDetail": DETAIL}
    assert parse_callback(body) == job_result(DETAIL)
    assert parse_callback({"JobsDetail": [DETAIL]}) == job_result(DETAIL)


def test_a_simple_callback_is_understood() -> None:
    body = {
        "code": 0,
        "message": "success",
        "data": {
            "trace_id": "si2",
            "url": "http://b.cos.ap-guangzhou.myqcloud.com/images/a%20b.png",
            "event": "ReviewImage",
            "result": 2,
            "forbidden_status": 0,
            "porn_info": {"hit_flag": 2, "score": 75, "label": "Sexy"},
            "ads_info": {"hit_flag": 0, "score": 1, "label": ""},
        },
    }
    found = parse_callback(body)
    assert found is not None
    assert (found.job_id, found.key, found.result) == ("si2", "images/a b.png", 2)
    assert (found.label, found.sub_label, found.score) == ("Porn", "Sexy", 75)


def test_a_callback_without_a_job_is_nothing() -> None:
    test_message = {"code": 0, "message": "Test request when setting callback url", "data": {}}
    assert parse_callback(test_message) is None
    assert parse_callback({"JobsDetail": {"State": "Success"}}) is None
    assert parse_callback({"JobsDetail": []}) is None
    assert parse_callback({}) is None
