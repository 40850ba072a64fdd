"""Jobs and pictures as pages show them: one tile per picture, there or still to come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.phases import NEEDS_PERSON, Phase
from apps.generation.models import Image, Job
from apps.generation.rules import seed_of
from apps.generation.selectors import signed_urls

RECENT = 8
AWAITED = timedelta(minutes=15)  # what moderation has not passed by then waits for a person
DAYS = {"day": 1, "week": 7, "month": 30}
SINCE = [("day", _("last 24 hours")), ("week", _("last 7 days")), ("month", _("last 30 days"))]
SHOWN = [("yes", _("shown")), ("no", _("waits for moderation"))]


@dataclass(frozen=True)
class Tile:
    """One picture of a job.  state: shown, hidden (waits for moderation), next (being drawn),
    coming, never (cancelled or held up before it was drawn)."""

    number: int
    seed: int
    state: str
    image: Image | None = None
    url: str = ""


@dataclass(frozen=True)
class JobView:
    job: Job
    tiles: list[Tile]
    state: str  # queued, drawing, stopping, cancelled, done, or the phase that holds it up

    @property
    def done(self) -> int:
        return sum(1 for tile in self.tiles if tile.image)

    @property
    def first_image(self) -> Image | None:
        return next((tile.image for tile in self.tiles if tile.image), None)

    @property
    def hidden(self) -> int:
        return sum(1 for tile in self.tiles if tile.state == "hidden")

    @property
    def every(self) -> str:
        """How often its page looks again: while it is drawn, and for a while after it, when
        moderation passes one picture after the other; "" = not any more."""
        if not self.job.settled:
            return "2s"
        fresh = self.job.created_at > timezone.now() - AWAITED
        return "5s" if self.hidden and fresh else ""

    @property
    def strip(self) -> list[Tile]:
        """The tiles in brief: without those that will never be."""
        return [tile for tile in self.tiles if tile.state != "never"]

    @property
    def size(self) -> str:
        return f"{self.job.width}×{self.job.height}"


@dataclass(frozen=True)
class Picture:
    """One picture of the gallery; `url` "" while it is hidden."""

    image: Image
    url: str


def views(jobs: Iterable[Job]) -> list[JobView]:
    """Every job with its tiles; addresses of all pictures are signed in one go."""
    rows = list(jobs)
    images: list[Image] = []
    for row in rows:
        for image in row.images.all():
            image.job = row
            images.append(image)
    urls = signed_urls(images)
    return [JobView(row, tiles(row, urls), state_of(row)) for row in rows]


def state_of(row: Job) -> str:
    if row.cancelled:
        return "cancelled" if row.settled else "stopping"
    if row.phase == Phase.PENDING:
        return "queued"
    if row.phase == Phase.WORKING:
        return "drawing"
    return "done" if row.phase == Phase.READY else str(row.phase)


def held(row: Job) -> bool:
    """Something outside stands in its way, which the page should name."""
    return (
        not row.cancelled
        and (row.phase in NEEDS_PERSON or row.phase == Phase.WORKING)
        and row.leased_until is None
    )


def tiles(row: Job, urls: dict[int, str]) -> list[Tile]:
    images = {image.number: image for image in row.images.all()}
    state = state_of(row)
    drawing = state == "drawing" and row.leased_until is not None
    found: list[Tile] = []
    for number in range(1, row.count + 1):
        image = images.get(number)
        seed = seed_of(row.seed, number)
        if image is not None:
            url = urls.get(image.pk, "")
            found.append(Tile(number, seed, "hidden" if image.hidden else "shown", image, url))
        elif state in ("cancelled", "stopping", "blocked"):
            found.append(Tile(number, seed, "never"))
        else:
            found.append(Tile(number, seed, "next" if drawing else "coming"))
            drawing = False
    return found


def pictures(images: Sequence[Image]) -> list[Picture]:
    urls = signed_urls(images)
    return [Picture(image, urls.get(image.pk, "")) for image in images]


def since(queryset: Any, values: list[str]) -> Any:
    return queryset.filter(created_at__gte=timezone.now() - timedelta(days=DAYS[values[0]]))


def shown(queryset: Any, values: list[str]) -> Any:
    return queryset.filter(hidden=values[0] == "no")
