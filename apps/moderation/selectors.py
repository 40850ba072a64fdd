"""Reads of moderation for pages and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.permissions import Role, can
from apps.moderation import rules, words
from apps.moderation.models import (
    Case,
    CaseState,
    Choice,
    Decision,
    Habit,
    Preview,
    Skip,
)
from apps.moderation.story import Floor, chain

if TYPE_CHECKING:
    from apps.accounts.models import User

SECRETS = tuple(f"environment__{name}" for name in ("secret_key", "session_token", "kubeconfig"))
AHEAD = 5  # pictures shown and decoded beside the present one
COUNT_MOST = 999
LAST_SHOWN_S = 30  # how long the last decision stays in the dock at least


# ---- cases -----------------------------------------------------------------------------------


def case_list(environment_pk: int | None = None) -> QuerySet[Case]:
    found: QuerySet[Case] = Case.objects.select_related(
        "environment", "policy", "holder", "author", "image__job__version__model"
    ).defer(*SECRETS)
    return found if environment_pk is None else found.filter(environment_id=environment_pk)


def case_get(pk: int) -> Case | None:
    return case_list().filter(pk=pk).first()


def held(person: "User", environment_pk: int | None = None) -> list[Case]:
    """What the person holds now, in the order of the queue."""
    return list(
        case_list(environment_pk)
        .filter(state=CaseState.FLAGGED, holder=person, claim_until__gt=timezone.now())
        .order_by("-severity", "opened_at", "pk")
    )


def decided_today(person: "User") -> int:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        Decision.objects.filter(person=person, at__gte=midnight)
        .exclude(verdict=Choice.UNDO)
        .count()
    )


def preview_of(person: "User") -> str:
    found = Habit.objects.filter(person=person).values_list("preview", flat=True).first()
    return found or Preview.GREY


# ---- one picture and its evidence ------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """One scene as a bar: `state` is a colour role, x the left edge of its mark (0-98)."""

    words: str
    score: int
    state: str
    verdict: str
    x: int


@dataclass(frozen=True)
class Region:
    """Where CI saw it, pixels of the picture."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Card:
    """A case with everything a reviewer judges by."""

    case: Case
    scores: Sequence[Score]
    regions: Sequence[Region]
    prompt: Sequence[tuple[str, bool]]
    suggested: str
    label: str
    state: str  # colour role
    band: str

    @property
    def job(self) -> Any:
        return self.case.image.job

    @property
    def policy_words(self) -> str:
        return words.label_words(self.case.policy_label)

    @property
    def review_width(self) -> int:
        return self.case.policy.freeze_from - self.case.policy.review_from

    @property
    def severe_width(self) -> int:
        return 100 - self.case.policy.freeze_from

    @property
    def seconds_left(self) -> int:
        until = self.case.claim_until
        return max(0, round((until - timezone.now()).total_seconds())) if until else 0

    @property
    def dash(self) -> str:
        """The lease ring: the length drawn, and the circle's (radius 13)."""
        return f"{81.7 * min(1.0, self.seconds_left / rules.CLAIM_S):.1f} 81.7"

    @property
    def clock(self) -> str:
        return f"{self.seconds_left // 60}:{self.seconds_left % 60:02d}"


BANDS = {"normal": "hold", "review": "warn", "severe": "bad"}


def band_words(band: str) -> str:
    return {"normal": _("normal"), "review": _("suspected"), "severe": _("severe")}[band]


def card(case: Case) -> Card:
    limits = case.policy.limits
    scores = []
    regions = []
    for scene in rules.scene_rows(case.scenes):
        score = int(scene["score"])
        how = rules.band(score, limits)
        name = words.scene_words(str(scene["name"]))
        detail = str(scene.get("sub_label") or "")
        scores.append(
            Score(
                words=f"{name} · {detail}" if detail else name,
                score=score,
                state=BANDS[how],
                verdict=band_words(how),
                x=min(98, max(0, score - 1)),
            )
        )
        if how != "normal":
            regions += [
                Region(
                    f"{box['name'] or name} {score}",
                    *(box[k] for k in ("x", "y", "width", "height")),
                )
                for box in scene.get("boxes", ())
            ]
    how = rules.band(case.score, limits)
    if case.severity == rules.SEVERE:
        how = "severe"
    elif case.severity == rules.REVIEW:
        how = "review"
    return Card(
        case=case,
        scores=scores,
        regions=regions,
        prompt=rules.marked(case.image.job.prompt, case.policy.words),
        suggested=case.policy_label or rules.suggested(case.label, case.sub_label),
        label=words.scene_words(case.label) if case.label else "",
        state=BANDS[how],
        band=band_words(how),
    )


# ---- the queue ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Queue:
    """How the queue stands for one person.  Numbers stop at COUNT_MOST."""

    waiting: int
    oldest: datetime | None
    claimed: int
    own: int
    passed_over: int
    escalated: int
    unjudged: int
    unjudged_since: datetime | None

    @property
    def why_empty(self) -> list[str]:
        """Why nothing is handed out, in sentences; the last is what will happen by itself."""
        told = []
        if self.claimed:
            told.append(_("%(n)d are with other reviewers.") % {"n": self.claimed})
        if self.own:
            told.append(_("%(n)d you asked for yourself; others decide on them.") % {"n": self.own})
        if self.escalated:
            told.append(_("%(n)d wait for a lead reviewer.") % {"n": self.escalated})
        if self.passed_over:
            told.append(_("%(n)d you passed over.") % {"n": self.passed_over})
        if not self.waiting:
            told.append(_("No picture is flagged."))
        if self.unjudged:
            told.append(_("%(n)d wait for a verdict of the machine.") % {"n": self.unjudged})
        return told


def queue(person: "User", environment_pk: int | None = None) -> Queue:
    now = timezone.now()
    waiting = Case.objects.filter(state=CaseState.FLAGGED)
    unjudged = Case.objects.filter(state=CaseState.PENDING)
    if environment_pk is not None:
        waiting = waiting.filter(environment_id=environment_pk)
        unjudged = unjudged.filter(environment_id=environment_pk)
    mine = Skip.objects.filter(person=person).values("case_id")
    first = waiting.order_by("-severity", "opened_at", "pk").values("pk")[:COUNT_MOST]
    others = Q(claim_until__gt=now) & ~Q(holder=person)
    lead = can(person, "moderation.release")
    administrator = Role.ADMINISTRATOR in person.roles
    own = Q(author=person) if not administrator else Q(pk__in=[])
    escalated = Q(escalated_at__isnull=False) if not lead else Q(pk__in=[])
    free = ~others & ~own & ~escalated
    found = Case.objects.filter(pk__in=first).aggregate(
        waiting=Count("pk"),
        oldest=Min("opened_at"),
        claimed=Count("pk", filter=others),
        own=Count("pk", filter=own & ~others),
        escalated=Count("pk", filter=escalated & ~own & ~others),
        passed_over=Count("pk", filter=Q(pk__in=mine) & free),
    )
    pending = Case.objects.filter(pk__in=unjudged.values("pk")[:COUNT_MOST]).aggregate(
        unjudged=Count("pk"), unjudged_since=Min("created_at")
    )
    return Queue(**found, **pending)


# ---- the last decision, with its chain -----------------------------------------------------


@dataclass(frozen=True)
class Last:
    decision: Decision
    case: Case
    chain: list[Floor]
    words: str
    label: str
    undo_s: int  # seconds left to undo it; 0 = over
    live: bool  # something of it is still on its way


def last_of(person: "User", pk: int | None = None) -> Last | None:
    """The person's newest decision of late, or the one named; None if there is none to show."""
    mine = Decision.objects.filter(person=person).select_related("case__image__job")
    if pk is not None:
        decision = mine.filter(pk=pk).first()
    else:
        since = timezone.now() - timedelta(seconds=LAST_SHOWN_S)
        decision = mine.filter(at__gte=since).first()
    if decision is None or decision.verdict == Choice.UNDO:
        return None
    newest = not Decision.objects.filter(case_id=decision.case_id, pk__gt=decision.pk).exists()
    case = decision.case
    age = (timezone.now() - decision.at).total_seconds()
    undo_s = max(0, round(rules.UNDO_S - age)) if newest else 0
    said = {
        Choice.FREEZE: _("Frozen"),
        Choice.APPROVE: CaseState.APPROVED.label,
        Choice.ESCALATE: _("Escalated"),
    }[Choice(decision.verdict)]
    of_effect = newest and decision.verdict != Choice.ESCALATE
    return Last(
        decision=decision,
        case=case,
        chain=chain(case) if of_effect else [],
        words=str(said),
        label=words.label_words(decision.label),
        undo_s=undo_s,
        live=newest and ((of_effect and case.proven_at is None) or undo_s > 0),
    )
