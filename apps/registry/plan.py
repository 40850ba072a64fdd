"""From parts in COS to a file on the shared disk, one step at a time.  Pure.

Each step stands on what the one before it found (a refused file is never copied), so a plan holds
only the next one; the loop observes again between them.
"""

from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.kinds import Verdict
from apps.core.phases import Phase
from apps.core.words import Say
from apps.registry.refusals import SENTENCES

FULL_AGAIN_S = 30.0
TROUBLE_AGAIN_S = 15.0
DRIFT_AGAIN_S = 60.0


@dataclass(frozen=True)
class Want:
    """One file on the disk.  `file` is its path below the root; a claim never made is ""."""

    file: str
    size_bytes: int
    part_bytes: int
    key: str
    upload_id: str
    sha256: str = ""
    crc64: str = ""


@dataclass(frozen=True)
class FileSeen:
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Staged:
    """What COS holds: nothing, parts of an open upload, or the whole object."""

    state: Literal["none", "parts", "whole"] = "none"
    size_bytes: int = 0
    crc64: str = ""


@dataclass(frozen=True)
class Have:
    """`stored`: the wish last accepted, which says where to look, also for a deletion.
    `published`: the file as it was when it was published.  `free_bytes` None = nobody knows.
    `trouble`: why the disk cannot be reached.  `users`: deployments that name the version."""

    stored: Want
    file: FileSeen | None = None
    published: FileSeen | None = None
    staged: Staged = field(default_factory=Staged)
    verdict: str = "pending"
    refusal: Say = field(default_factory=lambda: Say(""))
    free_bytes: int | None = None
    half: bool = False  # a copy that was never finished lies in the way
    trouble: Say | None = None
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class JoinParts:
    want: Want

    @property
    def key(self) -> str:
        return "join"

    @property
    def change(self) -> Change:
        return Change(
            op="create",
            area="storage",
            object_kind=gettext_noop("Object"),
            name=self.want.key,
            call="POST Object?uploadId",
            fields=(Field(gettext_noop("Size"), "Content-Length", None, self.want.size_bytes),),
        )


@dataclass(frozen=True)
class InspectHeader:
    want: Want

    @property
    def key(self) -> str:
        return "inspect"

    @property
    def change(self) -> Change:
        return Change(
            op="change",
            area="models",
            object_kind=gettext_noop("Inspection"),
            name=self.want.key.rpartition("/")[2],
            call="GET Object Range",
        )


@dataclass(frozen=True)
class CopyToDisk:
    want: Want

    @property
    def key(self) -> str:
        return "copy"

    @property
    def change(self) -> Change:
        return Change(
            op="create",
            area="models",
            object_kind=gettext_noop("File on CFS"),
            name=self.want.file,
            call="GET Object → write, fsync, rename",
            fields=(Field(gettext_noop("Size"), "st_size", None, self.want.size_bytes),),
        )


@dataclass(frozen=True)
class DropStaging:
    """Remove what is half done: the object in COS, parts never joined, a copy never finished."""

    object_key: str
    upload_id: str

    @property
    def key(self) -> str:
        return "unstage"

    @property
    def change(self) -> Change:
        return Change(
            op="delete",
            area="storage",
            object_kind=gettext_noop("Object"),
            name=self.object_key,
            call="DELETE Object",
        )


@dataclass(frozen=True)
class RemoveFile:
    file: str
    size_bytes: int

    @property
    def key(self) -> str:
        return "remove"

    @property
    def change(self) -> Change:
        note = Say(gettext_noop("The file is gone for good; only another upload brings it back."))
        return Change(
            op="delete",
            area="models",
            object_kind=gettext_noop("File on CFS"),
            name=self.file,
            call="unlink",
            fields=(Field(gettext_noop("Size"), "st_size", self.size_bytes, None),),
            notes=(note,),
            destructive=True,
        )


Action = JoinParts | InspectHeader | CopyToDisk | DropStaging | RemoveFile


def plan(want: Want | None, have: Have | None) -> list[Action]:
    """The next step; for a deletion everything at once."""
    if have is None or have.trouble:
        return []
    if want is None:
        return [] if have.users else _removal(have)
    drop = DropStaging(want.key, want.upload_id)
    if have.verdict == "refused" or have.published:
        lost = have.published and have.file is None and have.staged.state == "whole"
        if lost and enough(want, have):
            return [CopyToDisk(want)]
        return [drop] if have.staged.state != "none" else []
    if have.staged.state == "none":
        return []
    if have.staged.state == "parts":
        return [JoinParts(want)]
    if have.verdict == "pending":
        return [InspectHeader(want)]
    return [CopyToDisk(want)] if enough(want, have) else []


def _removal(have: Have) -> list[Action]:
    actions: list[Action] = []
    if have.file and have.published:
        actions.append(RemoveFile(have.stored.file, have.file.size_bytes))
    if have.half or have.staged.state != "none":
        actions.append(DropStaging(have.stored.key, have.stored.upload_id))
    return actions


def enough(want: Want, have: Have) -> bool:
    return have.free_bytes is None or have.free_bytes >= want.size_bytes


def judge(want: Want | None, have: Have | None) -> Verdict:
    # 0 of 1: a verdict that counts says every call was answered, so pages need not ask again.
    if have is None:
        return Verdict(Phase.BLOCKED, Say(SENTENCES["lost"]), done=0, total=1)
    if have.trouble:
        return Verdict(Phase.DEGRADED, have.trouble, TROUBLE_AGAIN_S)
    if want is None:
        if have.users:
            text = gettext_noop("Not deleted: used by %(names)s.")
            return Verdict(Phase.BLOCKED, Say.of(text, names=", ".join(have.users)))
        return Verdict(Phase.WORKING, Say(gettext_noop("Being deleted.")), 1.0)
    if have.verdict == "refused":
        return Verdict(Phase.BLOCKED, have.refusal, done=0, total=1)
    if have.published:
        return judge_published(want, have)
    if have.staged.state == "none":
        return Verdict(Phase.BLOCKED, Say(SENTENCES["lost"]), done=0, total=1)
    if not enough(want, have):
        text = gettext_noop(
            "CFS is full: %(free)s MiB are free, this file needs %(need)s MiB. Make room; it goes"
            " on by itself."
        )
        say = Say.of(text, free=(have.free_bytes or 0) >> 20, need=(want.size_bytes >> 20) + 1)
        return Verdict(Phase.DEGRADED, say, FULL_AGAIN_S)
    return Verdict(Phase.WORKING, Say(gettext_noop("On its way to CFS.")), 1.0)


def judge_published(want: Want, have: Have) -> Verdict:
    if have.file is None:
        text = gettext_noop(
            "The file is not on CFS any more: somebody removed %(file)s. Upload it again as a new"
            " version."
        )
        return Verdict(Phase.DEGRADED, Say.of(text, file=want.file), DRIFT_AGAIN_S)
    if have.published and have.file.size_bytes != have.published.size_bytes:
        text = gettext_noop(
            "Somebody changed the file on CFS: it has %(found)s bytes, %(wanted)s were published."
        )
        say = Say.of(text, found=have.file.size_bytes, wanted=have.published.size_bytes)
        return Verdict(Phase.DEGRADED, say, DRIFT_AGAIN_S)
    if have.file != have.published:
        text = gettext_noop(
            "Somebody wrote to the file on CFS after it was published; its bytes may not be the"
            " ones that were checked."
        )
        return Verdict(Phase.DEGRADED, Say(text), DRIFT_AGAIN_S)
    text = gettext_noop("Published to /%(folder)s; sha256 and CRC64 are those of the upload.")
    return Verdict(Phase.READY, Say.of(text, folder=want.file.rpartition("/")[0]))
