"""Environments: one cluster, one disk, one gateway, one bucket in one region, and what was found there."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.environments.encryption import EncryptedTextField
from cloud.access import Access


class Stage(models.TextChoices):
    PROD = "prod", _("Production")
    STAGE = "stage", _("Staging")
    DEV = "dev", _("Development")


class Policy(models.TextChoices):
    AUTO = "auto", _("Apply at once")
    CONFIRM = "confirm", _("Ask for confirmation")
    FOUR_EYES = "four-eyes", _("A second person approves")


def stages() -> list[tuple[str, str]]:
    return list(Stage.choices)


def policies() -> list[tuple[str, str]]:
    return list(Policy.choices)


class Environment(models.Model):
    """Where things run.  Endpoints are empty for the real cloud, `host:port` for another one."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    stage = models.CharField(_("stage"), max_length=8, choices=stages, default=Stage.DEV)
    policy = models.CharField(
        _("changes"), max_length=12, choices=policies, default=Policy.CONFIRM
    )
    region = models.CharField(_("region"), max_length=32)

    secret_id = models.CharField(_("SecretId"), max_length=80)
    secret_key = EncryptedTextField(_("SecretKey"))
    session_token = EncryptedTextField(_("session token"), blank=True)
    api_endpoint = models.CharField(_("API endpoint"), max_length=200, blank=True)
    api_scheme = models.CharField(max_length=5, default="https")
    cos_endpoint = models.CharField(_("COS endpoint"), max_length=200, blank=True)
    cos_scheme = models.CharField(max_length=5, default="https")

    # What belongs to it, chosen from what discovery found; empty = not adopted yet.
    cluster_id = models.CharField(_("TKE cluster"), max_length=32, blank=True)
    namespace = models.CharField(_("namespace"), max_length=63, default="sd")
    kubeconfig = EncryptedTextField(blank=True)
    vpc_id = models.CharField(_("VPC"), max_length=32, blank=True)
    cfs_id = models.CharField(_("CFS file system"), max_length=32, blank=True)
    cfs_mount_ip = models.CharField(max_length=64, blank=True)
    cfs_fsid = models.CharField(max_length=32, blank=True)
    # Where the console's own workers have that file system mounted.
    cfs_mount_path = models.CharField(_("CFS mount path of the workers"), max_length=300, blank=True)
    tcr_id = models.CharField(_("TCR instance"), max_length=32, blank=True)
    tcr_domain = models.CharField(max_length=200, blank=True)
    gateway_id = models.CharField(_("gateway"), max_length=40, blank=True)
    gateway_address = models.CharField(max_length=200, blank=True)  # ip:port people reach it at
    bucket = models.CharField(_("COS bucket"), max_length=100, blank=True)
    biz_type = models.CharField(_("moderation policy (BizType)"), max_length=64, blank=True)

    callback_token = models.CharField(max_length=64, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    refresh_due_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    refresh_error = models.JSONField(default=dict, blank=True)  # a Say; {} = the last one went well
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["callback_token"],
                condition=~Q(callback_token=""),
                name="environment_callback_token",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        """How adapters reach this account and region."""
        return Access(
            region=self.region,
            secret_id=self.secret_id,
            secret_key=self.secret_key,
            token=self.session_token,
            api_endpoint=self.api_endpoint,
            api_scheme=self.api_scheme,
            cos_endpoint=self.cos_endpoint,
            cos_scheme=self.cos_scheme,
        )


class FindingKind(models.TextChoices):
    CLUSTER = "cluster", _("TKE cluster")
    NODE_POOL = "nodepool", _("Node pool")
    NODE = "node", _("Node")
    POD = "pod", _("Pod")
    ADDON = "addon", _("Add-on")
    VPC = "vpc", "VPC"
    FILESYSTEM = "filesystem", _("CFS file system")
    REGISTRY = "registry", _("TCR instance")
    IMAGE = "image", _("Image")
    GATEWAY = "gateway", _("Gateway")
    BUCKET = "bucket", _("COS bucket")
    VOLUME = "volume", _("Volume")


def finding_kinds() -> list[tuple[str, str]]:
    return list(FindingKind.choices)


class Finding(models.Model):
    """One thing of the world as discovery last read it.  Pages and pickers read these, never the cloud.

    `data` is the adapter's frozen value as JSON (dataclasses.asdict).
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=12, choices=finding_kinds)
    external_id = models.CharField(max_length=300)
    name = models.CharField(max_length=300)
    data = models.JSONField(default=dict)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "kind", "external_id"], name="finding_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
