"""What the pages of model files show: rows and words, made of facts.  No HTTP, no HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.audit.models import Event
from apps.core.measures import size
from apps.core.models import Step
from apps.core.phases import Phase
from apps.environments.models import Environment
from apps.registry import rules, selectors
from apps.registry.inspection import WORDS
from apps.registry.models import Verdict, Version, model_types
from apps.registry.refusals import SENTENCES
from apps.registry.safetensors import HEADER_MOST

USES: list[tuple[str, Promise]] = [("used", _("In use")), ("free", _("Not in use"))]
BAR_PX = 120


def by_use(queryset: QuerySet[Version], values: list[str]) -> QuerySet[Version]:
    return queryset.filter(deployments__isnull="used" not in values)


@dataclass(frozen=True)
class DiskBar:
    """The bar of an environment's CFS: `used` and `reserved` are widths in px."""

    disk: selectors.Disk
    used: float
    reserved: float
    state: str

    @property
    def words(self) -> str:
        """For a screen reader."""
        told = {"used": size(self.disk.used_bytes), "reserved": size(self.disk.reserved_bytes)}
        free = self.disk.free_bytes
        if free is None:
            return _t("%(used)s used, %(reserved)s reserved, no limit") % told
        return _t("%(used)s used, %(reserved)s reserved, %(free)s free") % {
            **told,
            "free": size(free),
        }


def disk_bar(environment: Environment) -> DiskBar | None:
    disk = selectors.disk(environment)
    if disk is None:
        return None
    whole = disk.limit_bytes or max(1, disk.used_bytes + disk.reserved_bytes)
    used = min(1.0, disk.used_bytes / whole)
    reserved = min(1.0 - used, disk.reserved_bytes / whole)
    full = bool(disk.limit_bytes) and used + reserved > 0.85
    return DiskBar(disk, used * BAR_PX, reserved * BAR_PX, "warn" if full else "ok")


# ---- what the scripts of the page need to know ------------------------------------------------


def uploader(places: Sequence[Environment], chosen: Environment | None) -> dict[str, Any]:
    """Limits and sentences for the browser, which refuses before a byte is sent."""
    return {
        "environments": [place.name for place in places],
        "environment": chosen.name if chosen else "",
        "models": dict(selectors.model_names()),
        "types": [[value, str(words)] for value, words in model_types()],
        "limits": {
            "size": rules.SIZE_MOST,
            "header": HEADER_MOST,
            "name": rules.NAME_MOST,
            "urls": rules.URLS_MOST,
            "pickles": list(rules.PICKLES),
        },
        "refusals": {code: _t(sentence) for code, sentence in SENTENCES.items()},
        "kinds": {kind: _t(words) for kind, words in WORDS.items()},
        "words": words_of_lanes(),
    }


def words_of_lanes() -> dict[str, str]:
    return {
        "checking": _t("Reading the header"),
        "parameters": _t("%(n)s tensors"),
        "continue": _t("%(done)s of %(total)s parts are in COS. Choose the same file to go on."),
        "other": _t(
            "This is another file than the one whose upload was begun: its header differs."
        ),
        "size": _t("This is another file: it has %(found)s, the upload was begun with %(wanted)s."),
        "paused": _t("Paused"),
        "offline": _t("No connection; goes on by itself when it is back."),
        "retry": _t("Part %(part)s did not arrive; tried again in %(wait)s s."),
        "refused": _t("COS does not take the parts (%(status)s)."),
        "gone": _t("COS does not know this upload any more; give it up and start again."),
        "unreadable": _t("The file cannot be read any more; choose it again."),
        "left": _t("%(time)s left"),
        "seconds": _t("%(n)s s"),
        "minutes": _t("%(m)s min %(s)s s"),
        "hours": _t("%(h)s h %(m)s min"),
        "speed": _t("%(size)s/s"),
        "summing": _t("Adding up the checksum"),
        "sealing": _t("Handing over"),
        "joining": _t("Joining and checking the parts"),
        "publishing": _t("Copying to CFS, counting sha256 and CRC64"),
        "published": _t("Published as %(name)s"),
        "many": _t("%(n)s files"),
        "aborted": _t("The upload of %(name)s was given up."),
    }


# ---- one version ------------------------------------------------------------------------------


DEEDS: dict[str, Promise] = {
    "version.publish": _("uploaded it"),
    "version.delete": _("asked to delete it"),
    "version.look_again": _("had CFS looked at again"),
}


def deeds(version: Version) -> list[tuple[Event, str]]:
    """What people did with it, in words."""
    return [(event, str(DEEDS.get(event.verb, event.verb))) for event in selectors.events(version)]


@dataclass(frozen=True)
class PartRow:
    """One part of the file on the bar: `start` and `share` in percent, `ink` 1 to 4."""

    kind: str
    tensors: int
    dtype: str
    size_bytes: int
    start: float
    share: float
    ink: int


def parts(version: Version) -> list[PartRow]:
    found, start = [], 0.0
    stored = version.facts.get("parts", [])
    whole = sum(part["size_bytes"] for part in stored) or 1
    for number, part in enumerate(stored):
        share = part["size_bytes"] * 100 / whole
        found.append(PartRow(**part, start=start, share=share, ink=min(number + 1, 4)))
        start += share
    return found


def parameters(version: Version) -> str:
    """1.07 B, 83.0 M, 8.70 K."""
    number = version.facts.get("parameters", 0)
    for unit, least in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= least:
            return f"{number / least:.3g} {unit}"
    return str(number)


@dataclass(frozen=True)
class Stage:
    """One station on the way to the disk.  `state`: ok, run, bad or todo."""

    state: str
    icon: str
    words: str
    at: datetime | None
    lines: tuple[str, ...]
    took_s: float | None = None  # until the next station


ICONS = {"ok": "circle-check", "run": "loader-2", "bad": "circle-x", "todo": "circle-dashed"}


def track(version: Version) -> list[Stage]:
    """Uploaded, joined, inspected, published."""
    steps = {step.key: step for step in selectors.publication_steps(version)}
    refused = version.verdict == Verdict.REFUSED
    clean = version.verdict == Verdict.CLEAN
    join, inspect, copy = steps.get("join"), steps.get("inspect"), steps.get("copy")
    joined = clean or inspect is not None or bool(version.family)
    published = version.published_at is not None
    states = ["ok", _state(joined, refused), _state(clean, refused), _state(published, refused)]
    if refused:
        bad = 3 if copy else 2 if joined else 1
        states = ["ok" if at < bad else "bad" if at == bad else "todo" for at in range(4)]
    elif "run" in states:
        first = states.index("run")
        states[first + 1 :] = ["todo"] * (3 - first)
        if version.phase in (Phase.BLOCKED, Phase.DEGRADED) and not published:
            states[first] = "bad"
    upload = getattr(version, "upload", None)
    pieces = _t("Parts: %(n)s") % {"n": upload.parts_total} if upload else ""
    lines = (
        (size(version.size_bytes), pieces),
        (_note(join),),
        (_note(inspect),),
        (
            _t("sha256 and CRC64 counted in one pass") if published else "",
            _copied(version) if not published else "",
        ),
    )
    words = (_t("Uploaded"), _t("Joined in COS"), _t("Inspected"), _t("Published to CFS"))
    times = (version.created_at, _end(join), _end(inspect), version.published_at)
    return [
        Stage(state, ICONS[state], word, at, tuple(filter(None, line)), _between(at, then))
        for state, word, at, line, then in zip(
            states, words, times, lines, (*times[1:], None), strict=True
        )
    ]


def _state(reached: bool, refused: bool) -> str:
    return "ok" if reached else "todo" if refused else "run"


def _note(step: Step | None) -> str:
    return str(step.message_say) if step else ""


def _end(step: Step | None) -> datetime | None:
    return step.finished_at if step else None


def _between(at: datetime | None, then: datetime | None) -> float | None:
    return (then - at).total_seconds() if at and then and then >= at else None


def _copied(version: Version) -> str:
    if not version.copied_bytes:
        return ""
    told = {"done": size(version.copied_bytes), "total": size(version.size_bytes)}
    return _t("%(done)s of %(total)s copied") % told
