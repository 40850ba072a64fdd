"""From parts in COS to a checked file on the disk, over a real sandbox process."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from fastcrc import crc64

from apps.core import reconcile
from apps.core.lease import LeaseLost, claim
from apps.core.models import RunStatus, Step
from apps.core.phases import Phase
from apps.deployments.models import Deployment
from apps.environments.clients import cos_for
from apps.registry import disk, reconciler, services
from apps.registry.models import Upload, Verdict, Version
from tests.registry.files import LORA, head_of, header, model_bytes, sd15_of
from tests.stack import settle

pytestmark = pytest.mark.django_db
CONTENT = model_bytes(sd15_of(20 << 20))  # three parts
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CRC64 = str(crc64.xz(CONTENT))
Upload_ = Callable[..., Version]


def mount(version: Version) -> Path:
    return Path(version.environment.cfs_mount_path)


def on_disk(version: Version) -> Path:
    return mount(version) / version.path


def clean_elsewhere(version: Version) -> bool:
    """Nothing half done: no copy under way on the disk, nothing staged in COS."""
    key = Upload.objects.get(version=version).key
    cos = cos_for(version.environment)
    halves = list((mount(version) / disk.INCOMING).glob("*"))
    return not halves and cos.head(key) is None and not cos.multipart_open(key)


def look_again(version: Version) -> None:
    Version.objects.filter(pk=version.pk).update(due_at=timezone.now(), leased_until=None)
    reconcile.run("publication", version.pk)
    version.refresh_from_db()


@pytest.fixture(autouse=True)
def _tidy(environment: Any) -> Iterator[None]:
    """One sandbox serves all tests: what one published, the next must not find."""
    folder = Path(environment.cfs_mount_path)
    for left in [*folder.glob("models/*/anything-v*"), *folder.glob(".incoming/*")]:
        left.unlink()
    yield


def test_a_sealed_upload_ends_on_the_disk_checked(uploaded: Upload_) -> None:
    version = uploaded(CONTENT, seal={"sha256": SHA256, "crc64": CRC64})
    settle(version)
    assert (version.phase, version.verdict) == (Phase.READY, Verdict.CLEAN)
    assert on_disk(version).read_bytes() == CONTENT
    assert version.path == "models/Stable-diffusion/anything-v1.safetensors"
    assert (version.sha256, version.crc64) == (SHA256, CRC64)
    assert (version.family, version.precision) == ("SD 1.5", "F16")
    assert version.facts["tensors"] == len(sd15_of(20 << 20))
    assert version.published_at and version.is_published
    assert Upload.objects.get(version=version).state == "done"
    assert clean_elsewhere(version)


def test_its_run_tells_every_step(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    settle(version)
    assert version.run.status == RunStatus.SUCCEEDED
    steps = Step.objects.filter(run=version.run)
    assert [step.key for step in steps] == ["join", "inspect", "copy", "unstage"]
    assert {step.status for step in steps} == {"done"}
    assert str(steps[0].message_say) == "Parts joined: 3."
    assert "SD 1.5" in str(steps[1].message_say)


def test_a_second_look_writes_nothing(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    settle(version)
    before = on_disk(version).stat()
    look_again(version)
    assert version.phase == Phase.READY
    assert on_disk(version).stat().st_mtime_ns == before.st_mtime_ns
    assert Step.objects.filter(run=version.run).count() == 4


def test_a_lora_goes_to_its_own_folder(uploaded: Upload_) -> None:
    version = uploaded(model_bytes(LORA), type="lora", model_name="anything-lora")
    settle(version)
    assert version.phase == Phase.READY
    assert on_disk(version).parent == mount(version) / "models/Lora"


def test_a_name_in_another_script(uploaded: Upload_) -> None:
    version = uploaded(CONTENT, file_name="国风 3.2 (修).safetensors")
    settle(version)
    assert version.phase == Phase.READY


# ---- refused ------------------------------------------------------------------------------------

BAD = [
    ("truncated", CONTENT[:-1000], "truncated"),
    (
        "lying header",
        head_of({"w": {"dtype": "F16", "shape": [9], "data_offsets": [0, 12]}}),
        "claims",
    ),
    ("header beyond the end", head_of(header(sd15_of(1)), length=900_000)[:500_000], "truncated"),
    ("pickle", b"\x80\x02}q\x00" + bytes(1000), "pickle"),
    ("zip", b"PK\x03\x04" + bytes(1000), "zip archive"),
    ("web page", b"<!doctype html><p>not found</p>" + bytes(99), "web page"),
    ("a LoRA", model_bytes(LORA), "This is a LoRA, not a checkpoint."),
    ("of no family", model_bytes({"a.weight": (4, 4), "b.weight": (4, 4)}), "no model family"),
]


@pytest.mark.parametrize(("content", "sentence"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_file_that_is_not_what_it_says(uploaded: Upload_, content: bytes, sentence: str) -> None:
    version = uploaded(content)
    settle(version)
    assert (version.phase, version.verdict) == (Phase.BLOCKED, Verdict.REFUSED)
    assert sentence in str(version.message_say)
    assert version.settled
    assert version.run.status == RunStatus.FAILED
    assert not on_disk(version).exists()
    assert clean_elsewhere(version)


@pytest.mark.parametrize(
    ("seal", "sentence"), [({"sha256": "0" * 64}, "sha256"), ({"crc64": "1"}, "CRC64")]
)
def test_bytes_that_are_not_the_ones_announced(
    uploaded: Upload_, seal: dict[str, str], sentence: str
) -> None:
    version = uploaded(CONTENT, seal=seal)
    settle(version)
    assert version.verdict == Verdict.REFUSED
    assert str(version.message_say).startswith(f"The {sentence} of what arrived")
    assert not on_disk(version).exists()
    assert clean_elsewhere(version)


def test_one_part_changed_on_the_way(uploaded: Upload_) -> None:
    changed = bytearray(CONTENT)
    changed[9 << 20] ^= 1
    version = uploaded(bytes(changed), seal={"sha256": SHA256})
    settle(version)
    assert version.verdict == Verdict.REFUSED
    assert not on_disk(version).exists()


def test_a_part_that_never_arrived(environment: Any, mo: Any, http: Any) -> None:
    from tests.registry.conftest import opened, put_parts, started

    upload = started(http, opened(environment, mo, CONTENT))
    put_parts(http, upload, CONTENT, [1, 3])
    version = services.upload_seal(person=mo, upload=upload)
    settle(version)
    assert str(version.message_say).startswith("1 of 3 parts never arrived.")
    assert clean_elsewhere(version)


def test_what_was_uploaded_is_lost_in_cos(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    upload = Upload.objects.get(version=version)
    cos_for(version.environment).multipart_abort(upload.key, upload.cos_upload_id)
    settle(version)
    assert version.phase == Phase.BLOCKED
    assert "not in COS any more" in str(version.message_say)


# ---- killed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_killed_between_two_steps_the_next_worker_goes_on(uploaded: Upload_, steps: int) -> None:
    version = uploaded(CONTENT, seal={"sha256": SHA256})
    for _number in range(steps):
        row = claim(Version, version.pk)
        assert row
        want = reconciler.desired(row, row.wish())
        [action] = reconciler.KIND.plan(want, reconciler.observe(row, want))
        reconciler.apply(row, action)
        Version.objects.filter(pk=version.pk).update(leased_until=None)
    settle(version)
    assert (version.phase, version.published_at is not None) == (Phase.READY, True)
    assert on_disk(version).read_bytes() == CONTENT
    assert clean_elsewhere(version)


def test_a_step_taken_twice_is_taken_once(uploaded: Upload_) -> None:
    """A worker that was cut off after its call sends it again."""
    version = uploaded(CONTENT)
    for _number in range(4):
        row = claim(Version, version.pk)
        assert row
        want = reconciler.desired(row, row.wish())
        [action] = reconciler.KIND.plan(want, reconciler.observe(row, want))
        reconciler.apply(row, action)
        row.refresh_from_db()
        reconciler.apply(row, action)
        Version.objects.filter(pk=version.pk).update(leased_until=None)
    settle(version)
    assert version.phase == Phase.READY
    assert on_disk(version).read_bytes() == CONTENT


def test_killed_between_rename_and_note(uploaded: Upload_, monkeypatch: Any) -> None:
    version = uploaded(CONTENT)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(reconciler, "published", lambda row, want: 1 / 0)
        reconcile.run("publication", version.pk)
    assert on_disk(version).exists()
    inode = on_disk(version).stat().st_ino
    look_again(version)
    assert (version.phase, on_disk(version).stat().st_ino) == (Phase.READY, inode)
    assert version.published_at
    assert clean_elsewhere(version)


def test_a_copy_left_by_a_killed_worker_is_cleared_away(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    folder = mount(version) / disk.INCOMING
    folder.mkdir(exist_ok=True)
    (folder / f"{version.pk}-0.part").write_bytes(b"half")
    settle(version)
    assert version.phase == Phase.READY
    assert clean_elsewhere(version)


def test_a_worker_that_lost_its_row_stops_copying(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    cos = cos_for(version.environment)
    row = claim(Version, version.pk)
    assert row
    want = reconciler.desired(row, row.wish())
    reconciler.join(cos, want)
    reconciler.inspect(cos, row, want)
    Version.objects.filter(pk=version.pk).update(fence=row.fence + 1)
    with pytest.raises(LeaseLost):
        reconciler.copy(cos, row, want)
    assert not on_disk(version).exists()
    assert list(disk.halves(mount(version), version.pk)) == []


def test_bytes_changed_between_cos_and_here_are_asked_for_again(
    uploaded: Upload_, monkeypatch: Any
) -> None:
    version = uploaded(CONTENT)
    true_write, spoilt = disk.write, []

    def write(source: Any, *args: Any) -> Any:
        if not spoilt:
            spoilt.append(True)
            source = (bytes(len(piece)) for piece in source)
        return true_write(source, *args)

    monkeypatch.setattr(disk, "write", write)
    reconcile.run("publication", version.pk)
    version.refresh_from_db()
    assert version.phase == Phase.DEGRADED
    assert "another CRC64" in str(version.message_say)
    assert not on_disk(version).exists()
    look_again(version)
    assert (version.phase, on_disk(version).read_bytes()) == (Phase.READY, CONTENT)


# ---- no room ------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_waited_for(uploaded: Upload_, monkeypatch: Any) -> None:
    version = uploaded(CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "free_bytes", lambda mount: 3 << 20)
        reconcile.run("publication", version.pk)
        version.refresh_from_db()
        assert version.phase == Phase.DEGRADED
        assert str(version.message_say).startswith("CFS is full: 3 MiB are free")
        assert not version.settled
    look_again(version)
    assert version.phase == Phase.READY


def test_a_disk_that_fills_up_while_copying_keeps_no_half_file(uploaded: Upload_) -> None:
    """The kernel itself refuses: no file of this process may grow beyond 5 MiB."""
    version = uploaded(CONTENT)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, limits[1]))
    try:
        reconcile.run("publication", version.pk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    version.refresh_from_db()
    assert version.phase == Phase.DEGRADED
    assert "CFS took no more bytes" in str(version.message_say)
    assert list(disk.halves(mount(version), version.pk)) == []
    assert not on_disk(version).exists()
    look_again(version)
    assert (version.phase, on_disk(version).read_bytes()) == (Phase.READY, CONTENT)


def test_a_disk_that_is_not_mounted(uploaded: Upload_, environment: Any) -> None:
    version = uploaded(CONTENT)
    there = environment.cfs_mount_path
    type(environment).objects.update(cfs_mount_path="/nowhere/cfs")
    look_again(version)
    assert version.phase == Phase.DEGRADED
    assert "not mounted at /nowhere/cfs" in str(version.message_say)
    type(environment).objects.update(cfs_mount_path=there)
    look_again(version)
    assert version.phase == Phase.READY


# ---- names in use, drift, deletion --------------------------------------------------------------


def test_another_file_of_that_name_is_never_overwritten(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    on_disk(version).write_bytes(b"somebody else's")
    settle(version)
    assert version.verdict == Verdict.REFUSED
    assert "it was not touched" in str(version.message_say)
    assert on_disk(version).read_bytes() == b"somebody else's"
    assert clean_elsewhere(version)


def test_the_same_bytes_under_that_name_are_taken_over(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    on_disk(version).write_bytes(CONTENT)
    inode = on_disk(version).stat().st_ino
    settle(version)
    assert (version.phase, on_disk(version).stat().st_ino) == (Phase.READY, inode)
    assert version.sha256 == SHA256


def test_a_file_that_vanished_is_shown(uploaded: Upload_) -> None:
    version = uploaded(CONTENT)
    settle(version)
    on_disk(version).unlink()
    look_again(version)
    assert (version.phase, version.is_published) == (Phase.DEGRADED, False)
    assert "not on CFS any more" in str(version.message_say)


@pytest.mark.parametrize("change", [lambda c: c + b"x", lambda c: bytes(len(c))])
def test_a_file_that_was_changed_by_hand_is_shown(uploaded: Upload_, change: Any) -> None:
    version = uploaded(CONTENT)
    settle(version)
    on_disk(version).write_bytes(change(CONTENT))
    look_again(version)
    assert version.phase == Phase.DEGRADED
    assert str(version.message_say).startswith("Somebody")


def test_deleting_takes_the_file_then_the_row(uploaded: Upload_, mo: Any) -> None:
    version = uploaded(CONTENT)
    settle(version)
    path = on_disk(version)
    plan = services.version_delete(person=mo, version=version)
    assert path.exists()
    settle(version)
    plan.refresh_from_db()
    assert plan.status == "applied"
    assert not path.exists()
    assert not Version.objects.filter(pk=version.pk).exists()


def test_a_refused_version_is_removed_at_once(uploaded: Upload_, mo: Any) -> None:
    version = uploaded(b"<html>" + bytes(100))
    settle(version)
    services.version_delete(person=mo, version=version)
    settle(version)
    assert not Version.objects.filter(pk=version.pk).exists()


def test_somebody_began_to_use_it_after_the_plan(
    uploaded: Upload_, mo: Any, environment: Any
) -> None:
    version = uploaded(CONTENT)
    settle(version)
    services.version_delete(person=mo, version=version)
    Deployment.objects.create(environment=environment, name="anime", checkpoint=version)
    Version.objects.filter(pk=version.pk).update(
        delete_requested_at=timezone.now(), generation=version.generation + 1
    )
    look_again(version)
    assert version.phase == Phase.BLOCKED
    assert "used by anime" in str(version.message_say)
    assert on_disk(version).exists()


def test_a_number_is_never_given_twice(uploaded: Upload_, mo: Any) -> None:
    first = uploaded(CONTENT)
    settle(first)
    services.version_delete(person=mo, version=first)
    settle(first)
    second = uploaded(CONTENT)
    assert second.number == 2
