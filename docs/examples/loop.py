#!/usr/bin/env python3
"""The whole loop over REST, with the standard library alone.

    python docs/examples/loop.py http://127.0.0.1:8000 sdc_TOKEN [CHECKPOINT.safetensors]

Uploads a checkpoint, deploys a web UI with it on half a card, puts it behind the gateway, asks for
four images, freezes one that moderation flagged and approves another, and reads both back without
signing in.  Without a file it writes a small one with the tensor names of Stable Diffusion 1.x.
The token needs the rights of an administrator (`manage.py token admin`).
"""

import hashlib
import json
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

PATIENCE_S = 300


class Api:
    """JSON over HTTP; a refusal ends the program with the sentence the console gave."""

    def __init__(self, address: str, token: str) -> None:
        self.root = address.rstrip("/") + "/api/v1"
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.root + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "Accept-Language": "en",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            problem = json.loads(refusal.read())
            sys.exit(f"{method} {path}: {refusal.code} {problem['detail']}")
        return json.loads(text) if text else None

    def until(self, path: str, done: Any, what: str) -> Any:
        """Ask `path` until `done(answer)`; the last answer."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self("GET", path)
            if done(answer):
                return answer
            if time.monotonic() > deadline:
                sys.exit(f"{what} did not arrive in {PATIENCE_S} s: {json.dumps(answer)[:500]}")
            time.sleep(0.5)


def say(text: str) -> None:
    print(text, flush=True)


def send(method: str, url: str, data: bytes = b"") -> Any:
    """A request to COS by a URL that the console signed."""
    request = urllib.request.Request(url, data=data if data or method == "POST" else None)
    request.method = method
    return urllib.request.urlopen(request, timeout=120)


def write_checkpoint(path: Path) -> None:
    """A valid .safetensors with a few tensors of Stable Diffusion 1.x; the weights mean nothing."""
    unet = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2"
    shapes = {
        "model.diffusion_model.input_blocks.0.0.weight": [320, 4, 3, 3],
        f"{unet}.to_k.weight": [320, 768],
        "first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3],
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": [49408, 768],
    }
    header: dict[str, Any] = {}
    start = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, start + size]}
        start += size
    text = json.dumps(header).encode()
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.truncate(8 + len(text) + start)


def upload(api: Api, environment: str, file: Path) -> dict[str, Any]:
    """Browser-less upload: the bytes go to COS by presigned parts, never through the console."""
    size = file.stat().st_size
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    wish = {
        "environment": environment,
        "model": "loop-model",
        "type": "checkpoint",
        "file_name": file.name,
        "size_bytes": size,
        "sha256": digest,
    }
    opened = api("POST", "/models/uploads", wish)
    with send("POST", opened["start_url"]) as answer:
        found = ET.fromstring(answer.read()).find(".//{*}UploadId")
    assert found is not None
    here = f"/models/uploads/{opened['id']}"
    api("POST", here + "/started", {"upload_id": found.text})
    numbers = list(range(1, opened["parts_total"] + 1))
    with file.open("rb") as source:
        for batch in range(0, len(numbers), 16):
            wanted = numbers[batch : batch + 16]
            urls = api("POST", here + "/parts", {"numbers": wanted, "parts_done": batch})["urls"]
            for number in wanted:
                send("PUT", urls[str(number)], source.read(opened["part_size"])).close()
    sealed = api("POST", here + "/seal", {"sha256": digest})
    say(f"uploaded {file.name}: {size >> 20} MiB in {len(numbers)} parts")
    path = f"/models/versions/{sealed['version']['id']}"
    version: dict[str, Any] = api.until(path, lambda v: v["phase"] in ("ready", "blocked"), "model")
    if version["phase"] != "ready":
        sys.exit(f"not published: {version['message']}")
    say(f"published {version['name']} ({version['family']}) to {version['path']}")
    return version


def carry_out(api: Api, plan_id: int) -> None:
    """Wait for the plan, show it, apply it, follow its run."""
    path = f"/plans/{plan_id}"
    plan = api.until(path, lambda p: p["status"] != "planning", "the plan")
    if plan["status"] == "failed":
        sys.exit(f"no plan: {plan['error']}")
    for item in plan["items"]:
        for change in item["changes"]:
            say(f"  {change['op']:8}{change['object_kind']} {change['name']}")
    if plan["status"] == "ready":
        api("POST", path + "/apply", {"comment": "by the example"})
    plan = api.until(path, lambda p: p["status"] not in ("ready", "approved"), "the start")
    if plan["status"] != "applied":
        sys.exit(f"{plan['number']} is {plan['status']}: {plan['error']}")
    run = api.until(f"/runs/{plan['run_id']}", lambda r: r["status"] != "running", "the run")
    say(f"{run['number']} {run['status']}: {run['message']}")
    if run["status"] != "succeeded":
        sys.exit(1)


def deploy(api: Api, environment: str, version: int) -> int:
    found = api("GET", f"/environments/{environment}/findings?kind=image&limit=1")["items"]
    if not found:
        sys.exit("no image in the registry of this environment")
    image = found[0]["data"]
    wish = {
        "environment": environment,
        "name": "loop",
        "reason": "the example",
        "spec": {
            "image": {"repository": image["repository"], "tag": image["tag"]},
            "checkpoint": version,
            "flags": ["--api"],
            "slice": {"core": 50, "memory_gib": 10},
            "replicas": 2,
        },
    }
    planned = api("POST", "/deployments", wish)
    say("deployment:")
    carry_out(api, planned["plan"]["id"])
    rows = api("GET", f"/deployments?environment={environment}")["items"]
    return next(int(row["id"]) for row in rows if row["name"] == "loop")


def publish(api: Api, deployment: int) -> None:
    """Source, service, ANY route, a limit with a sentence of its own, stickiness by client IP."""
    limit = {
        "thresholds": [{"unit": "minute", "max": 600}],
        "limit_by": "ip",
        "response": {"status": 429, "body": "One moment please."},
    }
    wish = {
        "deployment": deployment,
        "name": "loop",
        "route": {"methods": ["ANY"], "hosts": [], "paths": ["/"], "limit": limit},
        "service": {"hash_on": "ip"},
    }
    planned = api("POST", "/gateway/publish", wish)
    say("gateway:")
    carry_out(api, planned["plan"]["id"])


def generate(api: Api, deployment: int) -> None:
    wish = {
        "deployment": deployment,
        "prompt": "a battlefield in red, blood on the snow, hint of dawn",
        "steps": 8,
        "width": 256,
        "height": 256,
        "count": 4,
    }
    job = api("POST", "/generations", wish)
    path = f"/generations/{job['id']}"
    job = api.until(path, lambda j: j["phase"] in ("ready", "blocked"), "the images")
    if job["phase"] != "ready":
        sys.exit(f"no images: {job['message']}")
    for image in job["images"]:
        say(f"  {image['key']} {image['size_bytes']} bytes, seed {image['seed']}")


def review(api: Api) -> None:
    """Claim the flagged ones, freeze the first, approve the second, read both without a name."""
    flagged = "/moderation/cases?state=flagged"
    api.until(flagged, lambda page: len(page["items"]) >= 2, "two flagged images")
    claims = api("POST", "/moderation/claim", {"count": 2})
    decisions = (("freeze", 403), ("approve", 200))
    for case, (verdict, status) in zip(claims, decisions, strict=True):
        wish = {"verdict": verdict, "label": "gore", "reason": "the example"}
        wish["token"] = case["token"]
        api("POST", f"/moderation/cases/{case['id']}/decide", wish)
        path = f"/moderation/cases/{case['id']}"
        proven = api.until(path, lambda c: c["phase"] == "ready", "the proof")
        read = anonymous(proven["object_url"])
        say(f"{verdict} case {case['id']}: an anonymous read answers {read}")
        if read != status:
            sys.exit(f"expected {status}")


def anonymous(url: str) -> int:
    """The status an anonymous GET of `url` gets."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    api = Api(sys.argv[1], sys.argv[2])
    environment = api("GET", "/environments")["items"][0]["name"]
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 3:
            file = Path(sys.argv[3])
        else:
            file = Path(folder) / "loop.safetensors"
            write_checkpoint(file)
        version = upload(api, environment, file)
    deployment = deploy(api, environment, version["id"])
    publish(api, deployment)
    generate(api, deployment)
    review(api)
    say("done")


if __name__ == "__main__":
    main()
