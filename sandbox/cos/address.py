"""Which bucket and key a request means, and whether it speaks to COS or to CI.

Virtual host: `<bucket>.cos.<region>.myqcloud.com/<key>`, `<bucket>.ci.<region>.myqcloud.com/...`;
any other host is taken for path style, `<host>/<bucket>/<key>`.  A host without a bucket is the
service itself, which lists buckets.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_REAL_HOST = re.compile(
    r"^(?:(?P<bucket>[a-z0-9][a-z0-9-]*-[0-9]+)\.)?(?P<part>cos|ci|pic)\.(?P<region>[a-z0-9-]+)"
    r"\.(?:myqcloud\.com|tencentcos\.cn)$"
)


@dataclass(frozen=True)
class Address:
    """`path` is the decoded path without a bucket in front, as signatures cover it."""

    host: str
    bucket: str
    path: str
    query: str
    ci: bool

    @property
    def key(self) -> str:
        return self.path[1:]


def find(target: str, host_header: str) -> Address:
    """The address of a request line's `target` and its Host header (ports do not matter)."""
    parts = urlsplit(target)
    host = (parts.netloc or host_header).rsplit(":", 1)[0].lower()
    path = unquote(parts.path or "/")
    named = _REAL_HOST.match(host)
    if named:
        return Address(host, named["bucket"] or "", path, parts.query, named["part"] != "cos")
    if host.startswith("service.cos."):
        return Address(host, "", path, parts.query, False)
    bucket, _, key = path[1:].partition("/")
    return Address(host, bucket, "/" + key, parts.query, False)
