"""Names, sizes and parts."""

from __future__ import annotations

import pytest

from apps.registry import rules
from apps.registry.models import FILE_NAME
from apps.registry.refusals import Refusal

NAMES = [
    ("", "name-empty"),
    ("   ", "name-empty"),
    ("x" * 170 + ".safetensors", "name-long"),
    ("../evil.safetensors", "name-path"),
    ("a/b.safetensors", "name-path"),
    ("a\\b.safetensors", "name-path"),
    ("a..safetensors", "name-path"),
    ("a\x00.safetensors", "name-control"),
    ("a\n.safetensors", "name-control"),
    ("a\u202esrotnesfas.safetensors", "name-control"),
    (".hidden.safetensors", "name-dot"),
    (" x.safetensors", "name-dot"),
    ("model.ckpt", "pickle-name"),
    ("model.PT", "pickle-name"),
    ("model.pth", "pickle-name"),
    ("pytorch_model.bin", "pickle-name"),
    ("model.safetensors.exe", "suffix"),
    ("model", "suffix"),
    ("model.gguf", "suffix"),
]


@pytest.mark.parametrize(("name", "code"), NAMES)
def test_names_that_are_refused(name: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        rules.check_name(name)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "name",
    ["v1-5.safetensors", "国风 3.2.safetensors", "A (1).SafeTensors", "x" * 168 + ".safetensors"],
)
def test_names_that_are_taken(name: str) -> None:
    rules.check_name(name)
    FILE_NAME(name)


@pytest.mark.parametrize(
    ("size", "code"), [(0, "empty"), (-1, "empty"), ((50 << 30) + 1, "too-large")]
)
def test_sizes_that_are_refused(size: int, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        rules.check_size(size)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("size", "part"),
    [(1, 8 << 20), (8000 << 20, 8 << 20), ((8000 << 20) + 1, 16 << 20), (50 << 30, 64 << 20)],
)
def test_parts_grow_so_that_a_thousand_are_enough(size: int, part: int) -> None:
    assert rules.part_size(size) == part
    assert -(-size // part) <= rules.PARTS_MOST


@pytest.mark.parametrize(
    ("sizes", "missing"),
    [
        ({1: 10, 2: 10, 3: 5}, []),
        ({1: 10, 3: 5}, [2]),
        ({1: 10, 2: 9, 3: 5}, [2]),
        ({1: 10, 2: 10, 3: 10}, [3]),
        ({}, [1, 2, 3]),
        ({1: 10, 2: 10, 3: 5, 4: 10}, []),
    ],
)
def test_parts_that_are_missing(sizes: dict[int, int], missing: list[int]) -> None:
    assert rules.part_numbers_missing(sizes, 25, 10) == missing
