"""The web UI of one deployment: what was drawn, and what it is doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Infotext:
    """The generation text a picture carries.  `settings` by their own names ("CFG scale")."""

    prompt: str
    negative_prompt: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pictures:
    """`images` are PNG bytes in order, grids left out; `infotexts` and `seeds` one each.

    `info` is the web UI's own record of the run."""

    images: tuple[bytes, ...] = field(repr=False)
    seeds: tuple[int, ...] = ()
    infotexts: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Progress:
    """`done` from 0 to 1; idle is 0 with no jobs.  `preview` is an image or empty."""

    done: float
    eta_s: float
    job: str
    job_count: int
    step: int
    steps: int
    preview: bytes = field(default=b"", repr=False)

    @property
    def idle(self) -> bool:
        return self.done == 0 and self.job_count == 0


@dataclass(frozen=True)
class WebUiModel:
    """A checkpoint as this pod sees it.  Compare by `model_name`: hashes come after first load."""

    title: str
    model_name: str
    filename: str
    hash: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Memory:
    """Bytes; all 0 where the pod has no GPU to ask."""

    ram_used: int
    ram_total: int
    vram_used: int
    vram_total: int
    oom_count: int = 0
