"""Bytes on disk: one file per upload or part, written and read in pieces so that memory stays flat.

An object is a list of such files, so completing an upload of many gigabytes copies nothing; its
CRC-64 is worked out from those of the parts.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from fastcrc import crc64

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Blob:
    """One file: `md5` in hex, `crc` the CRC-64/XZ that COS calls crc64ecma."""

    name: str
    size: int
    md5: str
    crc: int


class Blobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def _new(self) -> tuple[str, Path]:
        name = secrets.token_hex(16)
        path = self.path(name)
        path.parent.mkdir(exist_ok=True)
        return name, path

    async def receive(self, chunks: AsyncIterator[bytes]) -> Blob:
        """Write what comes in; nothing stays behind if the sender goes away half-way."""
        name, path = self._new()
        md5, crc, size = hashlib.md5(), 0, 0
        pending, held = [], 0

        def flush(file: IO[bytes], data: bytes, crc: int) -> int:
            file.write(data)
            md5.update(data)
            return crc64.xz(data, crc)

        try:
            with path.open("wb", buffering=0) as file:
                async for chunk in chunks:
                    pending.append(chunk)
                    held += len(chunk)
                    if held >= PIECE_BYTES:
                        crc = await asyncio.to_thread(flush, file, b"".join(pending), crc)
                        size, pending, held = size + held, [], 0
                crc = await asyncio.to_thread(flush, file, b"".join(pending), crc)
                size += held
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Blob(name, size, md5.hexdigest(), crc)

    def write(self, data: bytes) -> Blob:
        name, path = self._new()
        path.write_bytes(data)
        return Blob(name, len(data), hashlib.md5(data).hexdigest(), crc64.xz(data))

    def link(self, name: str) -> str:
        """A second name for the same bytes, so that either may be removed."""
        copy, path = self._new()
        os.link(self.path(name), path)
        return copy

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def read(self, segments: Sequence[Sequence[object]]) -> bytes:
        """All bytes of `segments`, for what fits in memory (images)."""
        return b"".join(self.path(str(name)).read_bytes() for name, _ in segments)

    async def stream(
        self, segments: Sequence[Sequence[object]], first: int, length: int
    ) -> AsyncIterator[bytes]:
        """`length` bytes from offset `first` over all `segments`, in pieces."""
        position = 0
        for name, size in segments:
            start, position = position, position + int(str(size))
            if position <= first or length <= 0:
                continue
            with self.path(str(name)).open("rb", buffering=0) as file:
                file.seek(max(0, first - start))
                while length > 0:
                    piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, length))
                    if not piece:
                        break
                    length -= len(piece)
                    yield piece


_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, bits reversed


def crc_of_both(first: int, second: int, second_bytes: int) -> int:
    """CRC-64/XZ of two pieces of data put together, from the CRC of each and the second's length.

    Appending zeros to data is a linear map on its CRC; this applies the map for `second_bytes`.
    """
    power = 0
    while second_bytes:
        if second_bytes & 1:
            first = _times(_zeros(power), first)
        second_bytes >>= 1
        power += 1
    return first ^ second


def _times(matrix: Sequence[int], vector: int) -> int:
    total = 0
    while vector:
        low = vector & -vector
        total ^= matrix[low.bit_length() - 1]
        vector ^= low
    return total


@cache
def _zeros(power: int) -> tuple[int, ...]:
    """The map that appends 2**power zero bytes, as the images of the 64 single bits."""
    if power == 0:
        matrix = (_POLYNOMIAL, *(1 << bit for bit in range(63)))  # one zero bit
        doublings = 3
    else:
        matrix, doublings = _zeros(power - 1), 1
    for _ in range(doublings):
        matrix = tuple(_times(matrix, image) for image in matrix)
    return matrix
