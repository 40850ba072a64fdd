"""The routes below /sdapi/v1, and the few others that exist beside them."""

import base64
import hmac
import time
from typing import Any

from aiohttp import web

from sandbox.faults import Dropped, Refused
from sandbox.webui import api_models, generate, infotext
from sandbox.webui import flags as command_line
from sandbox.webui.asks import IMG2IMG, TXT2IMG, ApiError, Invalid, read
from sandbox.webui.engine import Engine
from sandbox.webui.requests import ENGINE, Handler, body_of, engine_of

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


# Pictures.


async def txt2img(request: web.Request) -> web.Response:
    ask = read(await body_of(request), TXT2IMG)
    return web.json_response(await generate.serve(engine_of(request), ask, "txt2img"))


async def img2img(request: web.Request) -> web.Response:
    ask = read(await body_of(request), IMG2IMG)
    if ask["init_images"] is None:
        raise ApiError(404, "HTTPException", detail="Init image not found")
    return web.json_response(await generate.serve(engine_of(request), ask, "img2img"))


async def extra_single_image(request: web.Request) -> web.Response:
    """Enlarge one picture; every upscaler resamples alike here."""
    body = await body_of(request)
    image = generate.enlarge(generate.decode_image(str(body.get("image") or "")), body)
    return web.json_response({"html_info": "", "image": generate.encode_image(image)})


async def extra_batch_images(request: web.Request) -> web.Response:
    body = await body_of(request)
    given = [generate.decode_image(str(item.get("data"))) for item in body.get("imageList") or []]
    made = [generate.encode_image(generate.enlarge(image, body)) for image in given]
    return web.json_response({"html_info": "", "images": made})


async def png_info(request: web.Request) -> web.Response:
    body = await body_of(request)
    image = generate.decode_image(str(body.get("image") or ""))
    items = {name: str(value) for name, value in image.info.items() if isinstance(value, str)}
    text = items.pop("parameters", "")
    facts = infotext.parse(text) if text else {}
    return web.json_response({"info": text, "items": items, "parameters": facts})


# The running job.


async def progress(request: web.Request) -> web.Response:
    found = engine_of(request).progress
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
    engine_of(request).progress.interrupted = True
    return web.json_response({})


async def skip(request: web.Request) -> web.Response:
    engine_of(request).progress.skipped = True
    return web.json_response(None)


async def pending_tasks(request: web.Request) -> web.Response:
    tasks = list(engine_of(request).pending)
    return web.json_response({"size": len(tasks), "tasks": tasks})


async def internal_progress(request: web.Request) -> web.Response:
    body = await body_of(request)
    engine, task = engine_of(request), str(body.get("id_task") or "")
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


# Beside the API.


async def ping(request: web.Request) -> web.Response:
    return web.json_response({})


async def sysinfo(request: web.Request) -> web.Response:
    engine = engine_of(request)
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
    gets: dict[str, Handler] = {"progress": progress, **api_models.GETS}
    posts: dict[str, Handler] = {
        "txt2img": txt2img,
        "img2img": img2img,
        "extra-single-image": extra_single_image,
        "extra-batch-images": extra_batch_images,
        "png-info": png_info,
        "interrupt": interrupt,
        "skip": skip,
        **api_models.POSTS,
    }
    if engine.version >= (1, 9):
        gets["schedulers"] = api_models.schedulers
    found = [web.get(f"/sdapi/v1/{name}", handler) for name, handler in gets.items()]
    return found + [web.post(f"/sdapi/v1/{name}", handler) for name, handler in posts.items()]
