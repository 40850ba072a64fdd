"""`manage.py export`: what is wished for, as YAML that `manage.py apply` takes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.console.as_code import export
from apps.environments.models import Environment


class Command(BaseCommand):
    help = "Write deployments, gateway services and routes as YAML. Secrets are never written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--environment",
            action="append",
            default=[],
            metavar="NAME",
            help="only this one; repeat for more (default: all)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["environment"]
        known = set(Environment.objects.values_list("name", flat=True))
        for name in names:
            if name not in known:
                raise CommandError(f"There is no environment {name}.")
        self.stdout.write(export(names), ending="")
