"""Objects of the world that look like ours and that nothing here asked for."""

from django.db import models
from django.urls import reverse

from apps.core.models import Reconcilable
from apps.environments.models import Environment


class Orphan(Reconcilable):
    """An object that carries our mark and that no row accounts for (kind "orphan").

    It is only ever shown; to delete it is a plan of its own.  The row goes when the object does.
    `uid` tells it from one of the same name that is made later; `facts` is what the list said.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    object_kind = models.CharField(max_length=64)  # "Deployment", "Route"
    name = models.CharField(max_length=253)
    namespace = models.CharField(max_length=253, blank=True)  # of a gateway object, the gateway
    uid = models.CharField(max_length=100)
    facts = models.JSONField(default=dict, blank=True)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["pk"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(
                fields=["environment", "object_kind", "uid"], name="orphan_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.object_kind}/{self.name}"

    def get_absolute_url(self) -> str:
        return reverse("orphan-list")
