"""A checkpoint file with the tensor names and shapes of Stable Diffusion 1.x, as large as asked."""

import json
import random
import struct
from pathlib import Path

# A few real names; what makes a file SD 1.x is the 768 of the text context and the CLIP-L encoder.
UNET = "model.diffusion_model."
TENSORS: dict[str, list[int]] = {
    UNET + "input_blocks.0.0.weight": [320, 4, 3, 3],
    UNET + "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": [320, 768],
    UNET + "input_blocks.2.1.transformer_blocks.0.attn2.to_v.weight": [320, 768],
    UNET + "middle_block.1.transformer_blocks.0.attn2.to_k.weight": [1280, 768],
    UNET + "out.2.weight": [4, 320, 3, 3],
    "first_stage_model.encoder.conv_in.weight": [128, 3, 3, 3],
    "first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3],
    "first_stage_model.quant_conv.weight": [8, 8, 1, 1],
    "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": [77, 768],
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": [768],
}
FILLER = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
HALF = 2  # bytes of a float16


def write_checkpoint(path: Path, size_mib: int = 64, seed: int = 1) -> Path:
    """A valid .safetensors of at least `size_mib` MiB; another seed gives other bytes."""
    wanted = size_mib * 1024 * 1024
    fixed = sum(count(shape) * HALF for shape in TENSORS.values())
    rows = max(49408, -(-(wanted - fixed) // (768 * HALF)))
    shapes = {**TENSORS, FILLER: [rows, 768]}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, shape in shapes.items():
        end = start + count(shape) * HALF
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    block = random.Random(seed).randbytes(1024 * 1024)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for offset in range(0, start, len(block)):
            out.write(block[: min(len(block), start - offset)])
    return path


def count(shape: list[int]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product
