"""What may be asked of the web UI.  Pure."""

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

PROMPT_MOST = 4000  # characters
SIDE_LEAST, SIDE_MOST, SIDE_STEP = 64, 2048, 8  # pixels; the latent grid is 8 pixels wide
STEPS_MOST = 150
CFG_LEAST, CFG_MOST = 1, 30
COUNT_MOST = 16
SEED_MOST = 2**32 - 1
SEED_DRAWN = -1  # "draw one for me"
SAMPLER_MOST = 60  # characters of its name
KEY_MOST = 200  # characters of an idempotency key
OPEN_IMAGES_MOST = 64  # pictures one person may have waiting

# What the form offers: names that every web UI of the last years knows.  The API takes any name;
# one that the web UI does not know is refused by it.
SAMPLERS = (
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 3M SDE",
    "Euler a",
    "Euler",
    "Heun",
    "DPM2 a",
    "UniPC",
    "DDIM",
    "LCM",
)
SIZES = ((512, 512), (512, 768), (768, 512), (768, 768), (832, 1216), (1216, 832), (1024, 1024))


@dataclass(frozen=True)
class Wish:
    """What one request asks for.  Sides in pixels; `seed` -1 = draw one; `count` pictures."""

    prompt: str
    negative_prompt: str = ""
    steps: int = 20
    cfg_scale: Decimal = Decimal(7)
    width: int = 512
    height: int = 512
    sampler: str = "DPM++ 2M"
    seed: int = SEED_DRAWN
    count: int = 1


class Wrong(StrEnum):
    """Which rule a wish breaks; words.py has the sentences."""

    PROMPT_EMPTY = "prompt-empty"
    PROMPT_LONG = "prompt-long"
    PROMPT_CONTROL = "prompt-control"
    NEGATIVE_LONG = "negative-long"
    NEGATIVE_CONTROL = "negative-control"
    STEPS = "steps"
    CFG = "cfg"
    CFG_STEP = "cfg-step"
    WIDTH = "width"
    HEIGHT = "height"
    SAMPLER = "sampler"
    SEED = "seed"
    COUNT = "count"


def wrong(wish: Wish) -> Wrong | None:
    """The first rule that `wish` breaks; None if it may be asked."""
    if not wish.prompt.strip():
        return Wrong.PROMPT_EMPTY
    if len(wish.prompt) > PROMPT_MOST:
        return Wrong.PROMPT_LONG
    if has_control_characters(wish.prompt):
        return Wrong.PROMPT_CONTROL
    if len(wish.negative_prompt) > PROMPT_MOST:
        return Wrong.NEGATIVE_LONG
    if has_control_characters(wish.negative_prompt):
        return Wrong.NEGATIVE_CONTROL
    return wrong_number(wish)


def wrong_number(wish: Wish) -> Wrong | None:
    if not 1 <= wish.steps <= STEPS_MOST:
        return Wrong.STEPS
    if not wish.cfg_scale.is_finite() or not CFG_LEAST <= wish.cfg_scale <= CFG_MOST:
        return Wrong.CFG
    if wish.cfg_scale * 10 % 1:
        return Wrong.CFG_STEP
    if not is_side(wish.width):
        return Wrong.WIDTH
    if not is_side(wish.height):
        return Wrong.HEIGHT
    if not 1 <= len(wish.sampler) <= SAMPLER_MOST or not wish.sampler.isprintable():
        return Wrong.SAMPLER
    if wish.seed != SEED_DRAWN and not 0 <= wish.seed <= SEED_MOST:
        return Wrong.SEED
    if not 1 <= wish.count <= COUNT_MOST:
        return Wrong.COUNT
    return None


def is_side(pixels: int) -> bool:
    return SIDE_LEAST <= pixels <= SIDE_MOST and pixels % SIDE_STEP == 0


def has_control_characters(words: str) -> bool:
    """True for what is neither text nor a line break or tab: NUL, escapes, lone surrogates."""
    return any(
        letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cs") for letter in words
    )


def seed_of(first: int, number: int) -> int:
    """The seed of picture `number` (from 1); after the greatest it goes on at 0."""
    return (first + number - 1) % (SEED_MOST + 1)


def key_of(folder: str, uuid: str, number: int) -> str:
    """Where picture `number` of a job lies in the bucket, e.g. images/2026/11/22/<uuid>-1.png."""
    return f"{folder}/{uuid}-{number}.png"
