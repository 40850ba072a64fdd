"""What the gateway is asked to do: the clusters it reads, its services, its routes.

Rows keep the gateway they live on (`gateway_id`): an environment that moves to another gateway
must still find what it made on the old one.  `external_name` is the name over there; it carries
environment and name, so that an object is found again after a lost answer.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.models import Reconcilable
from apps.deployments.models import Deployment
from apps.environments.models import Environment

PREFIX = "sdc"
NAME = RegexValidator(
    r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$",
    _("Lower-case letters, digits and dashes, beginning with a letter, at most 40."),
)


def external_name(environment: Environment, name: str) -> str:
    """The name of our object at the gateway; of a source, `name` is empty."""
    return "-".join(part for part in (PREFIX, environment.name, name) if part)


class ServiceSource(Reconcilable):
    """A cluster bound to a gateway (kind "gateway-source").  `spec` is a SourceWish."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    gateway_id = models.CharField(max_length=40)
    cluster_id = models.CharField(max_length=32)

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["pk"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(
                fields=["environment", "gateway_id", "cluster_id"], name="gateway_source_once"
            ),
        ]

    def __str__(self) -> str:
        return self.cluster_id

    def get_absolute_url(self) -> str:
        return reverse("gateway-source-detail", args=[self.pk])


class GatewayService(Reconcilable):
    """A service of the gateway, bound to a deployment's Service (kind "gateway-service").

    `spec` is a ServiceWish.  `deployment` is empty once the deployment is gone: the service then
    leads nowhere and says so.
    """

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(ServiceSource, on_delete=models.PROTECT, related_name="services")
    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.SET_NULL, related_name="gateway_services"
    )
    gateway_id = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=40, validators=[NAME])
    external_name = models.CharField(max_length=120)
    # Status pen: the id the gateway gave it; empty until it was seen there.
    external_id = models.CharField(max_length=64, blank=True)
    # Status pen: when the hash key was last found lost and set again.
    hash_restored_at = models.DateTimeField(null=True, blank=True)

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["name"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(
                fields=["gateway_id", "external_name"], name="gateway_service_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("gateway-service-detail", args=[self.pk])


class Route(Reconcilable):
    """A route with its rate limit (kind "gateway-route").  `spec` is a RouteWish."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    service = models.ForeignKey(GatewayService, on_delete=models.PROTECT, related_name="routes")
    gateway_id = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=40, validators=[NAME])
    external_name = models.CharField(max_length=120)
    external_id = models.CharField(max_length=64, blank=True)  # status pen, as above

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["name"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(fields=["environment", "name"], name="gateway_route_name"),
            models.UniqueConstraint(
                fields=["gateway_id", "external_name"], name="gateway_route_external_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("gateway-route-detail", args=[self.pk])
