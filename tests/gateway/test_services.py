"""What people may ask for at the gateway, and what is refused before any call."""

import pytest

from apps.audit.models import Event
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan, PlanStatus, Revision
from apps.environments.models import Finding, FindingKind
from apps.gateway import selectors, services
from apps.gateway.models import GatewayService, Route, ServiceSource
from tests import factories
from tests.environments.factories import GATEWAY

pytestmark = pytest.mark.django_db
IP = "127.9.1.1"


def make_anime(**spec):
    row = factories.make_deployment(name="anime")
    row.spec = {**row.spec, "replicas": 2, **spec}
    row.save()
    return row


@pytest.fixture
def anime(db):
    return make_anime()


def publish(person, deployment, name="anime", service=None, **route):
    return services.deployment_publish(
        person=person,
        deployment=deployment,
        name=name,
        route={"hosts": [IP], "paths": ["/"], **route},
        service=service,
    )


def drafted(row, kind):
    return Revision.objects.filter(kind=kind, object_id=row.pk).latest("number").spec


def test_publishing_drafts_three_rows_in_order_and_is_recorded(anime, olga):
    plan = publish(olga, anime)
    assert [item.kind for item in plan.items.all()] == [
        "gateway-source",
        "gateway-service",
        "gateway-route",
    ]
    service = GatewayService.objects.get()
    assert (service.external_name, service.source) == (
        "sdc-demo-anime",
        ServiceSource.objects.get(),
    )
    assert drafted(service, "gateway-service")["hash_on"] == "ip"
    assert Event.objects.filter(verb="gateway-route.create", actor=olga).exists()


def test_a_second_route_plans_only_itself(anime, olga):
    service = factories.make_gateway_service(
        deployment=anime, spec=sticky_wish(anime), name="anime"
    )
    plan = publish(olga, anime, name="second", hosts=["sd.example.com"])
    assert [item.label for item in plan.items.all()] == ["second"]
    assert Route.objects.get(name="second").service == service


def sticky_wish(deployment):
    return {
        "namespace": "sd",
        "kube_service": deployment.service_name,
        "port": 7860,
        "protocol": "http",
        "timeout_ms": 600_000,
        "retries": 1,
        "algorithm": "round-robin",
        "hash_on": "ip",
    }


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"service": {"hash_on": "none"}}, "hash_on", "choose stickiness"),
        ({"service": {"timeout_ms": 10}}, "timeout_ms", "at least 1 second"),
        ({"service": {"retries": -1}}, "retries", "between 0 and 10"),
        ({"service": {"algorithm": "random"}}, "algorithm", "not right"),
        ({"hosts": ["10.0.0.9"]}, "hosts", "not the address of this gateway"),
        ({"hosts": ["http://x"]}, "hosts", "not a host name"),
        ({"paths": ["x"]}, "paths", "not a path"),
        ({"methods": ["FETCH"]}, "methods", "not right"),
        ({"limit": {"thresholds": [{"unit": "minute", "max": 0}]}}, "limit", "at least 1"),
        ({"limit": {"thresholds": []}}, "limit", "at least one threshold"),
        ({"limit": {"thresholds": [{"unit": "week", "max": 1}]}}, "limit", "not right"),
        ({"name": "Anime!"}, "name", "Lower-case"),
    ],
)
def test_bad_wishes_are_refused_in_one_sentence_and_nothing_is_kept(
    anime, olga, given, field, says
):
    with pytest.raises(RuleViolation, match=says) as refused:
        publish(olga, anime, **given)
    assert refused.value.field == field
    assert not (Plan.objects.exists() or Route.objects.exists() or GatewayService.objects.exists())
    assert not ServiceSource.objects.exists()


def test_without_its_page_a_deployment_may_go_without_stickiness(olga):
    quiet = make_anime(flags=["--api", "--nowebui"])
    publish(olga, quiet, service={"hash_on": "none"})
    assert drafted(GatewayService.objects.get(), "gateway-service")["hash_on"] == "none"


def test_a_route_for_the_same_requests_is_refused_also_while_it_is_a_draft(anime, olga):
    publish(olga, anime)
    with pytest.raises(RuleViolation, match="Route anime of this gateway"):
        publish(olga, anime, name="second", methods=["GET"])
    publish(olga, anime, name="third", hosts=["sd.example.com"])


def test_a_name_that_somebody_has_is_refused(anime, olga):
    publish(olga, anime)
    with pytest.raises(RuleViolation, match="is taken"):
        publish(olga, anime, hosts=["sd.example.com"])


def test_a_draft_or_leaving_deployment_and_a_gateway_not_running_are_refused(anime, olga):
    draft = factories.make_deployment(name="draft", revision=0, generation=0, observed_generation=0)
    with pytest.raises(RuleViolation, match="only a draft"):
        publish(olga, draft)
    gateway = Finding.objects.get(kind=FindingKind.GATEWAY, external_id=GATEWAY.id)
    gateway.data["state"] = "UpdatingSpec"
    gateway.save()
    with pytest.raises(RuleViolation, match="is UpdatingSpec, not running"):
        publish(olga, anime)
    gateway.delete()
    with pytest.raises(RuleViolation, match="has no gateway"):
        publish(olga, anime)


def test_an_old_edit_is_a_conflict(anime, olga):
    route = factories.make_route(service=factories.make_gateway_service(deployment=anime))
    with pytest.raises(Conflict):
        services.route_change(person=olga, row=route, changes={"paths": ["/x"]}, seen=0)


def test_changing_keeps_what_was_not_named_and_refuses_a_clash(anime, olga):
    service = factories.make_gateway_service(deployment=anime)
    route = factories.make_route(service=service, name="one")
    factories.make_route(service=service, name="two")
    limit = {"thresholds": [{"unit": "minute", "max": 5}]}
    services.route_change(person=olga, row=route, changes={"limit": limit})
    wish = drafted(route, "gateway-route")
    assert (wish["paths"], wish["limit"]["thresholds"][0]["max"]) == (["/one"], 5)
    with pytest.raises(RuleViolation, match="Route two"):
        services.route_change(person=olga, row=route, changes={"paths": ["/two"]})


def test_a_service_cannot_lose_stickiness_it_needs(anime, olga):
    service = factories.make_gateway_service(deployment=anime, spec=sticky_wish(anime))
    with pytest.raises(RuleViolation, match="choose stickiness"):
        services.service_change(person=olga, row=service, changes={"hash_on": "none"})


def test_the_last_route_takes_service_and_source_but_drafts_hold_them(anime, olga):
    service = factories.make_gateway_service(deployment=anime, spec=sticky_wish(anime))
    route = factories.make_route(service=service, name="one")
    plan = services.route_delete(person=olga, row=route)
    assert [item.kind for item in plan.items.all()] == [
        "gateway-route",
        "gateway-service",
        "gateway-source",
    ]
    factories.make_route(service=service, name="two")
    plan = services.route_delete(person=olga, row=route)
    assert [item.label for item in plan.items.all()] == ["one"]


def test_a_source_that_another_service_uses_stays(anime, olga):
    service = factories.make_gateway_service(deployment=anime)
    factories.make_route(service=service, name="one")
    factories.make_gateway_service(source=service.source)
    plan = services.service_delete(person=olga, row=service)
    assert [item.kind for item in plan.items.all()] == ["gateway-route", "gateway-service"]


def test_what_is_only_drafted_or_leaving_cannot_be_changed(anime, olga):
    publish(olga, anime)
    with pytest.raises(RuleViolation, match="only a draft"):
        services.route_delete(person=olga, row=Route.objects.get())
    row = factories.make_route(name="leaving", delete_requested_at="2026-01-01T00:00:00Z")
    row.refresh_from_db()
    with pytest.raises(RuleViolation, match="being deleted"):
        services.route_change(person=olga, row=row, changes={})


def test_a_discarded_plan_takes_its_drafts_along(anime, olga):
    from apps.core import plans

    plan = publish(olga, anime)
    Plan.objects.update(status=PlanStatus.READY)
    plan.refresh_from_db()
    plans.plan_discard(plan, olga)
    assert not (Route.objects.exists() or GatewayService.objects.exists())
    assert not ServiceSource.objects.exists()


# ---- the way in, for the apps above --------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "host"),
    [
        ({"hosts": [IP], "paths": ["/"]}, IP),
        ({"hosts": ["*.example.com", "sd.example.com"], "paths": ["/"]}, "sd.example.com"),
        ({"hosts": ["*.example.com"], "paths": ["/sdapi"]}, "anime.example.com"),
        ({"hosts": [], "paths": ["/"]}, "GATEWAY"),
    ],
)
def test_the_entrance_is_a_ready_route_that_takes_requests_for_pictures(anime, wish, host):
    service = factories.make_gateway_service(deployment=anime)
    factories.make_route(service=service, spec={"paths": ["/docs"]})
    assert selectors.entrance(anime) is None
    factories.make_route(service=service, spec=wish)
    address = anime.environment.gateway_address
    found = selectors.entrance(anime)
    assert found == selectors.Entrance(
        f"http://{address}", address.partition(":")[0] if host == "GATEWAY" else host
    )


def test_a_route_that_is_not_ready_is_no_entrance(anime):
    service = factories.make_gateway_service(deployment=anime)
    factories.make_route(service=service, spec={"paths": ["/"]}, phase="blocked")
    assert selectors.entrance(anime) is None
