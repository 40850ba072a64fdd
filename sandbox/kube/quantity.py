"""Quantities as Kubernetes writes them: `500m`, `1Gi`, `2k`."""

import re
from fractions import Fraction

PATTERN = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
COMPLAINT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def parse(text: str | int | float) -> Fraction:
    """The exact number; ValueError with the server's own words if it is none."""
    number, suffix = _split(text)
    if suffix in BINARY:
        return number * Fraction(1024 ** BINARY[suffix])
    if suffix in DECIMAL:
        return number * Fraction(1000) ** DECIMAL[suffix]
    return number * Fraction(10) ** int(suffix[1:])


def canonical(text: str | int | float) -> str:
    """The shortest exact form without a fraction, in the family (1024 or 1000) it came in."""
    _, suffix = _split(text)
    value = parse(text)
    if value == 0:
        return "0"
    if suffix in BINARY and value.denominator == 1 and abs(value) >= 1024:
        return _reduce(int(value), 1024, list(BINARY), "")
    tiny = -(-value * 10**9 // 1)  # below a nano the real server rounds up
    return _reduce(int(tiny), 1000, ["u", "m", "", "k", "M", "G", "T", "P", "E"], "n")


def _split(text: str | int | float) -> tuple[Fraction, str]:
    match = PATTERN.match(str(text))
    if not match:
        raise ValueError(COMPLAINT)
    suffix = match[2]
    known = suffix in BINARY or suffix in DECIMAL or re.fullmatch(r"[eE][-+]?[0-9]+", suffix)
    try:
        number = Fraction(match[1])
    except ValueError:
        raise ValueError(COMPLAINT) from None
    if not known:
        raise ValueError("unable to parse quantity's suffix")
    return number, suffix


def _reduce(value: int, base: int, suffixes: list[str], first: str) -> str:
    suffix = first
    for bigger in suffixes:
        if value % base:
            break
        value //= base
        suffix = bigger
    return f"{value}{suffix}"
