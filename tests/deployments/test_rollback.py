"""A rollout past its deadline, in a real cluster: reported with its cause, and rolled back once."""

import pytest

from apps.core import plans
from apps.core.models import Plan, Revision
from apps.core.phases import Phase
from apps.core.rollback import roll_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def overdue(cluster):
    """r1 became ready; r2 never does, and its deadline is over."""
    version = cluster.published()
    row = cluster.ready(cluster.create("anime", version, auto_rollback=True, deadline_minutes=1))
    # A slice that no card has: the pod stays unschedulable until the deadline.
    from apps.deployments.models import Deployment

    spec = {**row.spec, "slice": {"core": 100, "memory_gib": 0}, "replicas": 40}
    plan = plans.plan_open(
        title=plans.Say("Too much"),
        scope="demo",
        policy="auto",
        author=cluster.person,
        drafts=[plans.Draft(row, spec)],
    )
    plans.plan_compute(plan.pk)
    row = Deployment.objects.get(pk=row.pk)
    return cluster.until(row, lambda one: "deadline" in str(one.message_say))


def test_a_rollout_past_its_deadline_is_reported_with_its_cause_and_rolled_back_once(
    cluster, overdue
):
    row = overdue
    assert row.phase == Phase.DEGRADED
    assert "The rollout is past its deadline." in str(row.message_say)
    assert row.revision == 2
    plan = roll_back("deployment", row.pk)
    assert plan is not None
    assert roll_back("deployment", row.pk) is None
    plans.plan_compute(plan.pk)
    row.refresh_from_db()
    cluster.ready(row)
    assert (row.revision, row.spec["replicas"], row.run.trigger) == (3, 1, "rollback")
    assert cluster.get("deployments", "anime")["spec"]["replicas"] == 1
    bad = Revision.objects.get(object_id=row.pk, number=2)
    assert bad.fenced_at is not None
    assert "deadline" in str(bad.fence_say)
    assert Plan.objects.filter(trigger="rollback").count() == 1
