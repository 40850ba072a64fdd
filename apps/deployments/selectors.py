"""Reads of deployments for pages, the API, and the apps above."""

from dataclasses import dataclass

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from apps.core.changes import Change
from apps.core.models import Plan, PlanStatus, Revision
from apps.core.phases import Phase
from apps.core.words import Say
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec
from apps.environments.models import Environment
from apps.registry.models import ModelType, Version

SECRETS = tuple(f"environment__{name}" for name in ("secret_key", "session_token", "kubeconfig"))
# What needs a person comes first in every list.
WORST_FIRST = Case(
    *[
        When(phase=phase, then=Value(rank))
        for rank, phase in enumerate(
            (
                Phase.BLOCKED,
                Phase.DEGRADED,
                Phase.DELETING,
                Phase.WORKING,
                Phase.PENDING,
                Phase.DRAFT,
            )
        )
    ],
    default=Value(9),
    output_field=IntegerField(),
)


def deployment_list(environment: Environment | None = None) -> QuerySet[Deployment]:
    found: QuerySet[Deployment] = (
        Deployment.objects.select_related("environment", "checkpoint__model")
        .defer(*SECRETS)
        .annotate(rank=WORST_FIRST)
    )
    return found.filter(environment=environment) if environment else found


def deployment_get(pk: int) -> Deployment | None:
    return deployment_list().filter(pk=pk).first()


def spec_of(row: Deployment) -> DeploymentSpec | None:
    """The accepted wish; None before the first plan was applied."""
    return DeploymentSpec.model_validate(row.spec) if row.spec else None


def published_checkpoints(environment: Environment) -> list[Version]:
    return list(
        Version.objects.select_related("model")
        .filter(
            environment=environment,
            model__type=ModelType.CHECKPOINT,
            phase=Phase.READY,
            delete_requested_at__isnull=True,
        )
        .order_by("model__name", "-number")
    )


@dataclass(frozen=True)
class PodView:
    """One pod as the world was last read for this deployment."""

    name: str
    node: str
    ip: str
    phase: str
    ready: bool
    restarts: int
    code: str
    say: Say


def pods(row: Deployment) -> list[PodView]:
    return [
        PodView(**{**pod, "say": Say.from_json(pod["say"])}) for pod in row.observed.get("pods", ())
    ]


def drift(row: Deployment) -> list[Change]:
    """What differs between the accepted wish and the cluster while nobody asked for a change."""
    return [Change.from_json(stored) for stored in row.drift]


def revisions(row: Deployment) -> QuerySet[Revision]:
    return (
        Revision.objects.filter(kind="deployment", object_id=row.pk)
        .select_related("author")
        .order_by("-number")
    )


def open_plans(row: Deployment) -> QuerySet[Plan]:
    """Plans about this deployment that wait for a decision."""
    return Plan.objects.filter(
        Q(items__kind="deployment", items__object_id=row.pk),
        status__in=[PlanStatus.PLANNING, PlanStatus.READY],
    ).order_by("-pk")


@dataclass(frozen=True)
class Totals:
    """What all deployments of a list come to."""

    deployments: int
    ready: int
    replicas: int
    drifted: int


def totals(found: QuerySet[Deployment]) -> Totals:
    """Counted in one query."""
    sums = found.order_by().aggregate(
        deployments=Count("pk"),
        ready=Coalesce(Sum("done"), 0),
        replicas=Coalesce(Sum("total"), 0),
        drifted=Count("pk", filter=~Q(drift=[])),
    )
    return Totals(**sums)
