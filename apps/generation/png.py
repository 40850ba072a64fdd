"""Pure: is this a whole PNG, how large is it, and which text does it carry?

Read from the file's own structure (PNG specification, section 5), without decoding a pixel.
"""

import struct
import zlib
from dataclasses import dataclass, field

MAGIC = b"\x89PNG\r\n\x1a\n"
TEXT_MOST = 1 << 20  # bytes of one text after unpacking


class NotWhole(ValueError):
    """The bytes are no PNG, or not all of one."""


@dataclass(frozen=True)
class Png:
    """Sides in pixels; `texts` by keyword (the web UI writes "parameters")."""

    width: int
    height: int
    texts: dict[str, str] = field(default_factory=dict)


def read(image: bytes) -> Png:
    """Raises NotWhole if a chunk is missing, cut off or does not match its checksum."""
    if not image.startswith(MAGIC):
        raise NotWhole("no PNG signature")
    at, width, height, pixels = len(MAGIC), 0, 0, False
    texts: dict[str, str] = {}
    while True:
        if at + 12 > len(image):
            raise NotWhole("cut off")
        length, kind = struct.unpack_from(">I4s", image, at)
        end = at + 8 + length
        if end + 4 > len(image):
            raise NotWhole("cut off")
        body = image[at + 8 : end]
        if zlib.crc32(image[at + 4 : end]) != struct.unpack_from(">I", image, end)[0]:
            raise NotWhole("wrong checksum")
        if at == len(MAGIC):
            if kind != b"IHDR" or length != 13:
                raise NotWhole("no header")
            width, height = struct.unpack_from(">II", body)
        elif kind == b"IDAT":
            pixels = True
        elif kind in (b"tEXt", b"iTXt"):
            keyword, words = text(kind, body)
            texts.setdefault(keyword, words)
        elif kind == b"IEND":
            break
        at = end + 4
    if not (width and height and pixels):
        raise NotWhole("no picture in it")
    return Png(width, height, texts)


def text(kind: bytes, body: bytes) -> tuple[str, str]:
    """Keyword and words of a text chunk; broken words are read as well as they can be."""
    keyword, _, rest = body.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return name, rest.decode("latin-1")
    packed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, TEXT_MOST)
        except zlib.error as broken:
            raise NotWhole("broken text") from broken
    return name, rest.decode("utf-8", "replace")
