"""Against a real cluster: what is asserted is the world afterwards, not which calls were made."""

import json
from pathlib import Path

import pytest

from apps.core import plans, reconcile
from apps.core.models import Intent, IntentState, RunStatus, StepStatus
from apps.core.phases import Phase
from apps.deployments import services
from apps.deployments.models import Deployment
from tests.cloud.conftest import running
from tests.deployments.cluster import Cluster

pytestmark = pytest.mark.django_db


def pods_of(row):
    return [pod["name"] for pod in row.observed["pods"]]


def test_a_deployment_arrives_with_its_pods_on_one_card(cluster):
    row = cluster.create(
        "anime", cluster.published(), replicas=2, slice={"core": 50, "memory_gib": 10}
    )
    cluster.ready(row)
    assert (row.done, row.total, row.observed_generation) == (2, 2, 1)
    assert len({pod["node"] for pod in row.observed["pods"]}) == 1
    assert all(pod["ready"] and pod["ip"] for pod in row.observed["pods"])
    assert cluster.get("services", "anime")["spec"]["ports"][0]["port"] == 7860
    claim = cluster.get("persistentvolumeclaims", "anime-stable-diffusion")
    assert claim["status"]["phase"] == "Bound"
    assert row.run.status == RunStatus.SUCCEEDED
    steps = row.run.steps.exclude(key="settle")
    assert {step.status for step in steps} == {StepStatus.DONE}
    assert all(step.request_id for step in steps)
    assert {intent.state for intent in Intent.objects.filter(kind="deployment")} == {IntentState.OK}


def test_looking_again_sends_nothing(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    calls = Intent.objects.count()
    for _ in range(3):
        reconcile.run("deployment", row.pk)
    row.refresh_from_db()
    assert Intent.objects.count() == calls
    assert (row.phase, row.drift) == (Phase.READY, [])


def test_another_image_restarts_pods_and_scaling_does_not(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    first = pods_of(row)
    other = cluster.other_image
    image = {"repository": other.repository, "tag": other.tag}
    cluster.change(row, image=image)
    cluster.ready(row)
    second = pods_of(row)
    assert not set(first) & set(second)
    template = cluster.get("deployments", "anime")["spec"]["template"]["spec"]
    assert template["containers"][0]["image"].endswith(f"@{other.digest}")
    cluster.change(row, replicas=3)
    cluster.ready(row)
    assert set(second) < set(pods_of(row))
    assert (row.done, row.total) == (3, 3)
    cluster.change(row, replicas=0)
    cluster.until(row, lambda one: one.phase == Phase.READY and not one.observed["pods"])
    assert str(row.message_say) == "Scaled to zero."


def test_a_folder_less_takes_its_claim_and_volume_but_not_the_files(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    kept = Path(cluster.environment.cfs_mount_path) / "models/Lora/style.safetensors"
    kept.write_bytes(b"lora")
    assert cluster.count("persistentvolumes", row) == 2
    cluster.change(row, folders=[])
    cluster.until(
        row,
        lambda one: (
            one.phase == Phase.READY and cluster.get("persistentvolumeclaims", "anime-lora") is None
        ),
    )
    assert cluster.count("persistentvolumes", row) == 1
    assert kept.read_bytes() == b"lora"


def test_what_is_changed_by_hand_is_shown_not_undone_and_put_back_on_demand(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    cluster.by_hand("anime", {"spec": {"replicas": 2}})
    cluster.until(row, lambda one: one.drift and one.total == 2 and one.phase == Phase.READY)
    assert cluster.get("deployments", "anime")["spec"]["replicas"] == 2
    (line,) = row.drift[0]["fields"]
    assert (line["path"], line["old"], line["new"]) == ("spec.replicas", 2, 1)
    plan = services.deployment_put_back(person=cluster.person, row=row)
    cluster.apply(plan)
    (change,) = plan.items.get().change_list
    assert [str(note) for note in change.notes] == ["kubectl holds a field that this takes over."]
    cluster.until(row, lambda one: one.phase == Phase.READY and one.total == 1)
    assert (row.drift, cluster.get("deployments", "anime")["spec"]["replicas"]) == ([], 1)


def test_an_object_of_somebody_else_stops_the_plan_and_is_left_alone(cluster):
    namespace = cluster.environment.namespace
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "anime", "namespace": namespace, "labels": {"theirs": "yes"}},
        "spec": {"ports": [{"port": 80}]},
    }
    before = cluster.kube.create(theirs)
    version = cluster.published()
    plan = services.deployment_create(
        person=cluster.person,
        environment=cluster.environment,
        name="anime",
        wish=cluster.wish(version),
    )
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    assert plan.status == "failed"
    assert "Service anime exists already" in str(plan.error_say)
    after = cluster.get("services", "anime")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_one_that_appears_after_the_plan_blocks_the_row_and_is_left_alone(cluster):
    row = cluster.create("anime", cluster.published())
    namespace = cluster.environment.namespace
    cluster.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "anime", "namespace": namespace},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    cluster.until(row, lambda one: one.phase == Phase.BLOCKED)
    assert "left alone" in str(row.message_say)
    assert (row.due_at, row.settled, row.run.status) == (None, True, RunStatus.FAILED)
    assert cluster.get("services", "anime")["spec"]["ports"][0]["port"] == 80


def test_without_room_it_says_why_and_arrives_when_room_appears(cluster):
    version = cluster.published()
    big = cluster.ready(cluster.create("big", version, replicas=4, slice={"core": 100}))
    row = cluster.create("anime", version, replicas=0)
    # The rules would refuse it: somebody else took the room after the plan was made.
    Deployment.objects.filter(pk=row.pk).update(
        spec={**row.spec, "replicas": 1}, generation=row.generation + 1
    )
    cluster.until(row, lambda one: one.phase == Phase.DEGRADED)
    assert "finds no card with room for its slice" in str(row.message_say)
    assert (row.done, row.total) == (0, 1)
    assert row.due_at is not None
    cluster.remove(big)
    cluster.ready(row)
    assert (row.done, row.total) == (1, 1)


def test_deleting_removes_everything_the_row_last_and_keeps_the_files(cluster):
    version = cluster.published()
    row = cluster.ready(cluster.create("anime", version))
    run = cluster.apply(services.deployment_delete(person=cluster.person, row=row))
    cluster.gone(row)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    for plural in ("services", "deployments", "persistentvolumeclaims", "persistentvolumes"):
        assert cluster.count(plural, row) == 0
    assert (
        Path(cluster.environment.cfs_mount_path) / version.folder / version.file_on_disk
    ).exists()


def test_an_object_made_anew_by_somebody_while_we_delete_is_not_deleted(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    ours = cluster.get("services", "anime")
    cluster.kube.delete(ours)
    namespace = cluster.environment.namespace
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "anime", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    cluster.kube.create(theirs)
    cluster.remove(row)
    assert cluster.get("services", "anime") is not None


def test_a_volume_that_can_never_change_is_replaced_with_its_users(cluster):
    row = cluster.ready(cluster.create("anime", cluster.published()))
    # Another id of the same disk: the path behind the mount target stays.
    cluster.environment.cfs_fsid = "otherfsid"
    cluster.environment.save(update_fields=["cfs_fsid"])
    cluster.until(row, lambda one: one.drift)
    plan = services.deployment_put_back(person=cluster.person, row=row)
    run = cluster.apply(plan)
    (first, *_rest) = plan.items.get().change_list
    assert (first.op, first.object_kind, first.restarts) == ("replace", "Deployment", 1)
    cluster.until(row, lambda one: one.phase == Phase.READY and not one.drift)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    for volume in cluster.kube.list("v1", "persistentvolumes").items:
        assert volume["spec"]["csi"]["volumeAttributes"]["fsid"] == "otherfsid"
    assert (row.done, row.total) == (1, 1)


def test_a_lost_answer_makes_no_second_object(olga, tmp_path):
    faults = tmp_path / "faults.json"
    rule = {"service": "kube", "action": "PATCH deployments", "nth": 1, "when": "after"}
    faults.write_text(json.dumps([{**rule, "do": "drop"}]))
    home = tmp_path / "sandbox"
    home.mkdir()
    with running(home, "--faults", str(faults)) as endpoints:
        cluster = Cluster(endpoints, olga, tmp_path)
        row = cluster.create("anime", cluster.published())
        reconcile.run("deployment", row.pk)
        row.refresh_from_db()
        lost = Intent.objects.get(key="Deployment/anime")
        assert (row.phase, lost.state) == (Phase.DEGRADED, IntentState.UNKNOWN)
        uid = cluster.get("deployments", "anime")["metadata"]["uid"]
        cluster.ready(row)
        lost.refresh_from_db()
        assert lost.state == IntentState.OK
        assert Intent.objects.filter(key="Deployment/anime").count() == 1
        assert cluster.get("deployments", "anime")["metadata"]["uid"] == uid
        assert cluster.count("replicasets", row) == 1
        assert cluster.count("pods", row) == 1
