"""Environments: a cluster, a disk, a gateway, a bucket in one region, and what was found there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import Reconcilable
from apps.core.words import Say
from apps.environments.encryption import EncryptedTextField
from apps.environments.products import Product
from cloud.access import Access


class Stage(models.TextChoices):
    PROD = "prod", _("Production")
    STAGE = "stage", _("Staging")
    DEV = "dev", _("Development")


class Policy(models.TextChoices):
    AUTO = "auto", _("Apply at once")
    CONFIRM = "confirm", _("Ask for confirmation")
    FOUR_EYES = "four-eyes", _("A second person approves")


def stages() -> list[tuple[str, Any]]:
    return list(Stage.choices)


def policies() -> list[tuple[str, Any]]:
    return list(Policy.choices)


class Environment(models.Model):
    """Where things run.  Endpoints are empty for the real cloud, `host:port` for another one."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    stage = models.CharField(_("stage"), max_length=8, choices=stages, default=Stage.DEV)
    policy = models.CharField(_("changes"), max_length=12, choices=policies, default=Policy.CONFIRM)
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
    # Fetched through TKE by the first worker that needs it, unless a person pasted one.
    kubeconfig = EncryptedTextField(blank=True)
    kubeconfig_pasted = models.BooleanField(default=False)
    vpc_id = models.CharField(_("VPC"), max_length=32, blank=True)
    cfs_id = models.CharField(_("CFS file system"), max_length=32, blank=True)
    cfs_mount_ip = models.CharField(max_length=64, blank=True)
    cfs_fsid = models.CharField(max_length=32, blank=True)
    # Where the console's own workers have that file system mounted.
    cfs_mount_path = models.CharField(
        _("CFS mount path of the workers"), max_length=300, blank=True
    )
    tcr_id = models.CharField(_("TCR instance"), max_length=32, blank=True)
    tcr_domain = models.CharField(max_length=200, blank=True)
    gateway_id = models.CharField(_("gateway"), max_length=40, blank=True)
    gateway_address = models.CharField(max_length=200, blank=True)  # ip:port people reach it at
    bucket = models.CharField(_("COS bucket"), max_length=100, blank=True)
    biz_type = models.CharField(_("moderation policy (BizType)"), max_length=64, blank=True)

    callback_token = models.CharField(max_length=64, blank=True)
    # Until then the loop leaves everything of this environment alone.
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Written by services alone: discovery must not turn it into "when somebody last looked".
    updated_at = models.DateTimeField(default=timezone.now)

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

    @property
    def paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()

    @property
    def adopted(self) -> bool:
        """True once a person chose what belongs to it."""
        return bool(self.cluster_id or self.cfs_id or self.tcr_id or self.gateway_id or self.bucket)

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
    ACCOUNT = "account", _("Account")
    FILE_SYSTEM = "filesystem", _("CFS file system")
    REGISTRY = "registry", _("TCR instance")
    IMAGE = "image", _("Image")
    GATEWAY = "gateway", _("Gateway")
    BUCKET = "bucket", _("COS bucket")
    VOLUME = "volume", _("Volume")
    CLAIM = "claim", _("Volume claim")
    MODERATION = "moderation", _("Moderation policy")


def finding_kinds() -> list[tuple[str, Any]]:
    return list(FindingKind.choices)


class Finding(models.Model):
    """One thing of the world as last read.  Pages and pickers read these, never the cloud.

    `data` is one of the frozen values of facts.py as JSON.
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


def products() -> list[tuple[str, str]]:
    return [(product.value, product.value) for product in Product]


class Reading(models.Model):
    """How the last look at one product of one environment went, and when to look next."""

    # A worker that took a reading and died gives it back after this time.
    PATIENCE = timedelta(minutes=3)

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="readings")
    product = models.CharField(max_length=8, choices=products)
    due_at = models.DateTimeField(null=True, blank=True)  # null = not until a person asks
    asked_at = models.DateTimeField(null=True, blank=True)  # when a person last asked for it
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)  # the last look that went well
    took_ms = models.PositiveIntegerField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.JSONField(default=dict, blank=True)  # a Say; {} = the last look went well
    remedy = models.JSONField(default=dict, blank=True)  # a Say: what a person can do about it
    error_code = models.CharField(max_length=100, blank=True)
    error_raw = models.TextField(blank=True)  # the service's own words
    request_id = models.CharField(max_length=100, blank=True)
    permanent = models.BooleanField(default=False)  # asking again alone will not help

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "product"], name="reading_once")
        ]
        indexes = [
            models.Index(fields=["due_at"], name="reading_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.environment_id} {self.product}"

    @property
    def error_say(self) -> Say:
        return Say.from_json(self.error)

    @property
    def remedy_say(self) -> Say:
        return Say.from_json(self.remedy)

    @property
    def running(self) -> bool:
        """A worker is at it; one that started too long ago has died."""
        if not self.started_at or self.started_at < timezone.now() - self.PATIENCE:
            return False
        return self.finished_at is None or self.finished_at < self.started_at

    @property
    def awaited(self) -> bool:
        """A person asked, and the answer is not there yet."""
        return self.asked_at is not None and (
            self.finished_at is None or self.finished_at < self.asked_at
        )

    def stale(self, now: datetime, limit_s: float) -> bool:
        return self.read_at is None or (now - self.read_at).total_seconds() > limit_s


class Preparation(Reconcilable):
    """What the console itself needs in what was adopted: the namespace, the bucket's CORS rule.

    spec: {"namespace": str, "bucket": str, "origins": [str]}; an empty string = nothing there.
    """

    environment = models.OneToOneField(
        Environment, on_delete=models.CASCADE, related_name="preparation"
    )

    def __str__(self) -> str:
        return self.environment.name
