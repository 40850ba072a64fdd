"""Model files with true tensor names, small or large, and liars of every kind."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "F8_E4M3": 1}
UNET = "model.diffusion_model."
Shapes = Mapping[str, tuple[int, ...]]

SD15: dict[str, tuple[int, ...]] = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}input_blocks.0.0.bias": (320,),
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    f"{UNET}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    f"{UNET}middle_block.1.transformer_blocks.0.attn1.to_q.weight": (64, 64),
    f"{UNET}out.2.weight": (4, 320, 3, 3),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": (768,),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "first_stage_model.quant_conv.bias": (8,),
}
SDXL: dict[str, tuple[int, ...]] = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}label_emb.0.0.weight": (8, 2816),
    f"{UNET}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (64, 2048),
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
    "conditioner.embedders.1.model.ln_final.weight": (1280,),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
}
LORA: dict[str, tuple[int, ...]] = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (
        8,
        768,
    ),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (320, 8),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.alpha": (),
}
VAE: dict[str, tuple[int, ...]] = {
    "encoder.conv_in.weight": (128, 3, 3, 3),
    "decoder.conv_in.weight": (512, 4, 3, 3),
    "decoder.up.0.block.0.conv1.weight": (16, 16, 3, 3),
}


def header(
    shapes: Shapes, dtype: str = "F16", metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The header as JSON would have it, tensors one behind the other."""
    stored: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        size = prod(shape) * BYTES[dtype]
        stored[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return stored


def data_bytes(stored: Mapping[str, Any]) -> int:
    ends = (entry["data_offsets"][1] for name, entry in stored.items() if name != "__metadata__")
    return max(ends, default=0)


def head_of(stored: Any, *, length: int | None = None) -> bytes:
    """The first bytes of a file; `length` = a lie about the header's length."""
    text = stored if isinstance(stored, bytes) else json.dumps(stored).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def model_bytes(
    shapes: Shapes = SD15, dtype: str = "F16", metadata: Mapping[str, str] | None = None
) -> bytes:
    stored = header(shapes, dtype, metadata)
    body = bytes((number * 31 + 7) % 251 for number in range(251)) * (data_bytes(stored) // 251 + 1)
    return head_of(stored) + body[: data_bytes(stored)]


def sd15_of(size_bytes: int) -> dict[str, tuple[int, ...]]:
    """SD 1.5's names with UNet blocks until the file has about `size_bytes`."""
    shapes = dict(SD15)
    weigh = sum(prod(shape) * 2 for shape in shapes.values())
    number = 0
    while weigh < size_bytes:
        block, layer = 3 + number // 4 % 9, number % 4
        name = (
            f"{UNET}input_blocks.{block}.1.transformer_blocks.{number // 36}.ff.net.{layer}.weight"
        )
        shapes[name] = (1280, 1024)
        weigh += 1280 * 1024 * 2
        number += 1
    return shapes


def write_model(path: Path, size_bytes: int, seed: int = 1) -> Path:
    """A file of at least `size_bytes` with SD 1.5's tensor names and bytes that `seed` decides."""
    stored = header(sd15_of(size_bytes))
    rest = data_bytes(stored)
    with path.open("wb") as file:
        file.write(head_of(stored))
        for number, piece in enumerate(_pieces(rest)):
            pattern = ((seed * 2_654_435_761 + number * 40_503) % 2**32).to_bytes(4, "little")
            file.write((pattern * (piece // 4 + 1))[:piece])
    return path


def _pieces(total: int, piece: int = 1 << 20) -> Iterable[int]:
    while total > 0:
        yield min(piece, total)
        total -= piece
