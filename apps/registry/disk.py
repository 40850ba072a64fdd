"""Files on the mounted CFS: written beside, checked, then renamed into place.  Nothing is replaced.

Everything under `.incoming` is a copy under way; its name carries the fence of the worker that
writes it, so that one which lost its lease cannot touch what its successor writes.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastcrc import crc64

from apps.registry.plan import FileSeen

INCOMING = ".incoming"
CHUNK = 4 << 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Full(Exception):
    """The file system took no more bytes; nothing of the copy is left."""


class Taken(Exception):
    """A file of other content has this name."""


@dataclass(frozen=True)
class Sums:
    """`crc64` in decimal, as COS writes it."""

    size_bytes: int
    sha256: str
    crc64: str


@dataclass(frozen=True)
class Written:
    """A checked copy waiting to be renamed."""

    part: Path
    sums: Sums
    seen: FileSeen


def look(path: Path) -> FileSeen | None:
    """None if there is no regular file."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileSeen(found.st_size, found.st_mtime_ns) if path.is_file() else None


def free_bytes(mount: Path) -> int:
    found = os.statvfs(mount)
    return found.f_bavail * found.f_frsize


def halves(mount: Path, pk: int) -> Iterator[Path]:
    """Copies of version `pk` under way or left by a killed worker."""
    return (mount / INCOMING).glob(f"{pk}-*.part")


def clean(mount: Path, pk: int) -> None:
    for half in list(halves(mount, pk)):
        half.unlink(missing_ok=True)


def write(
    source: Iterable[bytes], mount: Path, pk: int, fence: int, progress: Callable[[int], None]
) -> Written:
    """Copy `source` to a part file, summing as the bytes pass, and force it to the disk.

    `progress(bytes so far)` may raise to stop it.  Raises Full; whatever is raised, no part stays.
    """
    clean(mount, pk)
    folder = mount / INCOMING
    folder.mkdir(exist_ok=True)
    part = folder / f"{pk}-{fence}.part"
    digest, crc, size = hashlib.sha256(), 0, 0
    try:
        with part.open("xb", buffering=0) as file:
            for piece in source:
                _write_all(file.fileno(), piece)
                digest.update(piece)
                crc = crc64.xz(piece, crc)
                size += len(piece)
                progress(size)
            # Where a file system counts late (NFS, quotas), the truth comes with fsync.
            os.fsync(file.fileno())
            stat = os.fstat(file.fileno())
    except BaseException as failure:
        part.unlink(missing_ok=True)
        if isinstance(failure, OSError) and failure.errno in NO_ROOM:
            raise Full from failure
        raise
    sums = Sums(size, digest.hexdigest(), str(crc))
    return Written(part, sums, FileSeen(stat.st_size, stat.st_mtime_ns))


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def place(written: Written, target: Path) -> None:
    """Rename into place and make the name durable.  Raises Taken if the name is in use."""
    if look(target) is not None or target.is_symlink():
        written.part.unlink(missing_ok=True)
        raise Taken
    make_folder(target.parent)
    written.part.rename(target)
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sums_of(path: Path, progress: Callable[[int], None]) -> Sums:
    """Of a file that is there already."""
    digest, crc, size = hashlib.sha256(), 0, 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            crc = crc64.xz(piece, crc)
            size += len(piece)
            progress(size)
    return Sums(size, digest.hexdigest(), str(crc))


def remove(path: Path) -> None:
    """Absent is fine."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)
