"""What an environment may look like, and what belongs together.  Pure."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
REGION = re.compile(r"[a-z]{2,4}-[a-z]+(-[a-z0-9]+)*")
# A Kubernetes label (RFC 1123); the cluster's own namespaces are not ours to fill.
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RESERVED_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
# host, host:port or [v6]:port; no scheme, user, path or query may hide in it.
ENDPOINT = re.compile(r"([A-Za-z0-9.-]{1,200}|\[[0-9A-Fa-f:]{2,45}\])(:[0-9]{1,5})?")
SECRET_ID = re.compile(r"[A-Za-z0-9_-]{10,80}")
SECRET = re.compile(r"[\x21-\x7e]{10,4096}")
BIZ_TYPE = re.compile(r"[A-Za-z0-9_-]{1,64}")
SCHEMES = ("https", "http")
ALMOST_FULL = 0.85  # of a file system with a limit


def policy_for(stage: str) -> str:
    """How changes are accepted where nobody who may choose has chosen."""
    return "four-eyes" if stage == "prod" else "confirm"


def origin_of(url: str) -> str:
    """ "https://console.example:8443" of any address there; "" if it is none."""
    found = urlsplit(url)
    if found.scheme not in SCHEMES or not found.hostname:
        return ""
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}"


def origins(public_url: str, trusted: Sequence[str] = ()) -> tuple[str, ...]:
    """Where the console's own pages come from, so that they may upload to the bucket.

    A console on this machine is reached as 127.0.0.1 and as localhost.
    """
    found = [origin_of(url) for url in (public_url, *trusted)]
    for one in list(found):
        if "//127.0.0.1" in one:
            found.append(one.replace("//127.0.0.1", "//localhost"))
    return tuple(dict.fromkeys(one for one in found if one))
