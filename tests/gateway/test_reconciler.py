"""Publishing over a real sandbox: what the gateway holds, and what requests through it meet."""

from __future__ import annotations

import pytest
import requests

from apps.core import plans
from apps.core.phases import Phase
from apps.deployments.models import Deployment
from apps.gateway import selectors, services
from apps.gateway.models import GatewayService, Route, ServiceSource
from cloud import kong, tse, tse_routes, tse_rules, tse_services
from cloud.types import RouteSpec, ServiceSpec, Target
from tests.gateway.conftest import (
    adopted,
    ask,
    carry_out,
    computed,
    deployed,
    empty,
    look,
    told,
)

pytestmark = pytest.mark.django_db

BUSY = "排队人数较多，请稍后再试。"
LIMIT = {
    "thresholds": [{"unit": "hour", "max": 500}, {"unit": "minute", "max": 3}],
    "limit_by": "ip",
    "response": {
        "status": 429,
        "body": BUSY,
        "headers": [{"name": "Content-Type", "value": "text/plain; charset=utf-8"}],
    },
}


@pytest.fixture
def access(environment):
    return environment.access()


@pytest.fixture
def gateway_id(environment):
    return environment.gateway_id


@pytest.fixture
def published(anime, olga):
    return publish(anime, olga)


def publish(deployment, person, name="anime", limit=LIMIT, **service):
    environment = deployment.environment
    route = {"hosts": [selectors.gateway_ip(environment)], "paths": ["/"], "limit": limit}
    plan = services.deployment_publish(
        person=person, deployment=deployment, name=name, route=route, service=service
    )
    run = carry_out(plan, person)
    assert run.status == "succeeded", told(run)
    return Route.objects.select_related("service__deployment", "environment").get(name=name)


def hash_key(access, gateway_id, service):
    upstream = tse_services.upstream(access, gateway_id, service.external_name)
    (console,) = tse.consoles(access, gateway_id)
    return kong.upstream_get(kong.console_for(console), upstream.name).hash_on


def mark_pods(service):
    """Give each pod behind the service an option of its own, to be told apart by."""
    service.refresh_from_db()
    for host, port, _healthy in service.observed["pods"]:
        requests.post(
            f"http://{host}:{port}/sdapi/v1/options",
            json={"outdir_samples": host},
            timeout=10,
            proxies={"http": ""},
        ).raise_for_status()


def pods_reached(environment, client, times=6):
    answers = [ask(environment, "/sdapi/v1/options", client=client) for _ in range(times)]
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    return {answer.json()["outdir_samples"] for answer in answers}


# ---- publishing ---------------------------------------------------------------------------------


def test_one_plan_shows_source_service_stickiness_route_and_limit_in_order(anime, olga):
    plan = services.deployment_publish(
        person=olga,
        deployment=anime,
        name="anime",
        route={"hosts": [], "paths": ["/"], "limit": LIMIT},
    )
    computed(plan)
    changes = [change for item in plan.items.all() for change in item.change_list]
    assert [(change.sign, change.object_kind, change.name) for change in changes] == [
        ("+", "Service source", "sdc-demo"),
        ("+", "Gateway service", "sdc-demo-anime"),
        ("~", "Stickiness", "sdc-demo-anime"),
        ("+", "Route", "sdc-demo-anime"),
        ("+", "Rate limit", "sdc-demo-anime"),
    ]
    (note,) = changes[-1].notes
    assert "2 gateway nodes" in str(note) and "1000 per hour" not in str(note)
    assert not tse_routes.routes(anime.environment.access(), anime.environment.gateway_id)


def test_publishing_makes_what_the_plan_said_and_requests_arrive(published, access, gateway_id):
    environment, service = published.environment, published.service
    assert [one.name for one in tse.sources(access, gateway_id)] == ["sdc-demo"]
    live = tse_services.service(access, gateway_id, "sdc-demo-anime")
    assert live.spec.service_name == "anime" and live.spec.port == 7860
    assert live.spec.timeout_ms == 600_000 and len(live.targets) == 2
    assert hash_key(access, gateway_id, service) == "ip"
    route = tse_routes.route(access, gateway_id, "sdc-demo-anime")
    assert route.spec.methods == ("ANY",)
    assert (route.spec.strip_path, route.spec.response_buffering) == (False, False)
    assert published.external_id == route.id
    assert ask(environment).status_code == 200
    assert selectors.entrance(service.deployment) == selectors.Entrance(
        f"http://{environment.gateway_address}", selectors.gateway_ip(environment)
    )


def test_the_limit_refuses_with_our_words_and_each_client_for_itself(published):
    environment = published.environment
    # 3 a minute on each of 2 nodes: somewhere from the 4th to the 7th the answer is ours.
    answers = [ask(environment, client=7) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].content.decode() == BUSY
    assert refused[0].headers["Content-Type"] == "text/plain; charset=utf-8"
    assert ask(environment, client=8).status_code == 200


def test_a_client_keeps_its_pod_and_clients_spread_over_the_pods(anime, olga):
    route = publish(anime, olga, limit=None)
    mark_pods(route.service)
    reached = [pods_reached(anime.environment, client) for client in range(10, 26)]
    assert all(len(pods) == 1 for pods in reached)
    assert len(set.union(*reached)) == 2


def test_looking_again_writes_nothing(published, access, gateway_id):
    from apps.core.models import Intent

    before = Intent.objects.count()
    for row in (published, published.service, published.service.source):
        look(row)
        assert (row.phase, row.drift) == (Phase.READY, [])
    assert Intent.objects.count() == before


# ---- stickiness ---------------------------------------------------------------------------------


def test_stickiness_lost_with_a_change_made_elsewhere_is_put_back(
    published, access, gateway_id, olga
):
    service = published.service
    live = tse_services.service(access, gateway_id, service.external_name)
    tse_services.service_modify(access, gateway_id, live.id, live.spec)
    assert hash_key(access, gateway_id, service) == "none"
    look(service)
    assert hash_key(access, gateway_id, service) == "ip"
    assert (service.phase, service.drift) == (Phase.READY, [])
    assert service.hash_restored_at is not None


def test_another_change_made_elsewhere_is_shown_and_left_to_a_person(
    published, access, gateway_id, olga
):
    from dataclasses import replace

    service = published.service
    live = tse_services.service(access, gateway_id, service.external_name)
    tse_services.service_modify(access, gateway_id, live.id, replace(live.spec, timeout_ms=5000))
    look(service)
    assert hash_key(access, gateway_id, service) == "ip"
    (drift,) = selectors.drift(service)
    assert [(line.path, line.old, line.new) for line in drift.fields] == [
        ("Timeout", 5000, 600_000)
    ]
    carry_out(services.put_back(person=olga, row=service), olga)
    assert tse_services.service(access, gateway_id, live.id).spec.timeout_ms == 600_000
    assert hash_key(access, gateway_id, service) == "ip"


def test_our_own_change_keeps_stickiness(published, access, gateway_id, olga):
    service = published.service
    plan = services.service_change(person=olga, row=service, changes={"timeout_ms": 90_000})
    run = carry_out(plan, olga)
    assert run.status == "succeeded", told(run)
    assert tse_services.service(access, gateway_id, service.external_name).spec.timeout_ms == 90_000
    assert hash_key(access, gateway_id, service) == "ip"


def test_replicas_raised_later_are_told_and_the_plan_sets_stickiness(
    environment, olga, access, gateway_id
):
    solo = deployed(environment, olga, "solo", replicas=1)
    route = publish(solo, olga, name="solo", limit=None)
    service = route.service
    assert hash_key(access, gateway_id, service) == "none"
    deployed(environment, olga, "solo", replicas=2)
    look(service)
    assert service.phase == Phase.BLOCKED
    assert "Set stickiness" in str(service.message_say)
    plan = services.service_change(person=olga, row=service, changes={"hash_on": "ip"})
    carry_out(plan, olga)
    look(service)
    assert service.phase == Phase.READY
    assert hash_key(access, gateway_id, service) == "ip"


def test_stickiness_can_be_taken_back_and_the_balancing_chosen(environment, olga, access):
    solo = deployed(environment, olga, "solo", replicas=1)
    route = publish(solo, olga, name="solo", limit=None, hash_on="ip")
    changes = {"hash_on": "none", "algorithm": "least-connections"}
    run = carry_out(services.service_change(person=olga, row=route.service, changes=changes), olga)
    assert run.status == "succeeded", told(run)
    live = tse_services.service(access, environment.gateway_id, route.service.external_name)
    assert live.spec.algorithm == "least-connections"


# ---- changing and deleting ----------------------------------------------------------------------


def test_a_limit_is_changed_and_taken_away(published, access, gateway_id, olga):
    looser = {**LIMIT, "thresholds": [{"unit": "second", "max": 50}], "response": None}
    carry_out(services.route_change(person=olga, row=published, changes={"limit": looser}), olga)
    live = tse_rules.rate_limit(access, gateway_id, "route", published.external_name)
    assert live.thresholds == (("second", 50),)
    assert live.answer_status == 0
    published.refresh_from_db()
    carry_out(services.route_change(person=olga, row=published, changes={"limit": None}), olga)
    assert tse_rules.rate_limit(access, gateway_id, "route", published.external_name) is None
    assert {ask(published.environment, client=9).status_code for _ in range(10)} == {200}


def test_deleting_the_last_route_takes_service_and_source_with_it(
    published, access, gateway_id, olga
):
    plan = services.route_delete(person=olga, row=published)
    run = carry_out(plan, olga)
    assert run.status == "succeeded", told(run)
    assert not tse_routes.routes(access, gateway_id)
    assert not tse_services.services(access, gateway_id)
    assert not tse.sources(access, gateway_id)
    assert not (Route.objects.exists() or GatewayService.objects.exists())
    assert not ServiceSource.objects.exists()
    assert ask(published.environment).status_code == 404


def test_a_route_that_is_not_the_last_goes_alone(published, access, gateway_id, olga):
    plan = services.deployment_publish(
        person=olga,
        deployment=published.service.deployment,
        name="second",
        route={"hosts": ["sd.example.com"], "paths": ["/"]},
    )
    assert plan.items.count() == 1
    carry_out(plan, olga)
    assert ask(published.environment, host="sd.example.com").status_code == 200
    carry_out(services.route_delete(person=olga, row=Route.objects.get(name="second")), olga)
    assert [one.spec.name for one in tse_routes.routes(access, gateway_id)] == ["sdc-demo-anime"]
    assert GatewayService.objects.get().phase == Phase.READY


def test_a_service_takes_its_routes_along(published, access, gateway_id, olga):
    service = GatewayService.objects.get()
    carry_out(services.service_delete(person=olga, row=service), olga)
    assert not tse_routes.routes(access, gateway_id)
    assert not GatewayService.objects.exists()


def test_what_is_gone_already_is_deleted_without_a_word(published, access, gateway_id, olga):
    empty(published.environment)
    run = carry_out(services.route_delete(person=olga, row=published), olga)
    assert run.status == "succeeded", told(run)


# ---- what belongs to others ---------------------------------------------------------------------


def test_a_service_of_our_name_that_somebody_else_made_is_refused(anime, olga, access, gateway_id):
    foreign = ServiceSpec(
        "sdc-demo-anime", upstream_type="IPList", fixed_targets=(Target("127.0.0.1", 80),)
    )
    tse_services.service_create(access, gateway_id, foreign)
    plan = services.deployment_publish(
        person=olga, deployment=anime, name="anime", route={"hosts": [], "paths": ["/"]}
    )
    computed(plan)
    assert plan.status == "failed"
    assert "did not make" in str(plan.error_say)
    plans.plan_discard(plan, olga)
    assert not (Route.objects.exists() or GatewayService.objects.exists())
    assert tse_services.service(access, gateway_id, "sdc-demo-anime").spec.upstream_type == "IPList"


def test_a_route_that_somebody_else_made_for_the_same_requests_is_refused(
    anime, olga, access, gateway_id
):
    foreign = ServiceSpec("other", upstream_type="IPList", fixed_targets=(Target("127.0.0.1", 80),))
    made = tse_services.service_create(access, gateway_id, foreign)
    tse_routes.route_create(
        access, gateway_id, RouteSpec("theirs", made.id, hosts=("sd.example.com",))
    )
    plan = services.deployment_publish(
        person=olga,
        deployment=anime,
        name="anime",
        route={"hosts": ["sd.example.com"], "paths": ["/"], "methods": ["GET"]},
    )
    computed(plan)
    assert plan.status == "failed"
    assert "theirs" in str(plan.error_say)


def test_a_cluster_that_somebody_else_bound_is_used_and_left_bound(anime, olga, access, gateway_id):
    tse.source_create(access, gateway_id, anime.environment.cluster_id, "by-hand")
    route = publish(anime, olga)
    assert [one.name for one in tse.sources(access, gateway_id)] == ["by-hand"]
    carry_out(services.route_delete(person=olga, row=route), olga)
    assert [one.name for one in tse.sources(access, gateway_id)] == ["by-hand"]


# ---- what happens behind ------------------------------------------------------------------------


def test_a_deployment_scaled_to_nothing_and_a_vanished_service_are_told(
    published, environment, olga
):
    from apps.environments.clients import kube_for

    service = published.service
    kube = kube_for(environment)
    manifest = kube.get("v1", "services", "anime", environment.namespace)
    kube.delete({**manifest, "kind": "Service", "apiVersion": "v1"})
    look(service)
    assert service.phase == Phase.DEGRADED
    assert "no Service anime" in str(service.message_say)
    deployed(environment, olga, "anime", replicas=2)
    look(service)
    assert service.phase == Phase.READY


def test_a_deployment_that_is_gone_leaves_a_service_that_says_so(published):
    service = published.service
    Deployment.objects.filter(pk=service.deployment_id).delete()
    look(service)
    assert service.phase == Phase.BLOCKED
    assert "Delete the service" in str(service.message_say)


# ---- answers that get lost ----------------------------------------------------------------------


def test_lost_answers_make_nothing_twice(tmp_path, db, olga):
    import json

    from tests.cloud.conftest import running

    actions = (
        "CreateNativeGatewayServiceSource",
        "CreateCloudNativeAPIGatewayService",
        "CreateCloudNativeAPIGatewayRoute",
        "CreateCloudNativeAPIGatewayRouteRateLimit",
    )
    rules = [
        {"service": "tse", "action": action, "nth": 1, "when": "after", "do": "drop"}
        for action in actions
    ]
    (tmp_path / "faults.json").write_text(json.dumps(rules))
    with running(tmp_path, "--faults", str(tmp_path / "faults.json")):
        environment = adopted(tmp_path / "endpoints.json")
        route = publish(deployed(environment, olga), olga)
        access, gateway_id = environment.access(), environment.gateway_id
        assert [one.spec.name for one in tse_services.services(access, gateway_id)] == [
            "sdc-demo-anime"
        ]
        assert [one.spec.name for one in tse_routes.routes(access, gateway_id)] == [
            "sdc-demo-anime"
        ]
        assert route.external_id == tse_routes.route(access, gateway_id, "sdc-demo-anime").id
        assert tse_rules.rate_limit(access, gateway_id, "route", route.external_id).by == "ip"
        assert hash_key(access, gateway_id, route.service) == "ip"
        assert ask(environment).status_code == 200
