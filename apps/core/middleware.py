"""First in line: gives every request an id and notes who calls."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.core.marks import NOBODY, Marks, mark

_SOUND = re.compile(r"[A-Za-z0-9._-]{8,64}")


def client_address(request: HttpRequest) -> str | None:
    """The address of the client.  Behind TRUSTED_PROXY_COUNT proxies of ours it is the one that the
    outermost of them saw; what stands further left in X-Forwarded-For anyone may have written."""
    proxies: int = getattr(settings, "TRUSTED_PROXY_COUNT", 0)
    if proxies:
        passed = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(passed) >= proxies and passed[-proxies]:
            return passed[-proxies]
    return request.META.get("REMOTE_ADDR") or None


class RequestMarks:
    """Must stand before the logging middleware, which takes the id from the header.

    A caller may bring its own X-Request-ID; one that could not be an id is replaced.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        brought = request.headers.get("X-Request-ID", "")
        request_id = brought if _SOUND.fullmatch(brought) else uuid.uuid4().hex
        request.META["HTTP_X_REQUEST_ID"] = request_id
        request.__dict__.pop("headers", None)  # cached by the read above, before we set the id
        mark(Marks(request_id, client_address(request)))
        try:
            response = self.get_response(request)
        finally:
            mark(NOBODY)
        response.headers["X-Request-ID"] = request_id
        return response
