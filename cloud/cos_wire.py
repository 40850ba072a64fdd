"""The XML wire shared by COS and CI: the SDK configures, signs and sends; we read the answer.

The SDK's own methods drop the request id and retry by themselves, so only its client's
`send_request` is used, with one attempt.  Its loggers print signatures and addresses: silenced.
"""

import logging
from collections.abc import Mapping
from typing import Any

import requests
import xmltodict  # type: ignore[import-untyped]
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_auth import CosS3Auth
from qcloud_cos.cos_exception import CosClientError

from cloud import errors
from cloud.access import Access
from cloud.network import unanswered
from cloud.reading import Data, part, text

logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL + 1)

CONNECT_S = 5.0


class Wire:
    """Signed requests to one bucket; safe to share between threads."""

    def __init__(self, access: Access, bucket: str, timeout_s: float) -> None:
        self.access = access
        self.bucket = bucket
        self.timeout_s = timeout_s
        own_host = access.cos_endpoint
        try:
            self.conf = CosConfig(
                Region=access.region,
                SecretId=access.secret_id,
                SecretKey=access.secret_key,
                Token=access.token or None,
                Scheme=access.cos_scheme,
                Domain=f"{own_host}/{bucket}" if own_host else None,
                ServiceDomain=own_host or None,
            )
        except CosClientError:
            raise errors.NotAuthorized("The key pair is not complete.", service="COS") from None
        self.sdk = CosS3Client(self.conf, retry=0)

    def send(
        self,
        method: str,
        key: str | None,
        *,
        service: str = "COS",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        ci: bool = False,
        url: str = "",
        stream: bool = False,
        timeout_s: float | None = None,
    ) -> requests.Response:
        """The answer of one attempt.  `key` None addresses the bucket.  Raises CloudError.

        Everything but GET and HEAD counts as changing something."""
        mutating = method not in ("GET", "HEAD")
        what = f"{method} {key if key is not None else self.bucket or 'buckets'}"
        query = dict(params or {})
        bucket = self.bucket or None
        try:
            response = self.sdk.send_request(
                method=method,
                url=url or self.url(key, ci=ci),
                bucket=bucket,
                cos_request=False,
                ci_request=ci,
                auth=CosS3Auth(self.conf, key, params=query),
                params=query,
                headers=dict(headers or {}),
                timeout=(CONNECT_S, timeout_s or self.timeout_s),
                stream=stream,
                **({} if body is None else {"data": body}),
            )
        except (CosClientError, requests.RequestException) as exc:
            raise unanswered(exc, service=service, what=what, mutating=mutating) from None
        if response.status_code >= 300:
            raise refused(response, service=service, what=what, mutating=mutating)
        return response  # type: ignore[no-any-return]

    def url(self, key: str | None, *, ci: bool = False) -> str:
        endpoint = self.conf._endpoint_ci if ci else None
        return str(self.conf.uri(bucket=self.bucket or None, path=key, endpoint=endpoint))


def refused(
    response: requests.Response, *, service: str, what: str, mutating: bool
) -> errors.CloudError:
    """The error of an answer that is not a success; reads the XML body if there is one."""
    found = xml(response.content, "Error") if response.content else {}
    status = response.status_code
    if status < 400:
        message = f"{service} points elsewhere ({what}): the region of the bucket is another one."
        return errors.Rejected(
            message, code=str(status), request_id=request_id(response), service=service
        )
    code = text(found, "Code") or {404: "NoSuchResource", 403: "AccessDenied"}.get(status, "")
    message = text(found, "Message") or f"{service} answered {status} ({what})."
    return errors.cos_error(
        code,
        message,
        status,
        request_id=text(found, "RequestId") or request_id(response),
        service=service,
        mutating=mutating,
    )


def request_id(response: requests.Response) -> str:
    headers = response.headers
    return str(headers.get("x-cos-request-id") or headers.get("x-ci-request-id") or "")


def xml(content: bytes, root: str, *, lists: tuple[str, ...] = ()) -> Data:
    """What stands below `root` as nested values, all strings; {} if it is not that document.

    Members named in `lists` are always lists."""
    try:
        document: dict[str, Any] = xmltodict.parse(content, force_list=lists)
    except Exception:  # expat raises its own error class; a broken body means no information
        return {}
    return part(document, root)


def to_xml(root: str, value: Mapping[str, Any]) -> bytes:
    return str(xmltodict.unparse({root: value}, full_document=False)).encode()
