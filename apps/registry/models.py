"""Model files: a model has numbered versions, a version is one file on one environment's disk."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.models import Reconcilable
from apps.core.phases import Phase
from apps.core.words import Say
from apps.environments.models import Environment

# As people's files are called, in any script: no path, no leading dot.  The name on the shared disk
# is made by the console; rules.check_name says in sentences what this refuses.
FILE_NAME = RegexValidator(r"^[^./\\\x00-\x20\x7f][^/\\\x00-\x1f\x7f]{0,179}\Z")


class ModelType(models.TextChoices):
    CHECKPOINT = "checkpoint", _("Checkpoint")
    LORA = "lora", "LoRA"
    VAE = "vae", "VAE"
    CONTROLNET = "controlnet", "ControlNet"
    EMBEDDING = "embedding", _("Embedding")
    UPSCALER = "upscaler", _("Upscaler")


def model_types() -> list[tuple[str, Any]]:
    return ModelType.choices


# Where the web UI looks for each type, below the root of the file system.
FOLDERS: dict[str, str] = {
    ModelType.CHECKPOINT: "models/Stable-diffusion",
    ModelType.LORA: "models/Lora",
    ModelType.VAE: "models/VAE",
    ModelType.CONTROLNET: "models/ControlNet",
    ModelType.EMBEDDING: "embeddings",
    ModelType.UPSCALER: "models/ESRGAN",
}


class Verdict(models.TextChoices):
    PENDING = "pending", _("Not inspected yet")
    CLEAN = "clean", _("Clean")
    REFUSED = "refused", _("Refused")


def verdicts() -> list[tuple[str, Any]]:
    return Verdict.choices


class Model(models.Model):
    """What people call it; the files are its versions."""

    name = models.SlugField(_("name"), max_length=80, unique=True)
    type = models.CharField(_("type"), max_length=12, choices=model_types)
    description = models.CharField(_("description"), max_length=500, blank=True)
    # Numbers are never given twice, not even after a deletion: a name means one content.
    last_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Version(Reconcilable):
    """One immutable file.  Reconciled (kind "publication"): sealed upload → inspected → on CFS."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    file_name = models.CharField(max_length=200, validators=[FILE_NAME])  # as uploaded
    size_bytes = models.BigIntegerField()
    claimed_sha256 = models.CharField(max_length=64, blank=True)
    claimed_crc64 = models.CharField(max_length=20, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    crc64 = models.CharField(max_length=20, blank=True)  # decimal, as COS says it
    family = models.CharField(max_length=32, blank=True)  # "SD 1.5", "SDXL", …
    precision = models.CharField(max_length=12, blank=True)
    facts = models.JSONField(default=dict, blank=True)  # of the header: parts, tensors, metadata
    verdict = models.CharField(max_length=8, choices=verdicts, default=Verdict.PENDING)
    refusal = models.JSONField(default=dict, blank=True)  # a Say: why the verdict is "refused"
    copied_bytes = models.BigIntegerField(default=0)  # of the copy to CFS now under way
    # When the file was last written when it was published: another time = somebody changed it.
    disk_mtime_ns = models.BigIntegerField(null=True, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["-pk"]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(fields=["model", "number"], name="version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("version-detail", args=[self.pk])

    @property
    def folder(self) -> str:
        return FOLDERS[self.model.type]

    @property
    def file_on_disk(self) -> str:
        """Its name below `folder`: unique for ever, because bytes behind a name never change."""
        suffix = self.file_name.rpartition(".")[2].lower()
        return f"{self.model.name}-v{self.number}.{suffix}"

    @property
    def path(self) -> str:
        """Below the root of the file system."""
        return f"{self.folder}/{self.file_on_disk}"

    @property
    def refusal_say(self) -> Say:
        return Say.from_json(self.refusal)

    @property
    def is_published(self) -> bool:
        return self.phase == Phase.READY and not self.deleting


class UploadState(models.TextChoices):
    OPEN = "open", _("Uploading")
    SEALED = "sealed", _("Sealed")  # every part is there, a worker takes over
    DONE = "done", _("Done")
    ABORTED = "aborted", _("Given up")


def upload_states() -> list[tuple[str, Any]]:
    return UploadState.choices


def upload_token() -> str:
    return uuid4().hex


class Upload(models.Model):
    """One file on its way from a browser to COS, in parts; another browser can go on with it."""

    token = models.CharField(max_length=32, unique=True, default=upload_token)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    model_name = models.SlugField(max_length=80)
    type = models.CharField(max_length=12, choices=model_types)
    file_name = models.CharField(max_length=200, validators=[FILE_NAME])
    size_bytes = models.BigIntegerField()
    part_size = models.BigIntegerField()
    claimed_sha256 = models.CharField(max_length=64, blank=True)
    cos_upload_id = models.CharField(max_length=200, blank=True)
    parts_done = models.PositiveIntegerField(default=0)  # as last told by the client, for the page
    state = models.CharField(max_length=8, choices=upload_states, default=UploadState.OPEN)
    version = models.OneToOneField(
        Version, null=True, blank=True, on_delete=models.SET_NULL, related_name="upload"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    header = models.JSONField(default=dict, blank=True)  # what the browser read of it, untrusted
    # sha256 of the header: whoever goes on with the upload must hold the same file.
    fingerprint = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def key(self) -> str:
        """Where the bytes wait in COS."""
        return f"models/incoming/{self.token}/{self.file_name}"

    @property
    def parts_total(self) -> int:
        return max(1, -(-self.size_bytes // self.part_size))
