"""Two pens on one row: people hold the spec pen, the loop holds the status pen."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from apps.core.phases import UNSETTLED, Phase, phases
from apps.core.words import Say


class Reconcilable(models.Model):
    """A row that says what should be, and what was last seen of it.

    Each pen writes only its own columns."""

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    # Spec pen (services): the accepted wish.
    spec = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=0)  # number of the accepted revision; 0 = none
    generation = models.PositiveIntegerField(default=0)  # +1 on every change of the wish
    delete_requested_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    # Differences nobody minds: [{"object", "path", "by", "at"}] (core.drift.Overlooked).
    ignored = models.JSONField(default=list, blank=True)
    run = models.ForeignKey(
        "core.Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)

    # Status pen (core.reconcile): what the cloud was last judged to be.
    observed_generation = models.PositiveIntegerField(default=0)
    observed = models.JSONField(default=dict, blank=True)
    observed_at = models.DateTimeField(null=True, blank=True)
    drift = models.JSONField(default=list, blank=True)  # Changes that would put it back in step
    drift_since = models.DateTimeField(null=True, blank=True)  # when it was first seen; null = none
    phase = models.CharField(max_length=12, choices=phases, default=Phase.DRAFT)
    message = models.JSONField(default=dict, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)  # +1 on every claim

    # Either pen: when to look next; null = not until the wish changes.
    due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["due_at"],
                name="%(app_label)s_%(class)s_due",
                condition=Q(due_at__isnull=False),
            ),
            # What waits for a person is counted for every page that is drawn.
            models.Index(
                fields=["phase"],
                name="%(app_label)s_%(class)s_needs",
                condition=Q(phase__in=["blocked", "degraded"]) | Q(drift_since__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(observed_generation__lte=F("generation")),
                name="%(app_label)s_%(class)s_observed_le_generation",
            )
        ]

    @property
    def settled(self) -> bool:
        """True when nothing is on its way: pages stop asking."""
        if self.phase == Phase.BLOCKED:
            return True  # it waits for a person, however far it came
        return self.phase not in UNSETTLED and self.observed_generation == self.generation

    @property
    def message_say(self) -> Say:
        return Say.from_json(self.message)

    @property
    def deleting(self) -> bool:
        return self.delete_requested_at is not None

    @property
    def paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()

    def wish(self) -> dict[str, Any] | None:
        """The accepted spec, or None when the object should not be there."""
        return None if self.deleting or not self.revision else self.spec
