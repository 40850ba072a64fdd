"""Pure: is a picture the one that was asked for?  The web UI drops what it does not know silently,
so what came back is compared with what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.generation import png
from apps.generation.plan import Picture
from apps.generation.spec import JobSpec
from cloud.infotext import parse_infotext


class NotAsAsked(Exception):
    """The picture is another one than asked for: `wanted` and `got` of what."""

    def __init__(self, what: str, wanted: object, got: object) -> None:
        super().__init__(f"{what}: asked for {wanted}, got {got}")
        self.what = what
        self.wanted = wanted
        self.got = got


@dataclass(frozen=True)
class Facts:
    """What a picture says of itself."""

    width: int
    height: int
    infotext: str
    model_name: str
    model_hash: str


def facts(image: bytes, info: Mapping[str, Any] | None = None) -> tuple[Facts, str]:
    """Its facts and the seed it names ("" = none).  `info` is the web UI's record of the run, for
    what its infotext was told to leave out.  Raises png.NotWhole."""
    found = png.read(image)
    words = found.texts.get("parameters", "")
    said = parse_infotext(words).settings if words else {}
    info = info or {}
    told = Facts(
        width=found.width,
        height=found.height,
        infotext=words.replace("\0", ""),
        model_name=said.get("Model") or str(info.get("sd_model_name") or ""),
        model_hash=said.get("Model hash") or str(info.get("sd_model_hash") or ""),
    )
    return told, said.get("Seed") or str(info.get("seed", ""))


def checked(
    image: bytes, picture: Picture, spec: JobSpec, info: Mapping[str, Any] | None = None
) -> Facts:
    """The picture's facts, once they are those that were asked for.

    Raises png.NotWhole, and NotAsAsked for another model, seed or size."""
    told, seed = facts(image, info)
    wanted = spec.checkpoint
    if told.model_name != wanted.name:
        raise NotAsAsked("model", wanted.name, told.model_name or "?")
    if wanted.hash and told.model_hash and told.model_hash != wanted.hash:
        got = f"{told.model_name} [{told.model_hash}]"
        raise NotAsAsked("model", f"{wanted.name} [{wanted.hash}]", got)
    if seed != str(picture.seed):
        raise NotAsAsked("seed", picture.seed, seed)
    if (told.width, told.height) != (spec.width, spec.height):
        size = f"{told.width}x{told.height}"
        raise NotAsAsked("size", f"{spec.width}x{spec.height}", size)
    return told
