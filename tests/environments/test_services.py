"""Making, adopting and changing environments."""

from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.audit.models import Event
from apps.core import plans
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import PlanStatus
from apps.environments import services
from apps.environments.choices import Choice
from apps.environments.discovery import Found
from apps.environments.models import Environment, Finding, FindingKind, Preparation, Reading
from apps.environments.products import Product
from tests.environments.factories import (
    BUCKET,
    CLUSTER,
    FILES,
    GATEWAY,
    REGISTRY,
    make_adopted,
    make_environment,
    stock,
)

pytestmark = pytest.mark.django_db

EVERYTHING = Choice(CLUSTER.id, FILES.id, REGISTRY.id, GATEWAY.id, BUCKET.name)


def create(person, **overrides):
    values = {
        "name": "prod-gz",
        "region": "ap-guangzhou",
        "secret_id": "AKIDxxxxxxxxxxxxxxxx",
        "secret_key": "top-secret-key-0001",
    }
    return services.environment_create(person=person, **{**values, **overrides})


@pytest.fixture
def found():
    environment = make_environment()
    stock(environment)
    return environment


def test_a_new_environment_is_read_at_once(olga):
    environment = create(olga)
    due = Reading.objects.filter(environment=environment, due_at__isnull=False)
    assert {reading.product for reading in due} == {product.value for product in Product}
    assert all(reading.awaited for reading in due)


def test_the_secret_is_ciphertext_in_the_database_and_absent_from_the_record(olga):
    create(olga)
    with connection.cursor() as cursor:
        cursor.execute("select secret_key from environments_environment")
        stored = cursor.fetchone()[0]
    assert "top-secret" not in stored
    assert Environment.objects.get().secret_key == "top-secret-key-0001"
    assert "top-secret" not in str(Event.objects.get(verb="environment.create").after)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Prod_GZ"),
        ("name", "-a"),
        ("region", "guangzhou"),
        ("secret_id", "short"),
        ("secret_key", "with space in it"),
        ("api_endpoint", "https://evil.example"),
        ("api_endpoint", "user@host:1"),
        ("cos_endpoint", "host/path"),
        ("api_scheme", "file"),
        ("namespace", "kube-system"),
        ("namespace", "Has_Caps"),
    ],
)
def test_ill_formed_input_names_its_field(olga, field, value):
    with pytest.raises(ValidationError) as refusal:
        create(olga, **{field: value})
    assert field in refusal.value.message_dict


def test_a_taken_name_is_refused(olga, found):
    with pytest.raises(RuleViolation) as refusal:
        create(olga, name="demo")
    assert refusal.value.field == "name"


def test_production_asks_for_a_second_person_unless_an_administrator_says_otherwise(olga, root):
    assert create(olga, stage="prod").policy == "four-eyes"
    with pytest.raises(RuleViolation):
        create(olga, name="other", stage="prod", policy="auto")
    assert create(root, name="third", stage="prod", policy="auto").policy == "auto"


def test_adopting_fills_in_what_stands_beside_the_ids(olga, found):
    plan = services.environment_adopt(environment=found, person=olga, choice=EVERYTHING)
    found.refresh_from_db()
    assert found.cfs_mount_ip == FILES.mount_ip
    assert found.cfs_fsid == FILES.fsid
    assert found.tcr_domain == REGISTRY.domain
    assert found.gateway_address == GATEWAY.address
    assert found.vpc_id == CLUSTER.vpc_id
    assert found.callback_token
    assert plan.policy == "confirm"
    assert Event.objects.filter(verb="environment.adopt").count() == 1
    spec = Preparation.objects.get(environment=found)
    assert spec.revision == 0, "nothing is wished before the plan is accepted"


def test_adopting_the_same_again_makes_no_second_plan(olga, found):
    plan = services.environment_adopt(environment=found, person=olga, choice=EVERYTHING)
    type(plan).objects.filter(pk=plan.pk).update(status=PlanStatus.READY)
    plans.plan_apply(plan, olga)
    assert services.environment_adopt(environment=found, person=olga, choice=EVERYTHING) is None


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        (Choice(), "cluster_id"),
        (replace(EVERYTHING, cluster_id="cls-unknown1"), "cluster_id"),
        (replace(EVERYTHING, namespace="kube-system"), "namespace"),
        (replace(EVERYTHING, bucket=CLUSTER.id), "bucket"),
    ],
)
def test_what_was_not_found_cannot_be_adopted(olga, found, choice, field):
    with pytest.raises(RuleViolation) as refusal:
        services.environment_adopt(environment=found, person=olga, choice=choice)
    assert refusal.value.field == field


def test_a_disk_in_another_vpc_is_refused_with_both_names(olga, found):
    far = replace(FILES, vpc_id="vpc-far00001")
    stock(found, cfs=[Found(FindingKind.FILE_SYSTEM, far.id, far.name, far)])
    with pytest.raises(RuleViolation) as refusal:
        services.environment_adopt(environment=found, person=olga, choice=EVERYTHING)
    assert refusal.value.field == "cfs_id"
    assert "vpc-far00001" in refusal.value.message
    assert CLUSTER.vpc_id in refusal.value.message


def test_a_disk_without_a_mount_target_is_refused(olga, found):
    bare = replace(FILES, mount_state="creating")
    stock(found, cfs=[Found(FindingKind.FILE_SYSTEM, bare.id, bare.name, bare)])
    with pytest.raises(RuleViolation) as refusal:
        services.environment_adopt(environment=found, person=olga, choice=EVERYTHING)
    assert refusal.value.field == "cfs_id"


def test_a_bucket_of_another_region_is_refused(olga, found):
    far = replace(BUCKET, region="ap-shanghai")
    stock(found, cos=[Found(FindingKind.BUCKET, far.name, far.name, far)])
    with pytest.raises(RuleViolation) as refusal:
        services.environment_adopt(environment=found, person=olga, choice=EVERYTHING)
    assert refusal.value.field == "bucket"


def test_another_cluster_takes_its_kubeconfig_with_it(olga):
    environment = make_adopted(kubeconfig="clusters: []")
    other = replace(CLUSTER, id="cls-other001")
    Finding.objects.filter(kind=FindingKind.CLUSTER).update(external_id=other.id, name=other.id)
    Finding.objects.filter(kind=FindingKind.CLUSTER).update(data={**vars(other)})
    services.environment_adopt(
        environment=environment, person=olga, choice=replace(EVERYTHING, cluster_id=other.id)
    )
    environment.refresh_from_db()
    assert environment.kubeconfig == ""


def test_two_people_do_not_overwrite_each_other(olga, root):
    environment = make_adopted()
    seen = environment.updated_at
    services.environment_update(environment=environment, person=root, seen=seen, biz_type="a")
    with pytest.raises(Conflict):
        services.environment_update(environment=environment, person=olga, seen=seen, biz_type="b")
    assert Environment.objects.get().biz_type == "a"


def test_an_operator_does_not_lower_the_bar_for_plans(olga):
    environment = make_adopted(stage="prod", policy="four-eyes")
    with pytest.raises(RuleViolation) as refusal:
        services.environment_update(environment=environment, person=olga, policy="auto")
    assert refusal.value.field == "policy"


def test_a_new_key_drops_the_fetched_kubeconfig_and_keeps_a_pasted_one(olga):
    fetched = make_adopted(kubeconfig="clusters: []")
    pasted = make_adopted(name="b", kubeconfig="clusters: [b]", kubeconfig_pasted=True)
    for environment in (fetched, pasted):
        services.environment_credentials(
            environment=environment,
            person=olga,
            secret_id="AKIDyyyyyyyyyyyyyyyy",
            secret_key="another-secret-0002",
        )
        environment.refresh_from_db()
        assert environment.secret_key == "another-secret-0002"
    assert fetched.kubeconfig == ""
    assert pasted.kubeconfig == "clusters: [b]"
    told = str([(one.before, one.after) for one in Event.objects.all()])
    assert "another-secret" not in told
    assert "top-secret" not in told


def test_asking_twice_reads_once(olga):
    environment = make_adopted()
    assert services.refresh_request(environment=environment) == len(Product)
    assert services.refresh_request(environment=environment) == 0
