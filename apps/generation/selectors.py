"""Reads of jobs and pictures for pages, the API and the apps above; and addresses of pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from apps.core.phases import UNSETTLED, Phase
from apps.deployments.models import Deployment
from apps.deployments.selectors import spec_of
from apps.environments.models import Environment
from apps.gateway.selectors import entrances
from apps.generation.models import Image, Job
from apps.generation.spec import JobSpec
from cloud.cos import CosClient
from cloud.infotext import parse_infotext

if TYPE_CHECKING:
    from apps.accounts.models import User

SIGNED_S = 900  # how long an address of a picture is good for
KEPT_S = 420  # how long it is handed out again, so that a page that is redrawn shows the same


# ---- jobs --------------------------------------------------------------------------------------


def job_list(environment: Environment | None = None) -> QuerySet[Job]:
    """Jobs with their pictures, newest first; three queries however many."""
    found = (
        Job.objects.select_related("environment", "person", "version__model")
        .defer("environment__kubeconfig")
        .prefetch_related(Prefetch("images", Image.objects.order_by("number")))
        .order_by("-pk")
    )
    return found.filter(environment=environment) if environment else found


def job_get(uuid: UUID) -> Job | None:
    return job_list().select_related("deployment").filter(uuid=uuid).first()


def spec_of_job(row: Job) -> JobSpec:
    return JobSpec.model_validate(row.spec)


def open_jobs() -> QuerySet[Job]:
    """Jobs that still cost drawing."""
    return Job.objects.filter(phase__in=UNSETTLED, cancelled_at__isnull=True)


def open_images(person: "User") -> int:
    """How many pictures of this person are still to come."""
    return missing_of(open_jobs().filter(person=person))


def ahead(row: Job) -> int:
    """How many pictures of older jobs are waiting before this one begins."""
    return missing_of(open_jobs().filter(pk__lt=row.pk))


def missing_of(jobs: QuerySet[Job]) -> int:
    """How many pictures of `jobs` are not there yet; few jobs are open at a time."""
    rows = jobs.order_by().annotate(there=Count("images")).values_list("pk", "count", "there")
    return sum(count - there for _pk, count, there in rows)


# ---- where one may draw ------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A deployment as the form offers it; `why_not` says what is missing, "" if nothing."""

    deployment: Deployment
    why_not: str | Promise

    @property
    def ready(self) -> bool:
        return not self.why_not


def why_not(row: Deployment) -> str | Promise:
    """Why this deployment cannot draw for us, in one sentence; "" if it can."""
    return missing(row, has_entrance=row.pk in entrances([row]))


def missing(row: Deployment, *, has_entrance: bool) -> str | Promise:
    spec = spec_of(row)
    if row.deleting:
        return _("This deployment is being deleted.")
    if spec is None or row.phase != Phase.READY:
        return _("This deployment is not ready yet.")
    if spec.replicas < 1:
        return _("This deployment is scaled to zero.")
    if not {"--api", "--nowebui"} & set(spec.flags):
        return _("Its web UI runs without --api; switch that on in its flags.")
    if not row.environment.bucket:
        return _("Its environment has no bucket for pictures yet; adopt one.")
    if not has_entrance:
        return _("Put it behind the gateway first.")
    return ""


def places(environment: Environment | None = None) -> list[Place]:
    """Every deployment, those that can draw first."""
    found = Deployment.objects.select_related("environment", "checkpoint__model").defer(
        "environment__secret_key", "environment__session_token", "environment__kubeconfig"
    )
    if environment:
        found = found.filter(environment=environment)
    rows = list(found.order_by("name"))
    open_to = entrances(rows)
    offered = [Place(row, missing(row, has_entrance=row.pk in open_to)) for row in rows]
    return sorted(offered, key=lambda one: not one.ready)


# ---- pictures ----------------------------------------------------------------------------------


def image_list(environment: Environment | None = None) -> QuerySet[Image]:
    found = Image.objects.select_related("job__environment", "job__person").defer(
        "job__environment__kubeconfig", "infotext", "job__spec", "job__observed"
    )
    return found.filter(job__environment=environment) if environment else found


def settings_of(image: Image) -> dict[str, str]:
    """What the web UI wrote into the picture, by its own names."""
    return dict(parse_infotext(image.infotext).settings)


def people() -> list[tuple[str, str]]:
    """Those who ever asked for a picture, for a filter."""
    rows = (
        Job.objects.exclude(person=None)
        .order_by("person__username")
        .values_list("person_id", "person__display_name", "person__username")
        .distinct()
    )
    return [(str(pk), name or username) for pk, name, username in rows]


def deployment_names() -> list[tuple[str, str]]:
    names = Job.objects.order_by("deployment_name").values_list("deployment_name", flat=True)
    return [(name, name) for name in names.distinct()]


def counts(environment: Environment | None = None) -> dict[str, int]:
    """For the head of a page: all pictures, and those that wait for moderation."""
    images = Image.objects.filter(job__environment=environment) if environment else Image.objects
    found: dict[str, int] = images.aggregate(
        all=Count("pk"), hidden=Count("pk", filter=Q(hidden=True))
    )
    return found


# ---- addresses ---------------------------------------------------------------------------------


def signed_url(image: Image) -> str | None:
    """An address of the picture, good for 15 minutes; None while it is hidden."""
    return signed_urls([image]).get(image.pk)


def signed_urls(images: Iterable[Image]) -> dict[int, str]:
    """Picture pk -> its address, signed here without a call to the cloud.  Hidden ones have none.

    `image.job.environment` must come with its keys.  An address is handed out again for some
    minutes, or every redrawing of a page would load all pictures anew."""
    shown = [image for image in images if not image.hidden]
    names = {image.pk: f"picture/{image.pk}/{image.etag}" for image in shown}
    kept = recall(list(names.values()))
    found: dict[int, str] = {}
    made: dict[str, str] = {}
    clients: dict[int, CosClient] = {}
    for image in shown:
        name = names[image.pk]
        if name not in kept:
            environment = image.job.environment
            if environment.pk not in clients:
                clients[environment.pk] = CosClient(environment.access(), environment.bucket)
            made[name] = clients[environment.pk].presign("GET", image.key, SIGNED_S)
        found[image.pk] = kept.get(name) or made[name]
    remember(made)
    return found


def recall(names: Sequence[str]) -> dict[str, str]:
    try:
        return cache.get_many(names) if names else {}
    except RedisError:  # then every page signs for itself
        return {}


def remember(made: dict[str, str]) -> None:
    try:
        if made:
            cache.set_many(made, KEPT_S)
    except RedisError:
        pass
