"""The error tables: vendor code in full first, then the part before the dot."""

import pytest

from cloud import errors
from cloud.errors import api_error, cos_error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("RequestLimitExceeded", errors.Throttled),
        ("RequestLimitExceeded.UinLimitExceeded", errors.Throttled),
        ("AuthFailure.SignatureExpire", errors.NotAuthorized),
        ("AuthFailure.UnauthorizedOperation", errors.NotAuthorized),
        ("UnauthorizedOperation.CamNoAuth", errors.NotAuthorized),
        ("FailedOperation.CamNoAuth", errors.NotAuthorized),
        ("InvalidParameterValue.Region", errors.Rejected),
        ("InvalidParameterValue.ResourceAlreadyExist", errors.AlreadyExists),
        ("UnknownParameter", errors.Rejected),
        ("SomethingNew.NeverSeen", errors.Rejected),
        ("ResourceInUse.GatewayServiceSourceExistService", errors.Busy),
        ("FailedOperation.ClusterState", errors.Busy),
        ("InternalError.ClusterState", errors.Busy),
        ("FailedOperation.TradeInsufficientBalance", errors.OverQuota),
        ("LimitExceeded", errors.OverQuota),
        ("ResourceInsufficient.FileSystemLimitExceeded", errors.OverQuota),
        ("ResourceInsufficient.SpecifiedInstanceType", errors.OutOfStock),
        ("ResourcesSoldOut", errors.OutOfStock),
        ("ResourceNotFound.InstanceNotFound", errors.NotFound),
        ("InternalError.ClusterNotFound", errors.NotFound),
        ("InvalidParameter.ClusterNotFound", errors.NotFound),
        ("InternalError", errors.LostAnswer),
        ("InternalError.UpdateError", errors.LostAnswer),
    ],
)
def test_an_api_code_has_one_meaning(code: str, kind: type[errors.CloudError]) -> None:
    found = api_error(code, "no", request_id="r-1", service="tse", mutating=True)
    assert type(found) is kind
    assert (found.code, found.request_id, found.service) == (code, "r-1", "tse")


def test_a_server_fault_while_reading_changed_nothing() -> None:
    found = api_error("InternalError", "no", request_id="", service="tke", mutating=False)
    assert type(found) is errors.Unreachable


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, errors.Throttled),
        ("", 503, errors.Throttled),
        ("InternalError", 500, errors.Unreachable),
        ("ServiceUnavailable", 503, errors.Unreachable),
        ("AccessDenied", 403, errors.NotAuthorized),
        ("RequestTimeTooSkewed", 403, errors.NotAuthorized),
        ("NoSuchUpload", 404, errors.NotFound),
        ("NeverSeen", 404, errors.NotFound),
        ("InvalidPart", 400, errors.Rejected),
        ("BucketAlreadyExists", 409, errors.AlreadyExists),
    ],
)
def test_a_cos_code_has_one_meaning(code: str, status: int, kind: type[errors.CloudError]) -> None:
    found = cos_error(code, "no", status, request_id="", service="COS", mutating=False)
    assert type(found) is kind


def test_a_throttle_says_how_long_to_wait() -> None:
    found = errors.made(errors.Throttled, "slow down", retry_s=7.0)
    assert isinstance(found, errors.Throttled)
    assert found.retry_s == 7.0
    assert errors.Throttled("slow down").retry_s == 2.0


def test_a_silent_refusal_still_has_a_sentence() -> None:
    assert errors.made(errors.Rejected, " ").message.endswith(".")
