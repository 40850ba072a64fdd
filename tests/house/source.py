"""The repository's own files, as the tests of the house read them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("apps", "cloud", "deploy", "sandbox", "sdconsole", "tests")
# Nobody writes what is in these by hand.
MADE = {".venv", ".git", ".sdconsole", "node_modules", "build", "__pycache__"}


@cache
def written() -> tuple[Path, ...]:
    """Every file that is, or is about to be, under version control; all but MADE without git."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = told.stdout.split("\0") if told.returncode == 0 else []
    paths = [ROOT / name for name in names if name] or [
        path
        for path in ROOT.rglob("*")
        if not MADE & set(path.relative_to(ROOT).parts) and not path.name.endswith((".pyc", ".mo"))
    ]
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def python_files() -> tuple[Path, ...]:
    return tuple(path for path in written() if path.suffix == ".py")


def modules(*packages: str) -> list[Path]:
    """Python files below these folders of the root, migrations left out."""
    return [
        path
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in packages and "migrations" not in path.parts
    ]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def short(path: Path) -> str:
    """The path as a person would name it."""
    return str(path.relative_to(ROOT))
