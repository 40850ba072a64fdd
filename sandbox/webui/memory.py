"""How much of a card a model takes, roughly as measured on real cards."""

from collections.abc import Mapping
from typing import Any

_WHOLE_CARD_GIB = 24.0
_CONTEXT_GIB = 0.4
# Weights on the card, and what one million pixels of one picture adds while it is made.
_WEIGHTS_GIB = {
    "sd1": 2.3, "sd2": 2.9, "sdxl": 6.9, "sdxl-refiner": 6.2, "sd3": 11.0, "flux": 23.0, "": 2.3,
}  # fmt: skip
_PER_MEGAPIXEL_GIB = {"sd1": 4.0, "sd2": 3.6, "sdxl": 3.3, "sdxl-refiner": 3.3, "": 4.0}


def capacity_gib(slice_gib: float | None) -> float:
    """`slice_gib` is the qGPU share; None means a card of its own."""
    return float(slice_gib) if slice_gib else _WHOLE_CARD_GIB


def loaded_gib(family: str, flags: Mapping[str, Any]) -> float:
    """What a loaded model holds between pictures."""
    weights = _WEIGHTS_GIB.get(family, 2.3)
    if flags["lowvram"]:
        weights *= 0.15
    elif flags["medvram"] or (flags["medvram_sdxl"] and family.startswith("sdxl")):
        weights *= 0.45
    return weights + _CONTEXT_GIB


def working_gib(family: str, flags: Mapping[str, Any], pixels: int, batch_size: int) -> float:
    """What it holds while it makes `batch_size` pictures of so many pixels."""
    extra = _PER_MEGAPIXEL_GIB.get(family, 3.3) * pixels / 1e6 * batch_size
    if flags["lowvram"]:
        extra *= 0.5
    if flags["xformers"] or flags["opt_sdp_attention"] or flags["opt_sdp_no_mem_attention"]:
        extra *= 0.8
    return loaded_gib(family, flags) + extra


def complaint(need_gib: float, have_gib: float) -> str:
    """What torch says when there is not enough."""
    missing_mib = max(20.0, (need_gib - have_gib) * 1024)
    return (
        f"CUDA out of memory. Tried to allocate {missing_mib:.2f} MiB. GPU 0 has a total capacity"
        f" of {have_gib:.2f} GiB of which {max(0.0, have_gib * 1024 * 0.01):.2f} MiB is free. If"
        " reserved but unallocated memory is large try setting max_split_size_mb to avoid"
        " fragmentation.  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF"
    )
