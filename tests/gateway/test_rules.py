"""What may be asked of the gateway: tables of wishes and the sentences that refuse them."""

import pytest

from apps.core.errors import RuleViolation
from apps.gateway import rules
from apps.gateway.rules import Traffic
from apps.gateway.spec import Answer, Header, Limit, Threshold

IP = "127.9.1.1"


@pytest.mark.parametrize(
    ("arguments", "replicas", "required"),
    [
        (["--api"], 2, True),
        (["--api"], 1, False),
        (["--api"], 0, False),
        (["--api", "--nowebui"], 2, False),
        ([], 3, True),
    ],
)
def test_stickiness_is_required_where_a_page_runs_in_several_pods(arguments, replicas, required):
    assert rules.sticky_required(arguments, replicas) is required


def test_missing_stickiness_is_refused_with_what_to_choose():
    with pytest.raises(RuleViolation, match="choose stickiness by client IP") as refused:
        rules.check_stickiness("anime", True, 2, "none")
    assert refused.value.field == "hash_on"
    rules.check_stickiness("anime", True, 2, "ip")
    rules.check_stickiness("anime", False, 2, "none")


def traffic(hosts=("a.example.com",), paths=("/",), methods=("ANY",), name="other"):
    return Traffic(name, tuple(methods), tuple(hosts), tuple(paths))


@pytest.mark.parametrize(
    ("other", "clashes"),
    [
        (traffic(), True),
        (traffic(methods=("GET",)), True),
        (traffic(hosts=("b.example.com",)), False),
        (traffic(paths=("/sdapi",)), False),
        (traffic(paths=("/x", "/")), True),
        (traffic(hosts=("b.example.com", "a.example.com")), True),
        # A route for any host yields to one that names it: no clash.
        (traffic(hosts=()), False),
    ],
)
def test_routes_clash_on_the_same_host_path_and_method(other, clashes):
    assert (rules.clash(traffic(), [other]) is other) is clashes


def test_two_routes_for_any_host_clash_and_different_methods_do_not():
    assert rules.clash(traffic(hosts=()), [traffic(hosts=())])
    assert not rules.clash(traffic(methods=("GET",)), [traffic(methods=("POST", "PUT"))])


@pytest.mark.parametrize(
    ("hosts", "kept"),
    [
        ([IP], (IP,)),
        (["SD.Example.com ", "sd.example.com"], ("sd.example.com",)),
        (["*.example.com"], ("*.example.com",)),
        (["localhost"], ("localhost",)),
        ([], ()),
    ],
)
def test_hosts_are_names_or_the_gateway_itself(hosts, kept):
    assert rules.check_hosts(hosts, IP) == kept


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "http://sd.example.com",
        "sd.example.com:8000",
        "sd_x.example.com",
        "-a.example.com",
        "256.1.1.1",
        "*.",
        "a..b",
        "",
        "a" * 64,
        "::1",
        "a b",
    ],
)
def test_other_hosts_are_refused(host):
    with pytest.raises(RuleViolation) as refused:
        rules.check_hosts([host], IP)
    assert refused.value.field == "hosts"


@pytest.mark.parametrize(
    "path", ["sdapi", "", "/a b", "/a?b", "/../etc", "//", "/(a|b)", "/" * 300]
)
def test_other_paths_are_refused(path):
    with pytest.raises(RuleViolation) as refused:
        rules.check_paths([path])
    assert refused.value.field == "paths"


def test_paths_are_kept_once_and_any_swallows_the_other_methods():
    assert rules.check_paths(["/", "/ ", "/sdapi"]) == ("/", "/sdapi")
    assert rules.check_methods(["GET", "ANY"]) == ("ANY",)
    assert rules.check_methods(["GET", "GET"]) == ("GET",)
    with pytest.raises(RuleViolation):
        rules.check_methods([])


def limit(*thresholds, **answer):
    response = Answer(**answer) if answer else None
    pairs = tuple(Threshold(unit=unit, max=most) for unit, most in thresholds)
    return Limit(thresholds=pairs, response=response)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (limit(), "at least one threshold"),
        (limit(("minute", 0)), "at least 1 request"),
        (limit(("minute", -5)), "at least 1 request"),
        (limit(("minute", 5), ("minute", 6)), "per minute"),
        (limit(("minute", 5), status=199), "between 200 and 599"),
        (limit(("minute", 5), body="x" * 9000), "8 KiB"),
        (limit(("minute", 5), headers=(Header(name="a b", value="c"),)), "not a header"),
        (limit(("minute", 5), headers=(Header(name="A", value="b\r\nC: d"),)), "not a header"),
    ],
)
def test_limits_that_mean_nothing_are_refused(wish, says):
    with pytest.raises(RuleViolation, match=says):
        rules.check_limit(wish)


def test_a_limit_with_several_units_and_an_answer_passes():
    headers = (Header(name="Content-Type", value="text/plain"),)
    rules.check_limit(limit(("second", 1), ("year", 10**9), status=503, body="忙", headers=headers))
    rules.check_limit(None)


@pytest.mark.parametrize(("timeout_ms", "fine"), [(999, False), (1000, True), (86_400_001, False)])
def test_a_time_out_is_a_second_to_a_day(timeout_ms, fine):
    if fine:
        rules.check_timeout(timeout_ms)
    else:
        with pytest.raises(RuleViolation):
            rules.check_timeout(timeout_ms)


def test_retries_are_between_0_and_10():
    rules.check_retries(0)
    for number in (-1, 11):
        with pytest.raises(RuleViolation):
            rules.check_retries(number)


@pytest.mark.parametrize(
    ("methods", "paths", "reaches"),
    [
        (["ANY"], ["/"], True),
        (["POST"], ["/sdapi"], True),
        (["GET"], ["/"], False),
        (["ANY"], ["/docs"], False),
    ],
)
def test_which_routes_let_a_request_for_pictures_through(methods, paths, reaches):
    assert rules.reaches_generation(methods, paths) is reaches
