"""The model files the web UI sees: names and hashes as it makes them, family from the header."""

import hashlib
import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.webui.disk import Disk

MAX_HEADER_BYTES = 100_000_000
CHECKPOINT_SUFFIXES = (".ckpt", ".safetensors")
# Digests by file, size and time of change: pods of one machine need not read a file twice.
_digests: dict[tuple[str, int, int], str] = {}


class BrokenModel(Exception):
    """The file cannot be loaded; the text is what the loader says."""


@dataclass
class ModelFile:
    """`name` is the path below its folder; `sha256` stays empty until the first load."""

    name: str
    inside: PurePosixPath
    path: Path
    sha256: str = ""
    header: dict[str, Any] = field(default_factory=dict, repr=False)
    stamp: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        status = self.path.stat()
        self.stamp = (status.st_size, status.st_mtime_ns)

    @property
    def stem(self) -> str:
        return self.inside.stem

    @property
    def model_name(self) -> str:
        return self.name.rsplit(".", 1)[0].replace("/", "_")

    @property
    def short_hash(self) -> str:
        return self.sha256[:10]

    @property
    def title(self) -> str:
        return f"{self.name} [{self.short_hash}]" if self.sha256 else self.name

    @property
    def gib(self) -> float:
        return self.path.stat().st_size / (1 << 30)

    @property
    def metadata(self) -> dict[str, Any]:
        """The uploader's own notes; text that begins with `{` is JSON, as the web UI reads it."""
        notes: dict[str, Any] = {}
        for name, value in (self.header.get("__metadata__") or {}).items():
            notes[name] = value
            if isinstance(value, str) and value.startswith("{"):
                try:
                    notes[name] = json.loads(value)
                except ValueError:
                    continue
        return notes


def scan(
    disk: Disk, folders: Iterable[PurePosixPath], suffixes: tuple[str, ...]
) -> list[ModelFile]:
    """The model files below `folders`, as a refresh finds them now."""
    found = []
    for folder in folders:
        for inside, path in disk.files(folder, suffixes):
            name = inside.relative_to(folder).as_posix()
            found.append(ModelFile(name, inside, path))
    return sorted(found, key=lambda model: _natural(model.name))


def _natural(text: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text.lower())]


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file, {} for other kinds.  Raises BrokenModel."""
    if path.suffix != ".safetensors":
        return {}
    said = "Error while deserializing header: "
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size < 8:
                raise BrokenModel(said + "HeaderTooSmall")
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise BrokenModel(said + "HeaderTooLarge")
            if 8 + length > size:
                raise BrokenModel(said + "InvalidHeaderLength")
            header = json.loads(file.read(length))
    except FileNotFoundError as exc:
        raise BrokenModel(f"No such file or directory: {path.name}") from exc
    except ValueError as exc:
        raise BrokenModel(said + "InvalidHeaderDeserialization") from exc
    if not isinstance(header, dict):
        raise BrokenModel(said + "InvalidHeaderDeserialization")
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    end = max((entry["data_offsets"][1] for entry in tensors), default=0)
    if 8 + length + end != size:
        raise BrokenModel(said + "MetadataIncompleteBuffer")
    return header


def family(header: dict[str, Any]) -> str:
    """sd1, sd2, sdxl, sdxl-refiner, sd3, flux, or "" for what is no base model."""
    names = {name.removeprefix("model.diffusion_model."): name for name in header}

    def width(name: str) -> int:
        entry = header.get(names.get(name, ""))
        return int(entry["shape"][-1]) if entry and entry["shape"] else 0

    conditioner = "conditioner.embedders."
    if any(name.startswith(f"{conditioner}1.model.") for name in header):
        return "sdxl"
    if any(name.startswith(f"{conditioner}0.model.") for name in header):
        return "sdxl-refiner"
    if width("label_emb.0.0.weight") == 2816:
        return "sdxl"
    if width("input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight") == 2048:
        return "sdxl"
    if any(name.startswith("double_blocks.0.") for name in names):
        return "flux"
    if any(name.startswith("joint_blocks.0.") for name in names):
        return "sd3"
    context = width("input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight")
    context = context or width("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight")
    return {1024: "sd2", 768: "sd1"}.get(context, "")


def sha256(path: Path) -> str:
    """Digest of the whole file; slow, so call it on a thread."""
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[key]


def lora_hash(model: ModelFile) -> str:
    """The hash of a LoRA in infotexts: what its maker wrote, else that of the tensor bytes."""
    claimed = model.metadata.get("sshs_model_hash")
    if claimed:
        return str(claimed)[:12]
    with model.path.open("rb") as file:
        if model.path.suffix == ".safetensors":
            (length,) = struct.unpack("<Q", file.read(8))
            file.seek(8 + length)
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def closest(models: Iterable[ModelFile], wanted: str) -> ModelFile | None:
    """The checkpoint a person meant by title, name, file name or hash; None if there is none."""
    listed = list(models)
    for model in listed:
        known = {model.title, model.name, model.model_name, model.stem, str(model.inside)}
        if model.sha256:
            known |= {model.sha256, model.short_hash, f"{model.stem} [{model.short_hash}]"}
        if wanted in known:
            return model
    for text in (wanted, re.sub(r"\s*\[[0-9a-f]+\]\s*$", "", wanted)):
        matching = [model for model in listed if text and text in model.title]
        if matching:
            return min(matching, key=lambda model: len(model.title))
    return None
