"""Which calls bring sources, services and routes in step: want, have, calls.  And how they do."""

from dataclasses import replace

import pytest

from apps.core.phases import Phase
from apps.gateway.judgement import route_judge, service_judge, source_judge
from apps.gateway.plan import (
    HASHING,
    BindCluster,
    Binding,
    CreateRoute,
    CreateService,
    DeleteLimit,
    DeleteRoute,
    DeleteService,
    Guide,
    Held,
    ModifyRoute,
    ModifyService,
    PodBehind,
    RouteHave,
    RouteWant,
    ServiceHave,
    ServiceWant,
    SetHash,
    SetLimit,
    SourceHave,
    SourceWant,
    UnbindCluster,
    local_notes,
    route_plan,
    service_plan,
    source_plan,
)
from cloud.types import RateLimit

SOURCE = SourceWant("cls-1", "sdc-demo")
BOUND = SourceHave("cls-1", "sdc-demo")
PLAIN = Binding("sdc-demo-anime", "cls-1", "sd", "anime", 7860)
STICKY = replace(PLAIN, algorithm=HASHING)
PODS = (PodBehind("127.9.64.1", 7860), PodBehind("127.9.64.2", 7860))
WANT = ServiceWant(STICKY, "ip", "anime", 2, True)
HAVE = ServiceHave("s-1", STICKY, "ip", PODS)
GUIDE = Guide("sdc-demo-anime", "sdc-demo-anime")
LIMIT = RateLimit((("minute", 20),), by="ip", answer_status=429, answer_body="忙")


@pytest.mark.parametrize(
    ("want", "have", "calls"),
    [
        pytest.param(SOURCE, None, [BindCluster(SOURCE)], id="new"),
        pytest.param(SOURCE, BOUND, [], id="in step"),
        pytest.param(SOURCE, SourceHave("cls-1", "hand", False), [], id="bound by others"),
        pytest.param(None, BOUND, [UnbindCluster(BOUND)], id="leaving"),
        pytest.param(None, Held(), [], id="gone before its services"),
        pytest.param(None, None, [], id="gone"),
    ],
)
def test_sources(want, have, calls):
    assert source_plan(want, have) == calls


@pytest.mark.parametrize(
    ("want", "have", "calls"),
    [
        pytest.param(
            WANT,
            None,
            [CreateService(STICKY), SetHash("sdc-demo-anime", "none", "ip")],
            id="new and sticky",
        ),
        pytest.param(ServiceWant(PLAIN), None, [CreateService(PLAIN)], id="new"),
        pytest.param(WANT, HAVE, [], id="in step"),
        pytest.param(
            WANT,
            replace(HAVE, binding=PLAIN, hash_on="none"),
            [SetHash("sdc-demo-anime", "none", "ip")],
            id="hash lost, and the algorithm with it",
        ),
        pytest.param(
            WANT,
            replace(HAVE, binding=replace(STICKY, timeout_ms=5)),
            [ModifyService("s-1", replace(STICKY, timeout_ms=5), STICKY, True)],
            id="time-out changed",
        ),
        pytest.param(
            WANT,
            replace(HAVE, hash_on=""),
            [SetHash("sdc-demo-anime", "", "ip")],
            id="hash unknown but wanted",
        ),
        pytest.param(
            ServiceWant(PLAIN), replace(HAVE, binding=PLAIN, hash_on=""), [], id="hash not wanted"
        ),
        pytest.param(
            ServiceWant(PLAIN), HAVE, [SetHash("sdc-demo-anime", "ip", "none")], id="unstuck"
        ),
        pytest.param(None, HAVE, [DeleteService("s-1", "sdc-demo-anime")], id="leaving"),
        pytest.param(None, Held(), [], id="gone before its routes"),
    ],
)
def test_services(want, have, calls):
    assert service_plan(want, have) == calls


@pytest.mark.parametrize(
    ("want", "have", "calls"),
    [
        pytest.param(RouteWant(GUIDE), None, [CreateRoute(GUIDE)], id="new"),
        pytest.param(
            RouteWant(GUIDE, LIMIT, 2),
            None,
            [CreateRoute(GUIDE), SetLimit("sdc-demo-anime", None, LIMIT, 2)],
            id="new with a limit",
        ),
        pytest.param(RouteWant(GUIDE, LIMIT), RouteHave("r-1", GUIDE, LIMIT), [], id="in step"),
        pytest.param(
            RouteWant(GUIDE),
            RouteHave("r-1", replace(GUIDE, strip_path=True)),
            [ModifyRoute("r-1", replace(GUIDE, strip_path=True), GUIDE)],
            id="changed by hand",
        ),
        pytest.param(
            RouteWant(GUIDE, LIMIT),
            RouteHave("r-1", GUIDE, replace(LIMIT, enabled=False)),
            [SetLimit("sdc-demo-anime", replace(LIMIT, enabled=False), LIMIT)],
            id="limit switched off by hand",
        ),
        pytest.param(
            RouteWant(GUIDE),
            RouteHave("r-1", GUIDE, LIMIT),
            [DeleteLimit("sdc-demo-anime", LIMIT)],
            id="limit taken away",
        ),
        pytest.param(
            None,
            RouteHave("r-1", GUIDE, LIMIT),
            [DeleteRoute("r-1", "sdc-demo-anime")],
            id="leaving, its limit with it",
        ),
    ],
)
def test_routes(want, have, calls):
    assert route_plan(want, have) == calls


@pytest.mark.parametrize(
    ("want", "have"), [(WANT, None), (WANT, replace(HAVE, binding=PLAIN, hash_on="none"))]
)
def test_every_call_of_one_plan_has_a_key_of_its_own(want, have):
    keys = [action.key for action in service_plan(want, have)]
    assert len(keys) == len(set(keys))


def test_only_setting_the_hash_heals():
    assert SetHash("a", "none", "ip").heals
    assert not SetHash("a", "ip", "none").heals
    assert not hasattr(CreateService(PLAIN), "heals")


def test_local_is_said_where_it_is_more_than_it_seems():
    (note,) = local_notes(LIMIT, 2)
    assert "2 gateway nodes" in str(note) and "up to 40 per minute" in str(note)
    assert local_notes(LIMIT, 1) == ()
    assert local_notes(replace(LIMIT, policy="redis"), 2) == ()


def test_a_limit_is_shown_unit_by_unit_and_only_where_it_moves():
    new = replace(LIMIT, thresholds=(("second", 5), ("minute", 20)))
    shown = SetLimit("r", LIMIT, new).change
    assert [(line.path, line.old, line.new) for line in shown.fields] == [
        ("QpsThresholds[second].Max", None, 5)
    ]
    created = {line.path: line.new for line in SetLimit("r", None, LIMIT).change.fields}
    assert created["RateLimitResponse.Body"] == "忙"
    assert "LineUpTime" not in created


@pytest.mark.parametrize(
    ("want", "have", "phase", "says"),
    [
        (WANT, HAVE, Phase.READY, "2 of 2 pods"),
        (WANT, None, Phase.DEGRADED, "not at the gateway"),
        (
            replace(WANT, hash_on="none", binding=PLAIN),
            replace(HAVE, hash_on="none", binding=PLAIN),
            Phase.BLOCKED,
            "Set stickiness by client IP",
        ),
        (replace(WANT, deployment=""), HAVE, Phase.BLOCKED, "is gone"),
        (replace(WANT, leaving=True), HAVE, Phase.BLOCKED, "is gone"),
        (WANT, replace(HAVE, pods=()), Phase.DEGRADED, "No pod of anime"),
        (
            WANT,
            replace(HAVE, pods=(), kube_service_there=False),
            Phase.DEGRADED,
            "no Service anime",
        ),
        (
            WANT,
            replace(HAVE, pods=(replace(PODS[0], healthy=False), PODS[1])),
            Phase.READY,
            "1 of 2 pods",
        ),
        (
            replace(WANT, replicas=0, sticky_required=False),
            replace(HAVE, pods=()),
            Phase.READY,
            "scaled to zero",
        ),
        (None, HAVE, Phase.WORKING, "Being removed"),
        (None, Held(), Phase.WORKING, "Waits until its routes"),
    ],
)
def test_how_a_service_does(want, have, phase, says):
    verdict = service_judge(want, have)
    assert verdict.phase == phase
    assert says in str(verdict.message)


def test_how_a_route_does():
    want = RouteWant(GUIDE, url="http://a/")
    assert str(route_judge(want, RouteHave("r-1", GUIDE)).message) == "Answers at http://a/"
    rival = route_judge(want, RouteHave("r-1", GUIDE, rivals=("theirs",)))
    assert rival.phase == Phase.BLOCKED and "theirs" in str(rival.message)
    assert route_judge(want, None).phase == Phase.DEGRADED


def test_how_a_source_does():
    assert source_judge(SOURCE, BOUND).phase == Phase.READY
    others = source_judge(SOURCE, SourceHave("cls-1", "hand", False))
    assert others.phase == Phase.READY and "hand" in str(others.message)
    assert source_judge(SOURCE, None).phase == Phase.DEGRADED
    assert "services" in str(source_judge(None, Held()).message)
