"""The kind against a real sandbox: web UI, gateway and bucket over real sockets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core import reconcile
from apps.core.models import Intent
from apps.core.phases import Phase
from apps.gateway.models import Route
from apps.generation import reconciler, services
from apps.generation.models import Image, Job
from apps.generation.rules import Wish
from apps.registry.models import Version
from cloud.cos import CosClient
from cloud.errors import LostAnswer
from cloud.webui import WebUi
from tests.generation.stage import Stage, eventually


class Killed(BaseException):
    """The worker's process ends here: nothing after it runs, nothing is given back."""


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def drawings(monkeypatch):
    """The seeds asked of the web UI, in order; `drawings.meanwhile(n)` runs as the nth is drawn."""

    class Drawings(list):
        meanwhile = staticmethod(lambda number: None)

    asked, send = Drawings(), WebUi.txt2img

    def txt2img(self, request):
        asked.append(request["seed"])
        made = send(self, request)
        asked.meanwhile(len(asked))
        return made

    monkeypatch.setattr(WebUi, "txt2img", txt2img)
    return asked


def ask(person, deployment, **wish) -> Job:
    values = {"prompt": "a calm lake", "steps": 4, "width": 128, "height": 64, "seed": 7, **wish}
    row, _new = services.job_create(person=person, deployment=deployment, wish=Wish(**values))
    return row


def look(row: Job) -> None:
    """A worker comes by: whoever held the row before has died since."""
    Job.objects.filter(pk=row.pk, leased_until__isnull=False).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    reconcile.run("generation", row.pk)
    row.refresh_from_db()


def numbers(row: Job) -> list[int]:
    return list(Image.objects.filter(job=row).order_by("number").values_list("number", flat=True))


def in_bucket(stage: Stage, row: Job) -> list[str]:
    prefix = f"{row.spec['folder']}/{row.uuid}"
    return [one.key.removeprefix(prefix) for one in stage.cos.list_all(prefix)]


def test_four_pictures_land_in_the_bucket_and_stay_private(stage, deployment, olga, drawings):
    row = ask(olga, deployment, count=4)
    look(row)
    assert (row.phase, row.done, row.total) == (Phase.READY, 4, 4), row.message_say
    assert row.settled and row.due_at is None
    images = list(Image.objects.filter(job=row))
    assert [image.seed for image in images] == drawings == [7, 8, 9, 10]
    for image in images:
        assert image.key == f"{row.spec['folder']}/{row.uuid}-{image.number}.png"
        assert image.hidden
        assert (image.width, image.height, image.model_name) == (128, 64, "sd15-v1")
        assert image.model_hash == stage.sha256[:10]
        assert image.infotext.startswith("a calm lake")
        head = stage.cos.head(image.key)
        assert head.content_type == "image/png"
        assert (head.size_bytes, head.etag) == (image.size_bytes, image.etag)
        assert head.crc64 == image.crc64
        assert head.metadata["job"] == str(row.uuid)
        assert head.metadata["number"] == str(image.number)
        assert head.metadata["seed"] == str(image.seed)
        assert stage.cos.acl_get(image.key).canned == "private"
        assert stage.cos.anonymous_status(image.key) == 403
    look(row)
    assert drawings == [7, 8, 9, 10]
    assert row.spec["folder"] == row.created_at.strftime("images/%Y/%m/%d")


def test_the_same_seed_makes_the_same_picture(stage, deployment, olga):
    one, two = (ask(olga, deployment) for _ in range(2))
    look(one)
    look(two)
    assert Image.objects.get(job=one).crc64 == Image.objects.get(job=two).crc64


def test_progress_is_told_with_every_picture(deployment, olga, drawings):
    row = ask(olga, deployment, count=3)
    seen = []

    def meanwhile(number):
        row.refresh_from_db()
        seen.append((row.phase, row.done, row.total))

    drawings.meanwhile = meanwhile
    look(row)
    assert seen == [
        (Phase.PENDING, 0, 3),
        (Phase.WORKING, 1, 3),
        (Phase.WORKING, 2, 3),
    ]


def test_a_worker_killed_between_store_and_record_costs_no_second_drawing(
    stage, deployment, olga, drawings, monkeypatch
):
    row = ask(olga, deployment, count=3)
    write = reconciler.write_down

    def die(job, picture, *rest):
        if picture.number == 2:
            raise Killed
        write(job, picture, *rest)

    with monkeypatch.context() as dying:
        dying.setattr(reconciler, "write_down", die)
        with pytest.raises(Killed):
            look(row)
    assert (numbers(row), in_bucket(stage, row)) == ([1], ["-1.png", "-2.png"])
    before = stage.cos.head(f"{row.spec['folder']}/{row.uuid}-2.png")
    look(row)
    assert row.phase == Phase.READY
    assert numbers(row) == [1, 2, 3]
    assert drawings == [7, 8, 9]
    image = Image.objects.get(job=row, number=2)
    assert (image.etag, image.seed, image.model_name) == (before.etag, 8, "sd15-v1")
    assert image.crc64 == before.crc64
    assert not Intent.objects.filter(object_id=row.pk, state__in=["pending", "unknown"]).exists()


def test_a_worker_killed_while_drawing_draws_only_what_is_missing(
    stage, deployment, olga, drawings
):
    row = ask(olga, deployment, count=3)

    def die(number):
        if number == 2:
            raise Killed

    drawings.meanwhile = die
    with pytest.raises(Killed):
        look(row)
    assert in_bucket(stage, row) == ["-1.png"]
    look(row)
    assert numbers(row) == [1, 2, 3]
    assert drawings == [7, 8, 8, 9]


def test_a_lost_answer_of_cos_is_found_again(stage, deployment, olga, drawings, monkeypatch):
    row = ask(olga, deployment)
    put = CosClient.put

    def lose(self, key, *args, **options):
        put(self, key, *args, **options)
        raise LostAnswer("COS closed the connection.", service="COS")

    with monkeypatch.context() as losing:
        losing.setattr(CosClient, "put", lose)
        look(row)
    assert (row.phase, numbers(row)) == (Phase.DEGRADED, [])
    assert row.due_at is not None
    look(row)
    assert (row.phase, numbers(row), drawings) == (Phase.READY, [1], [7])


def test_what_lies_in_its_place_and_is_no_picture_is_replaced(stage, deployment, olga, drawings):
    row = ask(olga, deployment)
    stage.cos.put(f"{row.spec['folder']}/{row.uuid}-1.png", b"\x89PNG\r\n\x1a\ntorn", acl="private")
    look(row)
    assert (row.phase, drawings) == (Phase.READY, [7])
    image = Image.objects.get(job=row)
    assert stage.cos.head(image.key).size_bytes == image.size_bytes > 100


def test_a_worker_that_lost_its_lease_stores_nothing(stage, deployment, olga, drawings):
    row = ask(olga, deployment)
    drawings.meanwhile = lambda number: Job.objects.filter(pk=row.pk).update(fence=99)
    look(row)
    assert (numbers(row), in_bucket(stage, row)) == ([], [])


def test_cancel_begins_no_further_picture(stage, deployment, olga, drawings):
    row = ask(olga, deployment, count=4)

    def cancel(number):
        if number == 2:
            services.job_cancel(person=olga, row=row)

    drawings.meanwhile = cancel
    look(row)
    assert row.due_at is not None
    look(row)
    assert (row.phase, row.done, row.total) == (Phase.READY, 2, 4)
    assert row.settled and row.cancelled
    assert (numbers(row), drawings) == ([1, 2], [7, 8])
    assert str(row.message_say) == "Cancelled; 2 of 4 pictures had been drawn."
    assert in_bucket(stage, row) == ["-1.png", "-2.png"]


def test_the_gateway_s_limit_slows_down_and_loses_nothing(stage, deployment, olga, drawings):
    row = ask(olga, deployment, count=4)
    stage.limit(1)
    try:
        look(row)
        assert row.phase == Phase.WORKING
        assert 1 <= len(numbers(row)) < 4  # each node of the gateway counts for itself
        assert row.due_at > timezone.now()
        assert row.failures == 0
        assert "slow down" in str(row.message_say)
    finally:
        stage.unlimit()
    eventually(lambda: look(row) or row.phase, lambda phase: phase == Phase.READY)
    assert numbers(row) == [1, 2, 3, 4]
    assert sorted(set(drawings)) == [7, 8, 9, 10]
    assert in_bucket(stage, row) == ["-1.png", "-2.png", "-3.png", "-4.png"]


def test_a_checkpoint_the_web_ui_does_not_have_is_noticed(stage, deployment, olga):
    """It answers 200 and draws with whatever it has."""
    deployment.checkpoint = Version.objects.create(
        model=deployment.checkpoint.model,
        number=9,
        environment=deployment.environment,
        file_name="x.safetensors",
        size_bytes=1,
        phase="ready",
    )
    deployment.save()
    row = ask(olga, deployment)
    look(row)
    assert (row.phase, row.due_at) == (Phase.BLOCKED, None)
    said = str(row.message_say)
    assert "sd15-v1 instead of sd15-v9" in said and "restart anime" in said
    assert (numbers(row), in_bucket(stage, row)) == ([], [])


def test_other_bytes_under_the_same_name_are_noticed(stage, deployment, olga):
    Version.objects.filter(pk=deployment.checkpoint_id).update(sha256="f" * 64)
    deployment.refresh_from_db()
    row = ask(olga, deployment)
    look(row)
    assert row.phase == Phase.BLOCKED
    assert f"[{stage.sha256[:10]}] instead of sd15-v1 [ffffffffff]" in str(row.message_say)


def test_a_model_switched_by_hand_is_switched_back(stage, deployment, olga):
    address = f"http://{deployment.environment.gateway_address}"
    webui = WebUi(address, "anime.example.com")
    webui.refresh("checkpoints")
    webui.options_set({"sd_model_checkpoint": "other-v1"})
    try:
        row = ask(olga, deployment)
        look(row)
    finally:
        webui.options_set({"sd_model_checkpoint": "sd15-v1"})
    assert row.phase == Phase.READY, row.message_say
    assert Image.objects.get(job=row).model_name == "sd15-v1"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"sampler": "No such one"}, "knows no sampler No such one"),
        ({"width": 2048, "height": 2048}, "too little memory for 2048×2048"),
    ],
)
def test_what_the_web_ui_refuses_waits_for_a_person(stage, deployment, olga, wish, said):
    row = ask(olga, deployment, **wish)
    look(row)
    assert (row.phase, row.due_at) == (Phase.BLOCKED, None)
    assert said in str(row.message_say)
    assert in_bucket(stage, row) == []
    services.job_retry(person=olga, row=row)
    row.refresh_from_db()
    assert row.phase == Phase.PENDING and row.due_at is not None
    assert services.job_cancel(person=olga, row=row).cancelled
    look(row)
    assert row.settled and row.phase == Phase.READY


def test_a_route_that_leads_nowhere_is_named(stage, deployment, olga):
    Route.objects.update(spec={"hosts": ["elsewhere.example.com"]})
    row = ask(olga, deployment)
    look(row)
    assert row.phase == Phase.BLOCKED
    assert "look at its route" in str(row.message_say)


def test_without_an_entrance_it_waits_and_goes_on_by_itself(deployment, olga, drawings):
    row = ask(olga, deployment)
    Route.objects.update(phase=Phase.DEGRADED)
    look(row)
    assert row.phase == Phase.WORKING and row.due_at is not None
    assert str(row.message_say) == "Put anime behind the gateway first."
    assert drawings == []
    Route.objects.update(phase=Phase.READY)
    look(row)
    assert (row.phase, drawings) == (Phase.READY, [7])


def test_a_deployment_that_went_away_is_said_so(deployment, olga):
    row = ask(olga, deployment)
    Route.objects.all().delete()
    deployment.delete()
    look(row)
    assert row.phase == Phase.BLOCKED
    assert "The deployment anime is gone" in str(row.message_say)


def test_a_gateway_that_cannot_be_reached_is_asked_again(deployment, olga):
    environment = deployment.environment
    environment.gateway_address = environment.gateway_address.replace(":8000", ":9")
    environment.save()
    row = ask(olga, deployment)
    look(row)
    assert (row.phase, row.failures) == (Phase.DEGRADED, 1)
    assert row.due_at is not None
    assert "No pod of anime answers" in str(row.message_say)


def test_a_long_visit_makes_room_for_others(deployment, olga, drawings, monkeypatch):
    row = ask(olga, deployment, count=3)
    monkeypatch.setattr(reconciler, "VISIT_S", 0.0)
    look(row)
    assert row.phase == Phase.WORKING and row.due_at is not None
    monkeypatch.undo()
    look(row)
    assert numbers(row) == [1, 2, 3]
