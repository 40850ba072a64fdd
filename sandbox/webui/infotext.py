"""The line of generation parameters that travels inside every picture, written and read back."""

import json
import re
from collections.abc import Mapping
from typing import Any

_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"^(\d+)x(\d+)$")


def _quoted(value: Any) -> str:
    text = str(value)
    if "," not in text and "\n" not in text and ":" not in text:
        return text
    return json.dumps(text, ensure_ascii=False)


def compose(prompt: str, negative_prompt: str, facts: Mapping[str, Any]) -> str:
    """Prompt, negative prompt if there is one, and the facts that are not None, in their order."""
    line = ", ".join(
        name if name == value else f"{name}: {_quoted(value)}"
        for name, value in facts.items()
        if value is not None
    )
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{line}".strip()


def parse(text: str) -> dict[str, Any]:
    """The facts of an infotext by name, with `Prompt`, `Negative prompt`, `Size-1`, `Size-2`."""
    *lines, last = text.strip().split("\n")
    if len(_PAIR.findall(last)) < 3:
        lines.append(last)
        last = ""
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in (line.strip() for line in lines):
        if line.startswith("Negative prompt:"):
            into = negative
            line = line.removeprefix("Negative prompt:").strip()
        into.append(line)
    facts: dict[str, Any] = {
        "Prompt": "\n".join(prompt),
        "Negative prompt": "\n".join(negative),
    }
    for name, raw in _PAIR.findall(last):
        value = json.loads(raw) if raw.startswith('"') and raw.endswith('"') else raw.strip()
        size = _SIZE.match(value)
        if size:
            facts[f"{name}-1"], facts[f"{name}-2"] = size[1], size[2]
        else:
            facts[name] = value
    return facts
