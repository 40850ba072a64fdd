"""What `make run` fills an empty installation with: the demo accounts and the demo environment."""

import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

ENDPOINTS = "SDCONSOLE_SANDBOX_ENDPOINTS"


class Command(BaseCommand):
    help = f"Make the demo accounts and, with {ENDPOINTS} set, the environment of that file."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("seed_accounts", stdout=self.stdout)
        endpoints = os.environ.get(ENDPOINTS)
        if endpoints:
            call_command("seed_environment", endpoints=Path(endpoints), stdout=self.stdout)
