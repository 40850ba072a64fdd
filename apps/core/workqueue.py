"""The doorbell: tell a worker that a row is due.  Losing every ring costs seconds, never work.

Postgres remembers what is due (`due_at`); Redis only wakes somebody up at once.
"""

import logging

import django_rq
from django.db import transaction
from redis.exceptions import RedisError
from rq.exceptions import DuplicateJobError

from apps.core.kinds import kind_of

log = logging.getLogger(__name__)


def ring(kind_name: str, pk: int) -> None:
    """Wake a worker for one row once the transaction around us is committed."""
    queue = kind_of(kind_name).queue
    wake(queue, "apps.core.tasks.reconcile", kind_name, pk, job_id=f"reconcile-{kind_name}-{pk}")


def wake(queue: str, function: str, *args: object, job_id: str) -> None:
    """Enqueue `function` after the commit.  Already queued is fine; so is a Redis that is away."""

    def enqueue() -> None:
        try:
            django_rq.get_queue(queue).enqueue(
                function, *args, job_id=job_id, unique=True, result_ttl=0, failure_ttl=0
            )
        except DuplicateJobError:
            pass  # at the door already
        except RedisError as error:
            log.warning("Redis did not take a wake-up, the scheduler will: %s", error)

    transaction.on_commit(enqueue)
