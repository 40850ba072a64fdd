"""The container: what is true is read, every lie is refused by its own sentence."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from apps.registry import safetensors
from apps.registry.refusals import SENTENCES, Refusal
from tests.registry.files import SD15, data_bytes, head_of, header, model_bytes

ONE = {"w": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}


def entry(dtype: str = "F16", shape: Any = (2, 3), begin: int = 0, end: int = 12) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def refused(content: bytes, size: int | None = None) -> str:
    """The code of the refusal."""
    with pytest.raises(Refusal) as caught:
        safetensors.parse(content, len(content) if size is None else size)
    assert str(caught.value.say)
    return caught.value.code


def test_a_true_file_is_read() -> None:
    content = model_bytes(SD15, metadata={"format": "pt"})
    read = safetensors.parse(content, len(content))
    assert set(read.tensors) == set(SD15)
    assert read.metadata == {"format": "pt"}
    assert read.tensors["first_stage_model.quant_conv.bias"].elements == 8
    assert read.length == len(content) - 8 - data_bytes(header(SD15))


def test_only_the_header_is_needed() -> None:
    stored = header(SD15)
    head = head_of(stored)
    assert safetensors.parse(head, len(head) + data_bytes(stored)).tensors


def test_scalars_empty_tensors_and_trailing_spaces_are_legal() -> None:
    stored = {"alpha": entry("F32", (), 0, 4), "none": entry("F16", (0, 7), 4, 4)}
    text = json.dumps(stored).encode() + b"   "
    head = head_of(text)
    assert len(safetensors.parse(head, len(head) + 4).tensors) == 2


def test_tensors_may_stand_in_any_order() -> None:
    stored = {"b": entry("F16", (2,), 4, 8), "a": entry("F16", (2,), 0, 4)}
    head = head_of(stored)
    assert safetensors.parse(head, len(head) + 8).tensors


TEXTS = [
    ("an array", b"[]", "header-start"),
    ("leading space", b" {}", "header-start"),
    ("no JSON", b'{"w": }', "header-json"),
    ("NaN", b'{"w": NaN}', "header-json"),
    ("a deep nest", b'{"w":' * 100_000, "header-json"),
    ("bad UTF-8", b'{"\xff": 1}', "header-utf8"),
    ("a name twice", b'{"w": 1, "w": 2}', "header-twice"),
    ("a member twice", b'{"w": {"dtype": "F16", "dtype": "F32"}}', "header-twice"),
    ("no tensor", b"{}", "no-tensors"),
    ("metadata alone", b'{"__metadata__": {"a": "b"}}', "no-tensors"),
]


@pytest.mark.parametrize(
    ("text", "code"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS]
)
def test_a_header_that_is_none(text: bytes, code: str) -> None:
    assert refused(head_of(text)) == code


ENTRIES: list[tuple[str, Any, str]] = [
    ("no object", 7, "tensor-entry"),
    ("a member missing", {"dtype": "F16", "shape": [1]}, "tensor-entry"),
    ("a member too many", {**entry(), "code": "x"}, "tensor-entry"),
    ("unknown type", entry("F17"), "tensor-dtype"),
    ("type no text", entry(dtype=["F16"]), "tensor-dtype"),  # type: ignore[arg-type]
    ("negative side", entry(shape=(-2, -3)), "tensor-entry"),
    ("side a fraction", entry(shape=(2.0, 3)), "tensor-entry"),
    ("side true", entry(shape=(True, 6)), "tensor-entry"),
    ("side beyond 64 bits", entry(shape=(1 << 63, 2)), "tensor-entry"),
    ("shape overflowing to its size", entry(shape=(1 << 32, 1 << 32)), "tensor-size"),
    ("too many sides", entry(shape=[1] * 33), "tensor-entry"),
    ("three offsets", {**entry(), "data_offsets": [0, 6, 12]}, "tensor-entry"),
    ("ends before it begins", entry(begin=12, end=0), "tensor-size"),
    ("half a byte", entry("F4", (3,), 0, 1), "tensor-size"),
    ("bytes short", entry(end=10), "tensor-size"),
    ("a hole before it", entry(begin=4, end=16), "tensor-place"),
]


@pytest.mark.parametrize(
    ("stored", "code"), [row[1:] for row in ENTRIES], ids=[row[0] for row in ENTRIES]
)
def test_a_tensor_that_lies(stored: Any, code: str) -> None:
    assert refused(head_of({"w": stored}) + bytes(16)) == code


def test_overlapping_tensors() -> None:
    stored = {"a": entry("F16", (4,), 0, 8), "b": entry("F16", (4,), 4, 12)}
    assert refused(head_of(stored) + bytes(12)) == "tensor-place"


@pytest.mark.parametrize(("left", "code"), [(-1, "truncated"), (1, "appended")])
def test_bytes_missing_or_left_over(left: int, code: str) -> None:
    head = head_of(ONE)
    assert refused(head, len(head) + 12 + left) == code


@pytest.mark.parametrize("stored", ["x", [1], {"a": 1}, {"a": None}])
def test_metadata_must_be_text(stored: Any) -> None:
    assert refused(head_of({"__metadata__": stored, **ONE}) + bytes(12)) == "metadata"


STARTS = [
    ("nothing", b"", "empty"),
    ("seven bytes", bytes(7), "too-short"),
    ("a zip", b"PK\x03\x04" + bytes(60), "zip"),
    ("a pickle", b"\x80\x02}q\x00(X\x05" + bytes(60), "pickle"),
    ("a GGUF", b"GGUF\x03\x00\x00\x00" + bytes(60), "gguf"),
    ("a web page", b"\n <!DOCTYPE html><html>" + bytes(60), "html"),
    (
        "a pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a" + bytes(60),
        "lfs",
    ),
    ("a huge header", struct.pack("<Q", (16 << 20) + 1) + bytes(60), "header-large"),
    ("the largest number", b"\xff" * 8 + bytes(60), "header-large"),
    ("a header beyond the file", struct.pack("<Q", 1000) + b"{" + bytes(60), "header-beyond"),
]


@pytest.mark.parametrize(
    ("start", "code"), [row[1:] for row in STARTS], ids=[row[0] for row in STARTS]
)
def test_another_kind_of_file(start: bytes, code: str) -> None:
    assert refused(start) == code


def test_a_header_of_a_pickles_length_is_no_pickle() -> None:
    text = json.dumps(ONE).encode()
    head = head_of(text + b" " * (0x0280 - len(text)))
    assert head[:2] == b"\x80\x02"
    assert safetensors.parse(head, len(head) + 12).tensors


def test_a_huge_header_is_not_even_asked_for() -> None:
    """Only its length is read: nobody downloads or parses what it points to."""
    with pytest.raises(Refusal) as caught:
        safetensors.header_end(struct.pack("<Q", 99_000_000) + b"{" * 56, 50 << 30)
    assert caught.value.code == "header-large"


def test_every_sentence_takes_its_places() -> None:
    for code, text in SENTENCES.items():
        names = {"size": 1, "name": "w", "dtype": "x", "missing": 1, "extra": 1, "found": 1}
        names |= {"wanted": 2, "suffix": ".x", "total": 3, "file": "f"}
        assert "%(" not in str(Refusal(code, **names).say), text
