"""COS signatures (HMAC-SHA1), in the Authorization header or in the query of a presigned URL.

`q-sign-algorithm=sha1&q-ak=..&q-sign-time=start;end&q-key-time=..&q-header-list=..&
q-url-param-list=..&q-signature=..`.  Only the headers and parameters listed are covered.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, unquote

from sandbox.accounts import Accounts, Key
from sandbox.cos.address import Address
from sandbox.cos.errors import CosError

MAX_SKEW_S = 900


def fields(authorization: str, parameters: Mapping[str, str]) -> dict[str, str] | None:
    """The `q-...` fields wherever they stand; None if the request is anonymous."""
    if authorization:
        pairs = (item.partition("=") for item in authorization.split("&"))
        return {name.strip(): unquote(value.strip()) for name, _, value in pairs}
    if "q-signature" in parameters:
        return {name: value for name, value in parameters.items() if name.startswith("q-")}
    return None


def _digest(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


def _covered(names: str, values: Mapping[str, str]) -> str:
    """`a=1&b=2` of the listed names, sorted; what is listed but absent counts as empty."""
    listed = {unquote(name).lower() for name in names.split(";") if name}
    lower = {name.lower(): value for name, value in values.items()}
    pairs = {quote(n, safe="-_.~").lower(): quote(lower.get(n, ""), safe="-_.~") for n in listed}
    return "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))


def expected(
    secret_key: str,
    method: str,
    path: str,
    given: Mapping[str, str],
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    """The signature a holder of `secret_key` makes for this request and these `q-` fields."""
    covered_parameters = _covered(given.get("q-url-param-list", ""), parameters)
    covered_headers = _covered(given.get("q-header-list", ""), headers)
    http = f"{method.lower()}\n{path}\n{covered_parameters}\n{covered_headers}\n"
    request_digest = hashlib.sha1(http.encode()).hexdigest()
    sign_key = _digest(secret_key, given.get("q-key-time", ""))
    return _digest(sign_key, f"sha1\n{given.get('q-sign-time', '')}\n{request_digest}\n")


def verify(
    accounts: Accounts,
    now: float,
    method: str,
    address: Address,
    given: Mapping[str, str],
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
) -> Key:
    """The key pair that signed.  Raises CosError for an unknown key, bad time or bad signature."""
    if given.get("q-sign-algorithm") != "sha1" or "q-signature" not in given:
        raise CosError("InvalidArgument", "The Authorization header is malformed.")
    try:
        start, end = (int(text) for text in given.get("q-sign-time", "").split(";"))
    except ValueError as exc:
        raise CosError("InvalidArgument", "q-sign-time is not valid.") from exc
    try:
        key = accounts.get(given.get("q-ak", ""))
    except KeyError as exc:
        raise CosError("InvalidAccessKeyId") from exc
    if start > now + MAX_SKEW_S:
        raise CosError("RequestTimeTooSkewed")
    if start > now + 60 or end < now:
        raise CosError("AccessDenied", "Request has expired")
    # Clients that take the host from the URL sign it without its port, others sign what they send.
    sent_host = headers.get("host", "")
    for host in (address.host, sent_host):
        wire = {**headers, "host": host}
        right = expected(key.secret_key, method, address.path, given, parameters, wire)
        if hmac.compare_digest(right, given["q-signature"]):
            return key
    raise CosError("SignatureDoesNotMatch")
