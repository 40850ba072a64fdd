"""What COS answers with: an open download, an object's headers, the receipt of a put."""

from collections.abc import Iterator, Mapping
from typing import Any

import requests

from cloud.cos_wire import request_id
from cloud.network import unanswered
from cloud.reading import as_int, when
from cloud.types import ObjectHead, PutResult


class ObjectBody:
    """An open download: read it in `chunks`, then close (or use `with`)."""

    def __init__(self, response: requests.Response, head: ObjectHead, what: str) -> None:
        self._response = response
        self._what = what
        self.head = head

    def chunks(self, size_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The bytes in pieces.  Raises Unreachable if the connection breaks off."""
        got = 0
        try:
            for piece in self._response.iter_content(size_bytes):
                got += len(piece)
                yield piece
        except requests.RequestException as exc:
            raise unanswered(exc, service="COS", what=self._what, mutating=False) from None
        if got != self.head.size_bytes and "Content-Encoding" not in self._response.headers:
            cut = requests.exceptions.ChunkedEncodingError()
            raise unanswered(cut, service="COS", what=self._what, mutating=False)

    def read(self) -> bytes:
        with self:
            return b"".join(self.chunks())

    def close(self) -> None:
        self._response.close()

    def __enter__(self) -> "ObjectBody":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def head_of(key: str, response: requests.Response) -> ObjectHead:
    headers = response.headers
    start = "x-cos-meta-"
    return ObjectHead(
        key=key,
        size_bytes=as_int(headers.get("Content-Length")),
        etag=headers.get("ETag", "").strip('"'),
        crc64=headers.get("x-cos-hash-crc64ecma", ""),
        content_type=headers.get("Content-Type", ""),
        last_modified=when(headers.get("Last-Modified")),
        metadata={
            name.lower().removeprefix(start): value
            for name, value in headers.items()
            if name.lower().startswith(start)
        },
        request_id=request_id(response),
    )


def put_of(response: requests.Response) -> PutResult:
    headers = response.headers
    return PutResult(
        headers.get("ETag", "").strip('"'),
        headers.get("x-cos-hash-crc64ecma", ""),
        request_id(response),
    )


def metadata_headers(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"x-cos-meta-{name}": value for name, value in (metadata or {}).items()}


def plain() -> dict[str, str]:
    """Ask for the bytes as stored; compressed transfer would hide their number."""
    return {"Accept-Encoding": "identity"}


def unsigned(request: Any) -> Any:
    """Keeps requests from adding credentials it finds in the user's netrc."""
    return request
