"""The web UI flags the form offers, and which do not go together.  Pure.

Source: AUTOMATIC1111 modules/cmd_args.py (v1.8 to 1.10).
"""

import re
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
# What the console sets itself.
OURS = ("--listen", "--port", "--ckpt", "--ckpt-dir", "--server-name")
# What would open the pod to strangers, run code of theirs, or show their files.
FORBIDDEN = (
    "--share",
    "--ngrok",
    "--disable-safe-unpickle",
    "--enable-insecure-extension-access",
    "--allow-code",
    "--api-server-stop",
    "--add-stop-route",
    "--gradio-allowed-path",
)
# A password in the arguments is readable in every pod spec, and the console's own calls carry none.
AUTH = ("--api-auth", "--gradio-auth", "--gradio-auth-path")
REFUSED = (*OURS, *FORBIDDEN, *AUTH)
# Variables the web UI appends to its arguments: they would go around every rule above.
REFUSED_VARIABLES = ("COMMANDLINE_ARGS",)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL = frozenset("\n\r\0;|&`$<>")


def clash(flags: Iterable[str]) -> tuple[str, str] | None:
    """Two chosen flags that exclude each other; None if none do."""
    chosen = list(flags)
    for name in chosen:
        for other in BY_NAME[name].excludes if name in BY_NAME else ():
            if other in chosen:
                return name, other
    return None


def not_allowed(args: Iterable[str]) -> str | None:
    """The first extra argument that is ours to set or would open the pod; None if all are fine.

    argparse takes any beginning of a flag for the flag, so that "--shar" is refused as well.
    """
    for arg in args:
        name = arg.split("=", 1)[0]
        if name in BY_NAME or name == "--":
            return name
        if name.startswith("--") and any(refused.startswith(name) for refused in REFUSED):
            return name
        if _SHELL.intersection(arg):
            return arg[:40]
    return None


def bad_variable(names: Iterable[str]) -> str | None:
    """The first name that is no variable's, or that goes around the flags; None if all are fine."""
    for name in names:
        if not VARIABLE.fullmatch(name) or name in REFUSED_VARIABLES:
            return name
    return None
