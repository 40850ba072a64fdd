"""`manage.py scheduler`: ring for what is due, until told to stop."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, connection

from apps.core import scheduler

log = logging.getLogger(__name__)

TICK_S = 0.5


class Command(BaseCommand):
    help = "Ring for rows that are due and for periodic work."

    def handle(self, *args: Any, **options: Any) -> None:
        over = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        last: dict[str, int] = {}
        leading = False
        while not over.wait(TICK_S):
            try:
                leading = leading or scheduler.lead()
                if leading:
                    scheduler.ring_due()
                    scheduler.ring_plans()
                    scheduler.ring_periodic(last)
            except OperationalError as error:
                # The lock went with the connection: ask again for both.
                log.warning("The database is away: %s", error)
                leading = False
                connection.close()
