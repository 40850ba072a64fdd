"""plan.py and rules.py compute: of Django they know only how to mark a string for translation."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = sorted(
    path
    for name in ("plan", "rules")
    for where in (f"apps/*/{name}.py", f"apps/*/{name}/*.py")  # a long one is a package
    for path in ROOT.glob(where)
)


def imported(source: str) -> set[str]:
    tree = ast.parse(source)
    plain = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    return plain | {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize(
    "path", PURE, ids=lambda path: ".".join(path.relative_to(ROOT / "apps").with_suffix("").parts)
)
def test_it_knows_django_only_for_marking_strings(path: Path):
    django = {name for name in imported(path.read_text()) if name.split(".")[0] == "django"}
    assert django <= {"django.utils.translation"}


def test_an_import_of_the_database_would_be_seen():
    source = "import os\nfrom django.db import models\nimport django.conf\n"
    assert imported(source) == {"os", "django.db", "django.conf"}
