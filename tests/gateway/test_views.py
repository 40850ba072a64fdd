"""The gateway's pages and API through the front door."""

import json

import pytest
from django.urls import reverse

from apps.core.models import Plan
from apps.gateway.models import Route
from tests import factories
from tests.gateway.test_services import IP, make_anime, sticky_wish

pytestmark = pytest.mark.django_db
TYPED = {
    "name": "anime",
    "hosts": IP,
    "paths": "/",
    "methods": ["ANY"],
    "preserve_host": "on",
    "per_minute": "20",
    "limit_by": "ip",
    "response_status": "429",
    "response_body": "排队人数较多，请稍后再试。",
    "response_headers": "Content-Type: text/plain; charset=utf-8",
    "hash_on": "ip",
    "timeout_s": "600",
    "retries": "1",
    "algorithm": "round-robin",
}


@pytest.fixture
def anime(db):
    return make_anime()


@pytest.fixture
def route(anime):
    service = factories.make_gateway_service(
        deployment=anime,
        name="anime",
        spec=sticky_wish(anime),
        observed={"hash_on": "ip", "pods": [["127.9.64.1", 7860, True]]},
    )
    limit = {"thresholds": [{"unit": "minute", "max": 20}]}
    spec = {"hosts": [IP], "paths": ["/"], "limit": limit}
    return factories.make_route(service=service, name="anime", spec=spec)


def publish_url(deployment):
    return f"{reverse('gateway-publish')}?deployment={deployment.pk}"


def text(answer):
    return answer.content.decode()


# ---- pages --------------------------------------------------------------------------------------


def test_the_empty_list_teaches_what_a_route_is(client, vic, olga):
    client.force_login(vic)
    seen = text(client.get(reverse("gateway-route-list")))
    assert "Nobody gets in yet" in seen
    assert reverse("gateway-publish") not in seen
    client.force_login(olga)
    assert reverse("gateway-publish") in text(client.get(reverse("gateway-route-list")))


def test_the_list_shows_what_leads_where(client, vic, route):
    client.force_login(vic)
    seen = text(client.get(reverse("gateway-route-list")))
    for word in (f"{IP}/", "20/min", "client IP", route.service.name, "Ready"):
        assert word in seen


def test_filters_search_and_sort_narrow_the_list(client, vic, route):
    factories.make_route(name="unlimited")
    client.force_login(vic)
    address = reverse("gateway-route-list")
    for query, there, absent in (
        ("?limit=no", ">unlimited<", "20/min"),
        ("?limit=yes", "20/min", ">unlimited<"),
        (f"?q={IP}", "20/min", ">unlimited<"),
        ("?phase=blocked", "Nothing matches", "20/min"),
    ):
        seen = text(client.get(address + query))
        assert there in seen and absent not in seen, query
    assert client.get(f"{address}?sort=-service&page=99&limit=maybe").status_code == 200


def test_a_fragment_is_the_rows_alone(client, vic, route):
    client.force_login(vic)
    answer = client.get(
        reverse("gateway-route-list"), headers={"HX-Request": "true", "HX-Target": "rows"}
    )
    assert "<html" not in text(answer) and 'id="rows"' in text(answer)


def test_the_pages_ask_the_same_queries_however_much_they_show(
    client, vic, django_assert_max_num_queries
):
    service = factories.make_gateway_service()
    client.force_login(vic)
    pages = (reverse("gateway-route-list"), service.get_absolute_url())

    def asked():
        counts = []
        for address in pages:
            with django_assert_max_num_queries(13) as queries:
                client.get(address)
            counts.append(len(queries))
        return counts

    for _number in range(3):
        factories.make_route(service=service)
    asked()
    with_3 = asked()
    for _number in range(47):
        factories.make_route(service=service)
    assert asked() == with_3
    assert with_3[0] <= 12


def test_publishing_starts_by_choosing_a_deployment(client, olga, anime):
    factories.make_deployment(name="draft", revision=0, generation=0, observed_generation=0)
    client.force_login(olga)
    seen = text(client.get(reverse("gateway-publish")))
    assert f"?deployment={anime.pk}" in seen and ">draft<" not in seen


def test_the_form_preselects_stickiness_and_the_gateways_own_address(client, olga, anime):
    client.force_login(olga)
    answer = client.get(publish_url(anime))
    form, service = answer.context["form"], answer.context["service_form"]
    assert service["hash_on"].value() == "ip"
    assert form["hosts"].value() == anime.environment.gateway_address.partition(":")[0]
    assert form["name"].value() == "anime"
    assert "a client must stay there" in text(answer)


def test_what_is_typed_becomes_a_plan(client, olga, anime):
    client.force_login(olga)
    answer = client.post(publish_url(anime), {**TYPED, "hosts": "sd.example.com"})
    plan = Plan.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("plan-detail", args=[plan.pk])
    assert plan.items.count() == 3


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"per_minute": "0"}, "at least 1 request"),
        ({"hash_on": "none"}, "choose stickiness by client IP"),
        ({"timeout_s": "0"}, "at least 1 second"),
        ({"hosts": "10.0.0.9"}, "not the address of this gateway"),
        ({"response_headers": "nonsense"}, "is not Name: value"),
        ({"name": "NO"}, "Lower-case"),
        ({"paths": "x"}, "is not a path"),
    ],
)
def test_bad_input_answers_422_with_the_sentence_and_keeps_what_was_typed(
    client, olga, anime, typed, says
):
    client.force_login(olga)
    answer = client.post(publish_url(anime), {**TYPED, "hosts": "sd.example.com", **typed})
    assert answer.status_code == 422
    assert says in text(answer) and "排队人数较多" in text(answer)
    assert not (Plan.objects.exists() or Route.objects.exists())


@pytest.mark.parametrize("wanted", ["0", "x", "99999999999", "²"])
def test_a_deployment_that_is_not_there_is_404(client, olga, wanted):
    client.force_login(olga)
    answer = client.get(f"{reverse('gateway-publish')}?deployment={wanted}")
    assert answer.status_code == 404


def test_a_route_shows_its_way_its_limit_and_its_drift(client, olga, route):
    from apps.gateway.plan import Guide, ModifyRoute

    changed = ModifyRoute("r", Guide("sdc-demo-anime", "s", paths=("/x",)), Guide("a", "s"))
    Route.objects.update(drift=[changed.change.to_json()])
    client.force_login(olga)
    seen = text(client.get(route.get_absolute_url()))
    for word in ("<svg", "127.9.64.1:7860", "As a table", "per minute", "Drift", "put it back"):
        assert word in seen
    assert f"http://{IP}" in seen


def test_an_edit_keeps_the_wish_and_a_stale_one_answers_409(client, olga, route):
    client.force_login(olga)
    address = reverse("gateway-route-edit", args=[route.pk])
    form = client.get(address).context["form"]
    assert (form["per_minute"].value(), form["hosts"].value()) == (20, IP)
    typed = {**TYPED, "hosts": "sd.example.com", "per_minute": "", "generation": "0"}
    assert client.post(address, typed).status_code == 409
    answer = client.post(address, {**typed, "generation": "1"})
    assert answer.status_code == 302, text(answer)


def test_a_service_that_needs_stickiness_offers_the_plan(client, olga, anime):
    service = factories.make_gateway_service(deployment=anime, phase="blocked")
    client.force_login(olga)
    stick = reverse("gateway-service-stick", args=[service.pk])
    assert stick in text(client.get(service.get_absolute_url()))
    answer = client.post(stick)
    assert answer.status_code == 302
    assert Plan.objects.get().items.get().label == service.name


def test_the_buttons_lead_to_plans_or_say_why_not(client, olga, route):
    client.force_login(olga)
    for name, row in (
        ("gateway-route-put-back", route),
        ("gateway-service-put-back", route.service),
        ("gateway-source-put-back", route.service.source),
        ("gateway-service-delete", route.service),
        ("gateway-route-delete", route),
    ):
        assert client.post(reverse(name, args=[row.pk])).status_code == 302, name
    Route.objects.update(delete_requested_at="2026-01-01T00:00:00Z")
    answer = client.post(reverse("gateway-route-delete", args=[route.pk]))
    assert answer.status_code == 422 and "being deleted" in text(answer)


def test_a_service_form_changes_the_time_out(client, olga, route):
    client.force_login(olga)
    address = reverse("gateway-service-edit", args=[route.service.pk])
    typed = {"hash_on": "ip", "timeout_s": "90", "retries": "0", "algorithm": "round-robin"}
    assert client.post(address, {**typed, "service_generation": "1"}).status_code == 302
    assert client.post(address, {**typed, "hash_on": "none"}).status_code == 422


PAGES = ("gateway-route-detail", "gateway-service-detail", "gateway-source-detail")
CHANGES = (
    "gateway-route-edit",
    "gateway-route-delete",
    "gateway-route-put-back",
    "gateway-service-edit",
    "gateway-service-stick",
    "gateway-service-delete",
    "gateway-service-put-back",
    "gateway-source-put-back",
)


def row_of(name, route):
    if "route" in name:
        return route
    return route.service if "service" in name else route.service.source


def test_who_may_look_and_who_may_change(client, vic, ned, ada, route):
    for person, look in ((vic, 200), (ada, 200), (ned, 403)):
        client.force_login(person)
        assert client.get(reverse("gateway-route-list")).status_code == look
        for name in PAGES:
            address = reverse(name, args=[row_of(name, route).pk])
            assert client.get(address).status_code == look, name
        assert client.get(reverse("gateway-publish")).status_code == 403
        for name in CHANGES:
            address = reverse(name, args=[row_of(name, route).pk])
            assert client.post(address).status_code == 403, name
    assert not Plan.objects.exists()


def test_everything_speaks_chinese(client, olga, route):
    client.force_login(olga)
    client.cookies["django_language"] = "zh-hans"
    for address, word in (
        (reverse("gateway-route-list"), "会话保持"),
        (route.get_absolute_url(), "请求的路径"),
        (route.service.get_absolute_url(), "发给哪个 Pod"),
        (publish_url(route.service.deployment), "超限时的响应"),
    ):
        assert word in text(client.get(address)), address


# ---- the API ------------------------------------------------------------------------------------


def send(client, method, address, body):
    send_it = getattr(client, method)
    return send_it(address, data=json.dumps(body), content_type="application/json")


def test_the_api_publishes_reads_changes_and_deletes(client, olga, anime):
    client.force_login(olga)
    body = {
        "deployment": anime.pk,
        "route": {
            "hosts": ["sd.example.com"],
            "limit": {"thresholds": [{"unit": "day", "max": 9}]},
        },
    }
    answer = send(client, "post", "/api/v1/gateway/publish", body)
    assert answer.status_code == 202, answer.content
    plan = Plan.objects.get()
    assert answer.json()["plan"] == {"id": plan.pk, "number": str(plan), "status": "planning"}
    for what in ("routes", "services", "sources"):
        (item,) = client.get(f"/api/v1/gateway/{what}").json()["items"]
        assert (item["environment"], item["phase"]) == ("demo", "draft")
        assert client.get(f"/api/v1/gateway/{what}/{item['id']}").json()["id"] == item["id"]


def test_the_api_patches_a_limit_away_and_deletes(client, olga, route):
    client.force_login(olga)
    address = f"/api/v1/gateway/routes/{route.pk}"
    assert send(client, "patch", address, {"limit": None}).status_code == 202
    assert send(client, "patch", address, {"generation": 0}).status_code == 409
    assert send(client, "patch", address, {"speed": 1}).status_code == 422
    service = f"/api/v1/gateway/services/{route.service.pk}"
    assert send(client, "patch", service, {"timeout_ms": 1}).status_code == 422
    assert client.delete(service).status_code == 202
    assert client.delete(address).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service": {"hash_on": "none"}}, "hash_on"),
        ({"route": {"hosts": ["10.0.0.9"]}}, "hosts"),
        ({"deployment": 0}, "deployment"),
    ],
)
def test_the_api_refuses_with_the_field_and_the_sentence(client, olga, anime, body, field):
    client.force_login(olga)
    answer = send(client, "post", "/api/v1/gateway/publish", {"deployment": anime.pk, **body})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert answer["Content-Type"] == "application/problem+json"


def test_the_api_lets_viewers_read_only(client, vic, route):
    client.force_login(vic)
    assert client.get("/api/v1/gateway/routes").status_code == 200
    assert client.delete(f"/api/v1/gateway/routes/{route.pk}").status_code == 403
    assert client.get("/api/v1/gateway/routes/999999").status_code == 404
