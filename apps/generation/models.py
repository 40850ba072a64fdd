"""What people asked to be drawn, and the pictures that came of it."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.models import Reconcilable
from apps.deployments.models import Deployment
from apps.environments.models import Environment
from apps.generation.rules import (
    CFG_LEAST,
    CFG_MOST,
    COUNT_MOST,
    PROMPT_MOST,
    SEED_MOST,
    SIDE_LEAST,
    SIDE_MOST,
    STEPS_MOST,
)
from apps.registry.models import Version


class Job(Reconcilable):
    """One request for `count` pictures (kind "generation"); picture n has the seed `seed` + n - 1.

    The columns are what was asked; `spec` is the same wish as the loop carries it out, with the
    folder in the bucket and the checkpoint pinned (spec.py).  `version` is the checkpoint the
    deployment had when it was asked.
    """

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.SET_NULL, related_name="generations"
    )
    deployment_name = models.CharField(max_length=40)  # outlives the deployment
    version = models.ForeignKey(
        Version, null=True, blank=True, on_delete=models.SET_NULL, related_name="generations"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="generations"
    )

    prompt = models.TextField(_("prompt"), max_length=PROMPT_MOST)
    negative_prompt = models.TextField(_("negative prompt"), max_length=PROMPT_MOST, blank=True)
    steps = models.PositiveSmallIntegerField(_("steps"))
    cfg_scale = models.DecimalField(_("CFG scale"), max_digits=4, decimal_places=1)
    width = models.PositiveSmallIntegerField(_("width"))
    height = models.PositiveSmallIntegerField(_("height"))
    sampler = models.CharField(_("sampler"), max_length=60)
    seed = models.BigIntegerField(_("seed"))
    count = models.PositiveSmallIntegerField(_("pictures"))

    # What the caller named this request, and the digest of what was asked under that name.
    idempotency_key = models.CharField(max_length=200, blank=True)
    request_digest = models.CharField(max_length=64, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta(Reconcilable.Meta):
        abstract = False
        ordering = ["-pk"]
        indexes = [
            *Reconcilable.Meta.indexes,
            models.Index(fields=["person", "-created_at"], name="generation_by_person"),
            models.Index(fields=["-created_at"], name="generation_by_time"),
        ]
        constraints = [
            *Reconcilable.Meta.constraints,
            models.UniqueConstraint(
                fields=["person", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="generation_asked_once",
            ),
            models.CheckConstraint(
                condition=Q(count__gte=1, count__lte=COUNT_MOST), name="generation_count"
            ),
            models.CheckConstraint(
                condition=Q(steps__gte=1, steps__lte=STEPS_MOST), name="generation_steps"
            ),
            models.CheckConstraint(
                condition=Q(cfg_scale__gte=CFG_LEAST, cfg_scale__lte=CFG_MOST),
                name="generation_cfg",
            ),
            models.CheckConstraint(
                condition=Q(
                    width__gte=SIDE_LEAST,
                    width__lte=SIDE_MOST,
                    height__gte=SIDE_LEAST,
                    height__lte=SIDE_MOST,
                ),
                name="generation_size",
            ),
            models.CheckConstraint(
                condition=Q(seed__gte=0, seed__lte=SEED_MOST), name="generation_seed"
            ),
        ]

    # When the worker that holds this very object began its visit (time.monotonic), not stored.
    visit_began: float | None = None

    def __str__(self) -> str:
        return f"G-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("generation-detail", args=[self.uuid])

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None


class Image(models.Model):
    """One picture in the bucket.  `hidden` until moderation, an app above, has passed it: nobody
    gets an address of a hidden picture, not even inside the console.

    model_name and model_hash are what the web UI says it drew with; `infotext` is its own record.
    """

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="images")
    number = models.PositiveSmallIntegerField()  # from 1
    key = models.CharField(max_length=200, unique=True)
    etag = models.CharField(max_length=64)
    crc64 = models.CharField(max_length=20, blank=True)  # decimal, as COS says it
    seed = models.BigIntegerField()
    infotext = models.TextField(blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    model_name = models.CharField(max_length=200, blank=True)
    model_hash = models.CharField(max_length=64, blank=True)
    hidden = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["job", "number"]
        indexes = [models.Index(fields=["-created_at"], name="image_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="image_number"),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=COUNT_MOST), name="image_number_range"
            ),
        ]

    def __str__(self) -> str:
        return f"G-{self.job_id}/{self.number}"
