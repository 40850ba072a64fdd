"""STS: whose credentials these are.  The cheapest check that they work."""

from cloud.access import Access
from cloud.reading import text
from cloud.tencent import call
from cloud.types import Caller


def whoami(access: Access) -> Caller:
    answer = call(access, "sts", "2018-08-13", "GetCallerIdentity", {})
    return Caller(
        account_id=answer.need("AccountId"),
        user_id=text(answer.data, "UserId"),
        arn=text(answer.data, "Arn"),
        kind=text(answer.data, "Type"),
        request_id=answer.request_id,
    )
