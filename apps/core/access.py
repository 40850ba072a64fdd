"""Doors ask here whether a person may pass; the table of who may what is the accounts app's.

This floor lies below accounts, so that every app can guard its views without knowing people.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

P = ParamSpec("P")
R = TypeVar("R")


class Refused(PermissionDenied):
    """A signed-in person lacks `capability`.  Answered by the 403 page or as an API problem, both
    of which name what is missing and who can grant it."""

    def __init__(self, capability: str) -> None:
        super().__init__(capability)
        self.capability = capability


def allowed(user: Any, capability: str) -> bool:
    return bool(user.is_authenticated and user.can(capability))


def requires(
    capability: str,
) -> Callable[[Callable[Concatenate[HttpRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """Guard a view or an API operation: raises Refused unless the person holds `capability`.

    The guarded function carries `.capability`, from which the house test reads that no door was
    forgotten.
    """

    def decorate(
        door: Callable[Concatenate[HttpRequest, P], R],
    ) -> Callable[Concatenate[HttpRequest, P], R]:
        @wraps(door)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not allowed(request.user, capability):
                raise Refused(capability)
            return door(request, *args, **kwargs)

        guarded.capability = capability  # type: ignore[attr-defined]
        return guarded

    return decorate


def api_requires(
    capability: str,
) -> Callable[[Callable[Concatenate[HttpRequest, P], R]], Callable[Concatenate[HttpRequest, P], R]]:
    """`requires` for an API operation; stands under `@router.get(…)`.

    The router reads parameter types from the guarded function, whose module is this one:
    annotations written as text (`from __future__ import annotations`) are resolved here.
    """

    def decorate(
        operation: Callable[Concatenate[HttpRequest, P], R],
    ) -> Callable[Concatenate[HttpRequest, P], R]:
        guarded = requires(capability)(operation)
        guarded.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
        return guarded

    return decorate
