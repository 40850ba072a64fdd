"""The doorbell: tell a worker that a row is due.  Losing every ring costs seconds, never work.

Postgres remembers what is due (`due_at`); Redis only wakes somebody up at once.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import django_rq
from django.db import transaction
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from apps.core.kinds import kind_of

log = logging.getLogger(__name__)

ABANDONED_S = 15.0  # three heartbeats of a worker (workers.py)


def ring(kind_name: str, pk: int) -> None:
    """Wake a worker for one row once the transaction around us is committed."""
    queue = kind_of(kind_name).queue
    wake(queue, "apps.core.tasks.reconcile", kind_name, pk, job_id=f"reconcile-{kind_name}-{pk}")


def wake(queue: str, function: str, *args: object, job_id: str) -> None:
    """Enqueue `function` after the commit.  Already queued is fine; so is a Redis that is away."""

    def enqueue() -> None:
        try:
            line = django_rq.get_queue(queue)
            try:
                put(line, function, args, job_id)
            except DuplicateJobError:
                if forget_abandoned(line, job_id):
                    put(line, function, args, job_id)
        except DuplicateJobError:
            pass  # somebody else was as quick
        except RedisError as error:
            log.warning("Redis did not take a wake-up, the scheduler will: %s", error)

    transaction.on_commit(enqueue)


def put(line: Queue, function: str, args: Sequence[object], job_id: str) -> None:
    """Raises DuplicateJobError if a job of that id is at the door or at work."""
    line.enqueue(function, *args, job_id=job_id, unique=True, result_ttl=0, failure_ttl=0)


def forget_abandoned(line: Queue, job_id: str) -> bool:
    """True if the job of that id is nobody's any more; it is forgotten then.

    RQ takes a job of a killed worker for started until its maintenance comes round, and every ring
    for the same row would be refused until then.
    """
    try:
        job = Job.fetch(job_id, connection=line.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return True  # ended this very moment
    last = job.last_heartbeat or job.enqueued_at
    if last is None or datetime.now(UTC) - last < timedelta(seconds=ABANDONED_S):
        return False
    status = job.get_status(refresh=False)
    if status == JobStatus.QUEUED and line.connection.lpos(line.key, job_id) is not None:
        return False  # a long queue
    if status not in (JobStatus.STARTED, JobStatus.QUEUED):
        return False
    # Not by job.delete(): RQ 3.0 fails over executions whose own keys have expired.
    line.connection.delete(job.key, job.execution_registry.key)
    log.warning("%s was left behind by a worker; rung again.", job_id)
    return True
