"""What may be asked of the web UI.  Pure: numbers in, the name of the broken rule out."""

import unicodedata

PROMPT_MOST = 4000  # characters
BODY_MOST = 256 * 1024  # bytes of a whole request; a prompt of 4000 characters takes 48 KiB escaped
SIDE_LEAST, SIDE_MOST, SIDE_STEP = 64, 2048, 8  # pixels; the latent grid is 8 pixels wide
STEPS_MOST = 150
CFG_LEAST, CFG_MOST = 1, 30
COUNT_MOST = 16
SEED_MOST = 2**32 - 1
OPEN_IMAGES_MOST = 64  # pictures one person may have in the queue
SEED_DRAWN = -1  # "draw one for me"

# Samplers that every web UI since 1.6 knows under these names; others are asked for through the API.
SAMPLERS = (
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "Euler a",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "DPM2 a",
    "UniPC",
    "DDIM",
    "PLMS",
)
SIZES = ((512, 512), (512, 768), (768, 512), (768, 768), (1024, 1024), (832, 1216), (1216, 832))


def has_control_characters(words: str) -> bool:
    """Anything that is neither text nor a line break or tab: NUL, escape codes, lone surrogates."""
    return any(
        unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\r\t" for letter in words
    )


def seed_of(first: int, number: int) -> int:
    """The seed of picture `number` (from 1); it starts again at 0 after the greatest."""
    return (first + number - 1) % (SEED_MOST + 1)
