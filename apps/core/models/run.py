"""What was done: runs, their steps, and the intent written before every mutating cloud call."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.words import Say


class RunStatus(models.TextChoices):
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    SUPERSEDED = "superseded", _("Superseded")


class Trigger(models.TextChoices):
    PERSON = "person", _("A person")
    API = "api", _("API")
    UPLOAD = "upload", _("Upload")
    DRIFT = "drift", _("Drift")
    ROLLBACK = "rollback", _("Rollback")
    SCHEDULE = "schedule", _("Schedule")


class StepStatus(models.TextChoices):
    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")


class IntentState(models.TextChoices):
    PENDING = "pending", _("Under way")
    OK = "ok", _("Succeeded")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Outcome unknown")
    DROPPED = "dropped", _("Given up")  # a person chose not to send it again


def run_statuses() -> list[tuple[str, Any]]:
    return RunStatus.choices


def triggers() -> list[tuple[str, Any]]:
    return Trigger.choices


def step_statuses() -> list[tuple[str, Any]]:
    return StepStatus.choices


def intent_states() -> list[tuple[str, Any]]:
    return IntentState.choices


class Run(models.Model):
    """One carrying out: of a plan, of an upload, of putting drift back."""

    plan = models.OneToOneField(
        "core.Plan", null=True, blank=True, on_delete=models.PROTECT, related_name="run"
    )
    title = models.JSONField()
    scope = models.CharField(max_length=64, blank=True)
    trigger = models.CharField(max_length=12, choices=triggers, default=Trigger.PERSON)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    status = models.CharField(max_length=12, choices=run_statuses, default=RunStatus.RUNNING)
    message = models.JSONField(default=dict, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "-started_at"], name="run_by_status")]

    def __str__(self) -> str:
        return f"R-{self.pk}"

    @property
    def title_say(self) -> Say:
        return Say.from_json(self.title)

    @property
    def message_say(self) -> Say:
        return Say.from_json(self.message)

    @property
    def took_s(self) -> float:
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class RunItem(models.Model):
    """One object of a run and whether it has arrived at the generation the run brings."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    generation = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=step_statuses, default=StepStatus.PENDING)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "object_id"], name="run_item_once")
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.label}"


class Step(models.Model):
    """One call of a run, or the wait that follows (key `settle`)."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    item = models.ForeignKey(RunItem, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=300)
    op = models.CharField(max_length=8)
    object_kind = models.CharField(max_length=64)
    name = models.CharField(max_length=300)
    call = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=12, choices=step_statuses, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    request_id = models.CharField(max_length=100, blank=True)
    message = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)  # the raw words of the service
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["item", "key"], name="step_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.key}"

    @property
    def message_say(self) -> Say:
        return Say.from_json(self.message)

    @property
    def took_ms(self) -> int | None:
        if not self.started_at:
            return None
        end = self.finished_at or timezone.now()
        return round((end - self.started_at).total_seconds() * 1000)


class Intent(models.Model):
    """Committed before a mutating call is sent, closed when its answer is known."""

    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    generation = models.PositiveIntegerField()
    fence = models.PositiveBigIntegerField()
    key = models.CharField(max_length=300)
    call = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=intent_states, default=IntentState.PENDING)
    request_id = models.CharField(max_length=100, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="intents")
    request = models.JSONField(
        default=dict, blank=True
    )  # the Change it carries out, secrets masked
    # When a person was asked, because looking at the world cannot tell how the call went.
    asked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["kind", "object_id"],
                name="intent_open",
                condition=models.Q(state__in=["pending", "unknown"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.call} {self.key} {self.state}"
