"""The command line of the web UI: which flags it knows and what they mean for the server."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

_SWITCHES = (
    "listen", "api", "nowebui", "api-log", "api-server-stop", "no-hashing",
    "no-download-sd-model", "do-not-download-clip", "skip-prepare-environment", "skip-install",
    "skip-torch-cuda-test", "skip-version-check", "skip-python-version-check", "xformers",
    "opt-sdp-attention", "opt-sdp-no-mem-attention", "opt-split-attention", "opt-channelslast",
    "medvram", "medvram-sdxl", "lowvram", "no-half", "no-half-vae", "upcast-sampling",
    "disable-safe-unpickle", "freeze-settings", "hide-ui-dir-config", "disable-extra-extensions",
    "disable-all-extensions", "enable-insecure-extension-access", "share", "autolaunch",
    "disable-nan-check", "update-check", "loglevel-debug", "use-cpu-only", "reinstall-xformers",
    "reinstall-torch", "update-all-extensions", "dump-sysinfo", "unload-gfpgan", "no-gradio-queue",
)  # fmt: skip
_VALUES = (
    "server-name", "subpath", "api-auth", "gradio-auth", "gradio-auth-path", "ckpt", "ckpt-dir",
    "vae-dir", "vae-path", "lora-dir", "lyco-dir-backcompat", "embeddings-dir", "hypernetwork-dir",
    "controlnet-dir", "esrgan-models-path", "data-dir", "models-dir", "ui-settings-file",
    "freeze-specific-settings", "precision", "theme", "cors-allow-origins", "log-startup",
    "gradio-allowed-path", "device-id", "use-cpu", "tls-keyfile", "tls-certfile", "loglevel",
)  # fmt: skip
_NUMBERS = ("port", "timeout-keep-alive", "gradio-queue-size")


class StartupFailed(Exception):
    """The process exits at once; the text is what it printed last."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise StartupFailed(f"launch.py: error: {message}")


def _parser() -> _Parser:
    parser = _Parser(prog="launch.py", add_help=False)
    for name in _SWITCHES:
        parser.add_argument(f"--{name}", action="store_true")
    for name in _VALUES:
        parser.add_argument(f"--{name}")
    for name in _NUMBERS:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("-f", dest="as_root", action="store_true")  # webui.sh only
    return parser


def parse(args: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """The flags by name (underscores) after `args` and COMMANDLINE_ARGS, as cmd-flags tells them.

    Raises StartupFailed for what the real one refuses to start with.
    """
    words = list(args)
    while words and not words[0].startswith("-"):
        words.pop(0)  # `python launch.py`, `bash webui.sh`
    words += shlex.split(env.get("COMMANDLINE_ARGS", ""))
    parser = _parser()
    if "IGNORE_CMD_ARGS_ERRORS" in env:
        found, _ = parser.parse_known_args(words)
    else:
        found = parser.parse_args(words)
    flags = vars(found)
    flags.pop("as_root")
    if flags["api_auth"]:
        credentials(flags["api_auth"])
    if flags["gradio_auth"]:
        credentials(flags["gradio_auth"])
    return flags


def credentials(text: str) -> dict[str, str]:
    """Passwords by user, of `user:password[,user:password]`."""
    pairs = {}
    for pair in text.split(","):
        parts = pair.split(":")
        if len(parts) != 2:
            many = "too many" if len(parts) > 2 else "not enough"
            raise StartupFailed(f"ValueError: {many} values to unpack (expected 2)")
        pairs[parts[0]] = parts[1]
    return pairs


def port(flags: Mapping[str, Any]) -> int:
    """Where the process listens: `--nowebui` moves the default."""
    return int(flags["port"] or (7861 if flags["nowebui"] else 7860))


def reachable(flags: Mapping[str, Any]) -> bool:
    """False if it listens on the pod's own loopback only."""
    return bool(flags["listen"]) or flags["server_name"] in ("0.0.0.0", "::")
