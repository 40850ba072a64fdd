"""Failures of the wire itself: was the request sent or not, and which error that makes.

Adapters raise what `unanswered` makes `from None`: the vendor's exception carries the whole URL,
and a traceback would print it.
"""

import requests
import urllib3.exceptions

from cloud.errors import CloudError, LostAnswer, Rejected, Unreachable

_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.SSLError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.SSLError,
)
_NOT_A_REQUEST = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    urllib3.exceptions.LocationParseError,
)


def _chain(exc: BaseException | None) -> list[BaseException]:
    """`exc`, what it wraps, and what was being handled when it was raised."""
    found: list[BaseException] = []
    todo = [exc]
    while todo:
        one = todo.pop()
        if one is None or one in found:
            continue
        found.append(one)
        todo += [one.__cause__, one.__context__]
        todo += [arg for arg in one.args if isinstance(arg, BaseException)]
        reason = getattr(one, "reason", None)
        if isinstance(reason, BaseException):
            todo.append(reason)
    return found


def never_sent(exc: BaseException) -> bool:
    """True if no byte of the request can have reached the other side."""
    chain = _chain(exc)
    if any(isinstance(one, _NEVER_SENT) for one in chain):
        return True
    return any(isinstance(one, ConnectionRefusedError) for one in chain)


def timed_out(exc: BaseException) -> bool:
    slow = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    return any(isinstance(one, slow) for one in _chain(exc))


def unanswered(exc: BaseException, *, service: str, what: str, mutating: bool) -> CloudError:
    """The error for a call that got no answer.  `what` names it for the operator.

    The vendor's text is left out on purpose: it carries addresses and queries."""
    if any(isinstance(one, _NOT_A_REQUEST) for one in _chain(exc)):
        return Rejected(f"The address of {service} is not usable.", service=service)
    if never_sent(exc):
        return Unreachable(f"{service} cannot be reached ({what}).", service=service)
    how = "did not answer in time" if timed_out(exc) else "closed the connection"
    if mutating:
        return LostAnswer(
            f"{service} {how} ({what}); it may have been carried out.", service=service
        )
    return Unreachable(f"{service} {how} ({what}).", service=service)
