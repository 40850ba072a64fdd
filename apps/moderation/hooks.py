"""Where CI posts its results: POST /hooks/cos/<token>/.

Anybody who knows the token may post, so the body is a hint at most: which job to ask CI about.
"""

import json
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.environments.models import Environment
from apps.moderation import services
from cloud.ci import parse_callback

MOST_BYTES = 1024 * 1024


@csrf_exempt
@login_not_required
@require_POST
@never_cache
def cos_hook(request: HttpRequest, token: str) -> HttpResponse:
    """200 for everything that is a callback, known or not: CI must not send it again."""
    environment_pk = (
        Environment.objects.filter(callback_token=token).values_list("pk", flat=True).first()
        if token and token.isascii()
        else None
    )
    if environment_pk is None:
        return told(404, "There is no such hook.")
    body = read(request)
    if body is None:
        return told(413, "A callback has at most 1 MiB.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return told(400, "The body is not JSON.")
    if not isinstance(found, dict):
        return told(400, "The body is not a callback.")
    try:
        result = parse_callback(found)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return told(400, "The body is not a callback.")
    known = 0
    if result is not None:
        known = services.callback_take(environment_pk=environment_pk, found=[result])
    return JsonResponse({"known": bool(known)})


def read(request: HttpRequest) -> bytes | None:
    """The body; None if it is too large, whatever its headers say of its length."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        return None
    body: bytes = request.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def told(status: int, sentence: str, **more: Any) -> HttpResponse:
    return JsonResponse({"error": sentence, **more}, status=status)
