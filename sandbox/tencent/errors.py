"""What a handler raises to answer with one of Tencent's error codes."""


class ApiError(Exception):
    """Answered as `{"Response": {"Error": {"Code": code, "Message": message}}}` with HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
