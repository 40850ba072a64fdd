"""One call of a Tencent JSON API (TC3 signed), and reading lists page by page.

The SDK signs and sends; it is given no retryer: its StandardRetryer repeats calls that succeeded.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import requests
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from cloud import errors
from cloud.access import Access
from cloud.network import unanswered
from cloud.reading import Data, part, parts, text, whole

logging.getLogger("tencentcloud_sdk_common").setLevel(logging.WARNING)  # debug prints signatures

_READING = ("Describe", "Get", "Check", "List")
PAGE = 100
Paging = Literal["skip", "skip-text", "page"]


@dataclass(frozen=True)
class Answer:
    """`data` is the content of Response.  It may hold secrets, so the repr leaves it out."""

    data: Data
    request_id: str
    service: str
    action: str
    mutating: bool

    def __repr__(self) -> str:
        return f"Answer({self.action!r}, request_id={self.request_id!r})"

    def need(self, name: str) -> str:
        """A member the answer must have.  Without it the call counts as not answered."""
        return need(self, self.data, name)

    def result(self) -> Data:
        """The member Result, where TSE keeps all else."""
        return part(self.data, "Result")


def need(answer: Answer, data: Data, name: str) -> str:
    found = text(data, name)
    if found:
        return found
    raise errors.made(
        errors.Unreachable,
        f"{answer.action} answered without {name}.",
        request_id=answer.request_id,
        service=answer.service,
        mutating=answer.mutating,
    )


def call(
    access: Access,
    service: str,
    version: str,
    action: str,
    body: Mapping[str, Any],
    timeout_s: float = 10.0,
) -> Answer:
    """The answer of one attempt.  Members of `body` that are None are left out.

    Actions that do not read (Describe…, Get…, Check…, List…) count as changing something."""
    mutating = not action.startswith(_READING)
    asked = {name: value for name, value in body.items() if value is not None}
    profile = ClientProfile(
        httpProfile=HttpProfile(
            protocol=access.api_scheme,
            endpoint=access.api_host(service),
            reqTimeout=timeout_s,
        )
    )
    try:
        credential = Credential(access.secret_id, access.secret_key, access.token or None)
        client = CommonClient(service, version, credential, access.region, profile)
        found = client.call_json(action, asked)
    except TencentCloudSDKException as exc:
        raise _error(exc, service, action, mutating) from None
    except (requests.RequestException, ValueError, KeyError, TypeError) as exc:
        # The body broke off, or it is not what the API sends.
        raise unanswered(exc, service=service.upper(), what=action, mutating=mutating) from None
    response = part(found, "Response") if isinstance(found, dict) else {}
    refused = part(response, "Error")
    request_id = text(response, "RequestId")
    if refused:  # the SDK overlooks errors whose Content-Type names a charset
        raise errors.api_error(
            text(refused, "Code"),
            text(refused, "Message"),
            request_id=request_id,
            service=service,
            mutating=mutating,
        )
    answer = Answer(response, request_id, service, action, mutating)
    answer.need("RequestId")
    return answer


def rows(
    access: Access,
    service: str,
    version: str,
    action: str,
    body: Mapping[str, Any],
    *,
    member: str,
    total: str = "TotalCount",
    paging: Paging = "skip",
    within: str = "",
    limit: int = PAGE,
) -> Iterator[Data]:
    """All rows of a listing.

    paging   "skip": Offset counts rows; "skip-text": the same as strings (vpc);
             "page": Offset is the page number from 1 (TCR below the instance)
    within   the member that holds the list and its total ("Result" in TSE)"""
    seen = 0
    page = 1
    while True:
        offset: int | str = page if paging == "page" else seen
        most: int | str = limit
        if paging == "skip-text":
            offset, most = str(offset), str(most)
        asked = {**body, "Offset": offset, "Limit": most}
        answer = call(access, service, version, action, asked)
        data = part(answer.data, within) if within else answer.data
        found = parts(data, member)
        yield from found
        seen += len(found)
        page += 1
        if not found or seen >= whole(data, total):
            return


def _error(
    exc: TencentCloudSDKException, service: str, action: str, mutating: bool
) -> errors.CloudError:
    code = str(exc.get_code() or "")
    name = service.upper()
    if code == "ClientNetworkError":
        return unanswered(exc, service=name, what=action, mutating=mutating)
    if code == "ServerNetworkError":
        return errors.made(
            errors.Unreachable,
            f"{name} answered {action} with something else than its API.",
            code=code,
            service=service,
            mutating=mutating,
        )
    if code == "InvalidCredential":  # empty or with spaces; nothing was sent
        return errors.NotAuthorized("The key pair is not complete.", code=code, service=service)
    if code.startswith("Client"):
        return errors.Rejected(
            f"{action} could not be sent: {exc.get_message()}"[:500], code=code, service=service
        )
    return errors.api_error(
        code,
        str(exc.get_message() or ""),
        request_id=str(exc.get_request_id() or ""),
        service=service,
        mutating=mutating,
    )


def tags_of(data: Data, key: str, value: str) -> dict[str, str]:
    """The member Tags, whose pairs are named differently by each product."""
    return {text(one, key): text(one, value) for one in parts(data, "Tags")}
