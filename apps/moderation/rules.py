"""What moderation decides by itself: bands, labels, undo, marked words.  Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_noop

from cloud.types import JobResult
from cloud.types.moderation import NORMAL, VIOLATING

REVIEW_FROM, FREEZE_FROM = 61, 91  # CI's own bands: 0-60 normal, 61-90 suspected, 91-100 violating
UNDO_S = 10  # an approval takes effect after it, so that undoing it never had shown the picture
CLAIM_S = 600
HEARTBEAT_S = 60
BATCH = 8  # pictures one reviewer holds; the shown one, five decoded ahead, and two to spare
BATCH_MOST = 40
SUBMIT_MOST = 100  # images CI takes at once
ATTEMPTS_MOST = 3
VERDICT_LATE_S = 20  # a job older than this without a verdict is asked for
ANSWER_LOST_S = 60  # a submission without an answer or callback after this is sent again
JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")

# Words of a prompt that speak for a scene, where a policy brings no list of its own.
_WORDS = """
blood bloody gore gory wound wounded corpse dead death kill murder war battle gun rifle pistol knife
sword weapon bomb explosion nude naked nsfw sexy erotic lingerie porn child kid teen suicide
self-harm hanging nazi swastika hate racist drug cocaine
血 血腥 伤口 尸体 死亡 杀 战争 枪 刀 武器 炸弹 爆炸
裸 裸体 性感 色情 内衣 儿童 未成年 自杀 自残 仇恨 毒品
"""
WORDS = tuple(_WORDS.split())

# The policy's labels in the order of the keys 1 to 9.
LABELS: dict[str, str] = {
    "gore": gettext_noop("Gore"),
    "weapons": gettext_noop("Weapons"),
    "porn": gettext_noop("Porn"),
    "sexy": gettext_noop("Suggestive"),
    "minors": gettext_noop("Minors"),
    "self-harm": gettext_noop("Self-harm"),
    "hate": gettext_noop("Hate"),
    "rights": gettext_noop("Copyright"),
    "ads": gettext_noop("Ads"),
}
# What CI calls its scenes, and the qualities it names within them.
SCENES: dict[str, str] = {
    "porn": gettext_noop("Porn"),
    "terrorism": gettext_noop("Violence"),
    "politics": gettext_noop("Politics"),
    "ads": gettext_noop("Advertising"),
    "illegal": gettext_noop("Illegal"),
    "abuse": gettext_noop("Abuse"),
    "teenager": gettext_noop("Minors"),
    "quality": gettext_noop("Quality"),
}

Band = Literal["normal", "review", "severe"]
QUIET, REVIEW, SEVERE = 0, 1, 2  # severity: the order of the queue
UNJUDGED = gettext_noop("It could not be judged by machine: %(why)s")


@dataclass(frozen=True)
class Thresholds:
    """Scores from which a picture waits for a person, and from which it waits first."""

    review_from: int = REVIEW_FROM
    freeze_from: int = FREEZE_FROM


@dataclass(frozen=True)
class Outcome:
    """What a verdict of the machine makes of a case: it waits for a person, or it is published."""

    state: Literal["flagged", "clean"]
    severity: int
    score: int
    label: str = ""
    sub_label: str = ""


def band(score: int, limits: Thresholds) -> Band:
    if score >= limits.freeze_from:
        return "severe"
    return "review" if score >= limits.review_from else "normal"


def verdict(limits: Thresholds, found: JobResult) -> Outcome:
    """The machine's verdict on a finished job.  What cannot be read counts as flagged.

    A scene's score counts as much as the overall one: CI's own bands need not be the policy's."""
    worst = max(found.scenes, key=lambda scene: scene.score, default=None)
    score = min(100, max(0, found.score, worst.score if worst else 0))
    label = found.label if found.label not in ("", "Normal") else ""
    if not label and worst and worst.score == score and score >= limits.review_from:
        label = worst.name.capitalize()
    sub_label = found.sub_label or (worst.sub_label if worst and label else "")
    how = band(score, limits)
    if found.result == VIOLATING or how == "severe":
        return Outcome("flagged", SEVERE, score, label, sub_label)
    if found.result != NORMAL or how == "review":  # SUSPECTED, or a result nobody knows
        return Outcome("flagged", REVIEW, score, label, sub_label)
    return Outcome("clean", QUIET, score)


def suggested(label: str, sub_label: str) -> str:
    """The policy label that CI's words come closest to; "" if none does."""
    named, detail = label.lower(), sub_label.lower()
    if named.startswith("terror"):
        armed = any(part in detail for part in ("weapon", "arm", "knife", "gun"))
        return "weapons" if armed else "gore"
    if named == "porn":
        return "sexy" if "sexy" in detail else "porn"
    return {"teenager": "minors", "ads": "ads", "abuse": "hate"}.get(named, "")


def marked(prompt: str, words: Iterable[str]) -> list[tuple[str, bool]]:
    """`prompt` cut into pieces; True marks a piece that is one of `words`.

    Latin words count whole and with an s; Chinese ones wherever they stand."""
    latin = sorted({w.lower() for w in words if w.isascii() and w}, key=len, reverse=True)
    other = sorted({w for w in words if not w.isascii()}, key=len, reverse=True)
    shapes = [rf"(?<![A-Za-z]){re.escape(word)}s?(?![A-Za-z])" for word in latin]
    shapes += [re.escape(word) for word in other]
    if not shapes or not prompt:
        return [(prompt, False)] if prompt else []
    pieces: list[tuple[str, bool]] = []
    last = 0
    for hit in re.finditer("|".join(shapes), prompt, re.IGNORECASE):
        if hit.start() > last:
            pieces.append((prompt[last : hit.start()], False))
        pieces.append((hit.group(), True))
        last = hit.end()
    if last < len(prompt):
        pieces.append((prompt[last:], False))
    return pieces


def retry_s(attempts: int) -> float:
    """How long a submission that CI refused or did not take waits before the next: 2, 4, 8 … s."""
    return float(min(2 * 2 ** max(0, attempts - 1), 60))


def seen_ms(told: object) -> int:
    """How long the original was open, as the browser tells it; nonsense counts as not at all."""
    try:
        return min(max(0, int(str(told))), 3_600_000)
    except ValueError:
        return 0


def scene_rows(scenes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored scenes, the worst first."""
    return sorted(scenes, key=lambda scene: -int(str(scene.get("score", 0))))
