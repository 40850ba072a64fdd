"""The verdict on a picture, taken from its pixels, so that anyone can draw one for any verdict.

A pixel counts for a scene when it is saturated (at least 0.55 of 1), not dark (value at least 0.3)
and of the scene's hue (degrees on the colour wheel):

    hue                     scene        category        sub-label
    345 to 15   red         Terrorism    BloodyScenes    Blood
    290 to 335  magenta     Porn         Sexy            WomenSexy
    45 to 68    yellow      Ads          QRCode          QRCode
    262 to 288  violet      Politics     Flag            Flag

The share of such pixels gives the score: 2 % 0, 10 % 60, 35 % 90, 60 % and more 100, straight lines
between.  Red counts for Porn too, at half its share (skin and blood are taken for each other).
Illegal, Abuse and Teenager never score.  Bands: 0-60 normal, 61-90 suspected, 91-100 violating.
The region is where 96 % of those pixels lie.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

SCENES = ("Porn", "Terrorism", "Politics", "Ads", "Illegal", "Abuse", "Teenager")
NORMAL, VIOLATING, SUSPECTED = 0, 1, 2
_LOOK_PX = 256  # pictures are judged at this size
_CURVE = ((0.0, 0.02, 0.10, 0.35, 0.60, 1.0), (0.0, 0.0, 60.0, 90.0, 100.0, 100.0))


@dataclass(frozen=True)
class Sight:
    """What makes one scene: hues [(from, to)] in degrees, and what it is called."""

    hues: tuple[tuple[float, float], ...]
    category: str
    sub_label: str


_SIGHTS = {
    "Porn": Sight(((290, 335),), "Sexy", "WomenSexy"),
    "Terrorism": Sight(((345, 360), (0, 15)), "BloodyScenes", "Blood"),
    "Politics": Sight(((262, 288),), "Flag", "Flag"),
    "Ads": Sight(((45, 68),), "QRCode", "QRCode"),
}


@dataclass(frozen=True)
class Box:
    """A region in pixels of the picture as it was sent."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Scene:
    name: str
    score: int
    category: str
    sub_label: str
    box: Box | None

    @property
    def hit(self) -> int:
        """0 normal, 1 violating, 2 suspected."""
        if self.score <= 60:
            return NORMAL
        return SUSPECTED if self.score <= 90 else VIOLATING


def judge(image: Image.Image, scenes: Iterable[str]) -> list[Scene]:
    """One Scene for each of `scenes` (names of SCENES), in the order given."""
    small = image.convert("RGB")
    small.thumbnail((_LOOK_PX, _LOOK_PX))
    hsv = np.asarray(small.convert("HSV"), dtype=np.float32)
    hue, saturation, value = hsv[..., 0] * (360 / 255), hsv[..., 1] / 255, hsv[..., 2] / 255
    vivid = (saturation >= 0.55) & (value >= 0.3)

    def seen(name: str) -> np.ndarray:
        found = np.zeros_like(vivid)
        for low, high in _SIGHTS[name].hues:
            found |= (hue >= low) & (hue <= high)
        return found & vivid

    scale = (image.width / small.width, image.height / small.height)
    verdicts = []
    for name in scenes:
        if name not in _SIGHTS:
            verdicts.append(Scene(name, 0, "", "", None))
            continue
        mask = seen(name)
        share = float(mask.mean())
        if name == "Porn":
            red = seen("Terrorism")
            share += float(red.mean()) / 2
            mask |= red
        score = round(float(np.interp(share, *_CURVE)))
        if score <= 60:
            verdicts.append(Scene(name, score, "", "", None))
            continue
        sight = _SIGHTS[name]
        verdicts.append(Scene(name, score, sight.category, sight.sub_label, _region(mask, scale)))
    return verdicts


def _region(mask: np.ndarray, scale: tuple[float, float]) -> Box:
    rows, columns = np.nonzero(mask)
    left, right = np.percentile(columns, (2, 98))
    top, bottom = np.percentile(rows, (2, 98))
    return Box(
        round(float(left) * scale[0], 1),
        round(float(top) * scale[1], 1),
        round(float(right - left + 1) * scale[0], 1),
        round(float(bottom - top + 1) * scale[1], 1),
    )
