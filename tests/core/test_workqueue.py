"""Rings over a real Valkey: one at the door at a time, and none lost to a dead worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import django_rq
import pytest
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from apps.core import workqueue
from apps.core.workers import ConsoleWorker

pytestmark = pytest.mark.django_db(transaction=True)  # rings go out with the commit
JOB = "reconcile-thing-1"
LONG_AGO = timedelta(seconds=workqueue.ABANDONED_S + 1)


@pytest.fixture
def line():
    queue = django_rq.get_queue("reconcile")
    queue.connection.flushdb()
    yield queue
    queue.connection.flushdb()


def ring() -> None:
    workqueue.ring("thing", 1)


def job_of(line) -> Job:
    return Job.fetch(JOB, connection=line.connection, serializer=JSONSerializer)


def started(line, since: timedelta) -> Job:
    """As a worker leaves it that was killed `since` ago."""
    line.connection.lpop(line.key)
    job = job_of(line)
    job.set_status(JobStatus.STARTED)
    line.connection.hset(job.key, "last_heartbeat", utcformat(datetime.now(UTC) - since))
    return job


def test_a_row_is_at_the_door_once_however_often_it_is_rung_for(line):
    ring()
    ring()
    assert line.job_ids == [JOB]


def test_a_job_that_is_worked_on_is_not_queued_a_second_time(line):
    ring()
    started(line, timedelta(seconds=3))
    ring()
    assert line.job_ids == []


def test_a_job_of_a_dead_worker_does_not_keep_the_next_ring_out(line):
    ring()
    started(line, LONG_AGO)
    ring()
    assert line.job_ids == [JOB]
    assert job_of(line).get_status() == JobStatus.QUEUED


def test_a_job_that_was_taken_and_never_started_does_not_either(line):
    ring()
    line.connection.lpop(line.key)
    ring()
    assert line.job_ids == []  # perhaps on its way into a worker
    long_ago = utcformat(datetime.now(UTC) - LONG_AGO)
    line.connection.hset(job_of(line).key, "enqueued_at", long_ago)
    ring()
    assert line.job_ids == [JOB]


def test_a_job_that_waits_in_a_long_queue_stays_where_it_is(line):
    ring()
    long_ago = utcformat(datetime.now(UTC) - LONG_AGO)
    line.connection.hset(job_of(line).key, "enqueued_at", long_ago)
    ring()
    assert line.job_ids == [JOB]


def test_a_worker_survives_clearing_up_after_another(line):
    ring()
    job = started(line, LONG_AGO)
    with line.connection.pipeline() as pipe:
        execution = Execution.create(job, 1, pipe, "gone")
        pipe.execute()
    line.connection.delete(execution.key)
    wip = job.started_job_registry.key
    line.connection.zadd(wip, {execution.composite_key: 1})
    ConsoleWorker([line], connection=line.connection).clean_registries()
    ring()
    assert line.job_ids == [JOB]
