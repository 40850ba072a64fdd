"""Values as vendors send them."""

from datetime import UTC, datetime

import pytest

from cloud.access import Access
from cloud.reading import flag, parts, texts, when, whole
from cloud.tke_pools import request_name

AT = datetime(2024, 7, 19, 7, 33, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2024-07-19T07:33:22Z", AT),
        ("2024-07-19T15:33:22+08:00", AT),
        ("2024-07-19 15:33:22", AT),
        ("2024-07-19 07:33:22.000000 +0000 UTC", AT),
        ("Fri, 19 Jul 2024 07:33:22 GMT", AT),
        ("2024-07-19T07:33:22.000Z", AT),
        (int(AT.timestamp()), AT),
        (int(AT.timestamp() * 1000), AT),
        (str(int(AT.timestamp() * 1000)), AT),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_times_of_all_forms_become_utc(said: object, found: datetime | None) -> None:
    assert when(said) == found


def test_missing_null_and_text_values_read_alike() -> None:
    data = {"a": None, "n": "12", "f": "3.9", "yes": "true", "no": "0", "one": {"x": 1}, "s": "v"}
    assert [whole(data, name) for name in ("a", "n", "f", "missing")] == [0, 12, 3, 0]
    assert [flag(data, name) for name in ("yes", "no", "a", "missing")] == [
        True,
        False,
        False,
        False,
    ]
    assert parts(data, "a") == []
    assert parts(data, "one") == [{"x": 1}]
    assert texts(data, "s") == ("v",)


@pytest.mark.parametrize(
    ("answered", "suffix", "asked"),
    [
        ("PostpaidByHourChargeType", "ChargeType", "POSTPAID_BY_HOUR"),
        ("PrepaidChargeType", "ChargeType", "PREPAID"),
        ("CloudPremiumDiskType", "DiskType", "CLOUD_PREMIUM"),
        ("POSTPAID_BY_HOUR", "ChargeType", "POSTPAID_BY_HOUR"),
    ],
)
def test_answered_names_become_those_of_requests(answered: str, suffix: str, asked: str) -> None:
    assert request_name(answered, suffix) == asked


def test_an_access_hides_its_secrets_and_knows_its_hosts() -> None:
    access = Access("ap-guangzhou", "AKIDx", "very-secret", token="very-temporary")
    assert "very" not in repr(access)
    assert access.api_host("tke") == "tke.tencentcloudapi.com"
    abroad = Access("eu-frankfurt", "AKIDx", "s", intl=True)
    assert abroad.api_host("tse") == "tse.intl.tencentcloudapi.com"
    local = Access("ap-guangzhou", "AKIDx", "s", api_endpoint="127.77.0.1:9000")
    assert local.api_host("cfs") == "127.77.0.1:9000"
