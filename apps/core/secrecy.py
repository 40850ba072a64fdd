"""Keeps secrets out of logs, the audit record and error messages."""

from __future__ import annotations

import re
from typing import Any

from django.utils.crypto import salted_hmac

SENSITIVE_KEY = re.compile(
    r"(password|passwd|secret|secret[-_]?key|token|kubeconfig|private[-_]?key|credentials?"
    r"|authorization|cookie|sessionid)$",
    re.IGNORECASE,
)
_IN_TEXT = [
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\bsdc_[A-Za-z0-9_-]{20,}"), "sdc_***"),
    (re.compile(r"/hooks/([a-z]+)/[^/\s\"']+"), r"/hooks/\1/***"),
    (
        re.compile(
            r"(?i)\b(q-signature|x-cos-security-token|signature|token|password|secret)=[^&\s\"']+"
        ),
        r"\1=***",
    ),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
        "***",
    ),
]


def scrub(text: str) -> str:
    """`text` without tokens, signatures and private keys."""
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def masked(value: Any, key: str = "") -> Any:
    """A copy of `value` (JSON-like) in which the values of sensitive keys are replaced by a short
    keyed digest: two different secrets still look different, neither can be read."""
    if isinstance(value, dict):
        return {name: masked(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner, key) for inner in value]
    if key and SENSITIVE_KEY.search(key) and value not in (None, "", False, True):
        return "••••" + salted_hmac("sdconsole.masked", str(value)).hexdigest()[:6]
    return scrub(value) if isinstance(value, str) else value
