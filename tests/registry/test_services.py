"""What may be uploaded, and what people may do with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import Event
from apps.core.errors import RuleViolation
from apps.core.models import Plan, Run
from apps.core.phases import Phase
from apps.environments.clients import cos_for
from apps.environments.models import Finding, FindingKind
from apps.registry import rules, selectors, services
from apps.registry.models import Model, Upload, UploadState, Version
from tests import factories
from tests.registry.conftest import opened, put_parts, started

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 100


def refused(environment: Any, person: Any, **wish: Any) -> RuleViolation:
    with pytest.raises(RuleViolation) as caught:
        opened(environment, person, CONTENT, **wish)
    assert not Upload.objects.exists()
    return caught.value


def test_opening_reserves_room_and_is_recorded(environment: Any, mo: Any) -> None:
    upload = opened(environment, mo, CONTENT, header={"family": "SD 1.5", "evil": "x"})
    disk = selectors.disk(environment)
    assert disk and disk.reserved_bytes == len(CONTENT)
    assert upload.header == {"family": "SD 1.5", "variant": "", "precision": ""}
    assert upload.key == f"models/incoming/{upload.token}/anything.safetensors"
    assert Event.objects.get(verb="upload.open").actor == mo


@pytest.mark.parametrize(
    ("wish", "field", "sentence"),
    [
        ({"file_name": "../x.safetensors"}, "file_name", "neither “..” nor slashes"),
        ({"file_name": "x.ckpt"}, "file_name", "pickles"),
        ({"file_name": "x" * 200 + ".safetensors"}, "file_name", "180"),
        ({"size_bytes": 0}, "size_bytes", "empty"),
        ({"size_bytes": 51 << 30}, "size_bytes", "50 GiB"),
        ({"type": "hypernetwork"}, "type", "no such type"),
        ({"model_name": "a/b"}, "model", "letters, digits"),
        ({"model_name": ""}, "model", "letters, digits"),
        ({"sha256": "xyz"}, "sha256", "not a checksum"),
    ],
)
def test_what_is_not_taken(
    environment: Any, mo: Any, wish: dict[str, Any], field: str, sentence: str
) -> None:
    no = refused(environment, mo, **wish)
    assert no.field == field
    assert sentence in no.message


def test_a_model_keeps_its_type_and_its_spelling(environment: Any, mo: Any) -> None:
    Model.objects.create(name="anything", type="lora")
    assert "is of type LoRA and keeps it" in refused(environment, mo).message
    no = refused(environment, mo, model_name="Anything", type="lora")
    assert no.field == "model"


@pytest.mark.parametrize(
    ("column", "sentence"),
    [("bucket", "no COS bucket"), ("cfs_id", "no CFS"), ("cfs_mount_path", "CFS mounted")],
)
def test_an_environment_without_what_it_takes(
    environment: Any, mo: Any, column: str, sentence: str
) -> None:
    setattr(environment, column, "")
    no = refused(environment, mo)
    assert (no.field, sentence in no.message) == ("environment", True)


def test_room_that_is_not_there_or_already_promised(environment: Any, mo: Any) -> None:
    found = Finding.objects.get(environment=environment, kind=FindingKind.FILE_SYSTEM)
    found.data |= {"limit_gib": 10, "used_bytes": 9 << 30}
    found.save()
    assert "CFS has 1.00 GiB left" in refused(environment, mo, size_bytes=2 << 30).message
    opened(environment, mo, CONTENT, size_bytes=600 << 20)
    with pytest.raises(RuleViolation, match="424 MiB left"):
        opened(environment, mo, CONTENT, size_bytes=600 << 20)


def test_nobody_opens_uploads_without_end(environment: Any, mo: Any, root: Any) -> None:
    for _number in range(rules.OPEN_MOST):
        opened(environment, mo, CONTENT)
    with pytest.raises(RuleViolation, match="under way"):
        opened(environment, mo, CONTENT)
    opened(environment, root, CONTENT)


# ---- on the way -----------------------------------------------------------------------------


def test_urls_are_signed_in_batches(environment: Any, mo: Any) -> None:
    upload = opened(environment, mo, CONTENT, size_bytes=100 * (8 << 20))
    with pytest.raises(RuleViolation, match="an id yet"):
        services.upload_part_urls(upload=upload, numbers=[1])
    services.upload_started(upload=upload, upload_id="u1")
    upload.refresh_from_db()
    urls = services.upload_part_urls(upload=upload, numbers=range(1, 65))
    assert len(urls) == 64
    assert "partNumber=64" in urls[64] and "uploadId=u1" in urls[64]
    assert environment.secret_key not in urls[64]
    for numbers in ([], range(1, 66), [0], [101]):
        with pytest.raises(RuleViolation):
            services.upload_part_urls(upload=upload, numbers=list(numbers))


def test_an_upload_is_started_once(environment: Any, mo: Any) -> None:
    upload = opened(environment, mo, CONTENT)
    services.upload_started(upload=upload, upload_id="u1")
    services.upload_started(upload=upload, upload_id="u1")
    with pytest.raises(RuleViolation, match="started already"):
        services.upload_started(upload=upload, upload_id="u2")


def test_the_doors_follow_the_state(environment: Any, mo: Any, http: Any) -> None:
    upload = opened(environment, mo, CONTENT)
    doors = services.upload_doors(upload)
    assert doors.start and not doors.listing
    started(http, upload)
    doors = services.upload_doors(upload)
    assert doors.listing and not doors.start
    put_parts(http, upload, CONTENT)
    listed = http.get(doors.listing)
    assert listed.status_code == 200
    assert f"<Size>{len(CONTENT)}</Size>" in listed.text


def test_sealing_twice_gives_the_same_version(environment: Any, mo: Any, http: Any) -> None:
    upload = started(http, opened(environment, mo, CONTENT))
    first = services.upload_seal(person=mo, upload=upload)
    assert services.upload_seal(person=mo, upload=upload) == first
    assert (Version.objects.count(), Run.objects.count()) == (1, 1)
    assert (first.generation, first.phase, first.number) == (1, Phase.PENDING, 1)
    with pytest.raises(RuleViolation, match="complete"):
        services.upload_part_urls(upload=upload_again(upload), numbers=[1])


def upload_again(upload: Upload) -> Upload:
    return Upload.objects.select_related("environment").get(pk=upload.pk)


def test_versions_are_numbered_by_model(environment: Any, mo: Any, http: Any) -> None:
    numbers = []
    for name in ("a", "b", "a"):
        upload = started(http, opened(environment, mo, CONTENT, model_name=name))
        numbers.append(services.upload_seal(person=mo, upload=upload).number)
    assert numbers == [1, 1, 2]


def test_sealing_needs_what_was_announced(environment: Any, mo: Any, http: Any) -> None:
    upload = opened(environment, mo, CONTENT, sha256="a" * 64)
    with pytest.raises(RuleViolation, match="an id yet"):
        services.upload_seal(person=mo, upload=upload)
    started(http, upload)
    for claim in ({"sha256": "b" * 64}, {"sha256": "no"}, {"crc64": "-1"}):
        with pytest.raises(RuleViolation):
            services.upload_seal(person=mo, upload=upload, **claim)
    assert not Version.objects.exists()


def test_the_model_changed_its_type_while_the_file_was_sent(
    environment: Any, mo: Any, http: Any
) -> None:
    upload = started(http, opened(environment, mo, CONTENT))
    Model.objects.create(name="anything", type="lora")
    with pytest.raises(RuleViolation, match="keeps it"):
        services.upload_seal(person=mo, upload=upload)


# ---- given up ---------------------------------------------------------------------------------


def test_giving_up_frees_what_cos_holds(environment: Any, mo: Any, http: Any) -> None:
    upload = started(http, opened(environment, mo, CONTENT))
    put_parts(http, upload, CONTENT)
    services.upload_abort(person=mo, upload=upload)
    services.upload_abort(person=mo, upload=upload)
    assert Event.objects.filter(verb="upload.abort").count() == 1
    with pytest.raises(RuleViolation, match="given up"):
        services.upload_seal(person=mo, upload=upload)
    services.upload_drop(upload.pk)
    assert not Upload.objects.exists()
    assert cos_for(environment).parts(upload.key, upload.cos_upload_id) is None


def test_an_upload_whose_id_nobody_told_is_freed_too(environment: Any, mo: Any, http: Any) -> None:
    upload = opened(environment, mo, CONTENT)
    assert http.post(services.upload_doors(upload).start).status_code == 200
    cos = cos_for(environment)
    assert len(cos.multipart_open(upload.key)) == 1
    services.upload_abort(person=mo, upload=upload)
    services.upload_drop(upload.pk)
    assert cos.multipart_open(upload.key) == ()


def test_a_sealed_upload_is_not_given_up(environment: Any, mo: Any, http: Any) -> None:
    upload = started(http, opened(environment, mo, CONTENT))
    services.upload_seal(person=mo, upload=upload)
    with pytest.raises(RuleViolation, match="delete its version"):
        services.upload_abort(person=mo, upload=upload)


def test_the_sweep_takes_what_nobody_touched_for_a_day(
    environment: Any, mo: Any, http: Any
) -> None:
    old, fresh = (started(http, opened(environment, mo, CONTENT)) for _ in range(2))
    long_ago = timezone.now() - timedelta(hours=rules.IDLE_HOURS, minutes=1)
    Upload.objects.filter(pk=old.pk).update(touched_at=long_ago)
    services.uploads_sweep()
    assert list(Upload.objects.all()) == [fresh]
    cos = cos_for(environment)
    assert cos.parts(old.key, old.cos_upload_id) is None
    assert cos.parts(fresh.key, fresh.cos_upload_id) == ()


# ---- versions -----------------------------------------------------------------------------------


def test_deleting_is_refused_with_the_names_of_who_uses_it(mo: Any) -> None:
    version = factories.make_version()
    factories.make_deployment(name="anime", checkpoint=version, environment=version.environment)
    with pytest.raises(RuleViolation, match="is used by anime"):
        services.version_delete(person=mo, version=version)
    assert not Plan.objects.exists()


def test_deleting_a_published_file_is_planned(mo: Any) -> None:
    version = factories.make_version()
    plan = services.version_delete(person=mo, version=version, reason="old")
    assert isinstance(plan, Plan)
    assert plan.items.get().revision is None
    version.refresh_from_db()
    assert not version.deleting


def test_looking_again_is_for_what_may_still_become_something(mo: Any) -> None:
    version = factories.make_version(verdict="refused", phase=Phase.BLOCKED)
    with pytest.raises(RuleViolation, match="stays so"):
        services.version_look_again(person=mo, version=version)
    version = factories.make_version(due_at=None)
    services.version_look_again(person=mo, version=version)
    version.refresh_from_db()
    assert version.due_at


def test_finished_uploads_stay_in_the_lanes_for_a_while(mo: Any) -> None:
    done = factories.make_upload(state=UploadState.DONE, version=factories.make_version())
    assert list(selectors.uploads_shown()) == [done]
    Upload.objects.update(touched_at=timezone.now() - selectors.SHOWN_FOR * 2)
    assert list(selectors.uploads_shown()) == []
