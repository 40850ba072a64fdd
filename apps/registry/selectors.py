"""Reads of models, versions and uploads for pages, the API, and the apps above."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.selectors import event_list
from apps.core.models import Step
from apps.core.phases import Phase
from apps.environments.models import Environment
from apps.environments.products import Product
from apps.environments.selectors import file_system, read_at
from apps.registry.models import Model, Upload, UploadState, Version

SECRETS = tuple(f"environment__{name}" for name in ("secret_key", "session_token", "kubeconfig"))
ON_THE_WAY = (UploadState.OPEN, UploadState.SEALED)
SHOWN_FOR = timedelta(minutes=10)  # a finished upload stays in the lanes for so long


def versions(environment: Environment | None = None) -> QuerySet[Version]:
    """With model, environment, and the number of deployments that name each."""
    found: QuerySet[Version] = (
        Version.objects.select_related("model", "environment", "uploaded_by")
        .defer(*SECRETS)
        .annotate(users=Count("deployments", distinct=True))
    )
    return found.filter(environment=environment) if environment else found


def version_get(pk: int) -> Version | None:
    return versions().select_related("run").filter(pk=pk).first()


def versions_published(environment: Environment, type: str = "") -> QuerySet[Version]:
    """What a deployment of the environment may load, newest number first within a model."""
    found = versions(environment).filter(phase=Phase.READY, delete_requested_at__isnull=True)
    if type:
        found = found.filter(model__type=type)
    return found.order_by("model__name", "-number")


def families() -> list[str]:
    known = Version.objects.exclude(family="").order_by("family")
    return list(known.values_list("family", flat=True).distinct())


def family_choices() -> list[tuple[str, str]]:
    return [(family, family) for family in families()]


def events(version: Version) -> QuerySet[Event]:
    """What people did with it, newest first."""
    return event_list().filter(subject_kind="version", subject_id=str(version.pk))[:20]


def publication_steps(version: Version) -> QuerySet[Step]:
    """Of the run that published it, in order."""
    return Step.objects.filter(item__kind="publication", item__object_id=version.pk).order_by("pk")


def model_names() -> list[tuple[str, str]]:
    """(name, type) of every model, for the upload form."""
    return list(Model.objects.values_list("name", "type"))


def uploads() -> QuerySet[Upload]:
    return Upload.objects.select_related("environment", "person", "version__model").defer(*SECRETS)


def uploads_shown(environment: Environment | None = None) -> QuerySet[Upload]:
    """Under way, refused, or finished a moment ago."""
    fresh = Q(state=UploadState.DONE, touched_at__gte=timezone.now() - SHOWN_FOR)
    found = uploads().filter(Q(state__in=ON_THE_WAY) | fresh & Q(version__isnull=False))
    return found.filter(environment=environment) if environment else found


def upload_get(token: str) -> Upload | None:
    """With its environment's secrets: whoever asks is about to sign URLs."""
    return (
        Upload.objects.select_related("environment", "person", "version__model")
        .filter(token=token)
        .first()
    )


@dataclass(frozen=True)
class Disk:
    """Room on an environment's CFS.  `limit_bytes` 0 = it grows as it is filled."""

    name: str
    used_bytes: int
    reserved_bytes: int  # announced by uploads and not on the disk yet
    limit_bytes: int
    read_at: datetime | None

    @property
    def free_bytes(self) -> int | None:
        """After what is reserved; None = no limit."""
        if not self.limit_bytes:
            return None
        return max(0, self.limit_bytes - self.used_bytes - self.reserved_bytes)


def disk(environment: Environment) -> Disk | None:
    """None before a file system was adopted and read."""
    facts = file_system(environment)
    if facts is None:
        return None
    seen = read_at(environment, Product.CFS)
    waiting = Q(state__in=ON_THE_WAY, version__published_at__isnull=True)
    # CFS counts what it holds now and then: what was published since is not in its number yet.
    fresh = Q(version__published_at__gt=seen) if seen else Q(version__published_at__isnull=False)
    sums = Upload.objects.filter(environment=environment).aggregate(
        reserved=Sum("size_bytes", filter=waiting), uncounted=Sum("size_bytes", filter=fresh)
    )
    return Disk(
        name=facts.name or facts.id,
        used_bytes=facts.used_bytes + (sums["uncounted"] or 0),
        reserved_bytes=sums["reserved"] or 0,
        limit_bytes=facts.limit_gib << 30,
        read_at=seen,
    )
