"""Asking for pictures: rules, quota, idempotency, record; cancelling and trying again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from apps.audit.models import Event
from apps.core.errors import Conflict, RuleViolation
from apps.core.phases import Phase
from apps.generation import selectors, services
from apps.generation.models import Job
from apps.generation.rules import SEED_MOST, Wish
from apps.generation.spec import JobSpec
from tests import factories

WISH = Wish(prompt="a calm lake", count=2)


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def deployment(db):
    return placed()


def placed(**overrides):
    """A deployment that can draw."""
    row = factories.make_deployment(**overrides)
    service = factories.make_gateway_service(deployment=row)
    factories.make_route(service=service, spec={"hosts": [f"{row.name}.example.com"]})
    return row


def ask(person, deployment, wish=WISH, key=""):
    return services.job_create(person=person, deployment=deployment, wish=wish, idempotency_key=key)


def test_a_wish_is_kept_whole_and_handed_to_the_loop(
    olga, deployment, django_capture_on_commit_callbacks
):
    wish = Wish(
        prompt=" a lake\r\nat dawn ",
        negative_prompt="blurry",
        steps=30,
        cfg_scale=Decimal("7.5"),
        width=768,
        height=512,
        sampler="Euler a",
        seed=5,
        count=4,
    )
    with django_capture_on_commit_callbacks() as rings:
        row, new = ask(olga, deployment, wish)
    row.refresh_from_db()
    assert new and len(rings) == 1
    assert (row.phase, row.generation, row.observed_generation) == (Phase.PENDING, 1, 0)
    assert row.due_at is not None and not row.settled
    assert (row.person, row.deployment, row.version) == (olga, deployment, deployment.checkpoint)
    spec = JobSpec.model_validate(row.spec)
    assert spec.wish == replace(wish, prompt="a lake\nat dawn")
    assert spec.checkpoint.name == deployment.checkpoint.file_on_disk.removesuffix(".safetensors")
    assert spec.checkpoint.hash == deployment.checkpoint.sha256[:10]
    assert spec.folder == row.created_at.strftime("images/%Y/%m/%d")
    assert (row.prompt, row.cfg_scale, row.seed) == ("a lake\nat dawn", Decimal("7.5"), 5)
    event = Event.objects.get(verb="generation.create")
    assert (event.actor, event.subject_id, event.after["seed"]) == (olga, str(row.pk), 5)


def test_a_seed_is_drawn_once_and_kept(olga, deployment):
    seeds = {ask(olga, deployment)[0].seed for _ in range(5)}
    assert len(seeds) > 1
    assert all(0 <= seed <= SEED_MOST for seed in seeds)
    assert all(row.spec["seed"] == row.seed for row in Job.objects.all())


def test_a_broken_rule_is_one_sentence_and_leaves_nothing(olga, deployment):
    with pytest.raises(RuleViolation) as caught:
        ask(olga, deployment, replace(WISH, prompt="x" * 4001))
    assert (caught.value.field, caught.value.message) == (
        "prompt",
        "A prompt has at most 4000 characters.",
    )
    assert not Job.objects.exists() and not Event.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"phase": Phase.WORKING}, "This deployment is not ready yet."),
        ({"phase": Phase.DRAFT, "spec": {}}, "This deployment is not ready yet."),
        ({"replicas": 0}, "This deployment is scaled to zero."),
        (
            {"flags": ["--xformers"]},
            "Its web UI runs without --api; switch that on in its flags.",
        ),
    ],
)
def test_where_one_may_draw(olga, deployment, change, sentence):
    spec = change.pop("spec", deployment.spec)
    columns = {name: change.pop(name) for name in list(change) if name == "phase"}
    deployment.spec = {**spec, **change}
    for name, value in columns.items():
        setattr(deployment, name, value)
    deployment.save()
    with pytest.raises(RuleViolation) as caught:
        ask(olga, deployment)
    assert (caught.value.field, caught.value.message) == ("deployment", sentence)
    assert not Job.objects.exists()


def test_nowebui_has_the_api_too(olga, deployment):
    deployment.spec = {**deployment.spec, "flags": ["--nowebui"]}
    deployment.save()
    assert ask(olga, deployment)[1]


def test_only_through_the_gateway(olga, deployment):
    deployment.gateway_services.get().routes.update(phase=Phase.DEGRADED)
    with pytest.raises(RuleViolation, match="Put it behind the gateway first"):
        ask(olga, deployment)
    deployment.gateway_services.get().routes.update(
        phase=Phase.READY, spec={"paths": ["/somewhere"]}
    )
    with pytest.raises(RuleViolation, match="Put it behind the gateway first"):
        ask(olga, deployment)


def test_only_into_a_bucket(olga, deployment):
    deployment.environment.bucket = ""
    with pytest.raises(RuleViolation, match="no bucket"):
        ask(olga, deployment)


def test_a_person_has_so_many_pictures_waiting_and_no_more(olga, ada, deployment):
    for _ in range(4):
        row, _new = ask(olga, deployment, replace(WISH, count=16))
    assert selectors.open_images(olga) == 64
    with pytest.raises(RuleViolation) as caught:
        ask(olga, deployment, replace(WISH, count=1))
    assert "You have 64 pictures waiting" in caught.value.message
    assert ask(ada, deployment)[1], "another person has a quota of their own"
    for number in (1, 2, 3):
        factories.make_image(job=row, number=number)
    assert selectors.open_images(olga) == 61
    assert ask(olga, deployment, replace(WISH, count=3))[1]
    services.job_cancel(person=olga, row=row)
    assert selectors.open_images(olga) == 64 - 13


def test_who_waits_knows_how_many_are_before(olga, deployment):
    first, second = (ask(olga, deployment)[0] for _ in range(2))
    assert (selectors.ahead(first), selectors.ahead(second)) == (0, 2)
    factories.make_image(job=first, number=1)
    assert selectors.ahead(second) == 1


# ---- asked twice ----------------------------------------------------------------------------


def test_the_same_key_and_wish_is_the_same_job(olga, deployment):
    row, new = ask(olga, deployment, key="k1")
    again, newer = ask(olga, deployment, key="k1")
    assert (new, newer, again.pk) == (True, False, row.pk)
    assert (Job.objects.count(), Event.objects.count()) == (1, 1)


def test_a_number_written_otherwise_is_the_same_wish(olga, deployment):
    row, _new = ask(olga, deployment, replace(WISH, cfg_scale=Decimal("7")), key="k1")
    again, _new = ask(olga, deployment, replace(WISH, cfg_scale=Decimal("7.0")), key="k1")
    assert again.pk == row.pk


def test_the_same_key_stands_even_when_the_quota_is_used_up(olga, deployment):
    row, _new = ask(olga, deployment, replace(WISH, count=16), key="k1")
    for _ in range(3):
        ask(olga, deployment, replace(WISH, count=16))
    assert ask(olga, deployment, replace(WISH, count=16), key="k1")[0].pk == row.pk


@pytest.mark.parametrize("change", [{"prompt": "another"}, {"count": 3}, {"seed": 5}])
def test_the_same_key_for_another_wish_is_a_conflict(olga, deployment, change):
    row, _new = ask(olga, deployment, key="k1")
    with pytest.raises(Conflict) as caught:
        ask(olga, deployment, replace(WISH, **change), key="k1")
    assert caught.value.current == {"id": str(row.uuid), "name": str(row)}
    with pytest.raises(Conflict):
        ask(olga, placed(), key="k1")
    assert Job.objects.count() == 1


def test_a_key_belongs_to_one_person(olga, ada, deployment):
    assert ask(olga, deployment, key="k1")[0].pk != ask(ada, deployment, key="k1")[0].pk
    assert ask(olga, deployment)[0].pk != ask(olga, deployment)[0].pk


@pytest.mark.parametrize("key", ["x" * 201, "a\0b", "a\nb", "\ud800"])
def test_a_key_is_short_and_printable(olga, deployment, key):
    with pytest.raises(RuleViolation, match="idempotency key"):
        ask(olga, deployment, key=key)


# ---- stop, and again ------------------------------------------------------------------------


def test_cancelling_is_a_new_wish(olga, deployment, django_capture_on_commit_callbacks):
    row, _new = ask(olga, deployment)
    with django_capture_on_commit_callbacks() as rings:
        services.job_cancel(person=olga, row=row)
    row.refresh_from_db()
    assert (row.cancelled, row.generation, len(rings)) == (True, 2, 1)
    at = row.cancelled_at
    services.job_cancel(person=olga, row=row)
    row.refresh_from_db()
    assert (row.cancelled_at, row.generation) == (at, 2)
    assert Event.objects.filter(verb="generation.cancel").count() == 1


def test_what_is_done_cannot_be_cancelled_nor_tried_again(olga, db):
    row = factories.make_job()
    with pytest.raises(RuleViolation, match="there already"):
        services.job_cancel(person=olga, row=row)
    with pytest.raises(RuleViolation, match="not held up"):
        services.job_retry(person=olga, row=row)


def test_what_is_held_up_is_tried_again(olga, deployment):
    row, _new = ask(olga, deployment)
    Job.objects.filter(pk=row.pk).update(phase=Phase.BLOCKED, due_at=None, failures=3)
    services.job_retry(person=olga, row=row)
    row.refresh_from_db()
    assert (row.phase, row.failures) == (Phase.PENDING, 0)
    assert row.due_at is not None and not row.settled


# ---- addresses ------------------------------------------------------------------------------


def test_a_hidden_picture_has_no_address(db):
    assert selectors.signed_url(factories.make_image(hidden=True)) is None


def test_an_address_is_kept_for_a_while_and_hiding_takes_it_back(db):
    image = factories.make_image()
    url = selectors.signed_url(image)
    assert image.key in url and "q-signature=" in url
    assert selectors.signed_url(image) == url
    image.hidden = True
    assert selectors.signed_url(image) is None


def test_new_bytes_have_a_new_address(db):
    image = factories.make_image()
    url = selectors.signed_url(image)
    image.etag = "f" * 32
    assert selectors.recall([f"picture/{image.pk}/{image.etag}"]) == {}
    assert selectors.signed_url(image) is not None
    assert url is not None
