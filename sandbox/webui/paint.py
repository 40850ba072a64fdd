"""Pictures that stand in for generated ones: quiet landscapes, the same for the same inputs.

Words of the prompt choose the dominant colour, so that a prompt can be written for either verdict
of the moderation (sandbox/ci/verdicts.py lists which hue is taken for what):

    blood, bloody, gore, wound, red, crimson                  saturated red
    nude, naked, nsfw, sexy, lingerie, magenta, pink          saturated magenta
    advert, advertisement, sign, billboard, logo, yellow      saturated yellow
    flag, parade, politician, violet, purple                  saturated violet
    anything else                                             calm blue and green

`slightly`, `hint` or `subtle` keeps that colour to about a fifth of the picture.
"""

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

_THEMES = {
    2.0: ("blood", "bloody", "gore", "wound", "red", "crimson"),
    312.0: ("nude", "naked", "nsfw", "sexy", "lingerie", "magenta", "pink"),
    56.0: ("advert", "advertisement", "sign", "billboard", "logo", "yellow"),
    275.0: ("flag", "parade", "politician", "violet", "purple"),
}
_HUES = {word: hue for hue, words in _THEMES.items() for word in words}
_SUBTLE = {"slightly", "hint", "subtle"}


@dataclass(frozen=True)
class Mood:
    """`hue` in degrees, None for the calm default; `subtle` if it may take a fifth only."""

    hue: float | None
    subtle: bool


def mood(prompt: str) -> Mood:
    words = re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", prompt.lower()))
    hue = next((_HUES[word] for word in words if word in _HUES), None)
    return Mood(hue, bool(_SUBTLE & set(words)))


def paint(prompt: str, seed: int, model_hash: str, width: int, height: int) -> Image.Image:
    """An RGB picture; its composition does not depend on its size."""
    feeling = mood(prompt)
    digest = hashlib.sha256(f"{prompt}\0{seed}\0{model_hash}".encode()).digest()
    dice = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / max(1, width), y / max(1, height)
    strong = feeling.hue is not None and not feeling.subtle
    hue, saturation, value = _sky(dice, y, feeling.hue if strong else None)
    aspect = width / max(1, height)
    if feeling.hue is not None and feeling.subtle:
        _great_sun(dice, x, y, hue, saturation, value, aspect, feeling.hue)
    else:
        _sun(dice, x, y, saturation, value, aspect, strong=strong)
    _hills(dice, x, y, hue, saturation, value, feeling.hue if strong else None)
    if dice.random() < 0.55:
        _lake(dice, x, y, hue, saturation, value)
    value += dice.normal(0, 0.012, value.shape).astype(np.float32)
    layers = ((hue % 360) / 360, saturation, value)
    channels = [np.clip(layer * 255, 0, 255).astype(np.uint8) for layer in layers]
    return Image.fromarray(np.dstack(channels), "HSV").convert("RGB")


Plane = np.ndarray


def _sky(dice: np.random.Generator, y: Plane, theme: float | None) -> tuple[Plane, Plane, Plane]:
    if theme is None:
        top, bottom = dice.uniform(195, 225), dice.uniform(165, 200)
        return top + (bottom - top) * y, 0.55 - 0.3 * y, 0.62 + 0.34 * y
    low = theme + dice.uniform(-4, 4)
    return np.full_like(y, low), 0.92 - 0.14 * y, 0.55 + 0.4 * y


def _sun(
    dice: np.random.Generator, x: Plane, y: Plane, saturation: Plane, value: Plane,
    aspect: float, *, strong: bool,
) -> None:  # fmt: skip
    at_x, at_y, radius = dice.uniform(0.2, 0.8), dice.uniform(0.15, 0.4), dice.uniform(0.05, 0.1)
    away = np.hypot((x - at_x) * aspect, y - at_y)
    glow = np.exp(-((away / (radius * 2.4)) ** 2)) * 0.5
    disc = np.clip((radius - away) / (radius * 0.06), 0, 1)
    saturation *= 1 - (glow * 0.3 + disc * (0.15 if strong else 0.8))
    value += glow * 0.35 + disc * 0.3
    np.clip(value, 0, 1, out=value)


def _ridge(dice: np.random.Generator, x: Plane, rough: float) -> Plane:
    line = np.zeros_like(x)
    for octave in range(5):
        turns, phase = dice.uniform(0.6, 1.4) * 2**octave, dice.uniform(0, 2 * np.pi)
        line += np.sin(2 * np.pi * turns * x + phase) * rough / 1.9**octave
    return line


def _hills(
    dice: np.random.Generator, x: Plane, y: Plane, hue: Plane, saturation: Plane, value: Plane,
    theme: float | None,
) -> None:  # fmt: skip
    count = int(dice.integers(3, 6))
    start, tint = dice.uniform(0.42, 0.55), dice.uniform(150, 205)
    for index in range(count):
        depth = index / (count - 1)
        ridge = start + (0.98 - start) * depth * 0.75 + _ridge(dice, x, 0.02 + 0.035 * (1 - depth))
        mask = y > ridge
        mist = np.clip((y - ridge) * 2.2, 0, 1)
        own_hue = tint - 35 * depth if theme is None else theme + (depth - 0.5) * 8
        own_saturation = 0.34 + 0.22 * depth if theme is None else 0.78 + 0.16 * depth
        own_value = (0.78 - 0.42 * depth) * (0.86 + 0.2 * (1 - mist))
        if theme is not None:
            own_value = np.maximum(own_value, 0.38)
        hue[mask] = own_hue
        saturation[mask] = own_saturation
        value[mask] = own_value[mask]


def _lake(
    dice: np.random.Generator, x: Plane, y: Plane, hue: Plane, saturation: Plane, value: Plane
) -> None:
    """Mirror what is above the shore in what is below it."""
    height, width = y.shape
    shore = int(height * dice.uniform(0.7, 0.8))
    rows = np.arange(shore, height)
    if shore < 2 or not len(rows):
        return
    source = np.clip(2 * shore - rows - 1, 0, height - 1)
    sway = (np.sin(rows / max(1, height) * 260) * width * 0.006).astype(int)
    columns = (np.arange(width)[None, :] + sway[:, None]) % width
    for plane, factor in ((hue, 1.0), (saturation, 0.97), (value, 0.88)):
        plane[shore:] = plane[source[:, None], columns] * factor


def _great_sun(
    dice: np.random.Generator, x: Plane, y: Plane, hue: Plane, saturation: Plane, value: Plane,
    aspect: float, theme: float,
) -> None:  # fmt: skip
    """A coloured sun over about a fifth of the picture."""
    at_x, at_y, radius = dice.uniform(0.35, 0.65), dice.uniform(0.27, 0.32), 0.27 * aspect**0.5
    away = np.hypot((x - at_x) * aspect, y - at_y) / radius
    disc = away < 1
    hue[disc] = theme
    saturation[disc] = 0.82
    value[disc] = (0.92 - 0.22 * (y - at_y + radius) / radius)[disc]
    value += np.where(disc, 0, np.exp(-((away - 1) * 4)) * 0.14).astype(np.float32)


def preview(final: Image.Image, share_done: float, seed: int) -> Image.Image:
    """How it looks on the way: the picture through noise that thins out."""
    noise = np.random.default_rng(seed).integers(0, 256, (final.height, final.width, 3), np.uint8)
    return Image.blend(Image.fromarray(noise), final, min(1.0, max(0.0, share_done)))
