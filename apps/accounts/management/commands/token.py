"""`manage.py token USER`: an API token, printed once."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.permissions import CAPABILITIES
from apps.accounts.services import token_create
from apps.core.errors import RuleViolation


class Command(BaseCommand):
    help = "Make an API token for a person and print it; it cannot be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="user name")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=list(CAPABILITIES),
            metavar="CAPABILITY",
            help="narrow the token to this right; repeat for more (default: all of the person's)",
        )
        parser.add_argument("--days", type=int, help="valid for so many days (default: for ever)")
        parser.add_argument("--name", help="what it is for (default: the time of making)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        name = options["name"] or f"command line {timezone.now():%Y-%m-%d %H:%M:%S.%f}"
        try:
            _, secret = token_create(
                user=user, name=name, scopes=options["scope"], days=options["days"]
            )
        except (RuleViolation, ValidationError) as wrong:
            said = wrong.message if isinstance(wrong, RuleViolation) else " ".join(wrong.messages)
            raise CommandError(said) from wrong
        self.stdout.write(secret)
