"""The routes below /sdapi/v1, and the few others that exist beside them."""

import base64
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.faults import Dropped, Refused
from sandbox.webui import flags as command_line
from sandbox.webui import generate, infotext, lists, memory, models
from sandbox.webui.asks import IMG2IMG, TXT2IMG, ApiError, Invalid, read
from sandbox.webui.engine import Engine
from sandbox.webui.models import BrokenModel, ModelFile

ENGINE = web.AppKey("engine", Engine)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GIB = 1 << 30
# Routes that --api-auth does not cover, as in the real one.
_OPEN = {"/sdapi/v1/loras", "/sdapi/v1/refresh-loras"}


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in the shape of the real error handler, and Basic authentication where it applies."""
    engine = request.app[ENGINE]
    try:
        _authenticate(engine, request)
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body, status=error.status)
    except Invalid as invalid:
        return web.json_response({"detail": invalid.problems}, status=422)
    except web.HTTPNotFound:
        return web.json_response({"detail": "Not Found"}, status=404)
    except web.HTTPMethodNotAllowed:
        return web.json_response({"detail": "Method Not Allowed"}, status=405)
    except Refused as refusal:
        body = {"error": refusal.code, "detail": "", "body": "", "errors": refusal.message}
        return web.json_response(body, status=refusal.status)
    except Dropped:
        if request.transport:
            request.transport.abort()
        return web.Response()


def _authenticate(engine: Engine, request: web.Request) -> None:
    wanted = engine.flags["api_auth"]
    if not wanted or not request.path.startswith("/sdapi/") or request.path in _OPEN:
        return
    kind, _, sent = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        raise ApiError(401, "HTTPException", detail="Not authenticated")
    try:
        user, _, password = base64.b64decode(sent).decode().partition(":")
    except ValueError:
        user = password = ""
    right = command_line.credentials(wanted).get(user)
    if right is None or not hmac.compare_digest(right, password):
        raise ApiError(401, "HTTPException", detail="Incorrect username or password")


async def _body(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError as exc:
        problem = {"loc": ["body", 0], "msg": "Expecting value", "type": "value_error.jsondecode"}
        raise Invalid([problem]) from exc


def _engine(request: web.Request) -> Engine:
    return request.app[ENGINE]


# Pictures.


async def txt2img(request: web.Request) -> web.Response:
    ask = read(await _body(request), TXT2IMG)
    return web.json_response(await generate.serve(_engine(request), ask, "txt2img"))


async def img2img(request: web.Request) -> web.Response:
    ask = read(await _body(request), IMG2IMG)
    if ask["init_images"] is None:
        raise ApiError(404, "HTTPException", detail="Init image not found")
    return web.json_response(await generate.serve(_engine(request), ask, "img2img"))


async def png_info(request: web.Request) -> web.Response:
    body = await _body(request)
    image = generate.decode_image(str(body.get("image") or ""))
    items = {name: str(value) for name, value in image.info.items() if isinstance(value, str)}
    text = items.pop("parameters", "")
    facts = infotext.parse(text) if text else {}
    return web.json_response({"info": text, "items": items, "parameters": facts})


# The running job.


async def progress(request: web.Request) -> web.Response:
    found = _engine(request).progress
    if found.job_count == 0:
        idle = {"progress": 0.0, "eta_relative": 0.0, "current_image": None}
        return web.json_response({**idle, "state": found.told(), "textinfo": found.textinfo})
    image = None
    if found.preview and request.query.get("skip_current_image", "false").lower() != "true":
        image = generate.encode_image(found.preview)
    return web.json_response(
        {
            "progress": found.share,
            "eta_relative": found.eta_s,
            "state": found.told(),
            "current_image": image,
            "textinfo": found.textinfo,
        }
    )


async def interrupt(request: web.Request) -> web.Response:
    """Stops whatever runs, whoever asked for it."""
    _engine(request).progress.interrupted = True
    return web.json_response({})


async def skip(request: web.Request) -> web.Response:
    _engine(request).progress.skipped = True
    return web.json_response(None)


async def pending_tasks(request: web.Request) -> web.Response:
    tasks = list(_engine(request).pending)
    return web.json_response({"size": len(tasks), "tasks": tasks})


async def internal_progress(request: web.Request) -> web.Response:
    body = await _body(request)
    engine, task = _engine(request), str(body.get("id_task") or "")
    active = task == engine.current_task and bool(task)
    queued, completed = task in engine.pending, task in engine.finished
    told: dict[str, Any] = {
        "active": active,
        "queued": queued,
        "completed": completed,
        "progress": None,
        "eta": None,
        "live_preview": None,
        "id_live_preview": int(body.get("id_live_preview", -1)),
        "textinfo": None,
    }
    if not active:
        waiting = sorted(engine.pending, key=lambda name: engine.pending[name])
        place = f"In queue: {waiting.index(task) + 1}/{len(waiting)}" if queued else "Waiting..."
        return web.json_response(told | {"textinfo": place})
    found = engine.progress
    told |= {"progress": found.share, "eta": found.eta_s, "textinfo": found.textinfo}
    fresh = found.preview_id != told["id_live_preview"]
    if body.get("live_preview", True) and fresh and found.preview:
        told["live_preview"] = "data:image/png;base64," + generate.encode_image(found.preview)
        told["id_live_preview"] = found.preview_id
    return web.json_response(told)


# Settings and models.


async def get_options(request: web.Request) -> web.Response:
    return web.json_response(_engine(request).options)


async def set_options(request: web.Request) -> web.Response:
    """Blocks until a new checkpoint is loaded; one that fails to load is rolled back, with 200."""
    engine, wish = _engine(request), await _body(request)
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
    return web.json_response([_model(model) for model in _engine(request).checkpoints])


def _refresh(what: str, *, waits: bool = True) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        engine = _engine(request)
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
        for model in _engine(request).loras
    ]
    return web.json_response(found)


async def sd_vae(request: web.Request) -> web.Response:
    found = _engine(request).vaes
    return web.json_response(
        [{"model_name": vae.inside.name, "filename": str(vae.inside)} for vae in found]
    )


async def embeddings(request: web.Request) -> web.Response:
    """Embeddings whose width is not that of the loaded model are skipped."""
    engine = _engine(request)
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
    found = _engine(request).hypernetworks
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
    found += [shown(model.stem, str(model.inside)) for model in _engine(request).upscalers]
    return web.json_response(found)


async def latent_upscale_modes(request: web.Request) -> web.Response:
    return web.json_response([{"name": name} for name in lists.LATENT_UPSCALERS])


async def cmd_flags(request: web.Request) -> web.Response:
    """Every flag, passwords included: that is what the real one does."""
    return web.json_response(dict(_engine(request).flags))


async def empty_list(request: web.Request) -> web.Response:
    return web.json_response([])


async def scripts(request: web.Request) -> web.Response:
    return web.json_response({"txt2img": [], "img2img": []})


async def memory_use(request: web.Request) -> web.Response:
    engine = _engine(request)
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
    engine = _engine(request)
    async with engine.turn("", "unload"):
        engine.loaded = None
    return web.json_response({})


async def reload_checkpoint(request: web.Request) -> web.Response:
    engine = _engine(request)
    async with engine.turn("", "reload"):
        await engine.have_model()
    return web.json_response({})


# Beside the API.


async def ping(request: web.Request) -> web.Response:
    return web.json_response({})


async def sysinfo(request: web.Request) -> web.Response:
    engine = _engine(request)
    told = {"Version": engine.version_text, "Date": time.strftime("%c"), "Commandline": []}
    return web.json_response(told)


async def docs(request: web.Request) -> web.Response:
    page = "<!doctype html><title>FastAPI - Swagger UI</title><div id=swagger-ui></div>"
    return web.Response(text=page, content_type="text/html")


async def openapi(request: web.Request) -> web.Response:
    paths: dict[str, dict[str, Any]] = {}
    for route in request.app.router.routes():
        where = route.resource.canonical if route.resource else ""
        if where.startswith("/sdapi/") and route.method != "HEAD":
            paths.setdefault(where, {})[route.method.lower()] = {"summary": where}
    told = {"openapi": "3.0.2", "info": {"title": "FastAPI", "version": "0.1.0"}, "paths": paths}
    return web.json_response(told)


async def page(request: web.Request) -> web.Response:
    text = "<!doctype html><title>Stable Diffusion</title><gradio-app></gradio-app>"
    return web.Response(text=text, content_type="text/html")


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes this process has, after its flags and its version."""
    flags, found = engine.flags, [web.get("/docs", docs), web.get("/openapi.json", openapi)]
    if not flags["nowebui"]:
        found += [
            web.get("/", page),
            web.get("/internal/ping", ping),
            web.get("/internal/sysinfo", sysinfo),
            web.get("/internal/pending-tasks", pending_tasks),
            web.post("/internal/progress", internal_progress),
        ]
    if flags["api"] or flags["nowebui"]:
        found += _api(engine)
    return found


def _api(engine: Engine) -> list[web.RouteDef]:
    gets: dict[str, Handler] = {
        "progress": progress, "options": get_options, "sd-models": sd_models, "loras": loras,
        "sd-vae": sd_vae, "embeddings": embeddings, "hypernetworks": hypernetworks,
        "samplers": samplers, "upscalers": upscalers, "latent-upscale-modes": latent_upscale_modes,
        "cmd-flags": cmd_flags, "memory": memory_use, "prompt-styles": empty_list,
        "face-restorers": empty_list, "extensions": empty_list, "scripts": scripts,
        "script-info": empty_list,
    }  # fmt: skip
    posts: dict[str, Handler] = {
        "txt2img": txt2img, "img2img": img2img, "png-info": png_info, "interrupt": interrupt,
        "skip": skip, "options": set_options, "unload-checkpoint": unload_checkpoint,
        "reload-checkpoint": reload_checkpoint,
        "refresh-checkpoints": _refresh("refresh_checkpoints"),
        "refresh-vae": _refresh("refresh_vaes"),
        "refresh-embeddings": _refresh("refresh_embeddings"),
        "refresh-loras": _refresh("refresh_loras", waits=False),
    }  # fmt: skip
    if engine.version >= (1, 9):
        gets["schedulers"] = schedulers
    found = [web.get(f"/sdapi/v1/{name}", handler) for name, handler in gets.items()]
    return found + [web.post(f"/sdapi/v1/{name}", handler) for name, handler in posts.items()]
