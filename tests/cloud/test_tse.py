"""The cloud-native gateway over real sockets, and stickiness through its console."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cloud import errors, kong, tse, tse_routes, tse_rules, tse_services
from cloud.access import Access
from cloud.types import (
    CanaryCondition,
    CanaryRule,
    GatewayCors,
    GatewayShape,
    HealthCheck,
    IpRestriction,
    RateLimit,
    RouteSpec,
    ServiceSpec,
    Target,
)
from tests.cloud.conftest import eventually

GATEWAY = "gateway-de0a0001"
CLUSTER = "cls-demo0001"


@pytest.fixture
def service(access: Access) -> Iterator[str]:
    """A service with two fixed addresses; gives its id, and is gone afterwards."""
    spec = fixed("two-pods")
    tse_services.service_create(access, GATEWAY, spec)
    found = tse_services.service(access, GATEWAY, spec.name)
    assert found is not None
    yield found.id
    for route in tse_routes.routes(access, GATEWAY, service_name=spec.name):
        tse_routes.route_delete(access, GATEWAY, route.id)
    tse_services.service_delete(access, GATEWAY, spec.name)


def fixed(name: str) -> ServiceSpec:
    return ServiceSpec(
        name,
        upstream_type="IPList",
        fixed_targets=(Target("127.0.0.1", 7860), Target("127.0.0.1", 7861)),
        timeout_ms=600000,
        retries=0,
    )


def test_the_gateway_the_account_has(access: Access) -> None:
    found = tse.gateway(access, GATEWAY)
    assert found is not None
    assert (found.name, found.status) == ("sd-demo", "Running")
    assert found.id in [one.id for one in tse.gateways(access, name="sd-demo")]
    assert tse.gateways(access, name="sd") == ()
    addresses = tse.public_addresses(access, GATEWAY)
    assert addresses
    assert tse.gateway(access, "gateway-00000000") is None
    tse.gateway_modify(access, GATEWAY, name="sd-demo", description="for pictures")
    changed = tse.gateway(access, GATEWAY)
    assert changed is not None and changed.description == "for pictures"


def test_a_gateway_lives_and_dies(access: Access) -> None:
    shape = GatewayShape("second", "vpc-demo0001", "subnet-demo001", bandwidth_mbps=5)
    made = tse.gateway_create(access, shape)
    found = eventually(
        lambda: tse.gateway(access, made.id),
        lambda one: one is not None and one.status == "Running",
    )
    assert found is not None
    assert (found.name, found.nodes, found.specification) == ("second", 2, "1c2g")
    tse.console_open(access, made.id, allow=("127.0.0.0/8",))
    eventually(lambda: tse.consoles(access, made.id), lambda ones: any(one.open for one in ones))
    tse.console_close(access, made.id)
    eventually(
        lambda: tse.consoles(access, made.id), lambda ones: not any(one.open for one in ones)
    )
    tse.gateway_delete(access, made.id)
    eventually(lambda: tse.gateway(access, made.id), lambda one: one is None)
    assert tse.gateway_delete(access, made.id).request_id


def test_a_cluster_is_bound_once(access: Access) -> None:
    for _ in range(2):
        assert tse.source_create(access, GATEWAY, CLUSTER, "sd-demo").request_id
    found = tse.source(access, GATEWAY, CLUSTER)
    assert found is not None and (found.kind, found.name) == ("TKE", "sd-demo")
    tse.source_rename(access, GATEWAY, CLUSTER, "renamed")
    found = tse.source(access, GATEWAY, CLUSTER)
    assert found is not None and found.name == "renamed"
    spec = ServiceSpec("bound", CLUSTER, "default", "kubernetes", 443, timeout_ms=60000)
    tse_services.service_create(access, GATEWAY, spec)
    service = tse_services.service(access, GATEWAY, "bound")
    assert service is not None and service.spec == spec
    with pytest.raises(errors.Busy):
        tse.source_delete(access, GATEWAY, CLUSTER)
    tse_services.service_delete(access, GATEWAY, "bound")
    tse.source_delete(access, GATEWAY, CLUSTER)
    tse.source_delete(access, GATEWAY, CLUSTER)
    assert tse.source(access, GATEWAY, CLUSTER) is None


def test_a_service_reads_back_as_it_was_written(access: Access, service: str) -> None:
    found = tse_services.service(access, GATEWAY, "two-pods")
    assert found is not None
    assert found.spec == fixed("two-pods")
    assert [target.port for target in found.targets] == [7860, 7861]
    slower = replace(found.spec, timeout_ms=900000)
    tse_services.service_modify(access, GATEWAY, service, slower)
    changed = tse_services.service(access, GATEWAY, "two-pods")
    assert changed is not None and changed.spec.timeout_ms == 900000
    assert service in [one.id for one in tse_services.services(access, GATEWAY)]
    with pytest.raises(errors.AlreadyExists):
        tse_services.service_create(access, GATEWAY, fixed("two-pods"))
    assert tse_services.service(access, GATEWAY, "never") is None
    assert tse_services.service_delete(access, GATEWAY, "never").request_id


def test_a_route_reads_back_as_it_was_written(access: Access, service: str) -> None:
    spec = RouteSpec(
        "sd-anime",
        service,
        ("/", "/api"),
        hosts=("anime.example.com",),
        headers=(("X-Team", "art"),),
        request_buffering=False,
        response_buffering=False,
        preserve_host=True,
    )
    tse_routes.route_create(access, GATEWAY, spec)
    found = tse_routes.route(access, GATEWAY, "sd-anime")
    assert found is not None
    assert found.spec == spec
    assert found.service_name == "two-pods"
    with pytest.raises(errors.AlreadyExists):
        tse_routes.route_create(access, GATEWAY, spec)
    anywhere = replace(spec, hosts=(), headers=(), strip_path=True)
    tse_routes.route_modify(access, GATEWAY, found.id, anywhere)
    changed = tse_routes.route(access, GATEWAY, "sd-anime")
    assert changed is not None and changed.spec == anywhere
    tree = {one.service.id: one for one in tse_services.service_tree(access, GATEWAY)}
    assert [one.spec.name for one in tree[service].routes] == ["sd-anime"]
    with pytest.raises(errors.CloudError):
        tse_services.service_delete(access, GATEWAY, "two-pods")
    tse_routes.route_delete(access, GATEWAY, "sd-anime")
    tse_routes.route_delete(access, GATEWAY, "sd-anime")
    assert tse_routes.route(access, GATEWAY, "sd-anime") is None


@pytest.mark.parametrize("on", ["route", "service"])
def test_limits_read_back_as_they_were_written(
    access: Access, service: str, on: tse_rules.On
) -> None:
    owner = "two-pods"
    if on == "route":
        tse_routes.route_create(access, GATEWAY, RouteSpec("limited", service, ("/l",)))
        route = tse_routes.route(access, GATEWAY, "limited")
        assert route is not None
        owner = route.id
    assert tse_rules.rate_limit(access, GATEWAY, on, owner) is None
    limit = RateLimit((("minute", 60), ("second", 5)), by="ip", hide_headers=True)
    tse_rules.rate_limit_create(access, GATEWAY, on, owner, limit)
    assert tse_rules.rate_limit(access, GATEWAY, on, owner) == limit
    queued = RateLimit((("second", 1),), queue_s=3, answer_status=503, answer_body="later")
    tse_rules.rate_limit_modify(access, GATEWAY, on, owner, queued)
    assert tse_rules.rate_limit(access, GATEWAY, on, owner) == queued
    tse_rules.rate_limit_delete(access, GATEWAY, on, owner)
    tse_rules.rate_limit_delete(access, GATEWAY, on, owner)
    assert tse_rules.rate_limit(access, GATEWAY, on, owner) is None


def test_addresses_and_origins_are_guarded(access: Access, service: str) -> None:
    assert tse_rules.ip_restriction(access, GATEWAY, "service", service) is None
    rule = IpRestriction("whiteList", ("10.0.0.0/8", "192.168.1.1"))
    tse_rules.ip_restriction_set(access, GATEWAY, "service", service, rule)
    assert tse_rules.ip_restriction(access, GATEWAY, "service", service) == rule
    tse_rules.ip_restriction_delete(access, GATEWAY, "service", service)
    assert tse_rules.ip_restriction(access, GATEWAY, "service", service) is None
    assert tse_rules.cors(access, GATEWAY, "service", service) is None
    cors = GatewayCors(("https://a.example",), ("GET", "POST"), ("X-A",), ("ETag",), 60)
    tse_rules.cors_set(access, GATEWAY, "service", service, cors)
    assert tse_rules.cors(access, GATEWAY, "service", service) == cors
    tse_rules.cors_delete(access, GATEWAY, "service", service)
    assert tse_rules.cors(access, GATEWAY, "service", service) is None


def test_canary_rules_are_told_apart_by_priority(access: Access, service: str) -> None:
    tse_services.service_create(access, GATEWAY, fixed("next"))
    other = tse_services.service(access, GATEWAY, "next")
    assert other is not None
    rule = CanaryRule(
        10,
        ((service, 90.0), (other.id, 10.0)),
        (CanaryCondition("header", "X-Canary", "eq", "yes"),),
    )
    tse_rules.canary_rule_create(access, GATEWAY, service, rule)
    assert tse_rules.canary_rules(access, GATEWAY, service) == (rule,)
    half = replace(rule, shares=((service, 50.0), (other.id, 50.0)), enabled=False)
    tse_rules.canary_rule_modify(access, GATEWAY, service, half)
    assert tse_rules.canary_rules(access, GATEWAY, service) == (half,)
    tse_rules.canary_rule_delete(access, GATEWAY, service, 10)
    assert tse_rules.canary_rules(access, GATEWAY, service) == ()
    tse_services.service_delete(access, GATEWAY, "next")


def test_pods_are_checked_and_taken_out(access: Access, service: str) -> None:
    check = HealthCheck(
        active=True,
        passive=True,
        path="/sdapi/v1/memory",
        healthy_interval_s=5,
        unhealthy_interval_s=5,
        timeout_s=2.0,
        successes=1,
        failures=3,
        timeouts=3,
        healthy_statuses=(200,),
        unhealthy_statuses=(500, 503),
    )
    tse_services.health_check_set(access, GATEWAY, "two-pods", check)
    assert tse_services.health_check(access, GATEWAY, "two-pods") == check
    tse_services.node_status_set(access, GATEWAY, "two-pods", "127.0.0.1", 7860, healthy=False)
    upstream = tse_services.upstream(access, GATEWAY, "two-pods")
    assert upstream is not None and upstream.name
    health = {target.port: target.health for target in upstream.targets}
    assert health[7860] == "UNHEALTHY"
    assert tse_services.upstream(access, GATEWAY, "never") is None


def test_stickiness_is_set_in_the_console(access: Access, service: str) -> None:
    by_kind = {one.kind: one for one in tse.consoles(access, GATEWAY)}
    assert by_kind["Konga"].open
    assert by_kind["Konga"].password not in repr(by_kind["Konga"])
    upstream = tse_services.upstream(access, GATEWAY, "two-pods")
    assert upstream is not None
    console = kong.console_for(by_kind["Konga"])
    assert by_kind["Konga"].password not in repr(console)
    found = kong.upstream_get(console, upstream.name)
    assert found is not None and (found.hash_on, found.algorithm) == ("none", "round-robin")
    kong.upstream_set_hash_on(console, upstream.name, "ip")
    found = kong.upstream_get(console, upstream.name)
    assert found is not None
    assert (found.hash_on, found.algorithm) == ("ip", "consistent-hashing")
    assert found in kong.upstreams(console)
    kong.upstream_set_hash_on(console, upstream.name, "none")
    found = kong.upstream_get(console, upstream.name)
    assert found is not None and (found.hash_on, found.algorithm) == ("none", "round-robin")
    assert kong.upstream_get(console, "never") is None
    with pytest.raises(errors.Rejected):
        kong.upstream_set_hash_on(console, upstream.name, "moon")


def test_a_stale_token_is_renewed_and_a_wrong_login_is_not(access: Access, service: str) -> None:
    (konga,) = [one for one in tse.consoles(access, GATEWAY) if one.kind == "Konga"]
    console = kong.console_for(konga)
    assert isinstance(console, kong.Konga)
    console._token = "stale"
    assert kong.upstreams(console)
    wrong = kong.console_for(replace(konga, password="wrong"))
    with pytest.raises(errors.NotAuthorized) as caught:
        kong.upstreams(wrong)
    assert "wrong" not in str(caught.value)
    with pytest.raises(errors.Busy):
        kong.console_for(replace(konga, status="Closed"))
