"""Follow the hash chain of the audit record; exit code 1 when it is broken."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit.selectors import chain_verify


class Command(BaseCommand):
    help = "Check that nothing in the audit record was changed, removed or slipped in."

    def handle(self, *args: Any, **options: Any) -> None:
        found = chain_verify()
        for fault in found.faults:
            self.stderr.write(f"event {fault.event_id} (position {fault.position}): {fault.said}")
        if found.faults:
            raise CommandError(f"The chain is broken; {found.checked} events read.")
        self.stdout.write(f"{found.checked} events, unbroken. Head: {found.head or 'none'}")
