"""Revisions of wishes, and the plans that show what accepting them would do."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.changes import Change
from apps.core.words import Say


class Revision(models.Model):
    """One numbered spec of one object, kept whole so that it can be planned again."""

    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)  # when the world first arrived at it
    # Its rollout failed for good: never chosen again unless a person does.
    fenced_at = models.DateTimeField(null=True, blank=True)
    fence_reason = models.JSONField(default=dict, blank=True)  # a Say

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "number"], name="revision_number")
        ]

    def __str__(self) -> str:
        return f"r{self.number}"

    @property
    def fence_say(self) -> Say:
        return Say.from_json(self.fence_reason)


class PlanStatus(models.TextChoices):
    PLANNING = "planning", _("Planning")
    READY = "ready", _("Ready to apply")
    APPROVED = "approved", _("Approved")
    APPLIED = "applied", _("Applied")
    DISCARDED = "discarded", _("Discarded")
    STALE = "stale", _("Out of date")
    FAILED = "failed", _("Could not be made")


def plan_statuses() -> list[tuple[str, Any]]:
    return PlanStatus.choices


class Plan(models.Model):
    """What accepting some revisions together would do to the world."""

    title = models.JSONField()
    scope = models.CharField(max_length=64, blank=True)  # name of the environment
    policy = models.CharField(max_length=12, default="confirm")  # auto, confirm, four-eyes
    status = models.CharField(max_length=12, choices=plan_statuses, default=PlanStatus.PLANNING)
    reason = models.CharField(max_length=500, blank=True)
    trigger = models.CharField(max_length=12, default="person")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    comment = models.CharField(max_length=500, blank=True)
    error = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, blank=True)  # sha256 over the changes
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "-created_at"], name="plan_by_status")]

    def __str__(self) -> str:
        return f"P-{self.pk}"

    @property
    def title_say(self) -> Say:
        return Say.from_json(self.title)

    @property
    def error_say(self) -> Say:
        return Say.from_json(self.error)

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class PlanItem(models.Model):
    """One object in a plan, in the order of dependency."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(null=True)  # null = delete
    generation_seen = models.PositiveIntegerField()
    changes = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "kind", "object_id"], name="plan_item_once")
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.label}"

    @property
    def change_list(self) -> list[Change]:
        return [
            Change.from_json({name: value for name, value in stored.items() if name != "key"})
            for stored in self.changes
        ]
