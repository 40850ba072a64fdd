"""How an object is doing, in one word.  Written by the loop alone."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Phase(TextChoices):
    DRAFT = "draft", _("Draft")  # a person wrote it, no plan of it was accepted yet
    PENDING = "pending", _("Pending")  # accepted, the loop has not looked yet
    WORKING = "working", _("Working")  # the cloud is on its way to what was asked
    READY = "ready", _("Ready")
    DEGRADED = "degraded", _("Degraded")  # not as asked, tried again by itself
    BLOCKED = "blocked", _("Blocked")  # not as asked, waits for a person
    PAUSED = "paused", _("Paused")
    DELETING = "deleting", _("Deleting")
    GONE = "gone", _("Gone")


def phases() -> list[tuple[str, Any]]:
    return Phase.choices


UNSETTLED = (Phase.PENDING, Phase.WORKING, Phase.DEGRADED, Phase.DELETING)
NEEDS_PERSON = (Phase.BLOCKED, Phase.DEGRADED)
