"""The five functions of a publication: from the parts in COS to a checked file on CFS."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.kinds import Applied, Kind
from apps.core.lease import LeaseLost
from apps.core.phases import Phase
from apps.core.words import Say
from apps.environments.clients import cos_for
from apps.registry import disk, inspection, plan, safetensors
from apps.registry.models import Upload, UploadState, Verdict, Version
from apps.registry.plan import (
    Action,
    CopyToDisk,
    DropStaging,
    FileSeen,
    Have,
    InspectHeader,
    JoinParts,
    RemoveFile,
    Staged,
    Want,
    judge,
)
from apps.registry.refusals import Refusal
from apps.registry.rules import part_numbers_missing
from cloud.cos import CosClient
from cloud.errors import Transient


class NoRoom(Transient):
    """CFS took no more bytes."""

    retry_s = plan.FULL_AGAIN_S
    say = Say(
        gettext_noop(
            "CFS took no more bytes; the half copy was removed. Make room; it goes on by itself."
        )
    )

    def __init__(self) -> None:
        super().__init__(self.say.text, service="CFS")


class Changed(Transient):
    """COS knows its own bytes: they were changed between COS and here, so ask for them again."""

    retry_s = 2.0
    say = Say(
        gettext_noop("The bytes that came from COS have another CRC64 than COS says; copied again.")
    )

    def __init__(self) -> None:
        super().__init__(self.say.text, service="COS")


FIRST_READ = 512 << 10  # holds the whole header of nearly every model
TELL_S = 0.5  # between two notes of progress


def desired(row: Version, spec: dict[str, Any] | None) -> Want | None:
    return None if spec is None else Want(**spec)


def mount_of(row: Version) -> Path:
    return Path(row.environment.cfs_mount_path)


def trouble(row: Version) -> Say | None:
    """Why this worker cannot reach the disk or the bucket; None if it can."""
    environment = row.environment
    if not environment.bucket:
        return Say(gettext_noop("The environment has no COS bucket any more."))
    if not environment.cfs_mount_path:
        text = gettext_noop("The environment does not say where workers have CFS mounted.")
        return Say(text)
    if not mount_of(row).is_dir():
        text = gettext_noop("CFS is not mounted at %(path)s on this worker.")
        return Say.of(text, path=environment.cfs_mount_path)
    return None


def observe(row: Version, want: Want | None) -> Have | None:
    """Disk and staging.  What was taken out of COS for good is not asked for again."""
    stored = Want(**row.spec)
    users = tuple(str(user) for user in row.deployments.all()) if want is None else ()
    found = Have(
        stored, verdict=row.verdict, refusal=row.refusal_say, trouble=trouble(row), users=users
    )
    if found.trouble:
        return found
    mount = mount_of(row)
    on_disk, then = disk.look(mount / stored.file), None
    if row.disk_mtime_ns is not None:
        then = FileSeen(row.size_bytes, row.disk_mtime_ns)
    dropped = Upload.objects.filter(version=row, state=UploadState.DONE).exists()
    found = replace(
        found,
        file=on_disk,
        # Renamed, but the worker was killed before it noted that: the time tells that it is ours.
        published=then if row.published_at or on_disk == then else None,
        half=any(disk.halves(mount, row.pk)),
        free_bytes=disk.free_bytes(mount),
        staged=Staged() if dropped else staged(cos_for(row.environment), stored),
    )
    return found if want or users or plan.plan(None, found) else None


def staged(cos: CosClient, want: Want) -> Staged:
    head = cos.head(want.key)
    if head is not None:
        return Staged("whole", head.size_bytes, head.crc64)
    parts = cos.parts(want.key, want.upload_id) if want.upload_id else None
    return Staged() if parts is None else Staged("parts", sum(part.size_bytes for part in parts))


def apply(row: Version, action: Action) -> Applied:
    cos = cos_for(row.environment)
    try:
        match action:
            case JoinParts(want):
                return join(cos, want)
            case InspectHeader(want):
                return inspect(cos, row, want)
            case CopyToDisk(want):
                return copy(cos, row, want)
            case DropStaging(key, upload_id):
                return drop(cos, row, key, upload_id)
            case RemoveFile(file):
                disk.remove(mount_of(row) / file)
                return Applied()
    except Refusal as refusal:
        return refuse(row, refusal)


def refuse(row: Version, refusal: Refusal) -> Applied:
    """The file is not taken: said on the row, where the next look at it finds it."""
    write(row, verdict=Verdict.REFUSED, refusal=refusal.say.to_json())
    return Applied(note=refusal.say)


def write(row: Version, **values: Any) -> None:
    """Our columns, while the row is still ours.  Raises LeaseLost."""
    if not Version.objects.filter(pk=row.pk, fence=row.fence).update(**values):
        raise LeaseLost


def join(cos: CosClient, want: Want) -> Applied:
    """Raises Refusal if parts are missing: the browser said they were all there."""
    parts = cos.parts(want.key, want.upload_id)
    if parts is None:
        return Applied()  # joined by a call whose answer was lost
    sizes = {part.number: part.size_bytes for part in parts}
    missing = part_numbers_missing(sizes, want.size_bytes, want.part_bytes)
    total = -(-want.size_bytes // want.part_bytes)
    if missing:
        raise Refusal("parts", missing=len(missing), total=total)
    made = cos.multipart_complete(want.key, want.upload_id, [p for p in parts if p.number <= total])
    note = Say.of(gettext_noop("Parts joined: %(parts)s."), parts=total)
    return Applied(made.request_id, note)


def inspect(cos: CosClient, row: Version, want: Want) -> Applied:
    """Read the header and nothing else.  Raises Refusal."""
    head = cos.head(want.key)
    if head is None:
        raise Refusal("lost")
    if head.size_bytes != want.size_bytes:
        raise Refusal("size", found=head.size_bytes, wanted=want.size_bytes)
    if want.crc64 and head.crc64 and head.crc64 != want.crc64:
        raise Refusal("crc64")
    start = piece(cos, want, 0, min(FIRST_READ, want.size_bytes))
    end = safetensors.header_end(start[:64], want.size_bytes)
    if end > len(start):
        start += piece(cos, want, len(start), end - len(start))
    found = inspection.inspect(safetensors.parse(start, want.size_bytes))
    write(row, family=found.family, precision=found.precision, facts=found.to_json())
    inspection.check(found, row.model.type)
    write(row, verdict=Verdict.CLEAN)
    text = gettext_noop("%(family)s, %(tensors)s tensors, %(precision)s.")
    note = Say.of(
        text, family=found.family or "?", tensors=found.tensors, precision=found.precision
    )
    return Applied(head.request_id, note)


def piece(cos: CosClient, want: Want, start: int, length: int) -> bytes:
    """Exactly these bytes: an answer cut short on its way says nothing about the file.

    Raises Transient."""
    found = cos.get_range(want.key, start, length) or b""
    if len(found) != length:
        raise Transient(f"{len(found)} bytes came instead of {length}.", service="COS")
    return found


def copy(cos: CosClient, row: Version, want: Want) -> Applied:
    """COS → disk in one pass.  Raises Refusal, Changed, NoRoom."""
    mount = mount_of(row)
    target = mount / want.file
    if disk.look(target) is not None:
        return adopt(cos, row, want, target)
    with cos.get(want.key) or gone() as body:
        at_cos = body.head.crc64
        try:
            written = disk.write(
                body.chunks(disk.CHUNK), mount, row.pk, row.fence, teller(row, want)
            )
        except disk.Full as full:
            raise NoRoom from full
    try:
        check(written.sums, want, at_cos)
        # Noted before the rename: killed in between, the next worker knows the file as ours.
        write(
            row,
            sha256=written.sums.sha256,
            crc64=written.sums.crc64,
            disk_mtime_ns=written.seen.mtime_ns,
        )
        disk.place(written, target)
    except disk.Taken as taken:
        raise Refusal("taken", file=want.file) from taken
    except BaseException:
        written.part.unlink(missing_ok=True)
        raise
    return published(row, want)


def gone() -> Any:
    raise Refusal("lost")


def adopt(cos: CosClient, row: Version, want: Want, target: Path) -> Applied:
    """A file has our name already: the very same bytes are fine, others are left alone."""
    head = cos.head(want.key)
    seen = disk.look(target)
    if head is None or seen is None or seen.size_bytes != want.size_bytes:
        raise Refusal("taken", file=want.file)
    sums = disk.sums_of(target, teller(row, want))
    if sums.crc64 != head.crc64 or (want.sha256 and sums.sha256 != want.sha256):
        raise Refusal("taken", file=want.file)
    write(row, sha256=sums.sha256, crc64=sums.crc64, disk_mtime_ns=seen.mtime_ns)
    return published(row, want)


def check(sums: disk.Sums, want: Want, at_cos: str) -> None:
    if at_cos and sums.crc64 != at_cos:
        raise Changed
    if sums.size_bytes != want.size_bytes:
        raise Refusal("size", found=sums.size_bytes, wanted=want.size_bytes)
    if want.sha256 and sums.sha256 != want.sha256:
        raise Refusal("sha256")
    if want.crc64 and sums.crc64 != want.crc64:
        raise Refusal("crc64")


def published(row: Version, want: Want) -> Applied:
    write(row, published_at=timezone.now(), copied_bytes=want.size_bytes)
    return Applied(note=Say.of(gettext_noop("Renamed to %(file)s."), file=want.file))


def teller(row: Version, want: Want) -> Callable[[int], None]:
    """Notes how far the copy is, now and then; stops it when the row went to another worker."""
    last = 0.0

    def tell(copied: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < TELL_S and copied < want.size_bytes:
            return
        last = now
        text = gettext_noop("Copying to CFS: %(percent)s%%.")
        say = Say.of(text, percent=copied * 100 // max(1, want.size_bytes))
        write(row, copied_bytes=copied, phase=Phase.WORKING, message=say.to_json())

    return tell


def drop(cos: CosClient, row: Version, key: str, upload_id: str) -> Applied:
    if row.disk_mtime_ns is not None and not (row.published_at or row.deleting):
        write(row, published_at=timezone.now())  # killed between the rename and this note
    disk.clean(mount_of(row), row.pk)
    # The object last: while it is there, what is left of this is found and done again.
    aborted = cos.multipart_abort(key, upload_id).request_id if upload_id else ""
    request_id = cos.delete(key).request_id or aborted
    Upload.objects.filter(version=row).update(state=UploadState.DONE)
    return Applied(request_id)


def picture(have: Have | None) -> dict[str, Any]:
    """What the page shows of the disk between two looks."""
    if have is None or have.file is None:
        return {}
    return {"size_bytes": have.file.size_bytes, "mtime_ns": have.file.mtime_ns}


KIND = Kind(
    name="publication",
    model=Version,
    queue="bulk",
    desired=desired,
    observe=observe,
    plan=plan.plan,
    apply=apply,
    judge=judge,
    picture=picture,
    label=_("Model version"),
    page="version-detail",
    named_by=("model",),
    found_by="model__name",
)
