"""The pages: who may, what is shown, and that hidden pictures stay hidden."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from apps.core.phases import Phase
from apps.generation.models import Job
from tests import factories
from tests.cast import signed_in
from tests.generation.test_services import placed

FORM = {
    "prompt": "a calm lake",
    "negative_prompt": "",
    "size": "512x512",
    "steps": "20",
    "cfg_scale": "7",
    "sampler": "Euler a",
    "seed": "-1",
    "count": "4",
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def deployment(db):
    return placed(name="anime")


def english(person) -> Client:
    person.language = "en"
    person.save()
    return signed_in(person)


def body(answer) -> str:
    return answer.content.decode()


def send(client: Client, at, **changes):
    return client.post(reverse("generation-create"), {**FORM, "deployment": at.pk, **changes})


def test_asking_goes_into_the_queue_and_back_to_the_form(olga, deployment):
    client = english(olga)
    answer = send(client, deployment)
    job = Job.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('generation-home')}?like={job.uuid}"
    assert (job.person, job.count, job.width) == (olga, 4, 512)
    page = body(client.get(answer.headers["Location"]))
    assert f"{job} is in the queue." in page
    assert "Queued" in page and "every 2s" in page
    assert "a calm lake</textarea>" in page


def test_an_own_size(olga, deployment):
    send(english(olga), deployment, size="own", width="320", height="64")
    assert (Job.objects.get().width, Job.objects.get().height) == (320, 64)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": ""}, "Say what should be drawn."),
        ({"prompt": "x" * 5000}, "A prompt has at most 4000 characters."),
        ({"prompt": "a\x1bb"}, "The prompt holds control characters"),
        ({"steps": "151"}, "Steps go from 1 to 150."),
        ({"cfg_scale": "31"}, "The CFG scale goes from 1 to 30."),
        ({"size": "own", "width": "100", "height": "64"}, "The width is a multiple of 8"),
        ({"size": "own"}, "The width is a multiple of 8"),
        ({"size": "9x9"}, "9x9 is not one of the available choices"),
        ({"seed": str(2**32)}, "A seed goes from 0 to 4294967295"),
        ({"count": "17"}, "One request asks for 1 to 16 pictures."),
        ({"deployment": "0"}, "There is no such deployment."),
        ({"deployment": ""}, "Choose a deployment to draw with."),
        ({"deployment": "x"}, "Enter a whole number"),
    ],
)
def test_bad_input_is_one_sentence_beside_its_field(olga, deployment, change, sentence):
    answer = send(english(olga), deployment, **change)
    assert answer.status_code == 422
    assert sentence in body(answer).replace("&#x27;", "'")
    assert not Job.objects.exists()


def test_a_megabyte_is_refused_before_it_is_read(olga, deployment, monkeypatch):
    def read(self):
        raise AssertionError("the form was read")

    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    monkeypatch.setattr("django.core.handlers.wsgi.WSGIRequest._load_post_and_files", read)
    answer = send(client, deployment, prompt="x" * 1_000_000)
    assert answer.status_code == 413
    assert "4000" in body(answer)


def test_the_form_is_guarded_against_other_sites(olga, deployment):
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    assert send(client, deployment).status_code == 403
    client.get(reverse("generation-home"))
    token = client.cookies["csrftoken"].value
    assert send(client, deployment, csrfmiddlewaretoken=token).status_code == 302
    assert Job.objects.count() == 1


def test_a_form_sent_twice_is_one_request(olga, deployment):
    client = english(olga)
    key = re.search(
        r'name="request_key" value="(\w+)"', body(client.get(reverse("generation-home")))
    )[1]
    for _ in range(2):
        assert send(client, deployment, request_key=key).status_code == 302
    assert Job.objects.count() == 1
    answer = send(client, deployment, request_key=key, prompt="another")
    assert answer.status_code == 409
    assert "used for another request" in body(answer)


def test_the_form_names_what_is_missing(olga, deployment):
    factories.make_deployment(name="alone")
    factories.make_deployment(name="starting", phase=Phase.WORKING)
    page = body(english(olga).get(reverse("generation-home")))
    assert "Put it behind the gateway first." in page
    assert "This deployment is not ready yet." in page
    assert len(re.findall(r'name="deployment"[^>]*checked', page)) == 1
    assert len(re.findall(r'name="deployment"[^>]*disabled', page)) == 2


def test_again_fills_the_form_with_or_without_the_seed(olga, deployment):
    job = factories.make_job(deployment=deployment, seed=77, width=320, height=64, count=3)
    client = english(olga)
    page = body(client.get(f"{reverse('generation-home')}?like={job.uuid}"))
    assert 'name="seed" value="-1"' in page and 'name="width" value="320"' in page
    page = body(client.get(f"{reverse('generation-home')}?like={job.uuid}&seed=same"))
    assert 'name="seed" value="77"' in page
    assert client.get(f"{reverse('generation-home')}?like=nonsense").status_code == 200


def test_a_viewer_looks_but_does_not_ask(vic, deployment):
    client = english(vic)
    job = factories.make_job(deployment=deployment, phase=Phase.WORKING, observed_generation=0)
    page = body(client.get(reverse("generation-home")))
    assert "You may look, but not ask for pictures." in page
    assert send(client, deployment).status_code == 403
    detail = reverse("generation-detail", args=[job.uuid])
    assert "/cancel/" not in body(client.get(detail))
    for name in ("generation-cancel", "generation-retry"):
        assert client.post(reverse(name, args=[job.uuid])).status_code == 403
    job.refresh_from_db()
    assert not job.cancelled


@pytest.mark.parametrize("name", ["generation-home", "generation-list", "image-list"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_in_both_languages(olga, deployment, name, language):
    olga.language = language
    olga.save()
    client = signed_in(olga)
    empty = client.get(reverse(name))
    assert empty.status_code == 200
    job = factories.make_job(deployment=deployment, prompt="<script>alert(1)</script> 湖")
    factories.make_image(job=job)
    page = body(client.get(reverse(name)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 湖" in page
    words = {"en": "Gallery", "zh-hans": "图库"}
    assert words[language] in page


@pytest.mark.parametrize("name", ["generation-list", "image-list"])
@pytest.mark.parametrize(
    "query", ["sort=nonsense", "page=99999", "since=ever", "person=x", "q=%00"]
)
def test_nonsense_in_the_address_is_ignored(olga, deployment, name, query):
    factories.make_image()
    assert english(olga).get(f"{reverse(name)}?{query}").status_code == 200


def test_a_hidden_picture_shows_itself_nowhere(olga, deployment):
    job = factories.make_job(deployment=deployment, count=2)
    hidden = factories.make_image(job=job, number=1, hidden=True)
    shown = factories.make_image(job=job, number=2)
    client = english(olga)
    for url in (
        reverse("generation-home"),
        reverse("image-list"),
        reverse("generation-detail", args=[job.uuid]),
    ):
        page = body(client.get(url))
        assert hidden.key not in page, url
        assert f"{shown.key}?" in page, url
        assert "waits for moderation" in page, url


def test_a_request_being_drawn_shows_every_picture_s_state(olga, deployment):
    job = factories.make_job(
        deployment=deployment,
        count=4,
        seed=7,
        phase=Phase.WORKING,
        observed_generation=0,
        lease_owner="w",
        leased_until="2099-01-01T00:00Z",
    )
    factories.make_image(job=job, number=1)
    client = english(olga)
    url = reverse("generation-detail", args=[job.uuid])
    page = body(client.get(url))
    assert re.findall(r'class="gen-art" data-s="(\w+)"', page) == [
        "shown",
        "next",
        "coming",
        "coming",
    ]
    assert "every 2s" in page and "1 of 4 pictures" in page and "Cancel" in page
    part = body(client.get(url, headers={**HTMX, "HX-Target": "job"}))
    assert part.lstrip().startswith('<div id="job"') and "<html" not in part


def test_a_finished_request_stops_asking(olga, deployment):
    job = factories.make_job(deployment=deployment)
    page = body(english(olga).get(reverse("generation-detail", args=[job.uuid])))
    assert 'hx-trigger="every' not in page and "/cancel/" not in page


def test_what_moderation_may_pass_any_moment_is_looked_at_again_for_a_while(olga, deployment):
    job = factories.make_job(deployment=deployment)
    factories.make_image(job=job, hidden=True)
    client, url = english(olga), reverse("generation-detail", args=[job.uuid])
    assert "every 5s" in body(client.get(url))
    assert "every 5s" in body(client.get(reverse("generation-home")))
    Job.objects.update(created_at="2020-01-01T00:00Z")
    assert 'hx-trigger="every' not in body(client.get(url))


def test_cancel_and_try_again_by_button(olga, deployment):
    client = english(olga)
    send(client, deployment)
    job = Job.objects.get()
    Job.objects.update(phase=Phase.BLOCKED, due_at=None)
    url = reverse("generation-detail", args=[job.uuid])
    assert "Try again" in body(client.get(url))
    client.post(reverse("generation-retry", args=[job.uuid]))
    job.refresh_from_db()
    assert job.phase == Phase.PENDING
    assert client.post(reverse("generation-cancel", args=[job.uuid])).headers["Location"] == url
    job.refresh_from_db()
    assert job.cancelled
    assert "Stopping" in body(client.get(url))


def test_the_gallery_is_narrowed(olga, ada, deployment):
    mine = factories.make_image(job=factories.make_job(person=olga, prompt="red fox"))
    other = factories.make_image(
        job=factories.make_job(person=ada, deployment=deployment, prompt="blue whale"), hidden=True
    )
    client = english(olga)

    def shown(query):
        page = body(client.get(f"{reverse('image-list')}?{query}"))
        return {int(pk) for pk in re.findall(r'id="image-(\d+)"', page)}

    assert shown("") == {mine.pk, other.pk}
    assert shown("q=fox") == {mine.pk}
    assert shown(f"person={ada.pk}") == {other.pk}
    assert shown("deployment=anime") == {other.pk}
    assert shown("shown=no") == {other.pk}
    assert shown("shown=yes&since=day") == {mine.pk}
    type(mine).objects.filter(pk=mine.pk).update(created_at="2020-01-01T00:00Z")
    assert shown("since=day") == {other.pk}


def test_the_form_asks_as_much_for_many_deployments_as_for_few(
    olga, deployment, django_assert_max_num_queries
):
    client = english(olga)
    url = reverse("generation-home")
    factories.make_image(job=factories.make_job(deployment=deployment))
    client.get(url)
    with django_assert_max_num_queries(16) as asked:
        client.get(url)
    few = len(asked.captured_queries)
    for _ in range(10):
        placed()
        factories.make_image(job=factories.make_job())
    client.get(url)
    with django_assert_max_num_queries(few):
        client.get(url)


def test_an_unknown_request_is_not_there(olga, db):
    unknown = "00000000-0000-4000-8000-000000000000"
    assert english(olga).get(f"/generate/{unknown}/").status_code == 404
