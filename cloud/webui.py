"""The AUTOMATIC1111 web API of one address: a pod, a Service or the gateway in front.

Drawing blocks until it is done and cannot be asked for twice safely, so timeouts are long and a
broken answer is a LostAnswer.  Every call opens its own connection, so a Service can spread them.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

import requests

from cloud import errors
from cloud.infotext import parse_infotext as parse_infotext
from cloud.network import unanswered
from cloud.reading import Data, as_int, part, text, whole
from cloud.types import Done, Memory, Pictures, Progress, WebUiModel

SERVICE = "Web UI"
REFRESHABLE = ("checkpoints", "vae", "embeddings", "loras")
_NO_MODEL = re.compile(r"\bmodel .* not found")


class WebUi:
    """`host_header` is the name a gateway route asks for; `auth` is "user:password" or "".

    `draw_s` bounds one drawing, `timeout_s` all other calls, `connect_s` the connection."""

    def __init__(
        self,
        base_url: str,
        host_header: str = "",
        auth: str = "",
        *,
        draw_s: float = 600.0,
        timeout_s: float = 10.0,
        connect_s: float = 5.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._host_header = host_header
        self._auth = auth
        self._draw_s = draw_s
        self._timeout_s = timeout_s
        self._connect_s = connect_s

    def __repr__(self) -> str:
        return f"WebUi({self.base_url!r}, host_header={self._host_header!r})"

    def txt2img(self, request: Mapping[str, Any]) -> Pictures:
        """Draw from text.  `request` as in the web UI's API; images are always sent back."""
        return self._draw("txt2img", request)

    def img2img(self, request: Mapping[str, Any], init_images: tuple[bytes, ...]) -> Pictures:
        """Draw from pictures, sent as bytes: never as URLs the pod would fetch."""
        images = [base64.b64encode(image).decode() for image in init_images]
        return self._draw("img2img", {**request, "init_images": images})

    def progress(self, *, preview: bool = False) -> Progress:
        found = self._json("GET", f"progress?skip_current_image={'false' if preview else 'true'}")
        state = part(found, "state")
        return Progress(
            done=float(found.get("progress") or 0.0),
            eta_s=float(found.get("eta_relative") or 0.0),
            job=text(state, "job"),
            job_count=whole(state, "job_count"),
            step=whole(state, "sampling_step"),
            steps=whole(state, "sampling_steps"),
            preview=_image(text(found, "current_image")) if preview else b"",
        )

    def interrupt(self) -> Done:
        """Stops whatever this pod draws, whoever asked for it."""
        self._json("POST", "interrupt", {})
        return Done()

    def options(self) -> Mapping[str, Any]:
        return self._json("GET", "options")

    def options_set(self, values: Mapping[str, Any]) -> Done:
        """Change settings; a new `sd_model_checkpoint` blocks until the model is loaded."""
        self._json("POST", "options", values, timeout_s=self._draw_s)
        return Done()

    def models(self) -> tuple[WebUiModel, ...]:
        found = self._call("GET", "sd-models")
        return tuple(
            WebUiModel(
                title=text(one, "title"),
                model_name=text(one, "model_name"),
                filename=text(one, "filename"),
                hash=text(one, "hash"),
                sha256=text(one, "sha256"),
            )
            for one in (found if isinstance(found, list) else [])
        )

    def refresh(self, what: str = "checkpoints") -> Done:
        """Look into the model folders again: "checkpoints", "vae", "embeddings" or "loras"."""
        if what not in REFRESHABLE:
            raise errors.Rejected(f"The web UI cannot refresh {what!r}.", service=SERVICE)
        self._call("POST", f"refresh-{what}", {}, timeout_s=self._draw_s)
        return Done()

    def memory(self) -> Memory:
        found = self._json("GET", "memory")
        ram, cuda = part(found, "ram"), part(found, "cuda")
        return Memory(
            ram_used=as_int(ram.get("used")),
            ram_total=as_int(ram.get("total")),
            vram_used=as_int(part(cuda, "system").get("used")),
            vram_total=as_int(part(cuda, "system").get("total")),
            oom_count=as_int(part(cuda, "events").get("oom")),
        )

    def _draw(self, what: str, request: Mapping[str, Any]) -> Pictures:
        body = {**request, "send_images": True, "save_images": False}
        response = self._send("POST", what, body, self._draw_s)
        found = self._decode(response, what, mutating=True)
        raw = found.get("images") if isinstance(found, dict) else None
        if not isinstance(raw, list) or not raw:
            raise errors.made(
                errors.Unreachable,
                "The web UI answered without a picture.",
                service=SERVICE,
                mutating=True,
            )
        info = _info(found.get("info"))
        first = whole(info, "index_of_first_image")
        seeds = info.get("all_seeds") or [info.get("seed", -1)]
        return Pictures(
            images=tuple(_image(one) for one in raw[first:]),
            seeds=tuple(as_int(one, -1) for one in seeds),
            infotexts=tuple(str(one) for one in (info.get("infotexts") or [])[first:]),
            info=info,
        )

    def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Data:
        found = self._call(method, path, body, timeout_s)
        return found if isinstance(found, dict) else {}

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        response = self._send(method, path, body, timeout_s or self._timeout_s)
        return self._decode(response, path, mutating=method == "POST")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float
    ) -> requests.Response:
        user, _, password = self._auth.partition(":")
        mutating = method == "POST"
        try:
            response = requests.request(
                method,
                f"{self.base_url}/sdapi/v1/{path}",
                json=body,
                headers={"Host": self._host_header} if self._host_header else {},
                auth=(user, password) if self._auth else _unsigned,
                timeout=(self._connect_s, timeout_s),
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            raise unanswered(
                exc, service=SERVICE, what=path.partition("?")[0], mutating=mutating
            ) from None
        if response.status_code >= 300:
            raise _refused(response, mutating=mutating)
        return response

    def _decode(self, response: requests.Response, path: str, *, mutating: bool) -> Any:
        try:
            return response.json()
        except ValueError:
            raise errors.made(
                errors.Unreachable,
                f"Something else than the web UI answered ({path.partition('?')[0]}).",
                service=SERVICE,
                mutating=mutating,
            ) from None


def _refused(response: requests.Response, *, mutating: bool) -> errors.CloudError:
    status = response.status_code
    try:
        found = response.json()
    except ValueError:
        found = {}
    found = found if isinstance(found, dict) else {}
    name = text(found, "error") or str(status)
    detail = found.get("detail") or found.get("errors") or found.get("message") or ""
    said = detail if isinstance(detail, str) else json.dumps(detail)
    message = f"The web UI answered {status}: {said}" if said else f"The web UI answered {status}."
    wait = response.headers.get("Retry-After", "")
    if "OutOfMemory" in name or "out of memory" in text(found, "errors").lower():
        kind: type[errors.CloudError] = errors.Rejected
        message = "The card has too little memory for this picture."
    elif status == 404 or (status == 500 and _NO_MODEL.search(said)):
        kind = errors.Rejected  # an unknown sampler or checkpoint, or the API is switched off
    elif status == 500:
        kind = errors.Busy  # it said itself that nothing was drawn
    elif status == 503:
        return errors.made(errors.Unreachable, message, code=name, service=SERVICE, mutating=False)
    else:
        kind = errors.by_status(status)
    return errors.made(
        kind,
        message,
        code=name,
        service=SERVICE,
        mutating=mutating,
        retry_s=float(wait) if wait.isdigit() else None,
    )


def _info(value: object) -> Mapping[str, Any]:
    """The run's record, which arrives as JSON text."""
    if isinstance(value, dict):
        return value
    try:
        found = json.loads(str(value))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _image(encoded: object) -> bytes:
    """Bytes of a base64 picture, with or without a data: prefix."""
    words = str(encoded or "")
    if words.startswith("data:"):
        words = words.partition(",")[2]
    try:
        return base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError):
        raise errors.LostAnswer("The web UI sent a broken picture.", service=SERVICE) from None


def _unsigned(request: Any) -> Any:
    """Keeps requests from adding credentials it finds in the user's netrc."""
    return request
