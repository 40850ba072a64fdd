"""The append-only record of who did what.  A subject is named by kind, id and label, never by a
foreign key: the record outlives what it tells about, and knows no other app."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One deed.  Rows are only ever inserted: a trigger (migration 0002) refuses everything else.

    `position`, `previous_hash` and `hash` are written by the database at commit, when the order of
    the events is certain; together they form a chain that `manage.py audit_verify` follows.
    """

    at = models.DateTimeField(_("time"), db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    actor_name = models.CharField(
        _("person"), max_length=200
    )  # as it was then; "system" for the loop
    verb = models.CharField(_("verb"), max_length=80)  # "plan.apply": noun and verb
    subject_kind = models.CharField(_("kind"), max_length=60)
    subject_id = models.CharField(max_length=120, blank=True)
    label = models.CharField(_("subject"), max_length=300, blank=True)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(_("reason"), blank=True)
    request_id = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(_("address"), null=True)
    position = models.BigIntegerField(null=True, unique=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(fields=["subject_kind", "subject_id", "-id"], name="audit_event_subject"),
            models.Index(fields=["verb", "-id"], name="audit_event_verb"),
            models.Index(fields=["actor", "-id"], name="audit_event_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.label or self.subject_id}"
