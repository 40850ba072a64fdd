"""What CI refuses with.  Its error body names no resource, unlike that of COS."""

from sandbox.cos.errors import CosError

_REFUSALS = {
    "AccessDenied": (403, "Access Denied."),
    "InvalidArgument": (400, "Invalid argument."),
    "MissingContent": (400, "The request body is missing."),
    "MethodNotAllowed": (405, "The method is not allowed."),
    # What is documented for a resource that is missing; for an unknown job nothing is documented.
    "ResourceNotFound": (404, "The job does not exist."),
}


class CiError(CosError):
    names_resource = False

    def __init__(self, code: str, message: str = "", status: int = 0) -> None:
        usual_status, usual_message = _REFUSALS.get(code, (400, code))
        super().__init__(code, message or usual_message, status or usual_status)


class BadPicture(Exception):
    """One picture of a batch cannot be judged; the others can."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
