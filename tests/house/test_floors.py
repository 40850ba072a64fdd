"""What the house is built on: imports point down, migrations are whole, translations complete."""

from __future__ import annotations

import re
import subprocess
import sys

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from deploy.embedded import messages
from tests.house.source import PACKAGES, ROOT, short, written

LINT_IMPORTS = "from importlinter.cli import lint_imports_command as lint; lint()"


def test_every_import_contract_is_kept() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-1000:]


def test_no_migration_is_missing(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrations_stand_in_one_line_and_say_what_they_do() -> None:
    ours: dict[str, list[str]] = {}
    for app, name in MigrationLoader(None).disk_migrations:
        if (ROOT / "apps" / app).is_dir():
            ours.setdefault(app, []).append(name)
    assert ours
    for app, names in ours.items():
        numbers = sorted(int(name.split("_")[0]) for name in names)
        assert numbers == list(range(1, len(names) + 1)), f"{app}: {sorted(names)}"
        # What Django calls them when nobody names them.
        unnamed = [n for n in names if re.search(r"_(auto_\d|\w*_and_more$)", n)]
        assert not unnamed, f"{app}: {unnamed}"


def test_every_string_has_its_chinese() -> None:
    complaints = messages.check()
    assert not complaints, "\n".join(complaints)


def test_every_python_file_is_in_a_package_that_is_linted() -> None:
    strays = [
        short(path)
        for path in written()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] not in (*PACKAGES, "manage.py", "docs")
    ]
    assert strays == []
