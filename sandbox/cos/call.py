"""One request and its reply, as the handlers of COS and CI see them."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.accounts import Key
from sandbox.cos.address import Address
from sandbox.cos.errors import CosError
from sandbox.cos.markup import from_xml, to_xml

MAX_XML_BYTES = 64 << 20  # a CI batch may carry images in base64
MAX_PUT_BYTES = 5 << 30
_TOKEN = re.compile(r"^[0-9]+$")


def new_request_id() -> str:
    return base64.b64encode(secrets.token_hex(20).encode()).decode().rstrip("=")


@dataclass
class Reply:
    """`body` is all bytes, or a stream of `length` bytes."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None


def xml_reply(root: str, content: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Content-Type": "application/xml", **named}, to_xml(root, content))


@dataclass
class Call:
    """A request whose signature was checked; `caller` is None for an anonymous one.

    `parameters` are those of the query without the signature's; header names are lower-case.
    """

    request: web.BaseRequest
    method: str
    address: Address
    parameters: dict[str, str]
    headers: dict[str, str]
    request_id: str
    caller: Key | None = None
    presigned: bool = False
    _body: bytes | None = None

    @property
    def bucket(self) -> str:
        return self.address.bucket

    @property
    def key(self) -> str:
        return self.address.key

    @property
    def uin(self) -> str | None:
        return self.caller.uin if self.caller else None

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """An integer parameter.  Raises CosError InvalidArgument."""
        text = self.parameters.get(name, "")
        if not text:
            return default
        if not _TOKEN.match(text) or not least <= int(text):
            raise CosError("InvalidArgument", f"{name} {text} is not valid.")
        return min(int(text), most)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives.  Raises CosError EntityTooLarge, also half-way."""
        seen = 0
        async for chunk in self.request.content.iter_any():
            seen += len(chunk)
            if seen > MAX_PUT_BYTES:
                raise CosError("EntityTooLarge")
            yield chunk

    async def body(self) -> bytes:
        """The whole body, for XML.  Raises CosError for one that is too large or was damaged."""
        if self._body is None:
            collected = bytearray()
            async for chunk in self.chunks():
                collected += chunk
                if len(collected) > MAX_XML_BYTES:
                    raise CosError("EntityTooLarge")
            self._body = bytes(collected)
            self.check_md5(hashlib.md5(self._body).hexdigest())
        return self._body

    async def xml(self, root: str) -> dict[str, Any]:
        return from_xml(await self.body(), root)

    def check_md5(self, received: str) -> None:
        """Compare the hex digest of what came with the header Content-MD5, if there is one."""
        claimed = self.headers.get("content-md5")
        if not claimed:
            return
        try:
            digest = base64.b64decode(claimed, validate=True)
        except binascii.Error as exc:
            raise CosError("InvalidDigest") from exc
        if len(digest) != 16:
            raise CosError("InvalidDigest")
        if digest.hex() != received:
            raise CosError("BadDigest")

    def require_length(self) -> None:
        """An upload must say how long it is, or be sent in chunks."""
        length = self.headers.get("content-length")
        if length is None and "transfer-encoding" not in self.headers:
            raise CosError("MissingContentLength")
        if length is not None and int(length) > MAX_PUT_BYTES:
            raise CosError("EntityTooLarge")
