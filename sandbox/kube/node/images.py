"""Container images: names, and whether the registry has them."""

import hashlib
import inspect
import re
from dataclasses import dataclass
from typing import Any

REGISTRY_DOMAIN = ".tencentcloudcr.com"


@dataclass(frozen=True)
class Image:
    """A reference taken apart: `sd-demo.tencentcloudcr.com/aigc/stable-diffusion-webui:1.10`."""

    text: str
    host: str
    path: str
    reference: str  # tag or sha256:...

    @property
    def in_registry(self) -> bool:
        """True if the image lies in a registry of this sandbox, not somewhere on the internet."""
        return self.host.endswith(REGISTRY_DOMAIN)

    @property
    def web_ui(self) -> bool:
        """Is it one of the web UI images?"""
        return "webui" in self.path or "sd_" in self.path

    @property
    def identity(self) -> str:
        """The imageID a runtime reports."""
        if self.reference.startswith("sha256:"):
            return f"{self.host}/{self.path}@{self.reference}"
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return f"{self.host}/{self.path}@sha256:{digest}"


def parse(text: str) -> Image:
    name, _, digest = text.partition("@")
    host, _, rest = name.partition("/")
    if not rest or not re.search(r"[.:]|^localhost$", host):
        host, rest = "docker.io", name
    path, _, tag = rest.partition(":")
    return Image(text, host, path, digest or tag or "latest")


async def exists(world: Any, image: Image) -> bool:
    """Ask the sandbox's registry; images of other registries are taken to exist."""
    if not image.in_registry:
        return True
    registry = getattr(getattr(world, "tencent", None), "tcr", None)
    ask = getattr(registry, "has_image", None)
    if ask is None:
        return True
    found = ask(image.host, image.path, image.reference)
    if inspect.isawaitable(found):
        found = await found
    return bool(found)


def missing_message(image: Image) -> str:
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{image.text}": failed '
        f'to resolve reference "{image.text}": {image.text}: not found'
    )
