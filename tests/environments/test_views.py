"""The pages: who may, what they show, whole and in part, within their query budget."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core.models import PlanStatus
from apps.environments import services
from apps.environments.choices import Choice
from apps.environments.models import Environment, Reading
from tests.cast import signed_in
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

READABLE = (
    "/environments/",
    "/environments/demo/",
    "/environments/demo/inventory/",
    "/environments/demo/status/",
)
CHANGING = ("/environments/new/", "/environments/demo/adopt/", "/environments/demo/settings/")
POSTS = (
    "/environments/new/",
    "/environments/demo/adopt/",
    "/environments/demo/settings/",
    "/environments/demo/key/",
    "/environments/demo/reach/",
    "/environments/demo/kubeconfig/",
)
KEY = {
    "name": "prod-gz",
    "region": "ap-guangzhou",
    "stage": "prod",
    "secret_id": "AKIDxxxxxxxxxxxxxxxx",
    "secret_key": "top-secret-key-0001",
    "api_scheme": "https",
    "cos_scheme": "https",
}
CHOICE = {
    "cluster_id": CLUSTER.id,
    "cfs_id": FILES.id,
    "tcr_id": REGISTRY.id,
    "gateway_id": GATEWAY.id,
    "bucket": BUCKET.name,
    "namespace": "sd",
}


def queries(client, url):
    """What the page asks of this app's tables; the shell's counts are budgeted elsewhere."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    own = ("environments_environment", "environments_finding", "environments_reading")
    return [one["sql"] for one in captured if any(f'FROM "{table}"' in one["sql"] for table in own)]


# ---- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", READABLE + CHANGING)
def test_strangers_are_sent_to_sign_in(url):
    make_adopted()
    assert Client().get(url).status_code == 302


@pytest.mark.parametrize("url", READABLE)
def test_a_viewer_reads(vic, url):
    make_adopted()
    assert signed_in(vic).get(url).status_code == 200


@pytest.mark.parametrize("url", CHANGING)
def test_a_viewer_does_not_change(vic, url):
    make_adopted()
    assert signed_in(vic).get(url).status_code == 403


@pytest.mark.parametrize("url", POSTS)
def test_a_viewer_posts_nothing(vic, url):
    make_adopted()
    assert signed_in(vic).post(url, KEY).status_code == 403


@pytest.mark.parametrize("url", READABLE + CHANGING)
def test_without_a_role_nothing_is_shown(ned, url):
    make_adopted()
    assert signed_in(ned).get(url).status_code == 403


def test_a_viewer_sees_no_button_that_would_refuse_them(vic):
    make_adopted()
    page = signed_in(vic).get("/environments/").content.decode()
    assert "/environments/new/" not in page
    assert "/settings/" not in signed_in(vic).get("/environments/demo/").content.decode().replace(
        'href="/settings/"', ""
    )


# ---- the list -----------------------------------------------------------------------------------


def test_the_empty_list_teaches_and_offers_the_first_step(olga):
    page = signed_in(olga).get("/environments/").content.decode()
    assert "No environment yet." in page
    assert "/environments/new/" in page


def test_the_list_stays_within_its_budget_however_many_there_are(olga):
    make_adopted()
    client = signed_in(olga)
    few = len(queries(client, "/environments/"))
    for number in range(6):
        make_adopted(name=f"env-{number}")
    assert len(queries(client, "/environments/")) == few <= 8


def test_the_list_never_reads_a_secret(olga):
    make_adopted()
    for sql in queries(signed_in(olga), "/environments/"):
        assert "secret_key" not in sql


def test_the_worst_stands_first_with_its_reason(olga):
    make_adopted(name="alpha")
    broken = make_adopted(name="zulu")
    Reading.objects.filter(environment=broken, product="cfs").update(
        error={"text": "%(product)s does not answer.", "params": {"product": "CFS"}},
        remedy={"text": "It is tried again by itself.", "params": {}},
    )
    page = signed_in(olga).get("/environments/").content.decode()
    assert page.index(f"environment-row-{broken.pk}") < page.index('href="/environments/alpha/"')
    assert "CFS does not answer." in page
    assert "It is tried again by itself." in page


def test_htmx_gets_the_rows_alone(olga):
    make_adopted()
    answer = signed_in(olga).get(
        "/environments/", headers={"HX-Request": "true", "HX-Target": "rows"}
    )
    page = answer.content.decode()
    assert page.lstrip().startswith('<div class="env-rows"')
    assert "<html" not in page
    assert "HX-Request" in answer.headers["Vary"]


# ---- the wizard ---------------------------------------------------------------------------------


def test_a_new_environment_leads_to_discovery(olga):
    answer = signed_in(olga).post("/environments/new/", KEY)
    assert answer.status_code == 302
    assert answer.url == "/environments/prod-gz/adopt/"
    assert Environment.objects.get().policy == "four-eyes"


def test_ill_formed_input_comes_back_beside_its_field_without_the_secret(olga):
    answer = signed_in(olga).post("/environments/new/", {**KEY, "region": "moon"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "A region looks like ap-guangzhou." in page
    assert "top-secret" not in page


def test_discovery_keeps_its_own_clock_until_everything_is_read(olga):
    environment = make_environment()
    client = signed_in(olga)
    assert 'hx-trigger="load delay:1s"' in client.get("/environments/demo/adopt/").content.decode()
    stock(environment)
    page = client.get("/environments/demo/adopt/").content.decode()
    assert 'hx-trigger="load delay:1s"' not in page
    assert CLUSTER.id in page


def test_what_was_ticked_is_adopted_and_its_plan_shown(olga):
    stock(make_environment())
    answer = signed_in(olga).post("/environments/demo/adopt/", CHOICE)
    assert answer.status_code == 302
    assert answer.url.startswith("/plans/")
    assert Environment.objects.get().gateway_address == GATEWAY.address


def test_a_choice_that_does_not_fit_comes_back_ticked_with_the_reason(olga):
    stock(make_environment())
    answer = signed_in(olga).post(
        "/environments/demo/adopt/", {**CHOICE, "namespace": "kube-system"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "belongs to the cluster itself" in page
    assert f'value="{CLUSTER.id}" checked' in page


def test_a_refused_key_leads_to_replacing_it(olga):
    environment = make_environment()
    stock(environment)
    Reading.objects.filter(environment=environment, product="sts").update(
        permanent=True, error={"text": "Tencent Cloud refuses this key.", "params": {}}
    )
    page = signed_in(olga).get("/environments/demo/adopt/").content.decode()
    assert "Tencent Cloud refuses this key." in page
    assert "/environments/demo/settings/#h-key" in page
    assert 'name="cluster_id"' not in page


# ---- one environment ----------------------------------------------------------------------------


def test_the_overview_shows_reason_remedy_and_request_id(olga):
    environment = make_adopted()
    Reading.objects.filter(environment=environment, product="tse").update(
        error={"text": "The key may not call %(action)s.", "params": {"action": "tse:Describe"}},
        remedy={
            "text": "Grant %(action)s to the key in CAM, then read again.",
            "params": {"action": "tse:Describe"},
        },
        request_id="req-77",
        error_code="UnauthorizedOperation",
    )
    page = signed_in(olga).get("/environments/demo/").content.decode()
    for words in ("may not call tse:Describe", "Grant tse:Describe", "req-77"):
        assert words in page


def test_an_environment_without_anything_leads_to_choosing(olga, vic):
    make_environment()
    assert signed_in(olga).get("/environments/demo/").url == "/environments/demo/adopt/"
    assert signed_in(vic).get("/environments/demo/").status_code == 200


def test_a_waiting_plan_is_named_on_the_overview(olga):
    environment = make_adopted()
    plan = services.environment_adopt(
        environment=environment,
        person=olga,
        choice=Choice(cluster_id=CLUSTER.id, bucket=BUCKET.name),
    )
    type(plan).objects.filter(pk=plan.pk).update(status=PlanStatus.READY)
    page = signed_in(olga).get("/environments/demo/").content.decode()
    assert f'href="/plans/{plan.pk}/"' in page


def test_an_unknown_environment_is_not_found(olga):
    assert signed_in(olga).get("/environments/nowhere/").status_code == 404


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nodes", "PNV4.14XLARGE232"),
        ("cards", "anime"),
        ("pods", "anime-7c9f-x2kqp"),
        ("volumes", "/models/Stable-diffusion"),
        ("images", "1.10.1-cu121"),
        ("filesystems", "demofsid"),
        ("gateways", GATEWAY.address),
        ("buckets", BUCKET.name),
        ("pools", "np-demo00001"),
        ("addons", "qgpu"),
        ("no-such-kind", "PNV4.14XLARGE232"),
    ],
)
def test_the_inventory_shows_each_kind_within_its_budget(olga, kind, words):
    make_adopted()
    client = signed_in(olga)
    url = f"/environments/demo/inventory/?kind={kind}"
    assert words in client.get(url).content.decode()
    assert len(queries(client, url)) <= 10


def test_the_inventory_filters_and_sorts_by_the_url(olga):
    make_adopted()
    client = signed_in(olga)
    url = "/environments/demo/inventory/?kind=pods"
    assert "anime-7c9f" in client.get(url + "&is=Running&sort=-core").content.decode()
    assert "anime-7c9f" not in client.get(url + "&q=nothing-like-it").content.decode()


def test_asking_for_a_look_marks_every_product(vic):
    make_adopted()
    answer = signed_in(vic).post(
        "/environments/demo/refresh/", {"back": "inventory", "kind": "pods"}
    )
    assert answer.url == "/environments/demo/inventory/?kind=pods"
    assert all(reading.awaited for reading in Reading.objects.all())


def test_choosing_waits_for_a_look_that_was_asked_for(olga):
    environment = make_adopted()
    services.refresh_request(environment=environment)
    page = signed_in(olga).get("/environments/demo/adopt/").content.decode()
    assert 'hx-trigger="load delay:1s"' in page
    stock(environment)
    assert CLUSTER.id in signed_in(olga).get("/environments/demo/adopt/").content.decode()


def test_the_progress_ends_by_itself(vic):
    environment = make_adopted()
    services.refresh_request(environment=environment)
    client = signed_in(vic)
    assert "hx-get" in client.get("/environments/demo/status/?tab=inventory").content.decode()
    stock(environment)
    assert "hx-get" not in client.get("/environments/demo/status/?tab=inventory").content.decode()


# ---- settings -----------------------------------------------------------------------------------


def test_settings_show_no_secret(olga):
    make_adopted(kubeconfig="clusters: [very-secret-config]")
    page = signed_in(olga).get("/environments/demo/settings/").content.decode()
    assert "top-secret" not in page
    assert "very-secret-config" not in page


def test_settings_are_saved_against_what_was_seen(olga, root):
    environment = make_adopted()
    form = {
        "stage": "stage",
        "policy": "confirm",
        "biz_type": "biz1",
        "seen": environment.updated_at.isoformat(),
    }
    assert signed_in(olga).post("/environments/demo/settings/", form).status_code == 302
    answer = signed_in(root).post("/environments/demo/settings/", form)
    assert answer.status_code == 409
    assert "Someone else changed this environment" in answer.content.decode()


def test_the_key_is_replaced_through_its_own_form(olga):
    make_adopted()
    form = {"secret_id": "AKIDyyyyyyyyyyyyyyyy", "secret_key": "another-secret-0002"}
    assert signed_in(olga).post("/environments/demo/key/", form).status_code == 302
    assert Environment.objects.get().secret_key == "another-secret-0002"
    refused = signed_in(olga).post("/environments/demo/key/", {**form, "secret_id": "x"})
    assert refused.status_code == 422
    assert "another-secret" not in refused.content.decode()


def test_endpoints_and_kubeconfig_have_their_own_forms(olga):
    make_adopted()
    client = signed_in(olga)
    reach = {"api_endpoint": "127.0.0.1:9", "api_scheme": "http", "cos_scheme": "https"}
    assert client.post("/environments/demo/reach/", reach).status_code == 302
    assert (
        client.post("/environments/demo/reach/", {**reach, "api_endpoint": "http://x"}).status_code
        == 422
    )
    assert (
        client.post("/environments/demo/kubeconfig/", {"kubeconfig": "clusters: []"}).status_code
        == 302
    )
    assert client.post("/environments/demo/kubeconfig/", {"kubeconfig": "x"}).status_code == 422
    environment = Environment.objects.get()
    assert environment.api_endpoint == "127.0.0.1:9"
    assert environment.kubeconfig_pasted


def test_the_top_bar_switch_is_remembered(vic):
    environment = make_adopted()
    make_adopted(name="other")
    client = signed_in(vic)
    answer = client.post("/environments/switch/", {"environment": environment.pk, "next": "/gpu/"})
    assert answer.status_code == 302
    assert client.cookies["sdc_environment"].value == str(environment.pk)
