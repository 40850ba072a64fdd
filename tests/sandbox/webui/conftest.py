"""Web UI processes on loopback over folders of small but well-formed model files."""

import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.webui.service import WebUI
from sandbox.world import World, open_world

ROOT = "/root/stable-diffusion-webui"
_CONTEXT = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
SHAPES: dict[str, dict[str, list[int]]] = {
    "sd1": {_CONTEXT: [4, 768], "first_stage_model.decoder.conv_in.weight": [2, 4]},
    "sd2": {_CONTEXT: [4, 1024]},
    "sdxl": {"conditioner.embedders.1.model.ln_final.weight": [8]},
    "lora": {"lora_unet_down.lora_down.weight": [4, 768]},
    "embedding": {"emb_params": [3, 768]},
}


def write_model(path: Path, kind: str, **metadata: str) -> Path:
    """A safetensors file with the header of `kind` and zeros for weights (F16)."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, shape in SHAPES[kind].items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    return path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return open_world(tmp_path / "home", pace=0.05)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """The folder mounted at the web UI's models: two checkpoints, a LoRA, an embedding."""
    models = tmp_path / "models"
    write_model(models / "Stable-diffusion/anything.safetensors", "sd1", made="one")
    write_model(models / "Stable-diffusion/sub/other.safetensors", "sd1", made="two")
    write_model(models / "Lora/style.safetensors", "lora", ss_output_name="Style")
    return models


Start = Callable[..., Awaitable[WebUI]]


@pytest.fixture
async def start(world: World, share: Path) -> AsyncIterator[Start]:
    running: list[WebUI] = []

    async def begin(
        *args: str,
        env: dict[str, str] | None = None,
        mounts: dict[str, Path] | None = None,
        image: str = "sd-demo.tencentcloudcr.com/aigc/stable-diffusion-webui:1.10.1-cu121",
        core: float | None = 50,
        memory_gib: float | None = 8,
    ) -> WebUI:
        found = WebUI(
            world.network.pod(len(running)),
            7860,
            args or ("--listen", "--api"),
            env or {},
            mounts or {f"{ROOT}/models": share},
            image,
            core,
            memory_gib,
            world,
        )
        await found.start()
        running.append(found)
        return found

    yield begin
    for found in running:
        await found.stop()
    world.close()
