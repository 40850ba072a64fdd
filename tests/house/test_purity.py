"""plan.py and rules.py compute: of Django they know only how to mark a string for translation."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = sorted(path for name in ("plan", "rules") for path in ROOT.glob(f"apps/*/{name}.py"))


def imported(source: str) -> set[str]:
    tree = ast.parse(source)
    plain = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    return plain | {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_it_knows_django_only_for_marking_strings(path: Path):
    django = {name for name in imported(path.read_text()) if name.split(".")[0] == "django"}
    assert django <= {"django.utils.translation"}


def test_an_import_of_the_database_would_be_seen():
    source = "import os\nfrom django.db import models\nimport django.conf\n"
    assert imported(source) == {"os", "django.db", "django.conf"}
