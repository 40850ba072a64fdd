"""What somebody changed in the cluster: who did, and the three ways on.  Against a real cluster."""

import pytest

from apps.core import reconcile
from apps.core.drift import drift_of
from apps.core.errors import RuleViolation
from apps.core.models import Intent
from apps.core.phases import Phase
from apps.deployments.adoption import adopt
from tests.deployments.cluster import Cluster

pytestmark = pytest.mark.django_db


def container(**members):
    return {"spec": {"template": {"spec": {"containers": [{"name": "webui", **members}]}}}}


def drifted(cluster: Cluster, change, **wish):
    """A deployment that ran and was then changed by hand."""
    row = cluster.ready(cluster.create("anime", cluster.published(), **wish))
    cluster.by_hand("anime", change)
    return cluster.until(row, lambda one: bool(one.drift))


def test_drift_says_who_changed_what_and_when(cluster):
    row = drifted(cluster, {"spec": {"replicas": 2}})
    (line,) = drift_of(row)[0].fields
    assert (line.path, line.old, line.new) == ("spec.replicas", 2, 1)
    assert line.changed_by == "kubectl"
    assert line.changed_at.startswith("20")
    assert row.drift_since is not None


def test_what_is_ignored_is_neither_drift_nor_sent(cluster):
    row = drifted(cluster, {"spec": {"replicas": 2}})
    row.ignored = [{"object": "Deployment/anime", "path": "spec.replicas"}]
    row.save(update_fields=["ignored"])
    reconcile.run("deployment", row.pk)
    row.refresh_from_db()
    assert (row.drift, row.drift_since) == ([], None)
    cluster.change(row, environment={"COLOUR": "red"})
    cluster.ready(row)
    live = cluster.get("deployments", "anime")["spec"]
    assert live["replicas"] == 2
    assert live["template"]["spec"]["containers"][0]["env"] == [{"name": "COLOUR", "value": "red"}]


def test_another_difference_of_the_same_object_still_shows(cluster):
    row = drifted(cluster, {"spec": {"replicas": 2}})
    row.ignored = [{"object": "Deployment/anime", "path": "spec.replicas"}]
    row.save(update_fields=["ignored"])
    cluster.by_hand("anime", {"spec": {"progressDeadlineSeconds": 900, "replicas": 2}})
    cluster.until(row, lambda one: bool(one.drift))
    (line,) = drift_of(row)[0].fields
    assert line.path == "spec.progressDeadlineSeconds"


def test_limits_arguments_and_variables_can_be_taken_over_without_a_call(cluster):
    checkpoint = "/root/stable-diffusion-webui/models/Stable-diffusion/sd15-v1.safetensors"
    change = container(
        args=[*["--listen", "--port", "7860", "--api", "--xformers", "--ckpt"], checkpoint],
        env=[{"name": "COLOUR", "value": "red"}],
        resources={"limits": {"memory": "20480Mi", "cpu": "2"}},
    )
    row = drifted(cluster, change, environment={"COLOUR": "blue"})
    cluster.ready(row)
    spec = adopt(row, drift_of(row))
    assert spec["flags"] == ["--api", "--xformers"]
    assert spec["environment"] == {"COLOUR": "red"}
    assert (spec["memory_gib"], spec["cpu"]) == (20, 2)
    calls = Intent.objects.count()
    cluster.change(row, **spec)
    cluster.until(row, lambda one: one.phase == Phase.READY and not one.drift)
    assert Intent.objects.count() == calls


def test_an_image_of_the_registry_is_taken_over_with_its_digest(cluster):
    other = cluster.other_image
    image = f"{cluster.environment.tcr_domain}/{other.repository}:{other.tag}"
    row = drifted(cluster, container(image=image))
    spec = adopt(row, drift_of(row))
    assert spec["image"] == {
        "repository": other.repository,
        "tag": other.tag,
        "digest": other.digest,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"progressDeadlineSeconds": 900}},
        container(args=["--listen", "--share"]),
        container(image="elsewhere.example/unknown:1"),
    ],
    ids=["a field no wish has", "an argument that opens the pod", "an image from elsewhere"],
)
def test_what_a_wish_cannot_or_may_not_say_is_refused(cluster, change):
    row = drifted(cluster, change)
    with pytest.raises(RuleViolation):
        adopt(row, drift_of(row))


def test_a_missing_object_is_put_back_not_taken_over(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    cluster.kube.delete(cluster.get("services", "anime"))
    cluster.until(row, lambda one: bool(one.drift))
    with pytest.raises(RuleViolation):
        adopt(row, drift_of(row))
