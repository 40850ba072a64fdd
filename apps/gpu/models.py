"""What GPUs cost, and the slices that ops have given a name."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.gpu.rules import SliceAsk


class GpuType(models.Model):
    """A kind of card, by the name nodes carry (A10, L20, T4)."""

    name = models.CharField(_("type"), max_length=32, unique=True)
    price_cny_per_hour = models.DecimalField(
        _("price per card and hour, ¥"),
        max_digits=9,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SliceProfile(models.Model):
    """A slice with a name, offered in the deployment form."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    gpu_type = models.CharField(_("type"), max_length=32, blank=True)  # "" = any
    core = models.PositiveSmallIntegerField(_("compute, % of a card"))
    memory_gib = models.PositiveSmallIntegerField(_("memory, GiB"), default=0)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        ordering = ["core", "memory_gib", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(core__lte=100) | Q(memory_gib=0), name="slice_whole_has_no_memory"
            ),
            models.CheckConstraint(
                condition=Q(core__gte=100) | Q(memory_gib__gte=1), name="slice_part_has_memory"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ask(self) -> SliceAsk:
        return SliceAsk(self.core, self.memory_gib)
