"""Objects with our mark that are nobody's, in a real cluster and at a real gateway."""

import pytest

from apps.audit.models import Event
from apps.console import orphans
from apps.console.models import Orphan
from apps.core import plans, reconcile
from apps.core.models import Plan, PlanStatus
from apps.deployments.manifests import OWNER_LABEL
from apps.environments.clients import access_for
from cloud import tse, tse_routes, tse_services
from cloud.types import RouteSpec, ServiceSpec
from tests.cast import signed_in
from tests.deployments.factories import make_deployment, make_version
from tests.stack import settle

pytestmark = pytest.mark.django_db


def service(namespace, name, owner="4242", managed_by="sd-console"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": managed_by,
                "app.kubernetes.io/instance": "gone",
                OWNER_LABEL: owner,
            },
        },
        "spec": {"ports": [{"port": 7860}]},
    }


@pytest.fixture
def orphan(stacked, kube):
    kube.apply(service(stacked.namespace, "left-over"))
    orphans.look_everywhere()
    return Orphan.objects.get(name="left-over")


def test_what_carries_our_mark_and_is_nobodys_is_found_and_nothing_is_touched(stacked, kube, olga):
    mine = make_deployment(stacked, make_version(stacked), name="mine")
    kube.apply(service(stacked.namespace, "left-over"))
    kube.apply(service(stacked.namespace, "mine", owner=str(mine.pk)))
    kube.apply(service(stacked.namespace, "foreign", managed_by="helm"))
    orphans.look_everywhere()
    (found,) = Orphan.objects.all()
    assert (found.object_kind, found.name, found.facts["instance"]) == (
        "Service",
        "left-over",
        "gone",
    )
    names = {item["metadata"]["name"] for item in kube.list("v1", "services", "sd").items}
    assert {"left-over", "mine", "foreign"} <= names
    shown = signed_in(olga).get("/orphans/").content.decode()
    assert "left-over" in shown and "foreign" not in shown


def test_looking_again_keeps_when_it_was_found_and_forgets_what_is_gone(orphan, stacked, kube):
    orphans.look_everywhere()
    again = Orphan.objects.get()
    assert (again.found_at, again.seen_at > orphan.seen_at) == (orphan.found_at, True)
    kube.delete(service(stacked.namespace, "left-over"))
    orphans.look_everywhere()
    assert not Orphan.objects.exists()


def test_an_environment_that_cannot_be_read_keeps_what_was_found(orphan, stacked):
    type(stacked).objects.update(kubeconfig=stacked.kubeconfig.replace(":6443", ":6444"))
    orphans.look_everywhere()
    assert Orphan.objects.filter(pk=orphan.pk).exists()


def test_deleting_takes_its_name_and_a_plan(orphan, olga, vic, kube, stacked):
    client = signed_in(olga)
    at = f"/orphans/{orphan.pk}/delete/"
    assert signed_in(vic).post(at, {"typed": "left-over"}).status_code == 403
    assert client.post(at, {"typed": "left"}).status_code == 422
    assert not Plan.objects.exists()
    client.post(at, {"typed": "left-over"})
    plan = Plan.objects.get()
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    (change,) = plan.items.get().change_list
    assert (plan.status, change.op, change.destructive) == (PlanStatus.READY, "delete", True)
    assert kube.get("v1", "services", "left-over", stacked.namespace) is not None
    plans.plan_apply(plan, olga)
    settle(orphan)
    assert kube.get("v1", "services", "left-over", stacked.namespace) is None
    assert not Orphan.objects.exists()
    assert Event.objects.filter(verb="orphan.delete", actor=olga).exists()


def test_discarding_the_plan_keeps_both_row_and_object(orphan, olga, kube, stacked):
    signed_in(olga).post(f"/orphans/{orphan.pk}/delete/", {"typed": "left-over"})
    plan = Plan.objects.get()
    plans.plan_compute(plan.pk)
    plans.plan_discard(plan, olga)
    assert Orphan.objects.filter(pk=orphan.pk).exists()
    assert kube.get("v1", "services", "left-over", stacked.namespace) is not None


def test_one_of_its_name_made_meanwhile_is_left_alone(orphan, olga, kube, stacked):
    signed_in(olga).post(f"/orphans/{orphan.pk}/delete/", {"typed": "left-over"})
    plan = Plan.objects.get()
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    plans.plan_apply(plan, olga)
    kube.delete(service(stacked.namespace, "left-over"))
    kube.apply(service(stacked.namespace, "left-over", managed_by="helm"))
    reconcile.run("orphan", orphan.pk)
    assert kube.get("v1", "services", "left-over", stacked.namespace) is not None
    assert not Orphan.objects.exists()


def test_what_became_somebodys_is_not_deleted(orphan, olga, kube, stacked):
    mine = make_deployment(stacked, make_version(stacked), name="mine")
    signed_in(olga).post(f"/orphans/{orphan.pk}/delete/", {"typed": "left-over"})
    kube.apply(service(stacked.namespace, "left-over", owner=str(mine.pk)), force=True)
    plan = Plan.objects.get()
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.FAILED
    assert kube.get("v1", "services", "left-over", stacked.namespace) is not None


def test_at_a_gateway_the_name_is_the_mark(stacked, olga):
    access, gateway = access_for(stacked), stacked.gateway_id
    if not tse.sources(access, gateway):
        tse.source_create(access, gateway, stacked.cluster_id, "by-hand")
    spec = ServiceSpec(
        name="sdc-demo-old",
        source_id=tse.sources(access, gateway)[0].id,
        namespace=stacked.namespace,
        service_name="old",
        port=7860,
    )
    made = tse_services.service_create(access, gateway, spec)
    tse_routes.route_create(access, gateway, RouteSpec("sdc-demo-old", made.id, paths=("/old",)))
    tse_routes.route_create(access, gateway, RouteSpec("theirs", made.id, paths=("/theirs",)))
    try:
        orphans.look_everywhere()
        found = Orphan.objects.filter(namespace=gateway).order_by("object_kind")
        assert [(one.object_kind, one.name) for one in found] == [
            ("Gateway service", "sdc-demo-old"),
            ("Route", "sdc-demo-old"),
        ]
        route = found.get(object_kind="Route")
        signed_in(olga).post(f"/orphans/{route.pk}/delete/", {"typed": route.name})
        plan = Plan.objects.get()
        plans.plan_compute(plan.pk)
        plan.refresh_from_db()
        plans.plan_apply(plan, olga)
        settle(route)
        assert [one.spec.name for one in tse_routes.routes(access, gateway)] == ["theirs"]
    finally:
        for one in tse_routes.routes(access, gateway):
            tse_routes.route_delete(access, gateway, one.id)
        tse_services.service_delete(access, gateway, made.id)
