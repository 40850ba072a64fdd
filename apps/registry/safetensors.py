"""The safetensors container, read strictly from its header alone.  Pure; tensors are never loaded.

Source: the format's own description (safetensors 0.8).  Stricter than the library where it is lax:
no leading space, no duplicate keys, a header of at most 16 MiB.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from apps.registry.refusals import Refusal

PREFIX = 8  # bytes: the header's length, little-endian
# The library takes 100 MB. Headers of real models stay below 2 MiB (a few thousand tensors); what
# asks for more would only make workers and browsers parse JSON for minutes.
HEADER_MOST = 16 << 20
RANK_MOST = 32
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"GGUF", "gguf"),
    (b"version https://git-lfs", "lfs"),
)


@dataclass(frozen=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def elements(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Header:
    """`length` = bytes of the header itself; what was uploaded wrote `metadata`, so trust none."""

    length: int
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)


def header_end(start: bytes, size_bytes: int) -> int:
    """Where the header ends and tensors begin, from the first bytes (64 are plenty) of a file of
    `size_bytes`.  Raises Refusal if these are the first bytes of something else."""
    if not size_bytes:
        raise Refusal("empty")
    sniff(start)
    if size_bytes < PREFIX + 2 or len(start) < PREFIX:
        raise Refusal("too-short")
    (length,) = struct.unpack("<Q", start[:PREFIX])
    if length > HEADER_MOST:
        raise Refusal("header-large", size=length)
    if PREFIX + length > size_bytes:
        raise Refusal("header-beyond", size=length)
    return PREFIX + int(length)


def sniff(start: bytes) -> None:
    """Raises Refusal if `start` shows another kind of file, whatever its name says."""
    for magic, code in MAGIC:
        if start.startswith(magic):
            raise Refusal(code)
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise Refusal("html")
    # A pickle begins with PROTO (0x80) and its protocol, 2 to 5.  As the length of a header those
    # two bytes could only mean 0x80 + n * 256 with zeros behind: then the header's { decides.
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and start[8:9] != b"{":
        raise Refusal("pickle")


def parse(head: bytes, size_bytes: int) -> Header:
    """`head` holds the file's first bytes, at least to the header's end.  Raises Refusal."""
    end = header_end(head[:64], size_bytes)
    text = head[PREFIX:end]
    if len(text) != end - PREFIX:
        raise Refusal("header-beyond", size=end - PREFIX)
    if not text.startswith(b"{"):
        raise Refusal("header-start")
    stored = _json(text)
    metadata = stored.pop("__metadata__", None)
    tensors = {name: _tensor(name, entry) for name, entry in stored.items()}
    if not tensors:
        raise Refusal("no-tensors")
    _cover(tensors, size_bytes - end)
    return Header(
        length=end - PREFIX,
        tensors={name: tensor for name, (tensor, _begin) in tensors.items()},
        metadata=_metadata(metadata),
    )


def _json(text: bytes) -> dict[str, Any]:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Refusal("header-utf8") from wrong
    try:
        stored = json.loads(decoded, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        raise Refusal("header-json") from wrong
    if not isinstance(stored, dict):
        raise Refusal("header-shape")
    return stored


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Refusal("header-twice", name=name[:80])
        found[name] = value
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity are not JSON


def _metadata(stored: Any) -> dict[str, str]:
    if stored is None:
        return {}
    if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
        raise Refusal("metadata")
    return stored


def _natural(value: Any) -> bool:
    # bool is an int to Python, and not to JSON.  Above 2**63 no file system holds it.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _tensor(name: str, entry: Any) -> tuple[Tensor, int]:
    """The tensor, and where it begins in the data."""
    shown = name[:80]
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Refusal("tensor-entry", name=shown)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise Refusal("tensor-dtype", name=shown, dtype=str(dtype)[:20])
    if (
        not isinstance(shape, list)
        or len(shape) > RANK_MOST
        or not all(map(_natural, shape))
        or not isinstance(offsets, list)
        or len(offsets) != 2
        or not all(map(_natural, offsets))
    ):
        raise Refusal("tensor-entry", name=shown)
    begin, end = offsets
    bits = prod(shape) * BITS[dtype]
    if bits % 8 or bits // 8 != end - begin:
        raise Refusal("tensor-size", name=shown)
    return Tensor(dtype, tuple(shape), end - begin), begin


def _cover(tensors: Mapping[str, tuple[Tensor, int]], data_bytes: int) -> None:
    """The tensors must lie one behind the other and fill the data exactly."""
    at = 0
    for name, (tensor, begin) in sorted(
        tensors.items(), key=lambda one: (one[1][1], one[1][0].size_bytes)
    ):
        if begin != at:
            raise Refusal("tensor-place", name=name[:80])
        at += tensor.size_bytes
    if at > data_bytes:
        raise Refusal("truncated", missing=at - data_bytes)
    if at < data_bytes:
        raise Refusal("appended", extra=data_bytes - at)
