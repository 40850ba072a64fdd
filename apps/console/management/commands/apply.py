"""`manage.py apply -f FILE`: plan what a file asks for; with --yes, carry it out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from apps.accounts.models import User
from apps.console import as_code_services as as_code
from apps.console import services
from apps.console.as_code_services import Asked
from apps.console.diff_text import change_lines
from apps.console.yaml_reading import Unreadable
from apps.core import plans
from apps.core.access import Refused
from apps.core.errors import RuleViolation
from apps.core.kinds import kind_of
from apps.core.models import Plan, PlanStatus
from cloud.errors import CloudError


class Command(BaseCommand):
    help = "Plan what a YAML file asks for. A file with a mistake changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-f", "--file", required=True, help="the file; - reads what is piped in"
        )
        parser.add_argument("--person", help="user name of whoever proposes it")
        parser.add_argument("--reason", default="", help="kept with the revisions")
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would happen, change nothing"
        )
        parser.add_argument("--yes", action="store_true", help="apply what was planned at once")
        parser.add_argument(
            "--public",
            action="store_true",
            help="yes, load balancers of the file may be reachable from the whole internet",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as wrong:
            raise CommandError(f"{name} cannot be read: {wrong}") from wrong
        with translation.override("en"):
            try:
                if options["dry_run"]:
                    self.preview(text, options["public"])
                else:
                    self.apply(text, person_of(options["person"]), options)
            except Unreadable as wrong:
                told = "\n".join(f"{name}:{problem}" for problem in wrong.problems)
                raise CommandError(f"Nothing was changed.\n{told}") from wrong
            except Refused as wrong:
                raise CommandError(
                    f"Nothing was changed: {options['person']} lacks the right {wrong.capability}."
                ) from wrong
            except (RuleViolation, CloudError) as wrong:
                raise CommandError(str(wrong)) from wrong

    def preview(self, text: str, public: bool) -> None:
        found = as_code.preview(text, public)
        for asked, looked in found:
            self.head(asked)
            for one in looked:
                self.object(one.kind.name, str(one.row), one.changes)
        self.stdout.write("Nothing was changed." if found else "Nothing to do.")

    def apply(self, text: str, person: User, options: dict[str, Any]) -> None:
        found = as_code.apply(
            person=person, text=text, public_confirmed=options["public"], reason=options["reason"]
        )
        if not found:
            self.stdout.write("Nothing to do.")
        for asked, plan in found:
            self.head(asked)
            if plan is not None:
                self.carry_out(plan, person, yes=options["yes"])
            if asked.settings and options["yes"]:
                as_code.settings_apply(person=person, asked=asked)
            elif asked.settings:
                self.stdout.write("  Settings are set with --yes.")

    def carry_out(self, plan: Plan, person: User, *, yes: bool) -> None:
        plans.plan_compute(plan.pk)
        plan.refresh_from_db()
        if plan.status == PlanStatus.FAILED:
            raise CommandError(f"{plan}: {plan.error_say}")
        for item in plan.items.all():
            self.object(kind_of(item.kind).name, item.label, item.change_list)
        if not yes:
            self.stdout.write(f"{plan} waits: apply it at /plans/{plan.pk}/, or with --yes.")
        elif services.may_apply(plan, person):
            services.plan_apply(plan=plan, person=person)
            self.stdout.write(f"{plan} was accepted; follow it at /plans/{plan.pk}/.")
        else:
            self.stdout.write(f"{plan} waits for somebody else to approve: /plans/{plan.pk}/.")

    def head(self, asked: Asked) -> None:
        self.stdout.write(f"{asked.environment.name}:")
        for name, value in asked.settings.items():
            old = getattr(asked.environment, name) or "-"
            self.stdout.write(f"  ~ {name}: {old} -> {value or '-'}")

    def object(self, kind: str, name: str, changes: list[Any]) -> None:
        self.stdout.write(f"  {kind} {name}" + ("" if changes else ": in step, no call"))
        for change in changes:
            for line in change_lines(change):
                self.stdout.write(f"    {line}")


def person_of(name: str | None) -> User:
    if not name:
        raise CommandError("Say who proposes it: --person NAME (or --dry-run).")
    person = User.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no user {name}.")
    return person
