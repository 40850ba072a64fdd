"""The kind against a real sandbox: web UI, gateway and bucket over real sockets."""


from apps.core import reconcile
from apps.core.phases import Phase
from apps.generation import services
from apps.generation.models import Image
from apps.generation.rules import Wish


def ask(person, deployment, **wish):
    values = {"prompt": "a calm lake", "steps": 4, "width": 128, "height": 64, **wish}
    row, _new = services.job_create(person=person, deployment=deployment, wish=Wish(**values))
    return row


def look(row):
    verdict = reconcile.run("generation", row.pk)
    row.refresh_from_db()
    return verdict


def test_four_pictures_land_in_the_bucket_and_stay_private(stage, deployment, olga):
    row = ask(olga, deployment, count=4, seed=7)
    look(row)
    assert (row.phase, row.done, row.total) == (Phase.READY, 4, 4), row.message_say
    assert row.settled and row.due_at is None
    images = list(Image.objects.filter(job=row))
    assert [image.seed for image in images] == [7, 8, 9, 10]
    day = row.created_at.strftime("%Y/%m/%d")
    for image in images:
        assert image.key == f"images/{day}/{row.uuid}-{image.number}.png"
        assert image.hidden
        assert (image.width, image.height, image.model_name) == (128, 64, "sd15-v1")
        assert image.model_hash == stage.sha256[:10]
        head = stage.cos.head(image.key)
        assert head is not None
        assert (head.size_bytes, head.etag, head.crc64) == (
            image.size_bytes,
            image.etag,
            image.crc64,
        )
        assert head.metadata == {
            "job": str(row.uuid),
            "number": str(image.number),
            "seed": str(image.seed),
        }
        assert head.content_type == "image/png"
        assert stage.cos.acl_get(image.key).canned == "private"
        assert stage.cos.anonymous_status(image.key) == 403
    assert look(row) is not None
    assert Image.objects.filter(job=row).count() == 4
