"""Web UI workloads."""

from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.models import Reconcilable
from apps.environments.models import Environment
from apps.registry.models import Version

# A DNS label, short enough that what is derived from it stays one.
NAME = RegexValidator(
    r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?\Z",
    _("Lower-case letters, digits and dashes, beginning with a letter, at most 40."),
)


class Deployment(Reconcilable):
    """One web UI workload (kind "deployment"): volumes, Deployment and Service in the cluster.

    `spec` is a DeploymentSpec (spec.py).  `checkpoint` repeats spec["checkpoint"] for the database,
    so that a version in use cannot be deleted.
    """

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=40, validators=[NAME])
    checkpoint = models.ForeignKey(
        Version, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["name"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(fields=["environment", "name"], name="deployment_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deployment-detail", args=[self.pk])

    @property
    def service_name(self) -> str:
        return self.name
