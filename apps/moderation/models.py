"""Policies, one case per picture, what people decided about it, and the proof of its effect."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import Reconcilable
from apps.core.words import Say
from apps.environments.models import Environment
from apps.generation.models import Image
from apps.moderation import rules


class CaseState(models.TextChoices):
    PENDING = "pending", _("Being judged")  # no verdict of the machine yet
    FLAGGED = "flagged", _("To review")
    CLEAN = "clean", pgettext_lazy("case", "Clean")  # published by the machine
    FROZEN = "frozen", _("Frozen")
    APPROVED = "approved", pgettext_lazy("case", "Approved")


PUBLIC = (CaseState.CLEAN, CaseState.APPROVED)
DECIDED = (CaseState.CLEAN, CaseState.FROZEN, CaseState.APPROVED)


class Choice(models.TextChoices):
    FREEZE = "freeze", _("Freeze")
    APPROVE = "approve", _("Approve")
    ESCALATE = "escalate", _("Escalate")
    UNDO = "undo", _("Undo")


class Preview(models.TextChoices):
    SKETCH = "sketch", _("Sketch")
    BLUR = "blur", _("Blur")
    GREY = "grey", _("Greyscale")


def case_states() -> list[tuple[str, Any]]:
    return CaseState.choices


def choices_of_people() -> list[tuple[str, Any]]:
    return Choice.choices


def previews() -> list[tuple[str, Any]]:
    return Preview.choices


def labels() -> list[tuple[str, Any]]:
    """The policy's vocabulary in the order of the keys 1 to 9, translated."""
    return [(name, _t(words)) for name, words in rules.LABELS.items()]


def default_words() -> list[str]:
    return list(rules.WORDS)


class Policy(models.Model):
    """Thresholds for the pictures below one prefix; never edited, a change is the next number."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=200, default="images/")
    number = models.PositiveIntegerField(default=1)
    biz_type = models.CharField(max_length=64, blank=True)  # "" = CI's default policy
    review_from = models.PositiveSmallIntegerField(default=rules.REVIEW_FROM)
    freeze_from = models.PositiveSmallIntegerField(default=rules.FREEZE_FROM)
    words = models.JSONField(default=default_words, blank=True)  # marked in prompts
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["environment", "prefix", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "prefix", "number"], name="policy_number"
            ),
            models.CheckConstraint(
                condition=Q(review_from__gte=1)
                & Q(review_from__lte=F("freeze_from"))
                & Q(freeze_from__lte=100),
                name="policy_bands",
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def limits(self) -> rules.Thresholds:
        return rules.Thresholds(self.review_from, self.freeze_from)


class Case(Reconcilable):
    """One picture under moderation.  Reconciled (kind "visibility"): who can read the object.

    spec: {"visibility": "private" | "public", "not_before": ISO time or ""}; a revision is a
    generation here, its history is the decisions.  Its bytes are those of `etag`: other bytes under
    the key reopen it.  `author` is who asked for the picture: nobody decides on their own.
    """

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="case")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="cases")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    bucket = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    etag = models.CharField(max_length=64)

    # What the machine found: kept because CI forgets it after a month.
    state = models.CharField(max_length=8, choices=case_states, default=CaseState.PENDING)
    severity = models.PositiveSmallIntegerField(default=rules.QUIET)
    score = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(max_length=40, blank=True)  # CI's
    sub_label = models.CharField(max_length=80, blank=True)
    scenes = models.JSONField(default=list, blank=True)
    reason = models.JSONField(default=dict, blank=True)  # a Say: why a person must look
    policy_label = models.CharField(max_length=16, blank=True)  # of the last freeze

    # The job at CI.  data_id is drawn and committed before it is sent: it finds a lost answer.
    data_id = models.CharField(max_length=32, blank=True)
    job_id = models.CharField(max_length=80, null=True, blank=True, unique=True)
    hinted_job_id = models.CharField(
        max_length=80, blank=True
    )  # a callback named it, not asked yet
    attempts = models.PositiveSmallIntegerField(default=0)
    submit_due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    verdict_due_at = models.DateTimeField(null=True, blank=True)  # when to ask CI
    submitted_at = models.DateTimeField(null=True, blank=True)
    verdict_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)  # since when it waits in the queue

    # Who looks at it now.  The token moves on with every claim: a late decision carries an old one.
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    claim_until = models.DateTimeField(null=True, blank=True)
    claim_token = models.PositiveBigIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True, blank=True)

    # The chain of the present wish.
    requested_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)
    proven_at = models.DateTimeField(null=True, blank=True)

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["-pk"]
        indexes = [
            *Reconcilable.Meta.indexes,
            # The queue: what is worst first, then what waits longest.
            models.Index(
                F("severity").desc(),
                "opened_at",
                "id",
                name="case_queue",
                condition=Q(state="flagged"),
            ),
            models.Index(
                fields=["holder"],
                name="case_held",
                condition=Q(state="flagged", holder__isnull=False),
            ),
            models.Index(
                fields=["submit_due_at"],
                name="case_submit_due",
                condition=Q(state="pending", submit_due_at__isnull=False),
            ),
            models.Index(
                fields=["verdict_due_at"],
                name="case_verdict_due",
                condition=Q(state="pending", verdict_due_at__isnull=False),
            ),
            models.Index(fields=["data_id"], name="case_by_data_id", condition=Q(state="pending")),
            models.Index(fields=["state", "-id"], name="case_by_state"),
        ]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.CheckConstraint(condition=Q(score__lte=100), name="case_score"),
        ]

    def __str__(self) -> str:
        return f"C-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("case-detail", args=[self.pk])

    @property
    def public(self) -> bool:
        return self.state in PUBLIC

    @property
    def claimed(self) -> bool:
        """Somebody looks at it now; a lease that ran out needs no sweeper."""
        return self.claim_until is not None and self.claim_until > timezone.now()

    @property
    def reason_say(self) -> Say:
        return Say.from_json(self.reason)

    @property
    def not_before(self) -> datetime | None:
        stored = self.spec.get("not_before")
        return datetime.fromisoformat(stored) if stored else None


def wish(visibility: str, wait_s: float = 0.0) -> dict[str, Any]:
    """What to write on a case whose visibility is asked for anew; the loop does the rest.

    With `wait_s` it stays private that long: the loop comes back when the time is over."""
    now = timezone.now()
    not_before = now + timedelta(seconds=wait_s)
    return {
        "spec": {
            "visibility": visibility,
            "not_before": not_before.isoformat() if wait_s else "",
        },
        "revision": F("revision") + 1,
        "generation": F("generation") + 1,
        "phase": "pending",
        "message": {},
        "failures": 0,
        "due_at": not_before,
        "requested_at": now,
        "applied_at": None,
        "proven_at": None,
        "updated_at": now,
    }


class Decision(models.Model):
    """What a person said about a case; never changed (a trigger refuses), undone by another one."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    verdict = models.CharField(max_length=8, choices=choices_of_people)
    label = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    etag = models.CharField(max_length=64)  # the bytes that were judged
    claim_token = models.PositiveBigIntegerField()
    state_before = models.CharField(max_length=8, choices=case_states)
    seen_mode = models.CharField(max_length=8, blank=True)  # a Preview, "open", or "" = by API
    seen_ms = models.PositiveIntegerField(default=0)  # how long the original was open
    took_ms = models.PositiveIntegerField(default=0)  # from claim to decision
    idempotency_key = models.CharField(max_length=80, blank=True)
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["person", "-at"], name="decision_by_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="decision_said_once",
            ),
            models.CheckConstraint(
                condition=~Q(verdict="freeze") | ~Q(label=""), name="decision_freeze_has_label"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.verdict}"


class Probe(models.Model):
    """One anonymous read, as a stranger would do it: no signature, no cookie, no referer."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="probes")
    generation = models.PositiveIntegerField()
    place = models.CharField(max_length=40, default="origin")
    moment = models.CharField(max_length=8)  # before, after, 1m, 5m, 15m, or look = found otherwise
    status = models.PositiveSmallIntegerField()
    expected = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["case", "generation"], name="probe_of_case")]

    def __str__(self) -> str:
        return f"{self.case} {self.place} {self.status}"

    @property
    def as_expected(self) -> bool:
        return self.status == self.expected or (self.expected == 403 and self.status == 404)


class Skip(models.Model):
    """A person passed over an open case; it is not handed to them again while it stays open."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="skips")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="skips"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "person"], name="skip_once")]

    def __str__(self) -> str:
        return f"{self.case} {self.person_id}"


class Habit(models.Model):
    """How one person wants pictures shown before they are looked at."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="habit"
    )
    preview = models.CharField(max_length=8, choices=previews, default=Preview.GREY)

    def __str__(self) -> str:
        return f"{self.person_id} {self.preview}"
