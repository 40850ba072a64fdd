"""The container's file system, as far as it is mounted: real folders behind container paths."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

_USUAL_ROOT = PurePosixPath("/root/stable-diffusion-webui")
# A mount that ends so tells where the web UI was checked out.
_MARKS = (
    "models/Stable-diffusion", "models/Lora", "models/VAE", "models/ControlNet", "models/ESRGAN",
    "models", "embeddings", "outputs",
)  # fmt: skip


class Disk:
    def __init__(self, mounts: Mapping[str, Path]) -> None:
        pairs = ((PurePosixPath(inside), Path(real)) for inside, real in mounts.items())
        self._mounts = sorted(pairs, key=lambda pair: len(pair[0].parts), reverse=True)

    def real(self, inside: PurePosixPath) -> Path | None:
        """The folder or file behind a container path; None if nothing is mounted there."""
        for mount, path in self._mounts:
            if inside == mount or mount in inside.parents:
                return path / inside.relative_to(mount)
        return None

    def root(self) -> PurePosixPath:
        """Where the web UI is checked out in the image, guessed from the mounts."""
        for mount, _ in self._mounts:
            for mark in _MARKS:
                if mount.as_posix().endswith(f"/{mark}"):
                    return PurePosixPath(mount.as_posix().removesuffix(f"/{mark}") or "/")
        return _USUAL_ROOT

    def files(
        self, folder: PurePosixPath, suffixes: tuple[str, ...]
    ) -> Iterator[tuple[PurePosixPath, Path]]:
        """Files below `folder` with one of `suffixes`: path in the container, path for us."""
        seen = set()
        tops = [(folder, self.real(folder))]
        tops += [(mount, path) for mount, path in self._mounts if folder in mount.parents]
        for inside, path in tops:
            if path is None or not path.is_dir():
                continue
            for found in sorted(path.rglob("*"), key=lambda p: p.as_posix().lower()):
                name = inside / found.relative_to(path).as_posix()
                if found.suffix.lower() in suffixes and found.is_file() and name not in seen:
                    seen.add(name)
                    yield name, found
