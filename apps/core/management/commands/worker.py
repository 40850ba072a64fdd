"""`manage.py worker QUEUE`: one worker on one queue.

One queue per process: only then does RQ move a job instead of popping it, so that a kill in
between loses nothing.
"""

from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.core.workers import ConsoleWorker


class Command(BaseCommand):
    help = "Work on one queue until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=settings.QUEUES)
        parser.add_argument("--burst", action="store_true", help="stop when the queue is empty")

    def handle(self, *args: Any, queue: str, burst: bool, **options: Any) -> None:
        line = django_rq.get_queue(queue)
        worker = ConsoleWorker([line], connection=line.connection)
        worker.work(burst=burst, logging_level="WARNING")
