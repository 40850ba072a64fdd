"""What a person did wrong, in one sentence.  Errors of the cloud live in cloud/errors.py."""

from typing import Any

from django.utils.functional import Promise


class RuleViolation(Exception):
    """A rule says no.

    `message` is one translated sentence; `field` names the form field that it is about."""

    def __init__(self, message: str | Promise, field: str = "") -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.field = field


class Conflict(RuleViolation):
    """Somebody else changed it meanwhile; `current` says what is there now.  Answered with 409."""

    def __init__(self, message: str | Promise, current: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.current = current or {}
