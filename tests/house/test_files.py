"""Every file: short, named for what it holds, and silent about the machine it was written on."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.house.source import PACKAGES, ROOT, modules, python_files, short, tree, written

LONGEST = 450  # lines; style asks for about 400
# Names that say nothing: what is in such a file could be anything.
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "misc", "common", "lib"}
# Django and its readers know by the name what is in these.
SPOKEN_FOR = {"apps.py", "urls.py", "__init__.py"}
# Where packages come from is the machine's business (pip and npm read their own settings), and so
# is where the repository lies.
FOREIGN = {
    "a package registry": r"(?:pypi|npmjs|npmmirror|pythonhosted|goproxy)\.(?:org|com|io)|"
    r"(?:mirrors?|registry|index)\.[\w-]+\.(?:org|com|cn|io|example)\b|"
    r"\bindex-url\b|^registry=\S",
    # Inside its image the web UI lives below /root.
    "a folder of one machine": r"(?<![\w.])/(?:work|home|Users|root)/(?!stable-diffusion-webui)\w",
    "how it was written": r"(?<!user.)\b(?:sub-?)?agents?\b|\b(?:co-authored-by|chat ?gpt|claude|"
    r"anthropic|copilot|llms?|language models?|prompt engineering)\b",
}


def test_the_tests_of_the_house_see_the_house() -> None:
    seen = {short(path) for path in written()}
    assert {"Makefile", "apps/core/reconcile.py", "templates/base.html", "README.md"} <= seen
    assert {short(path).split("/")[0] for path in python_files()} >= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_grows_beyond_what_one_reads_at_a_time(package: str) -> None:
    lengths = {short(path): len(path.read_text().splitlines()) for path in modules(package)}
    assert {name: lines for name, lines in lengths.items() if lines >= LONGEST} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is(package: str) -> None:
    silent = [
        short(path)
        for path in modules(package)
        if path.name not in SPOKEN_FOR and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_an_init_that_holds_code_says_what_it_is() -> None:
    silent = [
        short(path)
        for path in modules(*PACKAGES)
        if path.name == "__init__.py" and tree(path).body and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {short(path) for path in python_files() if VAGUE & set(path.with_suffix("").parts)}
    assert names == set()


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_names(what: str) -> None:
    pattern = re.compile(FOREIGN[what], re.IGNORECASE)
    found = []
    for path in written():
        if path.samefile(__file__) or path.name == "package-lock.json":
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue  # a picture or a font
        found += [
            f"{short(path)}:{number}: {line.strip()[:90]}"
            for number, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_says_why_it_is_here(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line.strip()]
    wanted = [line for line in lines if not line.startswith(("#", "-r "))]
    assert wanted
    loose = [line for line in wanted if not re.match(r"[\w.-]+(\[[\w,]+\])?==\S+ +# \S", line)]
    assert loose == []


def spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*packages: str) -> dict[str, str]:
    """Top-level modules that are neither Python's nor ours, and a file that imports each."""
    found: dict[str, str] = {}
    for path in modules(*packages):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            found |= {name.split(".")[0]: short(path) for name in names}
    ours = {*PACKAGES, *sys.stdlib_module_names}
    return {name: where for name, where in found.items() if name not in ours}


@pytest.mark.parametrize(
    ("packages", "files"),
    [
        (("apps", "cloud", "deploy", "sandbox", "sdconsole"), ("requirements.txt",)),
        (("tests",), ("requirements.txt", "requirements-dev.txt")),
    ],
)
def test_what_is_imported_is_required_by_name(packages: tuple[str, ...], files: list[str]) -> None:
    """Not just pulled in by another package, which may do without it tomorrow."""
    lines = [line for name in files for line in (ROOT / name).read_text().splitlines()]
    wanted = {spelled(re.split(r"[\[=]", line)[0]) for line in lines if "==" in line}
    makers = packages_distributions()
    loose = {
        name: where
        for name, where in imported(*packages).items()
        if not wanted & {spelled(one) for one in makers.get(name, [name])}
    }
    assert loose == {}


def test_what_requirements_pull_in_is_pinned_too() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert [line for line in pins if not re.match(r"[\w.-]+==[\w.]+(; .+)?$", line)] == []
