"""What differs at the gateway and is ignored, or taken over into the wish."""

from dataclasses import replace

import pytest

from apps.core.errors import RuleViolation
from apps.gateway.leeway import (
    route_adopt,
    route_overlook,
    service_adopt,
    service_overlook,
)
from apps.gateway.models import GatewayService, Route
from apps.gateway.plan import (
    HASHING,
    Binding,
    Guide,
    RouteHave,
    RouteWant,
    ServiceHave,
    ServiceWant,
    route_plan,
    service_plan,
)
from cloud.types import RateLimit

BINDING = Binding("sdc-demo-web", "cls-1", "sd", "web", 7860)
LIMIT = RateLimit(thresholds=(("second", 5), ("minute", 100)))
GUIDE = Guide("sdc-demo-web", "sdc-demo-web", hosts=("web.example.com",))
SERVICE_SPEC = {"namespace": "sd", "kube_service": "web", "port": 7860}
ROUTE_SPEC = {
    "hosts": ["web.example.com"],
    "limit": {"thresholds": [{"unit": "second", "max": 5}, {"unit": "minute", "max": 100}]},
}


def service_drift(**live):
    want = ServiceWant(BINDING)
    return want, ServiceHave("s1", replace(BINDING, **live))


def route_drift(*, limit=LIMIT, **live):
    return RouteWant(GUIDE, LIMIT), RouteHave("r1", replace(GUIDE, **live), limit)


def changes(actions):
    return [action.change for action in actions]


def test_an_ignored_field_of_a_service_is_no_difference_and_others_are():
    want, have = service_drift(timeout_ms=1000, retries=9)
    ignored = frozenset({("Gateway service/sdc-demo-web", "Timeout")})
    (action,) = service_plan(*service_overlook(want, have, ignored))
    assert [line.path for line in action.change.fields] == ["Retries"]
    assert action.new.timeout_ms == 1000  # what is sent along is what is there


def test_the_algorithm_of_a_hash_key_is_never_overlooked():
    want = ServiceWant(replace(BINDING, algorithm=HASHING), hash_on="ip")
    have = ServiceHave("s1", BINDING, hash_on="none")
    ignored = frozenset(
        {
            ("Gateway service/sdc-demo-web", "UpstreamInfo.Algorithm"),
            ("Stickiness/sdc-demo-web", "hash_on"),
        }
    )
    assert service_plan(*service_overlook(want, have, ignored)) == service_plan(want, have)


@pytest.mark.parametrize(
    ("live", "ignored"),
    [
        ({"hosts": ("other.example.com",)}, ("Route/sdc-demo-web", "Hosts")),
        (
            {"limit": replace(LIMIT, thresholds=(("second", 50), ("minute", 100)))},
            ("Rate limit/sdc-demo-web", "QpsThresholds[second].Max"),
        ),
        ({"limit": replace(LIMIT, by="ip")}, ("Rate limit/sdc-demo-web", "LimitBy")),
    ],
)
def test_an_ignored_field_of_a_route_or_its_limit_is_no_difference(live, ignored):
    want, have = route_drift(**live)
    assert route_plan(want, have)
    assert route_plan(*route_overlook(want, have, frozenset({ignored}))) == []
    elsewhere = frozenset({(ignored[0] + "x", ignored[1])})
    assert route_plan(*route_overlook(want, have, elsewhere)) == route_plan(want, have)


def test_what_is_live_at_a_service_becomes_the_wish():
    want, have = service_drift(timeout_ms=30_000, algorithm="least-connections")
    row = GatewayService(spec=SERVICE_SPEC)
    spec = service_adopt(row, changes(service_plan(want, have)))
    assert (spec["timeout_ms"], spec["algorithm"]) == (30_000, "least-connections")


def test_what_is_live_at_a_route_becomes_the_wish():
    raised = replace(LIMIT, thresholds=(("second", 50),))
    want, have = route_drift(limit=raised, hosts=("other.example.com",), preserve_host=False)
    spec = route_adopt(Route(spec=ROUTE_SPEC), changes(route_plan(want, have)))
    assert (spec["hosts"], spec["preserve_host"]) == (["other.example.com"], False)
    assert spec["limit"]["thresholds"] == [{"unit": "second", "max": 50}]


@pytest.mark.parametrize(
    ("drift", "adopt", "row"),
    [
        (service_drift(kube_service="x"), service_adopt, GatewayService(spec=SERVICE_SPEC)),
        (service_drift(timeout_ms=1), service_adopt, GatewayService(spec=SERVICE_SPEC)),
        (route_drift(strip_path=True), route_adopt, Route(spec=ROUTE_SPEC)),
        (route_drift(limit=None), route_adopt, Route(spec=ROUTE_SPEC)),
    ],
    ids=["what follows from the deployment", "a rule", "what is ours to set", "a missing limit"],
)
def test_what_a_wish_cannot_say_is_refused(drift, adopt, row):
    plan = service_plan if adopt is service_adopt else route_plan
    with pytest.raises(RuleViolation):
        adopt(row, changes(plan(*drift)))
