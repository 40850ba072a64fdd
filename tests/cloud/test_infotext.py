"""The generation text of a picture."""

import pytest

from cloud.webui import parse_infotext

FULL = """a cat, masterpiece
(second line)
Negative prompt: blurry
low quality
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 6ce0161689,\
 Model: v1-5, Lora hashes: "a: 1234, b: 5678", Version: v1.10.1"""


def test_prompt_negative_prompt_and_settings_come_apart() -> None:
    found = parse_infotext(FULL)
    assert found.prompt == "a cat, masterpiece\n(second line)"
    assert found.negative_prompt == "blurry\nlow quality"
    assert found.settings["CFG scale"] == "7"
    assert found.settings["Lora hashes"] == "a: 1234, b: 5678"
    assert found.settings["Size"] == "512x512"


@pytest.mark.parametrize("words", ["just a cat", "ratio 1:2, a cat", ""])
def test_a_text_without_settings_is_all_prompt(words: str) -> None:
    found = parse_infotext(words)
    assert (found.prompt, found.negative_prompt, dict(found.settings)) == (words, "", {})


def test_settings_without_a_negative_prompt() -> None:
    found = parse_infotext("a cat\nSteps: 20, Sampler: Euler, Seed: -1, Size: 64x64")
    assert (found.prompt, found.settings["Seed"]) == ("a cat", "-1")
