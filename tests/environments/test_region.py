"""Against a real region: discovery, adoption and preparation over the wire."""

import json
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.utils import timezone

from apps.core import plans
from apps.core import reconcile as loop
from apps.core.models import Intent, IntentState, PlanStatus
from apps.core.phases import Phase
from apps.environments import readings, selectors, services
from apps.environments.choices import Choice
from apps.environments.clients import cos_for, kube_for
from apps.environments.models import Environment, Finding, FindingKind, Preparation, Reading
from apps.environments.plan import RULE_ID
from apps.environments.products import Product
from cloud.types import CorsRule
from tests.environments.conftest import DENIED

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoints(region_endpoints):
    return json.loads(region_endpoints.read_text())


@pytest.fixture
def seeded(region_endpoints):
    call_command("seed_environment", endpoints=region_endpoints, stdout=StringIO())
    return Environment.objects.get(name="demo")


def made(endpoints, person, **overrides):
    values = {
        "name": "fresh",
        "region": endpoints["region"],
        "secret_id": endpoints["secret_id"],
        "secret_key": endpoints["secret_key"],
        "api_endpoint": endpoints["api"],
        "api_scheme": "http",
        "cos_endpoint": endpoints["cos"],
        "cos_scheme": "http",
    }
    return services.environment_create(person=person, **{**values, **overrides})


def errors_of(environment):
    return {
        one.product: (one.error_code, one.permanent)
        for one in Reading.objects.filter(environment=environment).exclude(error={})
    }


def test_seeding_adopts_what_the_region_holds(seeded, endpoints):
    assert seeded.cluster_id.startswith("cls-")
    assert seeded.cfs_id.startswith("cfs-")
    assert seeded.cfs_mount_ip
    assert seeded.cfs_fsid
    assert seeded.cfs_mount_path == f"{endpoints['cfs_root']}/{seeded.cfs_id}"
    assert seeded.tcr_domain
    assert ":" in seeded.gateway_address
    assert seeded.bucket
    assert seeded.kubeconfig
    assert [node.cards for node in selectors.nodes(seeded)] == [2, 2]
    assert {addon.name for addon in selectors.addons(seeded)} >= {"qgpu", "cfs", "cos"}
    assert all(image.digest.startswith("sha256:") for image in selectors.images(seeded))
    assert {one.state for one in selectors.health_of([seeded])[seeded.pk]} == {"ok"}


def test_seeding_makes_the_namespace_and_the_cors_rule_with_closed_intents(seeded):
    row = Preparation.objects.get(environment=seeded)
    assert row.phase == Phase.READY
    assert kube_for(seeded).get("v1", "namespaces", "sd") is not None
    assert RULE_ID in {rule.id for rule in cos_for(seeded).cors_get()}
    assert {intent.state for intent in Intent.objects.all()} <= {IntentState.OK}


def test_seeding_twice_changes_nothing(seeded, region_endpoints):
    plans_before = Preparation.objects.get().revision
    call_command("seed_environment", endpoints=region_endpoints, stdout=StringIO())
    assert Environment.objects.count() == 1
    assert Preparation.objects.get().revision == plans_before


def test_a_rule_of_others_survives_ours(seeded):
    theirs = CorsRule(("https://shop.example",), ("GET",), id="shop")
    cos = cos_for(seeded)
    cos.cors_put([theirs])
    row = Preparation.objects.get(environment=seeded)
    loop.run("preparation", row.pk)
    row.refresh_from_db()
    assert row.drift, "somebody took our rule away: shown, not put back by itself"
    assert {rule.id for rule in cos.cors_get()} == {"shop"}
    plan = plans.plan_open(
        title=row.message_say,
        scope=seeded.name,
        policy="auto",
        author=None,
        drafts=[plans.Draft(row, row.spec)],
    )
    plans.plan_compute(plan.pk)
    loop.run("preparation", row.pk)
    assert {rule.id for rule in cos.cors_get()} == {"shop", RULE_ID}


def test_a_plan_waits_for_confirmation_before_anything_is_made(endpoints, olga):
    environment = made(endpoints, olga, namespace="sd-confirm")
    readings.look_at_due(environment.pk)
    cluster = Finding.objects.get(environment=environment, kind=FindingKind.CLUSTER)
    plan = services.environment_adopt(
        environment=environment,
        person=olga,
        choice=Choice(cluster_id=cluster.external_id, namespace="sd-confirm"),
    )
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.READY
    environment.refresh_from_db()
    assert kube_for(environment).get("v1", "namespaces", "sd-confirm") is None
    plans.plan_apply(plan, olga)
    loop.run("preparation", environment.preparation.pk)
    assert kube_for(environment).get("v1", "namespaces", "sd-confirm") is not None


def test_a_wrong_key_is_told_once_and_not_tried_again(endpoints, olga):
    environment = made(endpoints, olga, secret_key="x" * 32)
    readings.look_at_due(environment.pk)
    found = errors_of(environment)
    assert found["sts"] == ("AuthFailure.SignatureFailure", True)
    assert all(permanent for _code, permanent in found.values())
    assert readings.look_at_due(environment.pk) == 0


def test_a_missing_permission_is_named_and_hides_nothing_else(endpoints, region_endpoints, olga):
    limited = json.loads((region_endpoints.parent / "limited.json").read_text())
    environment = made(endpoints, olga, **limited)
    readings.look_at_due(environment.pk)
    failed = Reading.objects.get(environment=environment, product=Product.TSE)
    assert DENIED in str(failed.remedy_say)
    assert failed.request_id
    assert set(errors_of(environment)) == {"tse"}
    assert Finding.objects.filter(environment=environment, kind=FindingKind.CLUSTER).exists()


def test_an_unknown_region_says_so(endpoints, olga):
    environment = made(endpoints, olga, region="ap-nowhere")
    readings.look_at_due(environment.pk)
    failed = Reading.objects.get(environment=environment, product=Product.TKE)
    assert "does not know this region" in str(failed.error_say)
    assert failed.permanent


def test_a_service_that_is_away_is_tried_again(endpoints, olga):
    environment = made(endpoints, olga, api_endpoint="127.0.0.1:9")
    readings.look_at_due(environment.pk)
    failed = Reading.objects.get(environment=environment, product=Product.TKE)
    assert not failed.permanent
    assert failed.due_at > timezone.now()
    assert Finding.objects.filter(environment=environment, kind=FindingKind.BUCKET).exists()


def test_a_kubeconfig_the_cluster_refuses_is_fetched_once_more(seeded):
    stale = seeded.kubeconfig
    broken = without_certificate(stale)
    Environment.objects.filter(pk=seeded.pk).update(kubeconfig=broken)
    readings.ask_again(seeded, [Product.KUBE])
    readings.look_at_due(seeded.pk)
    seeded.refresh_from_db()
    assert errors_of(seeded) == {}
    assert seeded.kubeconfig != broken


def without_certificate(kubeconfig):
    document = yaml.safe_load(kubeconfig)
    document["users"][0]["user"] = {"token": "nobody"}
    return yaml.safe_dump(document)
