"""Without endpoints of our own the adapters address the real cloud.  Nothing is sent here."""

from urllib.parse import parse_qs, urlsplit

from cloud.access import Access
from cloud.cos import CosClient

REAL = Access("ap-guangzhou", "AKIDx", "secret", token="sts-token")


def test_objects_live_on_the_host_of_their_bucket() -> None:
    cos = CosClient(REAL, "sd-1250000000")
    assert cos.object_url("images/a b.png") == (
        "https://sd-1250000000.cos.ap-guangzhou.myqcloud.com/images/a%20b.png"
    )
    assert cos.wire.url("image/auditing", ci=True) == (
        "https://sd-1250000000.ci.ap-guangzhou.myqcloud.com/image/auditing"
    )


def test_a_signed_url_carries_the_temporary_token_and_its_parameters() -> None:
    cos = CosClient(REAL, "sd-1250000000")
    url = cos.presign("PUT", "m.ckpt", 60, params={"partNumber": "1", "uploadId": "u"})
    query = parse_qs(urlsplit(url).query)
    assert urlsplit(url).hostname == "sd-1250000000.cos.ap-guangzhou.myqcloud.com"
    assert query["x-cos-security-token"] == ["sts-token"]
    assert (query["partNumber"], query["uploadId"]) == (["1"], ["u"])
    assert query["q-url-param-list"] == ["partnumber;uploadid;x-cos-security-token"]
    start, end = query["q-sign-time"][0].split(";")
    assert int(end) - int(start) == 120, "the signature starts a minute ago"


def test_a_sandbox_bucket_is_a_folder_of_its_address() -> None:
    local = Access("ap-guangzhou", "a", "b", cos_endpoint="127.77.0.1:9001", cos_scheme="http")
    cos = CosClient(local, "sd-1250000000")
    assert cos.object_url("k") == "http://127.77.0.1:9001/sd-1250000000/k"
    assert cos.wire.url("image/auditing", ci=True) == (
        "http://127.77.0.1:9001/sd-1250000000/image/auditing"
    )
