"""txt2img and img2img: the steps, the pictures, and what is said about them."""

import asyncio
import base64
import binascii
import io
import json
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageFilter, PngImagePlugin, UnidentifiedImageError

from sandbox.webui import infotext, lists, models
from sandbox.webui.asks import ApiError
from sandbox.webui.engine import Engine
from sandbox.webui.models import BrokenModel, ModelFile
from sandbox.webui.paint import paint, preview

_LORA = re.compile(r"<(?:lora|lyco):([^:>]+)(?::[^>]*)?>")


@dataclass
class Made:
    images: list[Image.Image] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    infotexts: list[str] = field(default_factory=list)


def decode_image(text: str) -> Image.Image:
    """A picture in base64 or as a data: URL.  Raises ApiError."""
    if text.startswith(("http://", "https://")):
        raise ApiError(500, "HTTPException", detail="Request to local resource not allowed")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        image.load()
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError) as exc:
        raise ApiError(500, "HTTPException", detail="Invalid encoded image") from exc
    return image


def enlarge(image: Image.Image, ask: dict[str, Any]) -> Image.Image:
    """By a factor (resize_mode 0), or to a given width and height (1)."""
    if ask.get("resize_mode") == 1:
        size = (int(ask.get("upscaling_resize_w", 512)), int(ask.get("upscaling_resize_h", 512)))
    else:
        factor = float(ask.get("upscaling_resize", 2))
        size = (int(image.width * factor), int(image.height * factor))
    if min(size) < 1 or max(size) > 16_384:
        raise ApiError(500, "ValueError", errors="height and width must be > 0")
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def encode_image(image: Image.Image, text: str = "") -> str:
    """PNG in base64, with the infotext inside."""
    notes = PngImagePlugin.PngInfo()
    if text:
        notes.add_text("parameters", text)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=notes, compress_level=3)
    return base64.b64encode(file.getvalue()).decode()


def check(engine: Engine, ask: dict[str, Any]) -> None:
    """What is refused before the queue.  Raises ApiError."""
    name = ask["sampler_name"] or ask["sampler_index"]
    if lists.sampler(name) is None:
        raise ApiError(404, "HTTPException", detail="Sampler not found")
    if ask["script_name"]:
        raise ApiError(422, "HTTPException", detail=f"Script '{ask['script_name']}' not found")
    for script in ask["alwayson_scripts"] or {}:
        detail = f"always on script {script} not found"
        raise ApiError(422, "HTTPException", detail=detail)


class Work:
    """One request while it is its turn."""

    def __init__(self, engine: Engine, ask: dict[str, Any]) -> None:
        self.engine = engine
        self.ask = ask
        self.width = max(8, ask["width"] // 8 * 8)
        self.height = max(8, ask["height"] // 8 * 8)
        self.start = [decode_image(text) for text in ask.get("init_images") or []]
        self.mask = decode_image(ask["mask"]) if ask.get("mask") else None
        seed = ask["seed"] if ask["seed"] not in (None, -1) else random.getrandbits(32)
        self.seed = int(seed)
        self.sampler = lists.sampler(ask["sampler_name"] or ask["sampler_index"]) or "Euler"

    @property
    def final_size(self) -> tuple[int, int]:
        if not self.ask.get("enable_hr"):
            return self.width, self.height
        scale = self.ask["hr_scale"] or 2.0
        width = self.ask["hr_resize_x"] or int(self.width * scale)
        height = self.ask["hr_resize_y"] or int(self.height * scale)
        return max(8, width // 8 * 8), max(8, height // 8 * 8)

    async def run(self) -> Made:
        """Load what is asked for, go through the steps, paint.  Raises ApiError."""
        named = [name for name in self.ask["override_settings"] or {} if name in lists.SETTINGS]
        before = {name: self.engine.options[name] for name in named}
        await self._choose_model()
        try:
            model = await self.engine.have_model()
            width, height = self.final_size
            self.engine.check_memory(width * height, self.ask["batch_size"])
            return await self._iterate(model)
        finally:
            if self.ask["override_settings_restore_afterwards"]:
                self.engine.options |= before

    async def _choose_model(self) -> None:
        settings = dict(self.ask["override_settings"] or {})
        wanted = settings.pop("sd_model_checkpoint", None)
        self.engine.options |= {k: v for k, v in settings.items() if k in lists.SETTINGS}
        model = None
        if wanted:
            model = models.closest(self.engine.checkpoints, wanted)  # unknown: silently dropped
        elif self.engine.options["sd_model_checkpoint"]:
            # An override that was restored is swapped back here, on the next job.
            remembered = self.engine.options["sd_model_checkpoint"]
            model = models.closest(self.engine.checkpoints, remembered)
        if model is None:
            return
        try:
            await self.engine.load(model)
        except BrokenModel as broken:
            raise ApiError(500, "RuntimeError", errors=str(broken)) from broken

    async def _iterate(self, model: ModelFile) -> Made:
        ask, progress, made = self.ask, self.engine.progress, Made()
        progress.job_count = ask["n_iter"] * (2 if ask.get("enable_hr") else 1)
        for iteration in range(ask["n_iter"]):
            if progress.interrupted or progress.stopping_generation:
                break
            progress.skipped = False
            progress.job = f"Batch {iteration + 1} out of {ask['n_iter']}"
            first = self.seed + iteration * ask["batch_size"]
            await self._steps(model, first, self._step_count())
            if ask.get("enable_hr") and not progress.interrupted:
                progress.job_no += 1
                await self._steps(model, first, ask["hr_second_pass_steps"] or ask["steps"])
            if progress.skipped:
                progress.job_no += 1
                continue
            for index in range(ask["batch_size"]):
                seed = first + index
                image = await asyncio.to_thread(self._picture, model, seed, iteration)
                made.images.append(image)
                made.seeds.append(seed)
                made.infotexts.append(self.infotext(model, seed))
            progress.job_no += 1
        return made

    def _step_count(self) -> int:
        """img2img does only the share of the steps that its strength asks for."""
        steps = int(self.ask["steps"])
        if self.start:
            return max(1, int(min(self.ask["denoising_strength"], 0.999) * steps) + 1)
        return steps

    async def _steps(self, model: ModelFile, seed: int, steps: int) -> None:
        progress = self.engine.progress
        progress.sampling_steps, progress.sampling_step = steps, 0
        pause = self.engine.world.pace.seconds("webui.step") / (self.engine.core_percent / 100)
        small = (max(8, self.width // 8), max(8, self.height // 8))
        sketch = await asyncio.to_thread(
            paint, self.ask["prompt"], seed, model.short_hash, small[0], small[1]
        )
        every = int(self.engine.options["show_progress_every_n_steps"] or 0)
        for step in range(1, steps + 1):
            if progress.interrupted or progress.skipped:
                break
            await asyncio.sleep(pause)
            progress.sampling_step = step
            if every > 0 and (step % every == 0 or step == 1):
                progress.preview = preview(sketch, step / steps, seed)
                progress.preview_id += 1

    def _picture(self, model: ModelFile, seed: int, iteration: int) -> Image.Image:
        width, height = self.final_size
        image = paint(self.ask["prompt"], seed, model.short_hash, width, height)
        if not self.start:
            return image
        given = self.start[iteration % len(self.start)].convert("RGB").resize((width, height))
        image = Image.blend(given, image, min(1.0, max(0.0, self.ask["denoising_strength"])))
        if self.mask is None:
            return image
        mask = self.mask.convert("L").resize((width, height))
        if self.ask["inpainting_mask_invert"]:
            mask = mask.point([255 - level for level in range(256)])
        blur = self.ask["mask_blur"] if self.ask["mask_blur"] is not None else 4
        return Image.composite(image, given, mask.filter(ImageFilter.GaussianBlur(blur)))

    # What is said about it.

    def _vae(self) -> ModelFile | None:
        wanted = self.engine.options["sd_vae"]
        for vae in self.engine.vaes:
            if wanted in (vae.inside.name, vae.stem):
                return vae
            loaded = self.engine.loaded
            own = loaded is not None and vae.stem.removesuffix(".vae") == loaded.stem
            if wanted == "Automatic" and own:
                return vae
        return None

    def _lora_hashes(self) -> str | None:
        known = {model.stem: model for model in self.engine.loras}
        used = [known[name] for name in _LORA.findall(self.ask["prompt"]) if name in known]
        return ", ".join(f"{m.stem}: {models.lora_hash(m)}" for m in used) or None

    def extra(self) -> dict[str, Any]:
        """Parameters that only some requests have."""
        ask, found = self.ask, dict[str, Any]()
        if ask.get("enable_hr"):
            found["Hires upscale"] = ask["hr_scale"]
            found["Hires steps"] = ask["hr_second_pass_steps"] or None
            found["Hires upscaler"] = ask["hr_upscaler"] or "Latent"
        if self.mask is not None:
            found["Mask blur"] = ask["mask_blur"] if ask["mask_blur"] is not None else 4
        if hashes := self._lora_hashes():
            found["Lora hashes"] = hashes
        return {name: value for name, value in found.items() if value is not None}

    @property
    def strength(self) -> float | None:
        if self.start:
            return float(self.ask["denoising_strength"])
        if self.ask.get("enable_hr"):
            return float(self.ask["denoising_strength"] or 0.75)
        return None

    def infotext(self, model: ModelFile, seed: int) -> str:
        ask, vae, scale = self.ask, self._vae(), self.ask["cfg_scale"]
        modern = self.engine.version >= (1, 9)
        clip_skip = int(self.engine.options["CLIP_stop_at_last_layers"])
        facts: dict[str, Any] = {
            "Steps": ask["steps"],
            "Sampler": self.sampler,
            "Schedule type": lists.scheduler(ask["scheduler"]) if modern else None,
            "CFG scale": scale,
            "Seed": seed,
            "Size": f"{self.width}x{self.height}",
            "Model hash": model.short_hash or None,
            "Model": model.model_name,
            "VAE hash": vae.short_hash or None if vae else None,
            "VAE": vae.inside.name if vae else None,
            "Denoising strength": self.strength,
            "Clip skip": clip_skip if clip_skip > 1 else None,
            **self.extra(),
            "Version": self.engine.version_text,
        }
        return infotext.compose(ask["prompt"], ask["negative_prompt"], facts)

    def info(self, made: Made, model: ModelFile) -> str:
        """The `info` member: JSON in a string."""
        ask, vae, count = self.ask, self._vae(), len(made.images)
        seeds = made.seeds or [self.seed]
        return json.dumps(
            {
                "prompt": ask["prompt"],
                "all_prompts": [ask["prompt"]] * count,
                "negative_prompt": ask["negative_prompt"],
                "all_negative_prompts": [ask["negative_prompt"]] * count,
                "seed": seeds[0],
                "all_seeds": seeds,
                "subseed": ask["subseed"],
                "all_subseeds": [ask["subseed"] + index for index in range(len(seeds))],
                "subseed_strength": ask["subseed_strength"],
                "width": self.width,
                "height": self.height,
                "sampler_name": self.sampler,
                "cfg_scale": ask["cfg_scale"],
                "steps": ask["steps"],
                "batch_size": ask["batch_size"],
                "restore_faces": bool(ask["restore_faces"]),
                "face_restoration_model": None,
                "sd_model_name": model.model_name,
                "sd_model_hash": model.short_hash,
                "sd_vae_name": vae.inside.name if vae else None,
                "sd_vae_hash": vae.short_hash or None if vae else None,
                "seed_resize_from_w": ask["seed_resize_from_w"],
                "seed_resize_from_h": ask["seed_resize_from_h"],
                "denoising_strength": self.strength,
                "extra_generation_params": self.extra(),
                "index_of_first_image": 0,
                "infotexts": made.infotexts,
                "styles": ask["styles"] or [],
                "job_timestamp": time.strftime("%Y%m%d%H%M%S"),
                "clip_skip": int(self.engine.options["CLIP_stop_at_last_layers"]),
                "is_using_inpainting_conditioning": False,
                "version": self.engine.version_text,
            }
        )


def _save(engine: Engine, job: str, made: Made) -> None:
    """Keep the pictures where the pod keeps its outputs, if that is mounted."""
    folder = engine.root / str(engine.options[f"outdir_{job}_samples"]) / time.strftime("%Y-%m-%d")
    real = engine.disk.real(folder)
    if real is None:
        return
    real.mkdir(parents=True, exist_ok=True)
    number = len(list(real.iterdir()))
    for image, seed, text in zip(made.images, made.seeds, made.infotexts, strict=True):
        path = real / f"{number:05d}-{seed}.png"
        path.write_bytes(base64.b64decode(encode_image(image, text)))
        number += 1


async def serve(engine: Engine, ask: dict[str, Any], job: str) -> dict[str, Any]:
    """The whole answer of txt2img or img2img.  Raises ApiError."""
    check(engine, ask)
    task_id = ask["force_task_id"] or f"task({job}-{random.getrandbits(40):010x})"
    async with engine.turn(task_id, job):
        await engine.world.faults.before("webui", job)
        work = Work(engine, ask)
        made = await work.run()
        model = await engine.have_model()
        info = work.info(made, model)
        if ask["save_images"]:
            await asyncio.to_thread(_save, engine, job, made)
        pairs = list(zip(made.images, made.infotexts, strict=True))
        sent = await asyncio.to_thread(lambda: [encode_image(image, text) for image, text in pairs])
    echo = dict(ask)
    if not echo.get("include_init_images"):
        echo |= {name: None for name in ("init_images", "mask") if name in echo}
    await engine.world.faults.after("webui", job)
    return {"images": sent if ask["send_images"] else [], "parameters": echo, "info": info}
