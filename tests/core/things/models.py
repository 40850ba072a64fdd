"""The smallest reconciled kind: a thing in a made-up service wears a colour."""

from django.db import models

from apps.core.models import Reconcilable


class Thing(Reconcilable):
    name = models.CharField(max_length=40)

    class Meta(Reconcilable.Meta):
        abstract = False
        app_label = "things"

    def __str__(self) -> str:
        return self.name
