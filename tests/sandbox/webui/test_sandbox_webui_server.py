"""The process around the API: flags, start, models on disk, settings, passwords."""

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import pytest

from sandbox.webui.service import StartupFailed
from tests.sandbox.webui.conftest import ROOT, write_model
from tests.sandbox.webui.test_sandbox_webui_generate import call, txt2img


async def loaded(webui) -> None:
    async with asyncio.timeout(10):
        while not webui.model_loaded:
            await asyncio.sleep(0.005)


async def test_http_is_up_before_the_model_and_the_hash_comes_with_it(start, world, share):
    world.pace.overrides["webui.load_gib"] = 1e6 * 1.5  # the files are tiny: about a second
    webui = await start()
    assert webui.ready and not webui.model_loaded
    assert await call(webui, "GET", "/internal/ping") == (200, {})
    before = (await call(webui, "GET", "/sdapi/v1/memory"))[1]
    assert before["cuda"]["allocated"]["current"] == 0
    await loaded(webui)
    after = (await call(webui, "GET", "/sdapi/v1/memory"))[1]
    assert after["cuda"]["allocated"]["current"] > 1.5 * 2**30
    assert after["cuda"]["system"]["total"] == 8 * 2**30
    first, second = (await call(webui, "GET", "/sdapi/v1/sd-models"))[1]
    digest = hashlib.sha256((share / "Stable-diffusion/anything.safetensors").read_bytes())
    assert first == {
        "title": f"anything.safetensors [{digest.hexdigest()[:10]}]",
        "model_name": "anything",
        "hash": digest.hexdigest()[:10],
        "sha256": digest.hexdigest(),
        "filename": f"{ROOT}/models/Stable-diffusion/anything.safetensors",
        "config": None,
    }
    options = (await call(webui, "GET", "/sdapi/v1/options"))[1]
    assert options["sd_model_checkpoint"] == first["title"]
    assert options["sd_checkpoint_hash"] == digest.hexdigest()
    assert (second["title"], second["hash"]) == ("sub/other.safetensors", None)
    assert second["model_name"] == "sub_other"


async def test_new_files_are_seen_after_a_refresh(start, share):
    webui = await start()
    await loaded(webui)
    write_model(share / "Stable-diffusion/new.safetensors", "sd2")
    write_model(share / "Lora/late.safetensors", "lora")
    names = [m["model_name"] for m in (await call(webui, "GET", "/sdapi/v1/sd-models"))[1]]
    assert "new" not in names
    assert await call(webui, "POST", "/sdapi/v1/refresh-checkpoints") == (200, None)
    assert await call(webui, "POST", "/sdapi/v1/refresh-loras") == (200, None)
    names = [m["model_name"] for m in (await call(webui, "GET", "/sdapi/v1/sd-models"))[1]]
    assert names == ["anything", "new", "sub_other"]
    loras = (await call(webui, "GET", "/sdapi/v1/loras"))[1]
    assert [(lora["name"], lora["alias"]) for lora in loras] == [
        ("late", "late"),
        ("style", "Style"),
    ]


async def test_settings_choose_the_model_and_are_kept(start, share, tmp_path: Path):
    data = tmp_path / "data"
    write_model(data / "models/Stable-diffusion/a.safetensors", "sd1")
    write_model(data / "models/Stable-diffusion/b.safetensors", "sd1", other="1")
    args = ("--listen", "--api", "--data-dir", "/data")
    webui = await start(*args, mounts={"/data": data})
    await loaded(webui)
    wish = {"sd_model_checkpoint": "b.safetensors"}
    assert await call(webui, "POST", "/sdapi/v1/options", json=wish) == (200, None)
    options = (await call(webui, "GET", "/sdapi/v1/options"))[1]
    assert options["sd_model_checkpoint"].startswith("b.safetensors [")
    status, answer = await call(
        webui, "POST", "/sdapi/v1/options", json={"sd_model_checkpoint": "zzz"}
    )
    assert (status, answer["errors"]) == (500, "model 'zzz' not found")
    await webui.stop()
    again = await start(*args, mounts={"/data": data})
    await loaded(again)
    assert again.engine.loaded.model_name == "b"
    (data / "models/Stable-diffusion/a.safetensors").write_bytes(b"<html>not found</html>")
    status, _ = await call(again, "POST", "/sdapi/v1/options", json={"sd_model_checkpoint": "a"})
    assert status == 200 and again.engine.loaded.model_name == "b"


async def test_without_models_http_lives_and_pictures_fail(start, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    webui = await start(mounts={f"{ROOT}/models": empty})
    assert (await call(webui, "GET", "/internal/ping"))[0] == 200
    status, answer = await txt2img(webui)
    assert status == 500 and "No checkpoints found" in answer["errors"]


async def test_broken_checkpoint_leaves_the_server_up(start, share):
    broken = share / "Stable-diffusion/anything.safetensors"
    broken.write_bytes(broken.read_bytes()[:-3])
    webui = await start(
        "--listen", "--api", "--ckpt", f"{ROOT}/models/Stable-diffusion/{broken.name}"
    )
    status, answer = await txt2img(webui)
    assert (status, answer["error"]) == (500, "AttributeError")
    assert any("MetadataIncompleteBuffer" in line for line in webui.logs)
    ask = {"sd_model_checkpoint": "sub_other"}
    assert (await txt2img(webui, override_settings=ask))[0] == 200


async def test_nowebui_moves_the_port_and_hides_internal_routes(start):
    webui = await start("--listen", "--nowebui")
    assert webui.listens_on == 7861
    assert (await call(webui, "GET", "/internal/ping"))[0] == 404
    assert (await call(webui, "GET", "/docs"))[0] == 200
    assert (await call(webui, "GET", "/sdapi/v1/samplers"))[0] == 200
    moved = await start("--listen", "--nowebui", "--port", "7860")
    assert moved.listens_on == 7860


async def test_without_api_there_is_no_sdapi(start):
    webui = await start("--listen")
    assert (await call(webui, "GET", "/internal/ping"))[0] == 200
    assert (await call(webui, "GET", "/sdapi/v1/sd-models"))[0] == 404


async def test_without_listen_nobody_outside_the_pod_gets_in(start):
    webui = await start("--api")
    assert webui.ready and webui.listens_on == 0
    webui.listens_on = 7860
    with pytest.raises(aiohttp.ClientConnectorError):
        await call(webui, "GET", "/internal/ping")


async def test_passwords_cover_what_they_cover(start):
    webui = await start("--listen", env={"COMMANDLINE_ARGS": "--api --api-auth ada:pa55"})
    assert (await call(webui, "GET", "/sdapi/v1/sd-models"))[0] == 401
    wrong = {"Authorization": aiohttp.encode_basic_auth("ada", "no")}
    right = {"Authorization": aiohttp.encode_basic_auth("ada", "pa55")}
    status, answer = await call(webui, "GET", "/sdapi/v1/sd-models", headers=wrong)
    assert (status, answer["detail"]) == (401, "Incorrect username or password")
    assert (await call(webui, "GET", "/sdapi/v1/sd-models", headers=right))[0] == 200
    assert (await call(webui, "GET", "/sdapi/v1/loras"))[0] == 200
    assert (await call(webui, "GET", "/internal/ping"))[0] == 200
    flags = (await call(webui, "GET", "/sdapi/v1/cmd-flags", headers=right))[1]
    assert flags["api_auth"] == "ada:pa55" and flags["listen"] is True


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--listen", "--wrong"), "unrecognized arguments: --wrong"),
        (("--api", "--api-auth", "a:b:c"), "too many values to unpack"),
        (("--port", "x"), "invalid int value"),
    ],
)
async def test_bad_flags_end_the_process(start, args, text):
    with pytest.raises(StartupFailed, match=text):
        await start(*args)


async def test_bad_flags_can_be_forgiven(start):
    webui = await start("--listen", "--api", "--wrong", env={"IGNORE_CMD_ARGS_ERRORS": "1"})
    assert webui.listens_on == 7860


async def test_embeddings_of_another_width_are_skipped(start, share, tmp_path: Path):
    folder = tmp_path / "embeddings"
    write_model(folder / "bad-hands.safetensors", "embedding")
    mounts = {f"{ROOT}/models": share, f"{ROOT}/embeddings": folder}
    webui = await start(mounts=mounts)
    await loaded(webui)
    told = (await call(webui, "GET", "/sdapi/v1/embeddings"))[1]
    assert told["loaded"]["bad-hands"]["vectors"] == 3 and told["skipped"] == {}
    write_model(share / "Stable-diffusion/v2.safetensors", "sd2")
    await call(webui, "POST", "/sdapi/v1/refresh-checkpoints")
    await call(webui, "POST", "/sdapi/v1/options", json={"sd_model_checkpoint": "v2"})
    told = (await call(webui, "GET", "/sdapi/v1/embeddings"))[1]
    assert told["loaded"] == {} and "bad-hands" in told["skipped"]


async def test_lists_and_unloading(start):
    webui = await start(image="x/stable-diffusion-webui:1.8.0")
    await loaded(webui)
    assert (await call(webui, "GET", "/sdapi/v1/schedulers"))[0] == 404
    names = [s["name"] for s in (await call(webui, "GET", "/sdapi/v1/samplers"))[1]]
    assert {"Euler a", "DPM++ 2M"} <= set(names)
    for path in ("sd-vae", "upscalers", "hypernetworks", "prompt-styles", "scripts", "extensions"):
        assert (await call(webui, "GET", f"/sdapi/v1/{path}"))[0] == 200
    await call(webui, "POST", "/sdapi/v1/unload-checkpoint")
    assert not webui.model_loaded
    await call(webui, "POST", "/sdapi/v1/reload-checkpoint")
    assert webui.model_loaded
    paths = (await call(webui, "GET", "/openapi.json"))[1]["paths"]
    assert "post" in paths["/sdapi/v1/txt2img"]


async def test_stop_breaks_connections_and_frees_the_address(start, world):
    webui = await start()
    await loaded(webui)
    world.pace.overrides["webui.step"] = 10.0
    running = asyncio.create_task(txt2img(webui, steps=50))
    async with asyncio.timeout(10):
        while webui.engine.progress.job_count == 0:
            await asyncio.sleep(0.005)
    await webui.stop()
    with pytest.raises(aiohttp.ClientError):
        await running
    del world.pace.overrides["webui.step"]
    await webui.start()
    assert (await txt2img(webui))[0] == 200
