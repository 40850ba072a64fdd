"""Pure: the generation text of a picture, `prompt / Negative prompt: … / Steps: 20, …`, read."""

import json
import re

from cloud.types import Infotext

_NEGATIVE = "Negative prompt:"
# name: value pairs; values with commas, colons or line ends are JSON strings.
_SETTING = re.compile(r'\s*([\w][\w \-/]*?):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_MIN_SETTINGS = 3  # fewer pairs in the last line: it is part of the prompt


def parse_infotext(words: str) -> Infotext:
    """Prompt, negative prompt and settings; a text without settings is all prompt."""
    lines = words.strip().split("\n")
    settings: dict[str, str] = {}
    found = list(_SETTING.finditer(lines[-1]))
    if len(found) >= _MIN_SETTINGS:
        settings = {one[1]: _unquoted(one[2]) for one in found}
        lines.pop()
    prompt: list[str] = []
    negative: list[str] = []
    target = prompt
    for line in lines:
        said = line.strip()
        if target is prompt and said.startswith(_NEGATIVE):
            target = negative
            said = said.removeprefix(_NEGATIVE).strip()
        target.append(said)
    return Infotext("\n".join(prompt).strip(), "\n".join(negative).strip(), settings)


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value
