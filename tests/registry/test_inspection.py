"""Which file is what, from tensor names and shapes alone."""

from __future__ import annotations

from typing import Any

import pytest

from apps.registry import inspection, safetensors
from apps.registry.inspection import Inspection
from apps.registry.refusals import Refusal
from tests.registry.files import LORA, SD15, SDXL, UNET, VAE, model_bytes

K = "transformer_blocks.0.attn2.to_k.weight"
FIRST = f"{UNET}input_blocks.0.0.weight"
SD2 = {FIRST: (320, 4, 3, 3), f"{UNET}input_blocks.2.1.{K}": (320, 1024)}
BARE = {
    "input_blocks.0.0.weight": (320, 4, 3, 3),
    f"input_blocks.4.1.{K}": (8, 2048),
    "label_emb.0.0.weight": (8, 2816),
}
REFINER = {
    FIRST: (384, 4, 3, 3),
    "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias": (1280,),
}
DOUBLE = {f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale": (128,)}
JOINT = {f"{UNET}joint_blocks.0.context_block.adaLN_modulation.1.bias": (9216,)}
Shapes = dict[str, tuple[int, ...]]


def look(shapes: Shapes, **more: Any) -> Inspection:
    content = model_bytes(shapes, **more)
    return inspection.inspect(safetensors.parse(content, len(content)))


CASES: list[tuple[str, Shapes, tuple[str, str, str]]] = [
    ("SD 1.5", SD15, ("checkpoint", "SD 1.5", "")),
    ("SD 1.5 inpainting", {**SD15, FIRST: (320, 9, 3, 3)}, ("checkpoint", "SD 1.5", "inpainting")),
    ("pix2pix", {**SD15, FIRST: (320, 8, 3, 3)}, ("checkpoint", "SD 1.5", "instruct-pix2pix")),
    ("SD 2", SD2, ("checkpoint", "SD 2", "")),
    ("SDXL", SDXL, ("checkpoint", "SDXL", "")),
    ("SDXL UNet alone", BARE, ("checkpoint", "SDXL", "UNet")),
    ("SDXL refiner", REFINER, ("checkpoint", "SDXL Refiner", "")),
    ("SD 3", {**JOINT, f"{UNET}pos_embed": (1, 36864, 1)}, ("checkpoint", "SD 3", "Medium")),
    ("SD 3.5 M", {**JOINT, f"{UNET}pos_embed": (1, 147456, 1)}, ("checkpoint", "SD 3.5", "Medium")),
    (
        "SD 3.5 L",
        {**JOINT, f"{UNET}joint_blocks.37.x_block.mlp.fc1.weight": (1, 1)},
        ("checkpoint", "SD 3.5", "Large"),
    ),
    ("Flux schnell", DOUBLE, ("checkpoint", "Flux", "schnell")),
    (
        "Flux dev",
        {**DOUBLE, f"{UNET}guidance_in.in_layer.bias": (1,)},
        ("checkpoint", "Flux", "dev"),
    ),
    ("Flux Fill", {**DOUBLE, f"{UNET}img_in.weight": (1, 384)}, ("checkpoint", "Flux", "Fill")),
    (
        "Flux.2",
        {**DOUBLE, f"{UNET}single_stream_modulation.lin.weight": (1, 1)},
        ("checkpoint", "Flux.2", ""),
    ),
    ("LoRA", LORA, ("lora", "SD 1.5", "")),
    ("LoRA of SDXL", {**LORA, "lora_te2_text.lora_up.weight": (1, 1)}, ("lora", "SDXL", "")),
    ("LoHa", {"lora_unet_x.hada_w1_a": (4, 4)}, ("lora", "", "")),
    (
        "LoRA in PEFT's words",
        {
            "unet.mid.attn2.to_k.lora_A.weight": (4, 1024),
            "unet.mid.attn2.to_k.lora_B.weight": (8, 4),
        },
        ("lora", "SD 2", ""),
    ),
    ("VAE", VAE, ("vae", "SD 1.5 / SDXL", "")),
    ("VAE of Flux", {**VAE, "decoder.conv_in.weight": (8, 16, 3, 3)}, ("vae", "SD 3 / Flux", "")),
    (
        "ControlNet",
        {"input_hint_block.0.weight": (16, 3, 3, 3), f"input_blocks.5.1.{K}": (8, 768)},
        ("controlnet", "SD 1.5", ""),
    ),
    ("IP-Adapter", {"ip_adapter.1.to_k_ip.weight": (4, 4)}, ("adapter", "", "")),
    ("textual inversion", {"emb_params": (8, 768)}, ("embedding", "SD 1.5", "")),
    ("SDXL embedding", {"clip_l": (8, 768), "clip_g": (8, 1280)}, ("embedding", "SDXL", "")),
    ("upscaler", {"conv_first.weight": (64, 3, 3, 3)}, ("upscaler", "ESRGAN", "")),
    ("text encoder", {"text_model.encoder.layers.0.mlp.fc1.bias": (4,)}, ("text-encoder", "", "")),
    (
        "diffusers UNet",
        {
            "conv_in.weight": (320, 4, 3, 3),
            "time_embedding.linear_1.weight": (4, 4),
            "down_blocks.0.resnets.0.conv1.weight": (4, 4),
        },
        ("diffusers", "", ""),
    ),
    ("a UNet of no known width", {FIRST: (320, 4, 3, 3)}, ("", "", "")),
    ("something else", {"layers.0.weight": (4, 4), "layers.1.weight": (4, 4)}, ("", "", "")),
]


@pytest.mark.parametrize(("shapes", "known"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_it_is_recognised(shapes: Shapes, known: tuple[str, str, str]) -> None:
    found = look(shapes)
    assert (found.type, found.family, found.variant) == known


@pytest.mark.parametrize(
    ("metadata", "family"),
    [
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "SDXL"),
        ({"ss_base_model_version": "sd_v2"}, "SD 2"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "Flux"),
    ],
)
def test_a_lora_says_what_it_was_trained_on(metadata: dict[str, str], family: str) -> None:
    assert look({"x.lora_up.weight": (1, 1)}, metadata=metadata).family == family


def test_parts_precision_and_parameters() -> None:
    found = look(SD15)
    assert found.precision == "F16"
    assert found.tensors == len(SD15)
    assert {part.kind for part in found.parts} == {"UNet", "CLIP-L", "VAE"}
    assert sum(part.size_bytes for part in found.parts) == found.parameters * 2
    assert [part.size_bytes for part in found.parts] == sorted(
        (part.size_bytes for part in found.parts), reverse=True
    )


def test_what_the_uploader_wrote_is_cut_short() -> None:
    told = {"modelspec.title": "x" * 5000, "modelspec.trigger_phrase": "ink"}
    found = look(SD15, metadata=told)
    assert len(found.title) == 120
    assert found.trigger == "ink"


@pytest.mark.parametrize(
    ("shapes", "wanted", "sentence"),
    [
        (LORA, "checkpoint", "This is a LoRA, not a checkpoint."),
        (SD15, "lora", "This is a checkpoint, not a LoRA."),
        (VAE, "embedding", "This is a VAE, not an embedding."),
        ({"text_model.encoder.x": (1,)}, "checkpoint", "This is a text encoder, not a checkpoint."),
    ],
)
def test_the_wrong_kind_for_its_folder(shapes: Shapes, wanted: str, sentence: str) -> None:
    with pytest.raises(Refusal) as caught:
        inspection.check(look(shapes), wanted)
    assert str(caught.value.say) == sentence


@pytest.mark.parametrize(
    ("shapes", "code"),
    [({"a": (1,), "b": (1,)}, "unknown-kind"), (dict(CASES[-3][1]), "diffusers")],
)
def test_what_cannot_be_loaded_at_all(shapes: Shapes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        inspection.check(look(shapes), "checkpoint")
    assert caught.value.code == code


def test_the_right_kind_passes() -> None:
    inspection.check(look(SD15), "checkpoint")
    inspection.check(look(LORA), "lora")
