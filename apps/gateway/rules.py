"""What may be asked of the gateway, and who shares whose requests.  Pure.

`check_…` raise RuleViolation with one sentence that says what to choose instead.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from django.utils.translation import gettext as _

from apps.core.errors import RuleViolation
from apps.core.words import Say
from apps.gateway.spec import Limit

GENERATE_PATH = "/sdapi/v1/txt2img"
PAGE_OFF = "--nowebui"
TIMEOUT_MS = (1_000, 86_400_000)
RETRIES_MOST = 10
BODY_MOST = 8192
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
PATH = re.compile(r"/[A-Za-z0-9._~/%-]{0,255}")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")


@dataclass(frozen=True)
class Traffic:
    """The requests that one route takes.  Empty `hosts` = any host."""

    name: str
    methods: tuple[str, ...]
    hosts: tuple[str, ...]
    paths: tuple[str, ...]


def has_page(arguments: Iterable[str]) -> bool:
    """True if the web UI shows its interactive page, which keeps a session in the pod's memory."""
    return PAGE_OFF not in arguments


def sticky_required(arguments: Iterable[str], replicas: int) -> bool:
    """A session lives in one pod: with several, a client must always reach the same."""
    return replicas > 1 and has_page(arguments)


def check_stickiness(name: str, required: bool, replicas: int, hash_on: str) -> None:
    if required and hash_on != "ip":
        raise RuleViolation(
            _(
                "%(name)s shows its page and runs %(replicas)d replicas, so a client must stay with"
                " one pod: choose stickiness by client IP, or start it with --nowebui, or run one"
                " replica."
            )
            % {"name": name, "replicas": replicas},
            field="hash_on",
        )


def clash(one: Traffic, others: Iterable[Traffic]) -> Traffic | None:
    """The first of `others` that takes some of the very same requests; None if none does."""
    return next((other for other in others if _same_requests(one, other)), None)


def _same_requests(one: Traffic, other: Traffic) -> bool:
    hosts = set(one.hosts) & set(other.hosts) or not (one.hosts or other.hosts)
    return bool(hosts and set(one.paths) & set(other.paths) and _overlap(one, other))


def _overlap(one: Traffic, other: Traffic) -> bool:
    mine, theirs = set(one.methods), set(other.methods)
    return "ANY" in mine | theirs or not mine or not theirs or bool(mine & theirs)


def check_hosts(hosts: Sequence[str], gateway_ip: str) -> tuple[str, ...]:
    """The hosts in lower case, each once.  An address must be the gateway's own."""
    found: dict[str, None] = {}
    for host in hosts:
        plain = host.strip().lower()
        if _is_ip(plain):
            if plain != gateway_ip:
                raise RuleViolation(
                    _(
                        "%(host)s is not the address of this gateway, so no request for it would"
                        " arrive; its address is %(ip)s."
                    )
                    % {"host": plain, "ip": gateway_ip or "–"},
                    field="hosts",
                )
        elif not _is_name(plain):
            raise RuleViolation(
                _(
                    "%(host)s is not a host name: write it without http:// and without a port, like"
                    " sd.example.com or *.example.com."
                )
                % {"host": host.strip()[:100] or "“”"},
                field="hosts",
            )
        found[plain] = None
    if len(found) > 20:
        raise RuleViolation(_("A route takes at most 20 hosts."), field="hosts")
    return tuple(found)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    labels = host.removeprefix("*.").split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        return False
    # "1.2.3" or "256.1.1.1" is a mistyped address, never a name.
    return not labels[-1].isdigit() and not (host.startswith("*.") and len(labels) < 2)


def check_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, each once.  They are prefixes, taken letter by letter."""
    found = tuple(dict.fromkeys(path.strip() for path in paths))
    if not found or len(found) > 20:
        raise RuleViolation(
            _("A route needs a path, / for all of them, and takes at most 20."), field="paths"
        )
    for path in found:
        if not PATH.fullmatch(path) or ".." in path or "//" in path:
            raise RuleViolation(
                _(
                    "%(path)s is not a path: it begins with / and holds letters, digits and"
                    " - . _ ~ %% only."
                )
                % {"path": path[:100] or "“”"},
                field="paths",
            )
    return found


def check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    if not methods:
        raise RuleViolation(_("Choose at least one method, or ANY."), field="methods")
    return ("ANY",) if "ANY" in methods else tuple(dict.fromkeys(methods))


def check_timeout(timeout_ms: int) -> None:
    least, most = TIMEOUT_MS
    if not least <= timeout_ms <= most:
        raise RuleViolation(
            _("The time-out is at least 1 second and at most 24 hours."), field="timeout_ms"
        )


def check_retries(retries: int) -> None:
    if not 0 <= retries <= RETRIES_MOST:
        raise RuleViolation(_("Retries are between 0 and 10."), field="retries")


def check_limit(limit: Limit | None) -> None:
    if limit is None:
        return
    units = [one.unit for one in limit.thresholds]
    if not units:
        raise RuleViolation(
            _("A rate limit needs at least one threshold; without one, choose no limit."),
            field="limit",
        )
    if len(set(units)) < len(units):
        raise RuleViolation(
            _("Each unit of a rate limit can be given once: two thresholds are per %(unit)s.")
            % {"unit": Say(next(unit for unit in units if units.count(unit) > 1))},
            field="limit",
        )
    if any(not 1 <= one.max <= 1_000_000_000 for one in limit.thresholds):
        raise RuleViolation(
            _("A threshold lets at least 1 request through; to close a route, delete it."),
            field="limit",
        )
    _check_response(limit)


def _check_response(limit: Limit) -> None:
    answer = limit.response
    if answer is None:
        return
    if not 200 <= answer.status <= 599:
        raise RuleViolation(
            _("The answer over the limit needs an HTTP status between 200 and 599."),
            field="response_status",
        )
    if len(answer.body.encode()) > BODY_MOST:
        raise RuleViolation(
            _("The answer over the limit is at most 8 KiB long."), field="response_body"
        )
    for header in answer.headers:
        if not TOKEN.fullmatch(header.name) or any(ord(sign) < 32 for sign in header.value):
            raise RuleViolation(
                _("%(name)s is not a header: write one a line, as Name: value.")
                % {"name": header.name[:80] or "“”"},
                field="response_headers",
            )


def reaches_generation(methods: Sequence[str], paths: Sequence[str]) -> bool:
    """True if a request for pictures passes a route of these methods and paths."""
    posts = "ANY" in methods or "POST" in methods
    return posts and any(GENERATE_PATH.startswith(path) for path in paths)
