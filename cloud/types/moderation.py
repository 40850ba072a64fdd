"""CI: what was asked to be judged, and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SCENES = ("porn", "terrorism", "politics", "ads", "illegal", "abuse", "teenager", "quality")
NORMAL, VIOLATING, SUSPECTED = 0, 1, 2


@dataclass(frozen=True)
class ImageToJudge:
    """One image: `key` in the bucket, or `url`, or the bytes themselves.  `data_id` <= 512 B."""

    data_id: str = ""
    key: str = ""
    url: str = ""
    content: bytes = field(default=b"", repr=False)
    large: bool = False  # compress images above 5 MB (billed)


@dataclass(frozen=True)
class Box:
    """A place in the image, pixels; `name` is the object or the text found there."""

    name: str
    x: int
    y: int
    width: int
    height: int
    rotate: float = 0.0


@dataclass(frozen=True)
class Scene:
    """`hit`: 0 normal, 1 violating, 2 suspected.  `score`: 0-60 normal, 61-90 suspected, 91-100."""

    name: str
    hit: int
    score: int
    label: str = ""
    sub_label: str = ""
    category: str = ""
    boxes: tuple[Box, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobResult:
    """One image's job.  `state`: Submitted, Auditing, Success, Failed.

    `result`: 0 normal, 1 violating, 2 suspected, None until the job succeeded.
    `forbid_state`: 0 untouched, 1 made private, 2 moved to the backup prefix.
    `code` and `message` say why a job failed."""

    job_id: str
    data_id: str
    key: str
    state: str
    result: int | None
    label: str = ""
    sub_label: str = ""
    category: str = ""
    score: int = 0
    scenes: tuple[Scene, ...] = ()
    forbid_state: int = 0
    code: str = ""
    message: str = ""
    url: str = field(default="", repr=False)
    bucket: str = ""

    @property
    def finished(self) -> bool:
        return self.state in ("Success", "Failed")


@dataclass(frozen=True)
class JobBatch:
    """The answer to one submission, jobs in the order of the images."""

    jobs: tuple[JobResult, ...]
    request_id: str = ""


@dataclass(frozen=True)
class Strategy:
    """A moderation policy of CI.

    `labels`: {"Porn": ("ObsceneBehaviour", …), …}; empty in lists, filled in detail."""

    biz_type: str
    name: str
    is_default: bool = False
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text_libs: tuple[str, ...] = ()
    created_at: str = ""
