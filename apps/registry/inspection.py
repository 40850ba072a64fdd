"""What a model file is, from the names and shapes in its header.  Pure.

The tests and their order: reference notes on diffusers, AUTOMATIC1111 and kohya; nothing is taken
for SD 1.x by default.  static/js/registry-inspect.js asks the same questions in the browser.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from apps.core.words import Say
from apps.registry.refusals import Refusal
from apps.registry.safetensors import Header, Tensor

UNET = "model.diffusion_model."
WORDS: dict[str, str] = {
    "checkpoint": gettext_noop("a checkpoint"),
    "lora": gettext_noop("a LoRA"),
    "vae": gettext_noop("a VAE"),
    "controlnet": gettext_noop("a ControlNet"),
    "embedding": gettext_noop("an embedding"),
    "upscaler": gettext_noop("an upscaler"),
    "adapter": gettext_noop("an IP-Adapter or T2I-Adapter"),
    "text-encoder": gettext_noop("a text encoder"),
}
PART_OF = {"lora": "LoRA", "vae": "VAE", "controlnet": "ControlNet"}
LORA_ENDS = (
    ".lora_down.weight", ".lora_up.weight", ".lora_A.weight", ".lora_B.weight", ".lora.down.weight",
    ".lora.up.weight", ".hada_w1_a", ".lokr_w1", ".lokr_w1_a", ".oft_blocks", ".oft_diag",
    ".on_input", ".dora_scale", ".diff",
)  # fmt: skip
CONTEXT = "transformer_blocks.0.attn2.to_k.weight"
WIDTHS = {768: "SD 1.5", 1024: "SD 2", 2048: "SDXL", 1280: "SDXL Refiner"}


@dataclass(frozen=True)
class Part:
    """UNet, text encoder, VAE …: `kind` is its name in every language."""

    kind: str
    tensors: int
    size_bytes: int
    dtype: str


@dataclass(frozen=True)
class Inspection:
    """`type` is a ModelType, or one of the further keys of WORDS, or "" = not recognised.

    `sure` 0 to 1: 1 = named by its own tensors, 0.7 = by what is usual for such shapes.
    """

    type: str
    family: str
    variant: str
    precision: str
    tensors: int
    parameters: int
    header_bytes: int
    sure: float
    parts: tuple[Part, ...]
    evidence: str  # the tensor that decided
    title: str = ""
    trigger: str = ""
    license: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "family": self.family,
            "variant": self.variant,
            "precision": self.precision,
            "tensors": self.tensors,
            "parameters": self.parameters,
            "header_bytes": self.header_bytes,
            "sure": self.sure,
            "evidence": self.evidence,
            "title": self.title,
            "trigger": self.trigger,
            "license": self.license,
            "parts": [vars(part) for part in self.parts],
        }


def inspect(header: Header) -> Inspection:
    """What the header tells; an unknown file has type ""."""
    kind, family, variant, sure, evidence = recognise(header)
    weights: Counter[str] = Counter()
    for tensor in header.tensors.values():
        weights[tensor.dtype] += tensor.size_bytes
    told = header.metadata
    return Inspection(
        type=kind,
        family=family,
        variant=variant,
        precision=weights.most_common(1)[0][0],
        tensors=len(header.tensors),
        parameters=sum(tensor.elements for tensor in header.tensors.values()),
        header_bytes=header.length,
        sure=sure,
        parts=tuple(parts(kind, header.tensors)),
        evidence=evidence[:200],
        title=told.get("modelspec.title", told.get("ss_output_name", ""))[:120],
        trigger=told.get("modelspec.trigger_phrase", "")[:120],
        license=told.get("modelspec.license", "")[:120],
    )


def check(found: Inspection, wanted: str) -> None:
    """Raises Refusal unless the file is what it was announced as (a ModelType)."""
    if found.type == "diffusers":
        raise Refusal("diffusers", field="type")
    if not found.type:
        raise Refusal("unknown-kind", field="type", wanted=Say(WORDS[wanted]))
    if found.type != wanted:
        said = Say(WORDS[found.type])
        raise Refusal("wrong-kind", field="type", found=said, wanted=Say(WORDS[wanted]))


Known = tuple[str, str, str, float, str]  # type, family, variant, sure, evidence


def recognise(header: Header) -> Known:
    """The first test that holds, from the most particular to the most general."""
    tensors = header.tensors
    for test in (_lora, _controlnet, _adapter, _checkpoint, _embedding, _vae, _upscaler, _encoder):
        found = test(tensors, header.metadata)
        if found:
            return found
    return ("", "", "", 0.0, "")


Tensors = Mapping[str, Tensor]
Metadata = Mapping[str, str]


def _width(tensors: Tensors, key: str, axis: int = -1) -> int:
    shape = tensors[key].shape if key in tensors else ()
    return shape[axis] if len(shape) > abs(axis) - (axis < 0) else 0


def _first(names: Iterable[str], *ends: str) -> str:
    return next((name for name in names if name.endswith(ends)), "")


def _lora(tensors: Tensors, told: Metadata) -> Known | None:
    evidence = _first(tensors, *LORA_ENDS)
    if not evidence or "lora_controlnet" in tensors:
        return None
    family = _lora_family(tensors, told)
    return ("lora", family, "", 1.0 if family else 0.7, evidence)


def _lora_family(tensors: Tensors, told: Metadata) -> str:
    said = told.get("modelspec.architecture", "") or told.get("ss_base_model_version", "")
    for start, family in (
        ("stable-diffusion-xl", "SDXL"), ("sdxl", "SDXL"), ("stable-diffusion-v1", "SD 1.5"),
        ("sd_v1", "SD 1.5"), ("stable-diffusion-v2", "SD 2"), ("sd_v2", "SD 2"),
        ("stable-diffusion-3", "SD 3"), ("stable-diffusion-v3", "SD 3"), ("sd3", "SD 3"),
        ("flux", "Flux"),
    ):  # fmt: skip
        if said.startswith(start):
            return family
    if any("double_blocks" in name or "single_transformer_blocks" in name for name in tensors):
        return "Flux"
    if any("joint_blocks" in name for name in tensors):
        return "SD 3"
    if any(name.startswith("lora_te2_") for name in tensors):
        return "SDXL"
    for name, tensor in tensors.items():
        ends = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight")
        if name.replace("_", ".").find("attn2.to.k") >= 0 and name.endswith(ends):
            return WIDTHS.get(tensor.shape[1] if len(tensor.shape) > 1 else 0, "")
    return ""


def _controlnet(tensors: Tensors, told: Metadata) -> Known | None:
    evidence = next(
        (
            name
            for name in tensors
            if name.startswith("control_model.")
            or name in ("input_hint_block.0.weight", "lora_controlnet", "task_embedding")
            or name == "controlnet_cond_embedding.conv_in.weight"
            or "lllite" in name
        ),
        "",
    )
    if not evidence:
        return None
    large = ("label_emb.0.0.bias", "add_embedding.linear_1.weight")
    widths = (_width(tensors, name) for name in tensors if name.endswith(CONTEXT))
    family = "SDXL" if _first(tensors, *large) else WIDTHS.get(next(widths, 0), "")
    return ("controlnet", family, "", 1.0 if family else 0.7, evidence)


def _adapter(tensors: Tensors, told: Metadata) -> Known | None:
    starts = ("ip_adapter.", "adapter.body.", "body.0.in_conv", "body.0.resnets")
    evidence = next((name for name in tensors if name.startswith(starts)), "")
    return ("adapter", "", "", 0.9, evidence) if evidence else None


def _checkpoint(tensors: Tensors, told: Metadata) -> Known | None:
    for prefix in (UNET, ""):
        found = _unet(tensors, prefix) or _transformer(tensors, prefix)
        if found:
            return found
    blocks = any(name.startswith(("down_blocks.", "mid_block.")) for name in tensors)
    if blocks and {"conv_in.weight", "time_embedding.linear_1.weight"} <= set(tensors):
        return ("diffusers", "", "", 1.0, "conv_in.weight")
    return None


def _unet(tensors: Tensors, at: str) -> Known | None:
    first = f"{at}input_blocks.0.0.weight"
    if first not in tensors:
        return None
    channels = _width(tensors, first, 1)
    variant = {9: "inpainting", 8: "instruct-pix2pix"}.get(channels, "")
    for name in (
        "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias",
        "conditioner.embedders.1.model.ln_final.weight",
    ):
        if name in tensors:
            return ("checkpoint", "SDXL", variant, 1.0, name)
    refiner = "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias"
    if refiner in tensors:
        return ("checkpoint", "SDXL Refiner", variant, 1.0, refiner)
    label = f"{at}label_emb.0.0.weight"
    if _width(tensors, label, 1) == 2816:
        return ("checkpoint", "SDXL", variant or "UNet", 1.0, label)
    if _width(tensors, label, 1) == 2560:
        return ("checkpoint", "SDXL Refiner", variant or "UNet", 1.0, label)
    for block in ("input_blocks.2.1.", "input_blocks.1.1.", "input_blocks.4.1."):
        key = f"{at}{block}{CONTEXT}"
        family = WIDTHS.get(_width(tensors, key), "")
        if family:
            return ("checkpoint", family, variant, 1.0, key)
    return None


def _transformer(tensors: Tensors, at: str) -> Known | None:
    """SD 3 and Flux, which have no UNet."""
    joint = f"{at}joint_blocks.0.context_block.adaLN_modulation.1.bias"
    if joint in tensors:
        if f"{at}joint_blocks.37.x_block.mlp.fc1.weight" in tensors:
            return ("checkpoint", "SD 3.5", "Large", 1.0, joint)
        tall = _width(tensors, f"{at}pos_embed", 1) == 147_456
        return ("checkpoint", "SD 3.5" if tall else "SD 3", "Medium", 1.0, joint)
    double = f"{at}double_blocks.0.img_attn.norm.key_norm.scale"
    if double not in tensors:
        return None
    if f"{at}single_stream_modulation.lin.weight" in tensors:
        return ("checkpoint", "Flux.2", "", 1.0, double)
    if any(name.startswith(f"{at}distilled_guidance_layer.") for name in tensors):
        return ("checkpoint", "Chroma", "", 1.0, double)
    guided = any(name.startswith(f"{at}guidance_in.") for name in tensors)
    inputs = {384: "Fill", 128: "Depth/Canny"}.get(_width(tensors, f"{at}img_in.weight", 1), "")
    return ("checkpoint", "Flux", inputs or ("dev" if guided else "schnell"), 1.0, double)


def _embedding(tensors: Tensors, told: Metadata) -> Known | None:
    if {"clip_l", "clip_g"} <= set(tensors):
        return ("embedding", "SDXL", "", 1.0, "clip_g")
    if "emb_params" in tensors:
        family = WIDTHS.get(_width(tensors, "emb_params"), "")
        return ("embedding", family, "", 1.0 if family else 0.7, "emb_params")
    if len(tensors) == 1:
        name, tensor = next(iter(tensors.items()))
        if len(tensor.shape) in (1, 2) and tensor.shape[-1] in (768, 1024, 1280):
            return ("embedding", WIDTHS[tensor.shape[-1]], "", 0.7, name)
    return None


def _vae(tensors: Tensors, told: Metadata) -> Known | None:
    for at in ("", "first_stage_model."):
        key = f"{at}decoder.conv_in.weight"
        if key in tensors and f"{at}encoder.conv_in.weight" in tensors:
            channels = _width(tensors, key, 1)
            family = {4: "SD 1.5 / SDXL", 16: "SD 3 / Flux"}.get(channels, "")
            return ("vae", family, "", 0.7 if family else 0.5, key)
    return None


def _upscaler(tensors: Tensors, told: Metadata) -> Known | None:
    for key in ("conv_first.weight", "body.0.rdb1.conv1.weight", "model.0.weight"):
        if key in tensors and len(tensors[key].shape) == 4:
            return ("upscaler", "ESRGAN", "", 0.7, key)
    return None


def _encoder(tensors: Tensors, told: Metadata) -> Known | None:
    starts = ("text_model.encoder.", "cond_stage_model.", "encoder.block.0.layer.0.SelfAttention")
    evidence = next((name for name in tensors if name.startswith(starts)), "")
    return ("text-encoder", "", "", 0.9, evidence) if evidence else None


PARTS = (
    ("UNet", (UNET,)),
    ("CLIP-L", ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.",
                "text_encoders.clip_l.")),
    ("CLIP-G", ("conditioner.embedders.1.", "conditioner.embedders.0.model.",
                "text_encoders.clip_g.")),
    ("OpenCLIP", ("cond_stage_model.",)),
    ("T5", ("text_encoders.t5xxl.",)),
    ("VAE", ("first_stage_model.", "vae.")),
    ("EMA", ("model_ema.",)),
)  # fmt: skip


def parts(kind: str, tensors: Tensors) -> list[Part]:
    """The file's parts by size; what belongs to none is "UNet" in a bare UNet, else "other"."""
    bare = kind == "checkpoint" and not any(name.startswith(UNET) for name in tensors)
    rest = "UNet" if bare else PART_OF.get(kind, "other")
    numbers: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    for name, tensor in tensors.items():
        part = next((word for word, starts in PARTS if name.startswith(starts)), rest)
        if kind != "checkpoint":
            part = rest
        numbers[part] += 1
        sizes[part] += tensor.size_bytes
        kinds.setdefault(part, Counter())[tensor.dtype] += tensor.size_bytes
    return [
        Part(part, numbers[part], size, kinds[part].most_common(1)[0][0])
        for part, size in sizes.most_common()
    ]
