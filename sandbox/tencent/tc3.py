"""Checks a TC3-HMAC-SHA256 signature exactly as Tencent's front end does.

The canonical request is built from the headers as received: the Content-Type may carry a charset
and the Host carries the port when one was configured.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.accounts import Accounts, Key
from sandbox.tencent.errors import ApiError

ALGORITHM = "TC3-HMAC-SHA256"
SKEW_S = 300
UNSIGNED = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    r"^TC3-HMAC-SHA256\s+Credential=(?P<id>[^/,\s]*)/(?P<date>[^/,\s]*)/(?P<service>[^/,\s]*)"
    r"/tc3_request,\s*SignedHeaders=(?P<headers>[^,\s]*),\s*Signature=(?P<signature>[0-9a-f]*)$"
)


@dataclass(frozen=True)
class Signed:
    """Who signed the request, and for which service."""

    key: Key
    service: str


def verify(
    accounts: Accounts,
    now: float,
    method: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Signed:
    """The signer of a request.  Raises ApiError with an AuthFailure code."""
    match = _AUTHORIZATION.match(headers.get("Authorization", ""))
    if match is None:
        raise ApiError(
            "AuthFailure.InvalidAuthorization", "The Authorization header is missing or malformed."
        )
    stamp = headers.get("X-TC-Timestamp", "")
    if not stamp.isdigit():
        raise ApiError(
            "MissingParameter", "The request is missing a required parameter `X-TC-Timestamp`."
        )
    if abs(now - int(stamp)) > SKEW_S:
        raise ApiError(
            "AuthFailure.SignatureExpire",
            f"The signature expired: the server's time is {int(now)}, the request's is {stamp}.",
        )
    if match["date"] != datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%d"):
        raise ApiError(
            "AuthFailure.SignatureFailure", "The credential date does not fit the time stamp."
        )
    if not re.fullmatch(r"[A-Za-z0-9_]+", match["id"]):
        raise ApiError("AuthFailure.InvalidSecretId", "The SecretId is malformed.")
    try:
        key = accounts.get(match["id"])
    except KeyError:
        raise ApiError(
            "AuthFailure.SecretIdNotFound", "The SecretId is not found, check your SecretId."
        ) from None
    if headers.get("X-TC-Token"):
        # Only temporary keys come with a token, and this account has handed out none.
        raise ApiError("AuthFailure.TokenFailure", "The token does not belong to the SecretId.")
    names = match["headers"].split(";")
    if "content-type" not in names or "host" not in names:
        raise ApiError(
            "AuthFailure.InvalidAuthorization", "content-type and host have to be signed."
        )
    if headers.get("X-TC-Content-SHA256") == UNSIGNED:
        body = UNSIGNED.encode()
    canonical = "\n".join(
        (
            method,
            "/",
            query,
            "".join(f"{name}:{headers.get(name, '').strip().lower()}\n" for name in names),
            match["headers"],
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{match['date']}/{match['service']}/tc3_request"
    expected = signature(
        key.secret_key, match["date"], match["service"], string_to_sign(stamp, scope, canonical)
    )
    if not hmac.compare_digest(expected, match["signature"]):
        raise ApiError(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is"
            " correct.",
        )
    return Signed(key, match["service"])


def string_to_sign(stamp: str, scope: str, canonical: str) -> str:
    return "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))


def signature(secret_key: str, date: str, service: str, text: str) -> str:
    """The hex signature of `text` with the key derived for one day and one service."""
    key = ("TC3" + secret_key).encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
