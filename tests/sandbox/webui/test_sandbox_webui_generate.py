"""Pictures over plain HTTP: bytes, infotexts, queue, progress, interruption, memory."""

import asyncio
import base64
import io
import json
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.ci.verdicts import judge
from sandbox.webui import infotext
from sandbox.webui.service import WebUI
from tests.sandbox.webui.conftest import ROOT, write_model

SMALL = {"steps": 2, "width": 64, "height": 64}


async def call(webui: WebUI, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
    url = f"http://{webui.ip}:{webui.listens_on}{path}"
    async with aiohttp.ClientSession() as web, web.request(method, url, **kwargs) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text.startswith(("{", "[", "null")) else text


async def txt2img(webui: WebUI, **ask: Any) -> tuple[int, Any]:
    return await call(webui, "POST", "/sdapi/v1/txt2img", json=SMALL | ask)


def picture(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


async def test_pictures_depend_on_prompt_seed_and_model(start):
    webui = await start()
    ask = {"prompt": "a castle", "negative_prompt": "people, text", "seed": 7, "cfg_scale": 6.5}
    status, first = await txt2img(webui, **ask)
    assert status == 200
    again = (await txt2img(webui, **ask))[1]
    other_seed = (await txt2img(webui, **ask | {"seed": 8}))[1]
    other_model = (
        await txt2img(webui, **ask, override_settings={"sd_model_checkpoint": "sub_other"})
    )[1]
    pixels = [picture(a["images"][0]).tobytes() for a in (first, again, other_seed, other_model)]
    assert pixels[0] == pixels[1]
    assert len({*pixels}) == 3
    image = picture(first["images"][0])
    assert (image.format, image.size) == ("PNG", (64, 64))
    text = image.info["parameters"]
    models = (await call(webui, "GET", "/sdapi/v1/sd-models"))[1]
    short = next(m["hash"] for m in models if m["model_name"] == "anything")
    assert text == (
        "a castle\nNegative prompt: people, text\nSteps: 2, Sampler: Euler, "
        "Schedule type: Automatic, CFG scale: 6.5, Seed: 7, Size: 64x64, "
        f"Model hash: {short}, Model: anything, Version: v1.10.1"
    )
    info = json.loads(first["info"])
    assert info["infotexts"] == [text] and info["all_seeds"] == [7]
    assert (info["sd_model_name"], info["sd_model_hash"]) == ("anything", short)
    assert first["parameters"]["sampler_index"] == "Euler" and first["parameters"]["n_iter"] == 1
    assert json.loads(other_model["info"])["sd_model_name"] == "sub_other"


async def test_override_is_restored_and_swapped_back_on_the_next_job(start):
    webui = await start()
    await txt2img(webui, override_settings={"sd_model_checkpoint": "other"})
    assert webui.engine.loaded.model_name == "sub_other"
    options = (await call(webui, "GET", "/sdapi/v1/options"))[1]
    assert options["sd_model_checkpoint"].startswith("anything.safetensors")
    answer = (await txt2img(webui))[1]
    assert json.loads(answer["info"])["sd_model_name"] == "anything"
    dropped = (await txt2img(webui, override_settings={"sd_model_checkpoint": "no such"}))[1]
    assert json.loads(dropped["info"])["sd_model_name"] == "anything"


@pytest.mark.parametrize(
    ("prompt", "scene", "hit"),
    [
        ("a calm sea", "Terrorism", 0),
        ("a hint of blood", "Terrorism", 2),
        ("blood everywhere", "Terrorism", 1),
        ("sunset sign advert", "Ads", 1),
        ("nude", "Porn", 1),
    ],
)
async def test_words_of_the_prompt_decide_the_moderation(start, prompt, scene, hit):
    webui = await start()
    answer = (await txt2img(webui, prompt=prompt, width=256, height=192))[1]
    [verdict] = judge(picture(answer["images"][0]), [scene])
    assert verdict.hit == hit


async def test_batches_random_seeds_and_no_images(start):
    webui = await start()
    answer = (await txt2img(webui, batch_size=2, n_iter=2, seed=100))[1]
    assert json.loads(answer["info"])["all_seeds"] == [100, 101, 102, 103]
    assert len({*answer["images"]}) == 4
    silent = (await txt2img(webui, send_images=False))[1]
    assert silent["images"] == [] and json.loads(silent["info"])["seed"] >= 0


async def test_lora_hires_and_clip_skip_are_told(start):
    webui = await start()
    answer = (
        await txt2img(
            webui,
            prompt="x <lora:style:0.8>",
            enable_hr=True,
            hr_scale=1.5,
            denoising_strength=0.4,
            override_settings={"CLIP_stop_at_last_layers": 2},
        )
    )[1]
    assert picture(answer["images"][0]).size == (96, 96)
    facts = infotext.parse(json.loads(answer["info"])["infotexts"][0])
    assert facts["Lora hashes"].startswith("style: ") and len(facts["Lora hashes"]) == 19
    assert (facts["Hires upscale"], facts["Denoising strength"]) == ("1.5", "0.4")
    assert (facts["Clip skip"], facts["Size-1"]) == ("2", "64")


async def test_img2img_keeps_what_the_mask_covers(start):
    webui = await start()
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "#ffffff").save(file, "PNG")
    white = base64.b64encode(file.getvalue()).decode()
    file = io.BytesIO()
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    mask.save(file, "PNG")
    ask = SMALL | {
        "prompt": "night",
        "init_images": [f"data:image/png;base64,{white}"],
        "mask": base64.b64encode(file.getvalue()).decode(),
        "mask_blur": 0,
        "denoising_strength": 1.0,
    }
    status, answer = await call(webui, "POST", "/sdapi/v1/img2img", json=ask)
    assert status == 200
    made = picture(answer["images"][0]).convert("RGB")
    assert made.getpixel((60, 10)) == (255, 255, 255) != made.getpixel((3, 50))
    assert answer["parameters"]["init_images"] is None
    status, answer = await call(webui, "POST", "/sdapi/v1/img2img", json=SMALL)
    assert (status, answer["detail"]) == (404, "Init image not found")


async def test_png_info_reads_back(start):
    webui = await start()
    made = (await txt2img(webui, prompt="tree, (leaf:1.2)", seed=3))[1]["images"][0]
    told = (await call(webui, "POST", "/sdapi/v1/png-info", json={"image": made}))[1]
    assert told["parameters"]["Prompt"] == "tree, (leaf:1.2)"
    assert (told["parameters"]["Seed"], told["parameters"]["Size-2"]) == ("3", "64")


async def test_pictures_are_enlarged(start):
    webui = await start()
    made = (await txt2img(webui, prompt="tree"))[1]["images"][0]
    ask = {"image": made, "upscaling_resize": 1.5, "upscaler_1": "Lanczos"}
    told = (await call(webui, "POST", "/sdapi/v1/extra-single-image", json=ask))[1]
    assert picture(told["image"]).size == (96, 96)
    ask = {
        "imageList": [{"data": made, "name": "a"}, {"data": made, "name": "b"}],
        "resize_mode": 1,
        "upscaling_resize_w": 80,
        "upscaling_resize_h": 40,
    }
    told = (await call(webui, "POST", "/sdapi/v1/extra-batch-images", json=ask))[1]
    assert [picture(image).size for image in told["images"]] == [(80, 40)] * 2


@pytest.mark.parametrize(
    ("ask", "status", "member", "text"),
    [
        ({"sampler_name": "Nonsense"}, 404, "detail", "Sampler not found"),
        ({"script_name": "x"}, 422, "detail", "Script 'x' not found"),
        ({"alwayson_scripts": {"nope": {}}}, 422, "detail", "always on script nope not found"),
    ],
)
async def test_refusals(start, ask, status, member, text):
    webui = await start()
    got, answer = await txt2img(webui, **ask)
    assert (got, answer[member]) == (status, text)
    assert set(answer) == {"error", "detail", "body", "errors"}


async def test_body_of_the_wrong_shape(start):
    webui = await start()
    status, answer = await txt2img(webui, steps="many", prompt=["a"])
    assert status == 422
    assert [problem["loc"][1] for problem in answer["detail"]] == ["prompt", "steps"]
    status, answer = await call(webui, "POST", "/sdapi/v1/txt2img", data=b"{")
    assert status == 422


async def test_one_job_at_a_time_first_come_first_served(start, world):
    webui = await start()
    await txt2img(webui)
    world.pace.overrides["webui.step"] = 0.2
    done: list[str] = []

    async def job(name: str) -> None:
        await txt2img(webui, force_task_id=name, steps=3)
        done.append(name)

    async def waiting(count: int) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                told = (await call(webui, "GET", "/internal/pending-tasks"))[1]
                if told["size"] == count and webui.engine.current_task:
                    return told
                await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(job("one"))]
    await waiting(0)
    for number, name in enumerate(("two", "three"), start=1):
        tasks.append(asyncio.create_task(job(name)))
        await waiting(number)
    told = (await call(webui, "POST", "/internal/progress", json={"id_task": "three"}))[1]
    assert told["queued"] and not told["active"] and told["textinfo"] == "In queue: 2/2"
    told = (await call(webui, "POST", "/internal/progress", json={"id_task": "one"}))[1]
    assert told["active"]
    await asyncio.gather(*tasks)
    assert done == ["one", "two", "three"]
    told = (await call(webui, "POST", "/internal/progress", json={"id_task": "one"}))[1]
    assert told["completed"]


async def test_progress_with_preview_and_interruption(start, world):
    webui = await start()
    await txt2img(webui)
    idle = (await call(webui, "GET", "/sdapi/v1/progress"))[1]
    assert (idle["progress"], idle["state"]["job_count"]) == (0, 0)
    world.pace.overrides["webui.step"] = 1.0
    running = asyncio.create_task(txt2img(webui, steps=10_000, seed=5))
    async with asyncio.timeout(10):
        while True:
            told = (await call(webui, "GET", "/sdapi/v1/progress"))[1]
            if told["state"]["sampling_step"] >= 2 and told["current_image"]:
                break
            await asyncio.sleep(0.01)
    assert 0 < told["progress"] < 1 and told["eta_relative"] > 0
    assert told["state"]["sampling_steps"] == 10_000
    assert picture(told["current_image"]).size == (8, 8)
    skipped = await call(webui, "GET", "/sdapi/v1/progress?skip_current_image=true")
    assert skipped[1]["current_image"] is None
    await call(webui, "POST", "/sdapi/v1/interrupt")
    status, answer = await asyncio.wait_for(running, 10)
    assert status == 200 and len(answer["images"]) == 1


async def test_skip_drops_one_iteration(start, world):
    webui = await start()
    await txt2img(webui)
    world.pace.overrides["webui.step"] = 1.0
    running = asyncio.create_task(txt2img(webui, steps=50, n_iter=1))
    async with asyncio.timeout(10):
        while not webui.engine.progress.sampling_step:
            await asyncio.sleep(0.005)
    assert (await call(webui, "POST", "/sdapi/v1/skip"))[0] == 200
    status, answer = await asyncio.wait_for(running, 10)
    assert (status, answer["images"]) == (200, [])


async def test_a_client_that_goes_away_does_no_harm(start, world):
    webui = await start()
    await txt2img(webui)
    world.pace.overrides["webui.step"] = 0.5
    gone = asyncio.create_task(txt2img(webui, steps=4))
    async with asyncio.timeout(10):
        while not webui.engine.progress.sampling_step:
            await asyncio.sleep(0.005)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    status, _ = await asyncio.wait_for(txt2img(webui), 10)
    assert status == 200 and webui.engine.progress.job_count == 0


async def test_too_little_memory_for_model_or_size(start, share):
    write_model(share / "Stable-diffusion/xl.safetensors", "sdxl")
    webui = await start(memory_gib=6)
    status, answer = await txt2img(webui, override_settings={"sd_model_checkpoint": "xl"})
    assert (status, answer["error"]) == (500, "OutOfMemoryError")
    assert answer["errors"].startswith("CUDA out of memory. Tried to allocate")
    status, answer = await txt2img(webui, width=2048, height=2048)
    assert (status, answer["error"]) == (500, "OutOfMemoryError")
    assert (await txt2img(webui))[0] == 200
    lean = await start("--listen", "--api", "--medvram-sdxl", "--xformers", memory_gib=8)
    ask = {"width": 1024, "height": 1024, "override_settings": {"sd_model_checkpoint": "xl"}}
    assert (await txt2img(lean, **ask))[0] == 200
    for flags, status in (((), 500), (("--xformers",), 200)):
        close = await start("--listen", "--api", *flags, memory_gib=10.5)
        assert (await txt2img(close, **ask))[0] == status
    tight = await start(memory_gib=8)
    assert (await txt2img(tight, **ask))[1]["error"] == "OutOfMemoryError"


async def test_saved_pictures_land_in_the_mounted_folder(start, share, tmp_path):
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    webui = await start(mounts={f"{ROOT}/models": share, f"{ROOT}/outputs": outputs})
    await txt2img(webui, save_images=True, seed=9)
    assert [path.name for path in outputs.rglob("*.png")] == ["00000-9.png"]


async def test_faults(start, world):
    webui = await start()
    world.faults.replace([{"service": "webui", "action": "txt2img", "do": "drop", "nth": 1}])
    with pytest.raises(aiohttp.ClientError):
        await txt2img(webui)
    assert (await txt2img(webui))[0] == 200
