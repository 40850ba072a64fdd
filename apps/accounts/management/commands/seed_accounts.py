"""`manage.py seed_accounts`: the demo people; safe to repeat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from apps.accounts.models import User
from apps.accounts.permissions import Role
from apps.accounts.services import new_password, person_create

DEMO = [
    ("admin", "Administrator", [Role.ADMINISTRATOR]),
    ("ops", "Olga Operator", [Role.OPERATOR]),
    ("approver", "Ada Approver", [Role.APPROVER]),
    ("reviewer", "Rui Reviewer", [Role.REVIEWER]),
    ("models", "Mo Models", [Role.MODEL_MANAGER]),
    ("viewer", "Vic Viewer", [Role.VIEWER]),
]


class Command(BaseCommand):
    help = (
        "Make the demo accounts that are missing and note their random passwords in accounts.txt."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.SDCONSOLE_HOME) / "accounts.txt"
        noted = _read(path)
        missing = [
            (username, name, roles)
            for username, name, roles in DEMO
            if not User.objects.filter(username=username).exists()
        ]
        # Noted before the accounts exist: dying in between costs a useless line, never a password.
        noted |= {username: new_password() for username, *_ in missing}
        if missing or not path.exists():
            _write(path, noted)
        with transaction.atomic():
            for username, name, roles in missing:
                person_create(
                    by=None,
                    username=username,
                    display_name=name,
                    roles=roles,
                    password=noted[username],
                )
        for username, *_ in DEMO:
            self.stdout.write(f"{username:<10} {noted.get(username, '(password set earlier)')}")


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = [line.split(maxsplit=1) for line in path.read_text().splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def _write(path: Path, noted: dict[str, str]) -> None:
    """Readable by the owner from the first byte on; swapped in whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{username} {password}\n" for username, password in noted.items())
    draft.replace(path)
