"""The error answers of a Kubernetes API server: one exception that knows its `Status` object."""

from typing import Any

Document = dict[str, Any]


class ApiError(Exception):
    """An answer that is not a success; `code` is the HTTP status, `reason` the machine word."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Document | None = None,
        *,
        metadata: Document | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata or {}
        self.headers = headers or {}

    def status(self) -> Document:
        body: Document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def named(name: str, group: str, kind: str) -> Document:
    """`details` of an error about one object; the core group is left out."""
    details = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in details.items() if value}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def not_found(name: str, group: str, plural: str) -> ApiError:
    qualified = f"{plural}.{group}" if group else plural
    return ApiError(404, "NotFound", f'{qualified} "{name}" not found', named(name, group, plural))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(name: str, group: str, plural: str) -> ApiError:
    qualified = f"{plural}.{group}" if group else plural
    message = f'{qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, named(name, group, plural))


def conflict(name: str, group: str, plural: str, why: str) -> ApiError:
    qualified = f"{plural}.{group}" if group else plural
    message = f'Operation cannot be fulfilled on {qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, named(name, group, plural))


def modified(name: str, group: str, plural: str) -> ApiError:
    """The write was based on an older version of the object."""
    why = (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return conflict(name, group, plural, why)


def expired(rv: str, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {rv} ({oldest})")


def invalid(name: str, group: str, kind: str, causes: list[Document]) -> ApiError:
    """422 with one cause per wrong field; each cause is `{reason, message, field}`."""
    qualified = f"{kind}.{group}" if group else kind
    said = [f"{cause['field']}: {cause['message']}" for cause in dict_unique(causes)]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    details = named(name, group, kind)
    details["causes"] = causes
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def dict_unique(causes: list[Document]) -> list[Document]:
    """The causes, each said once (the real server aggregates equal messages)."""
    seen: dict[tuple[str, str], Document] = {}
    for cause in causes:
        seen.setdefault((cause["field"], cause["message"]), cause)
    return list(seen.values())
