"""Routes about settings and model files: what there is, what is loaded, what it takes."""

from typing import Any

from aiohttp import web

from sandbox.webui import lists, memory, models
from sandbox.webui.asks import ApiError
from sandbox.webui.models import BrokenModel, ModelFile
from sandbox.webui.requests import Handler, body_of, engine_of

_GIB = 1 << 30


async def get_options(request: web.Request) -> web.Response:
    return web.json_response(engine_of(request).options)


async def set_options(request: web.Request) -> web.Response:
    """Blocks until a new checkpoint is loaded; one that fails to load is rolled back, with 200."""
    engine, wish = engine_of(request), await body_of(request)
    if engine.flags["freeze_settings"]:
        raise ApiError(500, "AssertionError", errors="changing settings is disabled")
    unknown = next((name for name in wish if name not in lists.SETTINGS), None)
    if unknown:
        raise ApiError(500, "KeyError", errors=repr(unknown))
    wanted = wish.pop("sd_model_checkpoint", None)
    model = models.closest(engine.checkpoints, wanted) if wanted else None
    if wanted and model is None:
        raise ApiError(500, "RuntimeError", errors=f"model {wanted!r} not found")
    engine.options |= wish
    if model:
        async with engine.turn("", "load"):
            before = engine.loaded
            try:
                await engine.load(model)
            except (BrokenModel, ApiError) as failed:
                engine.say(f"changing setting sd_model_checkpoint to {wanted}: {failed}")
                if before:
                    await engine.load(before)
    engine.write_settings()
    return web.json_response(None)


def _model(model: ModelFile) -> dict[str, Any]:
    config = model.inside.with_suffix(".yaml")
    return {
        "title": model.title,
        "model_name": model.model_name,
        "hash": model.short_hash or None,
        "sha256": model.sha256 or None,
        "filename": str(model.inside),
        "config": str(config) if model.path.with_suffix(".yaml").exists() else None,
    }


async def sd_models(request: web.Request) -> web.Response:
    return web.json_response([_model(model) for model in engine_of(request).checkpoints])


def refresh(what: str, *, waits: bool = True) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        engine = engine_of(request)
        if waits:
            async with engine.turn("", "refresh"):
                getattr(engine, what)()
        else:
            getattr(engine, what)()
        return web.json_response(None)

    return handler


async def loras(request: web.Request) -> web.Response:
    found = [
        {
            "name": model.stem,
            "alias": str(model.metadata.get("ss_output_name") or model.stem),
            "path": str(model.inside),
            "metadata": model.metadata,
        }
        for model in engine_of(request).loras
    ]
    return web.json_response(found)


async def sd_vae(request: web.Request) -> web.Response:
    found = engine_of(request).vaes
    return web.json_response(
        [{"model_name": vae.inside.name, "filename": str(vae.inside)} for vae in found]
    )


async def embeddings(request: web.Request) -> web.Response:
    """Embeddings whose width is not that of the loaded model are skipped."""
    engine = engine_of(request)
    width = {"sd1": 768, "sd2": 1024, "sdxl": 1280}.get(engine.family)
    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}
    for model in engine.embeddings:
        try:
            header = models.read_header(model.path)
        except BrokenModel as broken:
            engine.say(f"Error loading embedding {model.name}: {broken}")
            continue
        tensors = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
        shape = max(tensors, key=lambda size: size[-1], default=[1, 768])
        told = {
            "step": None,
            "sd_checkpoint": None,
            "sd_checkpoint_name": None,
            "shape": shape[-1],
            "vectors": shape[0],
        }
        (loaded if width in (None, shape[-1]) else skipped)[model.stem] = told
    return web.json_response({"loaded": loaded, "skipped": skipped})


async def hypernetworks(request: web.Request) -> web.Response:
    found = engine_of(request).hypernetworks
    return web.json_response([{"name": m.stem, "path": str(m.inside)} for m in found])


async def samplers(request: web.Request) -> web.Response:
    return web.json_response(
        [{"name": n, "aliases": a, "options": o} for n, a, o in lists.SAMPLERS]
    )


async def schedulers(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {"name": name, "label": label, "aliases": aliases, "default_rho": -1.0}
            for name, label, aliases in lists.SCHEDULERS
        ]
    )


async def upscalers(request: web.Request) -> web.Response:
    def shown(name: str, path: str | None) -> dict[str, Any]:
        return {
            "name": name, "model_name": None, "model_path": path, "model_url": None, "scale": 4.0,
        }  # fmt: skip

    found = [shown(name, None) for name in lists.FIXED_UPSCALERS]
    found += [shown(model.stem, str(model.inside)) for model in engine_of(request).upscalers]
    return web.json_response(found)


async def latent_upscale_modes(request: web.Request) -> web.Response:
    return web.json_response([{"name": name} for name in lists.LATENT_UPSCALERS])


async def cmd_flags(request: web.Request) -> web.Response:
    """Every flag, passwords included: that is what the real one does."""
    return web.json_response(dict(engine_of(request).flags))


async def empty_list(request: web.Request) -> web.Response:
    return web.json_response([])


async def scripts(request: web.Request) -> web.Response:
    return web.json_response({"txt2img": [], "img2img": []})


async def memory_use(request: web.Request) -> web.Response:
    engine = engine_of(request)
    total = int(engine.capacity_gib * _GIB)
    held = memory.loaded_gib(engine.family, engine.flags) if engine.loaded else 0.0
    used = int(held * _GIB)
    ram_used, ram_total = 3 * _GIB + used // 4, 32 * _GIB
    pair = {"current": used, "peak": used}
    cuda = {
        "system": {"free": total - used, "used": used, "total": total},
        "active": pair,
        "allocated": pair,
        "reserved": pair,
        "inactive": {"current": 0, "peak": 0},
        "events": {"retries": 0, "oom": 0},
    }
    ram = {"free": ram_total - ram_used, "used": ram_used, "total": ram_total}
    return web.json_response({"ram": ram, "cuda": cuda})


async def unload_checkpoint(request: web.Request) -> web.Response:
    engine = engine_of(request)
    async with engine.turn("", "unload"):
        engine.loaded = None
    return web.json_response({})


async def reload_checkpoint(request: web.Request) -> web.Response:
    engine = engine_of(request)
    async with engine.turn("", "reload"):
        await engine.have_model()
    return web.json_response({})


GETS: dict[str, Handler] = {
    "options": get_options,
    "sd-models": sd_models,
    "loras": loras,
    "sd-vae": sd_vae,
    "embeddings": embeddings,
    "hypernetworks": hypernetworks,
    "samplers": samplers,
    "upscalers": upscalers,
    "latent-upscale-modes": latent_upscale_modes,
    "cmd-flags": cmd_flags,
    "memory": memory_use,
    "scripts": scripts,
    "script-info": empty_list,
    "prompt-styles": empty_list,
    "face-restorers": empty_list,
    "extensions": empty_list,
}
POSTS: dict[str, Handler] = {
    "options": set_options,
    "unload-checkpoint": unload_checkpoint,
    "reload-checkpoint": reload_checkpoint,
    "refresh-checkpoints": refresh("refresh_checkpoints"),
    "refresh-vae": refresh("refresh_vaes"),
    "refresh-embeddings": refresh("refresh_embeddings"),
    "refresh-loras": refresh("refresh_loras", waits=False),
}
