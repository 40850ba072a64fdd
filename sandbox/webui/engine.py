"""The one worker of a pod: its models, which of them is loaded, and the queue in front of it."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from PIL import Image

from sandbox.webui import lists, memory, models
from sandbox.webui.asks import ApiError
from sandbox.webui.disk import Disk
from sandbox.webui.models import BrokenModel, ModelFile
from sandbox.world import World

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far the running job is; all zero when idle."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0
    started: float = 0.0
    textinfo: str | None = None
    preview: Image.Image | None = None
    preview_id: int = 0

    def told(self) -> dict[str, Any]:
        names = (
            "skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp",
            "job_no", "sampling_step", "sampling_steps",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        if self.job_count <= 0:
            return 0.0
        share = 0.01 + self.job_no / self.job_count
        if self.sampling_steps > 0:
            share += self.sampling_step / self.sampling_steps / self.job_count
        return min(share, 1.0)

    @property
    def eta_s(self) -> float:
        spent = time.monotonic() - self.started
        return spent / self.share - spent if self.share else 0.0


@dataclass
class Engine:
    disk: Disk
    flags: Mapping[str, Any]
    world: World
    core_percent: float
    slice_gib: float | None
    version: tuple[int, ...]
    checkpoints: list[ModelFile] = field(default_factory=list)
    vaes: list[ModelFile] = field(default_factory=list)
    loras: list[ModelFile] = field(default_factory=list)
    embeddings: list[ModelFile] = field(default_factory=list)
    hypernetworks: list[ModelFile] = field(default_factory=list)
    upscalers: list[ModelFile] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=lambda: dict(lists.SETTINGS))
    loaded: ModelFile | None = None
    progress: Progress = field(default_factory=Progress)
    pending: dict[str, float] = field(default_factory=dict)
    current_task: str = ""
    finished: list[str] = field(default_factory=list)
    log_lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = asyncio.Lock()  # asyncio's is first come, first served
        data = self.flags["data_dir"]
        self.root = PurePosixPath(data) if data else self.disk.root()
        self._read_settings()
        for refresh in (
            self.refresh_checkpoints, self.refresh_vaes, self.refresh_loras,
            self.refresh_embeddings, self.refresh_others,
        ):  # fmt: skip
            refresh()

    def say(self, line: str) -> None:
        """One line of the pod's log."""
        self.log_lines.append(line)
        del self.log_lines[:-500]

    @property
    def version_text(self) -> str:
        return "v" + ".".join(map(str, self.version))

    # What is there.

    def _folder(self, usual: str, flag: str = "") -> PurePosixPath:
        given = self.flags.get(flag) if flag else None
        return PurePosixPath(given) if given else self.root / usual

    def refresh_checkpoints(self) -> None:
        known = {model.inside: model for model in self.checkpoints}
        folders = [self.root / "models/Stable-diffusion"]
        if self.flags["ckpt_dir"]:
            folders.append(PurePosixPath(self.flags["ckpt_dir"]))
        found = models.scan(self.disk, folders, models.CHECKPOINT_SUFFIXES)
        found = [model for model in found if not model.inside.stem.endswith(".vae")]
        for model in found:
            before = known.get(model.inside)
            if before and before.stamp == model.stamp:
                model.sha256 = before.sha256
        self.checkpoints = found
        if self.flags["ckpt"]:
            self._add_given(PurePosixPath(self.flags["ckpt"]))

    def _add_given(self, inside: PurePosixPath) -> None:
        path = self.disk.real(inside)
        if path and path.is_file() and all(m.inside != inside for m in self.checkpoints):
            self.checkpoints.append(ModelFile(inside.name, inside, path))

    def refresh_vaes(self) -> None:
        folders = [self.root / "models/VAE"]
        if self.flags["vae_dir"]:
            folders.append(PurePosixPath(self.flags["vae_dir"]))
        self.vaes = models.scan(self.disk, folders, (".pt", ".ckpt", ".safetensors"))
        beside = models.scan(
            self.disk, [self.root / "models/Stable-diffusion"], (".pt", ".ckpt", ".safetensors")
        )
        self.vaes += [model for model in beside if model.inside.stem.endswith(".vae")]

    def refresh_loras(self) -> None:
        folders = [
            self._folder("models/Lora", "lora_dir"),
            self._folder("models/LyCORIS", "lyco_dir_backcompat"),
        ]
        by_stem: dict[str, ModelFile] = {}
        for model in models.scan(self.disk, folders, (".pt", ".ckpt", ".safetensors")):
            try:
                model.header = models.read_header(model.path)
            except BrokenModel as broken:
                self.say(f"Failed to read metadata from lora {model.name}: {broken}")
            by_stem[model.stem] = model  # names that collide shadow each other
        self.loras = list(by_stem.values())

    def refresh_embeddings(self) -> None:
        folder = self._folder("embeddings", "embeddings_dir")
        self.embeddings = models.scan(self.disk, [folder], (".pt", ".bin", ".safetensors"))

    def refresh_others(self) -> None:
        hypernetworks = self._folder("models/hypernetworks", "hypernetwork_dir")
        self.hypernetworks = models.scan(self.disk, [hypernetworks], (".pt",))
        upscalers = self._folder("models/ESRGAN", "esrgan_models_path")
        self.upscalers = models.scan(self.disk, [upscalers], (".pt", ".pth"))

    # Settings.

    def _settings_file(self) -> PurePosixPath:
        return PurePosixPath(self.flags["ui_settings_file"] or self.root / "config.json")

    def _read_settings(self) -> None:
        path = self.disk.real(self._settings_file())
        if path and path.is_file():
            try:
                self.options |= json.loads(path.read_text())
            except ValueError:
                self.say(f"Could not load settings from {self._settings_file()}")

    def write_settings(self) -> None:
        path = self.disk.real(self._settings_file())
        if path and path.parent.is_dir():
            path.write_text(json.dumps(self.options, indent=4))

    # The model on the card.

    @property
    def capacity_gib(self) -> float:
        return memory.capacity_gib(self.slice_gib)

    @property
    def family(self) -> str:
        return models.family(self.loaded.header) if self.loaded else ""

    def first_choice(self) -> ModelFile | None:
        """What a fresh process loads: `--ckpt`, else the remembered one, else the first."""
        if self.flags["ckpt"]:
            inside = PurePosixPath(self.flags["ckpt"])
            for model in self.checkpoints:
                if model.inside == inside:
                    return model
        wanted = self.options["sd_model_checkpoint"]
        found = models.closest(self.checkpoints, wanted) if wanted else None
        return found or (self.checkpoints[0] if self.checkpoints else None)

    async def load(self, model: ModelFile) -> None:
        """Put `model` on the card.  Raises BrokenModel or ApiError (out of memory); the one that
        was loaded before is gone then.
        """
        if self.loaded and self.loaded.inside == model.inside:
            return
        self.loaded = None
        if not model.path.is_file():
            raise BrokenModel(f"[Errno 2] No such file or directory: '{model.inside}'")
        if not model.sha256 and not self.flags["no_hashing"]:
            self.say(f"Calculating sha256 for {model.inside}: ")
            model.sha256 = await asyncio.to_thread(models.sha256, model.path)
        self.say(f"Loading weights [{model.short_hash or None}] from {model.inside}")
        await asyncio.sleep(self.world.pace.seconds("webui.load_gib") * model.gib)
        model.header = await asyncio.to_thread(models.read_header, model.path)
        family = models.family(model.header)
        if model.path.suffix == ".safetensors" and not family:
            raise BrokenModel("Failed to recognize model type: no UNet weights in the state dict")
        need = memory.loaded_gib(family, self.flags)
        if need > self.capacity_gib:
            self._out_of_memory(need)
        self.loaded = model
        self.options["sd_model_checkpoint"] = model.title
        self.options["sd_checkpoint_hash"] = model.sha256 or None
        self.say(f"Model loaded: {model.title} ({family or 'unknown'}).")

    def _out_of_memory(self, need_gib: float) -> None:
        text = memory.complaint(need_gib, self.capacity_gib)
        self.say(f"torch.cuda.OutOfMemoryError: {text}")
        raise ApiError(500, "OutOfMemoryError", errors=text)

    def check_memory(self, pixels: int, batch_size: int) -> None:
        """Raises ApiError if pictures of that size do not fit beside the loaded model."""
        need = memory.working_gib(self.family, self.flags, pixels, batch_size)
        if need > self.capacity_gib:
            self._out_of_memory(need)

    async def have_model(self) -> ModelFile:
        """The loaded model; tries the remembered one if there is none.  Raises ApiError."""
        if self.loaded is None:
            choice = self.first_choice()
            if choice is None:
                folder = self.root / "models/Stable-diffusion"
                text = f"No checkpoints found. When searching, looked at:\n - directory {folder}"
                raise ApiError(500, "FileNotFoundError", errors=text)
            try:
                await self.load(choice)
            except BrokenModel as broken:
                self.say(f"loading stable diffusion model: {broken}")
                missing = "'NoneType' object has no attribute 'lowvram'"
                raise ApiError(500, "AttributeError", errors=missing) from broken
        assert self.loaded
        return self.loaded

    async def load_first(self) -> None:
        """After the start, in the background: HTTP is up before the model is, or without it."""
        async with self.lock:
            try:
                await self.have_model()
            except ApiError as error:
                self.say(f"Stable diffusion model failed to load: {error}")

    # The queue.

    @asynccontextmanager
    async def turn(self, task_id: str, job: str) -> AsyncIterator[Progress]:
        """Wait in line, then hold the worker; `progress` is fresh inside and idle after."""
        if task_id:
            self.pending[task_id] = time.monotonic()
        try:
            await self.lock.acquire()
        finally:
            self.pending.pop(task_id, None)
        try:
            self.current_task = task_id
            stamp = time.strftime("%Y%m%d%H%M%S")
            self.progress = Progress(
                job=job, job_count=-1, job_timestamp=stamp, started=time.monotonic()
            )
            yield self.progress
        finally:
            self.progress = Progress(job_timestamp=self.progress.job_timestamp)
            self.current_task = ""
            if task_id:
                self.finished = [*self.finished[-15:], task_id]
            self.lock.release()
