"""What the API says when it says no: RFC 9457 `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse

from apps.core import marks


def problem(
    request: HttpRequest,
    status: int,
    detail: str,
    errors: Mapping[str, list[str]] | None = None,
    **more: Any,
) -> JsonResponse:
    """`detail` is one sentence for a person; `errors` names fields ("body.name": ["…"])."""
    answer: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": marks.current().request_id,
    }
    if errors:
        answer["errors"] = errors
    answer.update(more)
    response = JsonResponse(
        answer,
        status=status,
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )
    response.headers["Cache-Control"] = "no-store"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="SD Console"'
    return response
