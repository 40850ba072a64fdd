"""The web UI flags the form offers, and which do not go together.  Pure.

Source: AUTOMATIC1111 modules/cmd_args.py (v1.8 to 1.10).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Flag:
    name: str
    words: Promise
    excludes: tuple[str, ...] = ()


FLAGS = (
    Flag("--api", _("REST API beside the page")),
    Flag("--nowebui", _("only the REST API, no page")),
    Flag("--xformers", _("xformers attention"), ("--opt-sdp-attention",)),
    Flag("--opt-sdp-attention", _("PyTorch attention"), ("--xformers",)),
    Flag("--medvram", _("less GPU memory, slower"), ("--lowvram",)),
    Flag("--lowvram", _("least GPU memory, slowest"), ("--medvram",)),
    Flag("--no-half", _("full precision: twice the memory")),
    Flag("--no-half-vae", _("VAE in full precision (against black pictures)")),
    Flag("--no-hashing", _("do not hash checkpoints at start")),
    Flag("--skip-prepare-environment", _("start without checking packages")),
)
BY_NAME = {flag.name: flag for flag in FLAGS}
# What the console sets itself, and what must never be set.
OURS = ("--listen", "--port", "--ckpt", "--ckpt-dir", "--server-name")
FORBIDDEN = ("--share", "--disable-safe-unpickle", "--enable-insecure-extension-access", "--ngrok")
AUTH = ("--api-auth", "--gradio-auth", "--gradio-auth-path")


def clash(flags: Iterable[str]) -> tuple[str, str] | None:
    """Two chosen flags that exclude each other; None if none do."""
    chosen = list(flags)
    for name in chosen:
        for other in BY_NAME[name].excludes if name in BY_NAME else ():
            if other in chosen:
                return name, other
    return None


def not_allowed(args: Iterable[str]) -> str | None:
    """The first extra argument that is ours to set or would open the pod; None if all are fine."""
    for arg in args:
        name = arg.split("=", 1)[0]
        if name in OURS or name in FORBIDDEN or name in BY_NAME:
            return name
        if any(character in arg for character in "\n\r\0;|&`$<>"):
            return arg[:40]
    return None
