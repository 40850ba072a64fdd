"""What people propose: every rule says no in one sentence and keeps nothing."""

from dataclasses import replace

import pytest

from apps.audit.models import Event
from apps.core import plans
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan, Revision
from apps.core.phases import Phase
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.environments.discovery import Found
from apps.environments.models import Finding, FindingKind
from apps.registry.models import ModelType
from tests.deployments.factories import created, make_deployment, make_version, make_wish
from tests.environments.factories import IMAGE, NODE, POD, make_environment, stock

pytestmark = pytest.mark.django_db


def refused(person, place, version, match, field, **wish):
    with pytest.raises(RuleViolation, match=match) as caught:
        created(person, place, version, **wish)
    assert caught.value.field == field
    assert not Deployment.objects.exists()
    assert not Plan.objects.exists()
    assert not Event.objects.filter(verb__startswith="deployment.").exists()


def test_a_proposal_is_a_draft_a_revision_a_plan_and_an_audit_event(olga, environment, version):
    plan = created(olga, environment, version)
    row = Deployment.objects.get()
    assert (row.phase, row.generation, row.spec) == (Phase.DRAFT, 0, {})
    revision = Revision.objects.get(kind="deployment", object_id=row.pk)
    assert revision.spec["image"]["digest"] == IMAGE.digest
    assert revision.spec["checkpoint_file"] == version.file_on_disk
    assert (plan.scope, plan.policy, plan.author) == ("demo", environment.policy, olga)
    event = Event.objects.get(verb="deployment.create")
    assert (event.label, event.subject_id) == ("anime", str(row.pk))


@pytest.mark.parametrize(
    ("wish", "match", "field"),
    [
        ({"image": {"repository": IMAGE.repository, "tag": "9.9"}}, "no image", "image"),
        ({"image": {}}, "no image", "image"),
        ({"checkpoint": None}, "Choose a checkpoint", "checkpoint"),
        ({"checkpoint": 0}, "Choose a checkpoint", "checkpoint"),
        ({"slice": {"core": 52, "memory_gib": 10}}, "steps of 5", "core"),
        ({"slice": {"core": 150}}, "only whole cards", "core"),
        ({"slice": {"core": 50}}, "memory must be given", "memory_gib"),
        ({"slice": {"core": 100, "memory_gib": 22}}, "all of their memory", "memory_gib"),
        ({"flags": ["--nonsense"]}, "does not know the flag --nonsense", "flags"),
        ({"flags": ["--medvram", "--lowvram"]}, "exclude each other", "flags"),
        ({"extra_args": ["--share"]}, "--share may not be", "extra_args"),
        ({"extra_args": ["--theme", "$(id)"]}, "may not be an extra argument", "extra_args"),
        ({"environment": {"COMMANDLINE_ARGS": "--share"}}, "COMMANDLINE_ARGS may", "variables"),
        ({"environment": {"": "x"}}, "may not be an environment variable", "variables"),
        ({"folders": ["/etc"]}, "/etc is not a model folder", "folders"),
        ({"service": {"type": "Internal"}}, "needs a subnet", "subnet_id"),
        ({"service": {"type": "Public"}}, "has to be confirmed", "public_confirmed"),
        ({"service": {"type": "NodePort"}}, "service.type", "service"),
        ({"replicas": 65}, "replicas", "replicas"),
        ({"cpu": 0}, "cpu", "cpu"),
        ({"surprise": 1}, "surprise", "surprise"),
    ],
)
def test_what_cannot_be_is_refused_with_one_sentence(
    olga, environment, version, wish, match, field
):
    refused(olga, environment, version, match, field, **wish)


@pytest.mark.parametrize(
    "name", ["", "1st", "Anime", "anime_v5", "-a", "a-", "a" * 41, "a.b", "动漫", "a\n"]
)
def test_a_name_is_one_of_kubernetes(olga, environment, version, name):
    with pytest.raises(RuleViolation) as caught:
        created(olga, environment, version, name=name)
    assert caught.value.field == "name"
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("name", ["a", "anime-v5", "a" * 40])
def test_names_that_are_fine(olga, environment, version, name):
    assert created(olga, environment, version, name=name).items.get().label == name


def test_a_name_is_taken_once_per_environment(olga, environment, version):
    make_deployment(environment, version)
    with pytest.raises(RuleViolation, match="of this name already") as caught:
        created(olga, environment, version)
    assert caught.value.field == "name"


def test_a_checkpoint_has_to_be_published(olga, environment):
    version = make_version(environment, phase=Phase.WORKING)
    refused(olga, environment, version, "not published yet", "checkpoint")


def test_a_checkpoint_of_another_environment_is_none(olga, environment):
    version = make_version(make_environment(name="other"))
    refused(olga, environment, version, "of this environment", "checkpoint")


def test_a_lora_is_no_checkpoint(olga, environment):
    version = make_version(environment, type=ModelType.LORA, name="lora")
    refused(olga, environment, version, "Choose a checkpoint", "checkpoint")


def test_an_environment_without_a_cluster_takes_none(olga):
    bare = make_environment(name="bare")
    refused(olga, bare, make_version(bare), "adopt them first", "environment")


def test_no_room_names_the_nearest_that_has(olga, environment, version):
    # Four cards of 22 GiB; two have 50 % and 12 GiB left, two are free.
    refused(
        olga,
        environment,
        version,
        r"4 of 5 replicas fit: no card has room for another 50% / 12 GiB\. .*With 10 GiB one more",
        "replicas",
        slice={"core": 50, "memory_gib": 12},
        replicas=5,
    )


def test_its_own_slices_count_as_free_when_it_changes(olga, environment, version):
    mine = [replace(POD, name=f"anime-{n}", card=n, core=100, memory_gib=22) for n in (0, 1)]
    nodes = [Found(FindingKind.NODE, NODE.name, NODE.name, NODE)]
    pods = [Found(FindingKind.POD, f"sd/{one.name}", one.name, one) for one in mine]
    stock(environment, kube=[*nodes, *pods])
    row = make_deployment(environment, version, spec={"slice": {"core": 100}, "replicas": 2})
    wish = make_wish(version, slice={"core": 50, "memory_gib": 11}, replicas=4)
    assert services.deployment_change(person=olga, row=row, wish=wish)
    with pytest.raises(RuleViolation, match="0 of 1 replicas fit"):
        created(olga, environment, version, name="other")


def test_a_slice_whose_card_nobody_told_frees_none(olga, environment, version):
    mine = replace(POD, name="anime-1", card=None, core=50, memory_gib=10)
    theirs = replace(POD, name="x-1", card=0, core=100, memory_gib=22, labels={})
    node = replace(NODE, cards=1, core_per_node=100, memory_gib_per_node=22)
    stock(
        environment,
        kube=[
            Found(FindingKind.NODE, node.name, node.name, node),
            *(Found(FindingKind.POD, f"sd/{one.name}", one.name, one) for one in (mine, theirs)),
        ],
    )
    row = make_deployment(environment, version)
    with pytest.raises(RuleViolation, match="0 of 1 replicas fit"):
        services.deployment_change(person=olga, row=row, wish=make_wish(version))


def test_scaling_to_zero_always_has_room(olga, environment, version):
    Finding.objects.filter(environment=environment, kind=FindingKind.NODE).delete()
    row = make_deployment(environment, version)
    plan = services.deployment_scale(person=olga, row=row, replicas=0)
    assert Revision.objects.get(object_id=row.pk, number=1).spec["replicas"] == 0
    assert plan.title_say.params == {"name": "anime"}


def test_a_public_balancer_is_confirmed_once_and_not_again_for_every_change(
    olga, environment, version
):
    row = make_deployment(environment, version)
    wish = make_wish(version, service={"type": "Public"})
    with pytest.raises(RuleViolation, match="has to be confirmed"):
        services.deployment_change(person=olga, row=row, wish=wish)
    assert services.deployment_change(person=olga, row=row, wish=wish, public_confirmed=True)
    Deployment.objects.update(spec={**row.spec, "service": {"type": "Public", "subnet_id": ""}})
    row.refresh_from_db()
    assert services.deployment_scale(person=olga, row=row, replicas=2)


def test_a_stale_editor_learns_what_is_there_now(olga, environment, version):
    row = make_deployment(environment, version)
    with pytest.raises(Conflict, match="what you typed is kept") as caught:
        services.deployment_change(person=olga, row=row, wish=make_wish(version), seen=0)
    assert caught.value.current == row.spec
    assert not Plan.objects.exists()


def test_an_unmoved_choice_keeps_the_pinned_digest_though_the_tag_moved(olga, environment, version):
    row = make_deployment(environment, version)
    moved = replace(IMAGE, digest="sha256:" + "cd" * 32)
    Finding.objects.filter(kind=FindingKind.IMAGE).update(data=moved.__dict__)
    services.deployment_change(person=olga, row=row, wish=make_wish(version, replicas=2))
    spec = Revision.objects.get(object_id=row.pk).spec
    assert (spec["image"]["digest"], spec["replicas"]) == (IMAGE.digest, 2)


def test_going_back_brings_the_very_image_of_then(olga, environment, version):
    row = make_deployment(environment, version)
    then = {**row.spec, "image": {**row.spec["image"], "digest": "sha256:" + "01" * 32}}
    revision = plans.revision_add(plans.kind_for(row), row, then, olga, "first")
    with pytest.raises(RuleViolation, match="no accepted revision r1"):
        services.deployment_restore(person=olga, row=row, number=1)
    Revision.objects.filter(pk=revision.pk).update(accepted_at=row.created_at)
    plan = services.deployment_restore(person=olga, row=row, number=1)
    assert plan.trigger == "rollback"
    fresh = Revision.objects.get(object_id=row.pk, number=2)
    assert fresh.spec["image"]["digest"] == "sha256:" + "01" * 32


def test_going_back_to_a_checkpoint_that_is_gone_is_refused(olga, environment, version):
    row = make_deployment(environment, version)
    plans.revision_add(plans.kind_for(row), row, {**row.spec, "checkpoint": 0}, olga, "")
    Revision.objects.update(accepted_at=row.created_at)
    with pytest.raises(RuleViolation, match="Choose a checkpoint"):
        services.deployment_restore(person=olga, row=row, number=1)


def test_a_draft_is_discarded_not_deleted_nor_scaled(olga, environment, version):
    created(olga, environment, version)
    row = Deployment.objects.get()
    with pytest.raises(RuleViolation, match="only a draft"):
        services.deployment_delete(person=olga, row=row)
    with pytest.raises(RuleViolation, match="Nothing was accepted"):
        services.deployment_scale(person=olga, row=row, replicas=2)
    with pytest.raises(RuleViolation, match="Nothing was accepted"):
        services.deployment_put_back(person=olga, row=row)


def test_what_is_being_deleted_takes_no_other_wish(olga, environment, version):
    row = make_deployment(environment, version)
    row.delete_requested_at = row.created_at
    for propose in (
        lambda: services.deployment_delete(person=olga, row=row),
        lambda: services.deployment_change(person=olga, row=row, wish=make_wish(version)),
        lambda: services.deployment_scale(person=olga, row=row, replicas=1),
        lambda: services.deployment_put_back(person=olga, row=row),
    ):
        with pytest.raises(RuleViolation, match="being deleted"):
            propose()


def test_deleting_and_putting_back_are_plans_with_their_reason(olga, environment, version):
    row = make_deployment(environment, version)
    deleting = services.deployment_delete(person=olga, row=row, reason="not needed")
    putting_back = services.deployment_put_back(person=olga, row=row)
    assert deleting.items.get().revision is None
    assert (deleting.reason, putting_back.trigger) == ("not needed", "drift")
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert verbs >= {"deployment.delete", "deployment.put_back"}


def test_the_foreign_key_follows_only_an_accepted_wish(olga, environment, version):
    row = make_deployment(environment, version)
    newer = make_version(environment, number=2)
    plan = services.deployment_change(person=olga, row=row, wish=make_wish(newer))
    row.refresh_from_db()
    assert row.checkpoint == version
    Plan.objects.filter(pk=plan.pk).update(status="ready")
    plans.plan_apply(Plan.objects.get(pk=plan.pk), olga)
    row.refresh_from_db()
    assert (row.checkpoint, row.spec["checkpoint"]) == (newer, newer.pk)


def test_a_plan_whose_checkpoint_was_removed_cannot_be_applied(olga, environment, version):
    row = make_deployment(environment, version)
    newer = make_version(environment, number=2)
    plan = services.deployment_change(person=olga, row=row, wish=make_wish(newer))
    newer.delete()
    Plan.objects.filter(pk=plan.pk).update(status="ready")
    with pytest.raises(RuleViolation, match="removed meanwhile"):
        plans.plan_apply(Plan.objects.get(pk=plan.pk), olga)
    row.refresh_from_db()
    assert (row.checkpoint, row.generation) == (version, 1)
