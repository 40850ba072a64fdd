"""The pages: who may, what they show whole and in part, and how they say no."""

import pytest
from django.test import Client

from apps.core.models import Plan, Revision
from apps.core.phases import Phase
from apps.deployments.models import Deployment
from tests.cast import signed_in
from tests.deployments.factories import created, make_deployment, make_version, make_wish
from tests.environments.factories import IMAGE, make_environment

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def row(environment, version):
    return make_deployment(environment, version)


def typed(version, **overrides):
    """The form as a browser sends it."""
    values = {
        "name": "poster",
        "image": f"{IMAGE.repository}:{IMAGE.tag}",
        "checkpoint": version.pk,
        "replicas": 1,
        "core": 25,
        "slice_gib": 5,
        "flags": ["--api"],
        "extra_args": "--theme dark",
        "variables": "LANG=C\n\nHF_HOME=/tmp",
        "folders": ["models/Lora"],
        "cpu": 4,
        "memory_gib": 16,
        "deadline_minutes": 30,
        "service": "ClusterIP",
    }
    return {**values, **overrides}


def said(answer):
    return answer.content.decode()


# ---- who may ------------------------------------------------------------------------------------

READ = ["/deployments/", "/deployments/{pk}/"]
CHANGE = ["/deployments/new/", "/deployments/{pk}/edit/"]
POST = ["scale/", "delete/", "put-back/", "revisions/1/"]


@pytest.mark.parametrize("url", READ + CHANGE)
def test_strangers_are_sent_to_sign_in(row, url):
    assert Client().get(url.format(pk=row.pk)).status_code == 302


@pytest.mark.parametrize("url", READ)
def test_a_viewer_reads_and_is_offered_no_change(row, vic, url):
    answer = signed_in(vic).get(url.format(pk=row.pk))
    assert answer.status_code == 200
    assert "/new/" not in said(answer)
    assert "/edit/" not in said(answer)


@pytest.mark.parametrize("url", READ + CHANGE)
def test_who_holds_no_role_is_refused(row, ned, url):
    assert signed_in(ned).get(url.format(pk=row.pk)).status_code == 403


@pytest.mark.parametrize("url", CHANGE)
def test_a_viewer_cannot_open_what_changes(row, vic, url):
    assert signed_in(vic).get(url.format(pk=row.pk)).status_code == 403


@pytest.mark.parametrize("verb", POST)
def test_a_viewer_changes_nothing(row, vic, verb):
    answer = signed_in(vic).post(f"/deployments/{row.pk}/{verb}", {"replicas": 2})
    assert answer.status_code == 403
    assert not Plan.objects.exists()


@pytest.mark.parametrize("verb", POST)
def test_reading_an_address_that_changes_is_refused(row, olga, verb):
    assert signed_in(olga).get(f"/deployments/{row.pk}/{verb}").status_code == 405


@pytest.mark.parametrize("url", [*READ[1:], *CHANGE[1:]])
def test_an_unknown_one_is_not_found(olga, url):
    assert signed_in(olga).get(url.format(pk=999)).status_code == 404


# ---- the list -----------------------------------------------------------------------------------


def test_the_list_and_its_fragment(row, olga):
    client = signed_in(olga)
    whole = said(client.get("/deployments/"))
    part = said(client.get("/deployments/", headers={**FRAGMENT, "HX-Target": "rows"}))
    for page in (whole, part):
        assert f'href="/deployments/{row.pk}/"' in page
        assert "sd15" in page
    assert "<html" in whole
    assert "<html" not in part


def test_what_needs_a_person_comes_first_and_says_why(environment, version, olga):
    make_deployment(environment, version, name="fine")
    make_deployment(
        environment,
        version,
        name="stuck",
        phase=Phase.BLOCKED,
        message={"text": "Kubernetes says no.", "params": {}},
    )
    page = said(signed_in(olga).get("/deployments/"))
    assert page.index("stuck") < page.index("fine")
    assert "Kubernetes says no." in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"calm", "odd"}),
        ("?q=odd", {"odd"}),
        ("?drift=yes", {"odd"}),
        ("?phase=degraded", set()),
        ("?environment=demo", {"calm", "odd"}),
        ("?phase=nonsense&sort=nonsense&page=nonsense", {"calm", "odd"}),
        ("?q=%00", {"calm", "odd"}),
    ],
)
def test_search_and_filters(environment, version, olga, query, names):
    make_deployment(environment, version, name="calm")
    make_deployment(environment, version, name="odd", drift=[{"op": "change"}])
    answer = signed_in(olga).get("/deployments/" + query)
    assert {found.name for found in answer.context["listing"].rows} == names


def test_the_list_asks_as_much_for_fifty_rows_as_for_three(
    environment, version, olga, django_assert_max_num_queries
):
    client = signed_in(olga)
    counts = []
    for more in (3, 47):
        start = Deployment.objects.count()
        for number in range(start, start + more):
            make_deployment(environment, version, name=f"d{number}")
        with django_assert_max_num_queries(12) as captured:
            assert client.get("/deployments/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_an_empty_list_says_what_to_do_next(environment, olga, vic):
    assert 'href="/deployments/new/"' in said(signed_in(olga).get("/deployments/"))
    page = said(signed_in(vic).get("/deployments/"))
    assert "No deployment yet" in page
    assert 'href="/deployments/new/"' not in page


# ---- one ----------------------------------------------------------------------------------------


def test_the_detail_and_its_fragment(row, olga):
    client = signed_in(olga)
    whole = said(client.get(f"/deployments/{row.pk}/"))
    part = said(
        client.get(f"/deployments/{row.pk}/", headers={**FRAGMENT, "HX-Target": "deployment-body"})
    )
    assert "<html" in whole
    assert "<html" not in part
    assert f'href="/deployments/{row.pk}/edit/"' in whole


@pytest.mark.parametrize(
    ("phase", "polls"),
    [
        (Phase.READY, False),
        (Phase.BLOCKED, False),
        (Phase.DRAFT, False),
        (Phase.WORKING, True),
        (Phase.DEGRADED, True),
        (Phase.DELETING, True),
    ],
)
def test_the_page_asks_again_only_while_something_moves(environment, version, olga, phase, polls):
    row = make_deployment(environment, version, phase=phase)
    page = said(signed_in(olga).get(f"/deployments/{row.pk}/"))
    assert (f'hx-get="/deployments/{row.pk}/"' in page) is polls


def test_pods_drift_and_revisions_are_shown(environment, version, olga):
    pod = {
        "name": "anime-1",
        "node": "10.0.0.11",
        "ip": "127.0.0.9",
        "phase": "Pending",
        "ready": False,
        "restarts": 7,
        "code": "mount",
        "say": {"text": "It cannot mount %(what)s.", "params": {"what": "lora"}},
    }
    line = {"label": "Replicas", "path": "spec.replicas", "old": 2, "new": 1, "secret": False}
    drift = {
        "op": "change",
        "area": "kubernetes",
        "object_kind": "Deployment",
        "name": "anime",
        "call": "PATCH apps/v1 deployments",
        "fields": [{**line, "note": {}}],
        "notes": [],
        "restarts": 0,
        "destructive": False,
        "cost": "",
    }
    row = make_deployment(
        environment, version, observed={"pods": [pod], "address": "127.9.4.1"}, drift=[drift]
    )
    Revision.objects.create(
        kind="deployment", object_id=row.pk, number=1, spec=row.spec, message="first try"
    )
    page = said(signed_in(olga).get(f"/deployments/{row.pk}/"))
    for words in ("It cannot mount lora.", "127.9.4.1", "Replicas", "first try", "put-back/"):
        assert words in page


def test_a_draft_leads_to_its_plan(environment, version, olga):
    plan = created(olga, environment, version)
    row = Deployment.objects.get()
    page = said(signed_in(olga).get(f"/deployments/{row.pk}/"))
    assert f'href="/plans/{plan.pk}/"' in page
    assert "/edit/" not in page


# ---- the form -----------------------------------------------------------------------------------


def test_declaring_one_leads_to_its_plan(environment, version, olga):
    answer = signed_in(olga).post("/deployments/new/", typed(version))
    plan = Plan.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/plans/{plan.pk}/")
    spec = Revision.objects.get().spec
    assert spec["extra_args"] == ["--theme", "dark"]
    assert spec["environment"] == {"LANG": "C", "HF_HOME": "/tmp"}
    assert spec["slice"] == {"core": 25, "memory_gib": 5}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Poster!"}, "Lower-case letters"),
        ({"core": 52}, "steps of 5"),
        ({"slice_gib": 0}, "memory must be given"),
        ({"flags": ["--medvram", "--lowvram"]}, "exclude each other"),
        ({"extra_args": "--share"}, "--share may not be"),
        ({"extra_args": "'open"}, "quotation mark is not closed"),
        ({"variables": "1A=2"}, "is not NAME=value"),
        ({"variables": "nothing"}, "is not NAME=value"),
        ({"variables": "COMMANDLINE_ARGS=--share"}, "may not be an environment variable"),
        ({"service": "Public"}, "has to be confirmed"),
        ({"service": "Internal"}, "needs a subnet"),
        ({"replicas": 99}, "less than or equal to 64"),
        ({"image": "no/such:image"}, "Select a valid choice"),
        ({"replicas": 30, "core": 100, "slice_gib": 0}, "of 30 replicas fit"),
    ],
)
def test_bad_input_is_said_and_what_was_typed_is_kept(environment, version, olga, change, words):
    answer = signed_in(olga).post("/deployments/new/", typed(version, reason="my reason", **change))
    assert answer.status_code == 422
    assert words in said(answer).replace("&#x27;", "'")
    assert "my reason" in said(answer)
    assert not Deployment.objects.exists()


def test_the_environment_can_be_chosen_by_its_name(environment, version, olga):
    make_environment(name="art")
    page = said(signed_in(olga).get("/deployments/new/?environment=art"))
    assert "No checkpoint is published" in page
    page = said(signed_in(olga).get("/deployments/new/?environment=demo"))
    assert "No checkpoint is published" not in page


def test_without_an_environment_the_form_says_what_comes_first(olga):
    assert "No environment yet" in said(signed_in(olga).get("/deployments/new/"))


def test_editing_shows_what_was_accepted_and_plans_the_change(row, version, olga):
    client = signed_in(olga)
    form = client.get(f"/deployments/{row.pk}/edit/").context["form"]
    assert (form.initial["core"], form.initial["generation"]) == (25, 1)
    answer = client.post(
        f"/deployments/{row.pk}/edit/", typed(version, replicas=2, generation=row.generation)
    )
    assert answer.status_code == 302
    assert Revision.objects.get(object_id=row.pk).spec["replicas"] == 2


def test_a_stale_editor_gets_409_and_keeps_what_was_typed(row, version, olga):
    answer = signed_in(olga).post(
        f"/deployments/{row.pk}/edit/", typed(version, reason="mine", replicas=3, generation=0)
    )
    assert answer.status_code == 409
    page = said(answer)
    assert "Somebody changed this deployment" in page
    assert 'value="3"' in page
    assert 'value="mine"' in page
    assert not Plan.objects.exists()


def test_an_image_that_left_the_registry_stays_choosable_while_it_is_used(
    environment, version, olga
):
    image = {"repository": "aigc/old", "tag": "1.0", "digest": IMAGE.digest}
    row = make_deployment(
        environment, version, spec={"image": image, "slice": {"core": 25, "memory_gib": 5}}
    )
    page = said(signed_in(olga).get(f"/deployments/{row.pk}/edit/"))
    assert "aigc/old:1.0" in page


# ---- buttons ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replicas", "status"),
    [("2", 302), ("0", 302), ("65", 422), ("-1", 422), ("x", 422), ("²", 422), ("", 422)],
)
def test_scaling(row, olga, replicas, status):
    answer = signed_in(olga).post(f"/deployments/{row.pk}/scale/", {"replicas": replicas})
    assert answer.status_code == status
    assert Plan.objects.exists() is (status == 302)


def test_deleting_and_putting_back_lead_to_a_plan(row, olga):
    for verb in ("delete/", "put-back/"):
        answer = signed_in(olga).post(f"/deployments/{row.pk}/{verb}")
        assert answer.headers["Location"] == f"/plans/{Plan.objects.latest('pk').pk}/"


def test_a_button_that_comes_too_late_says_why(environment, version, olga):
    row = make_deployment(environment, version)
    Deployment.objects.update(delete_requested_at=row.created_at)
    answer = signed_in(olga).post(f"/deployments/{row.pk}/delete/")
    assert answer.status_code == 422
    assert "being deleted" in said(answer)


def test_going_back_to_a_revision(row, olga):
    answer = signed_in(olga).post(f"/deployments/{row.pk}/revisions/1/")
    assert answer.status_code == 422
    Revision.objects.create(
        kind="deployment", object_id=row.pk, number=1, spec=row.spec, accepted_at=row.created_at
    )
    answer = signed_in(olga).post(f"/deployments/{row.pk}/revisions/1/")
    assert answer.status_code == 302
    assert Plan.objects.get().reason == "Back to r1"


def test_a_checkpoint_that_is_no_longer_published_is_not_offered(environment, olga):
    make_version(environment, phase=Phase.WORKING)
    assert "No checkpoint is published" in said(signed_in(olga).get("/deployments/new/"))
    assert make_wish(make_version(environment, number=2))["checkpoint"]
    assert "No checkpoint is published" not in said(signed_in(olga).get("/deployments/new/"))
