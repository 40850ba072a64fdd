"""Drift, pauses, orphans and desired state as code, over rows that look as if they ran."""

import pytest

from apps.console.orphans import KUBERNETES
from apps.core.changes import Change, Field
from apps.deployments.models import Deployment
from apps.environments.clients import kube_for
from cloud.kube import KubeClient
from cloud.types import Manifest
from tests.cloud.conftest import eventually
from tests.deployments.factories import make_deployment, make_version
from tests.environments.factories import make_adopted
from tests.stack import environment as stacked  # noqa: F401
from tests.stack import sandbox, seeded  # noqa: F401


@pytest.fixture
def place(db):
    """An environment without a cloud behind it."""
    return make_adopted()


@pytest.fixture
def web(place):
    """A deployment that runs and differs nowhere."""
    return make_deployment(place, make_version(place), name="web")


@pytest.fixture
def kube(stacked):  # noqa: F811
    """The region's cluster, without a workload before and after: what one test leaves there would
    be an orphan to the next."""
    client = kube_for(stacked)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stacked.namespace}}
    client.apply(space)
    empty(client, stacked.namespace)
    yield client
    empty(client, stacked.namespace)


def empty(client: KubeClient, namespace: str) -> None:
    """Deletion takes its time: volumes wait for their claims, and those for their pods."""

    def left() -> list[Manifest]:
        lists = [client.list(*where, namespace) for where in KUBERNETES.values()]
        found = [item for one in lists for item in one.items]
        for item in found:
            if not item["metadata"].get("deletionTimestamp"):
                client.delete(item)
        return found

    eventually(left, lambda found: not found)


def differ(row: Deployment, *fields: Field, op: str = "change") -> Deployment:
    """As the loop leaves a row whose objects somebody changed."""
    from django.utils import timezone

    change = Change(op, "kubernetes", "Deployment", row.name, "PATCH apps/v1 deployments", fields)
    Deployment.objects.filter(pk=row.pk).update(
        drift=[change.to_json()], drift_since=timezone.now()
    )
    row.refresh_from_db()
    return row


def replicas(old: int = 3, new: int = 1) -> Field:
    return Field(
        "Replicas",
        "spec.replicas",
        old,
        new,
        changed_by="kubectl-scale",
        changed_at="2026-11-22T10:00:00Z",
    )
