"""Our RQ worker: short heartbeats, and no work-horse that outlives its worker.

Stock settings leave a job of a killed worker "started" for minutes (measured: 810 s); the truth
about work lies in Postgres leases anyway, so RQ only has to be quick to wake.
"""

import ctypes
import logging
import signal
from datetime import UTC, datetime
from typing import Any

from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

PR_SET_PDEATHSIG = 1
log = logging.getLogger(__name__)


class ConsoleWorker(Worker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("job_monitoring_interval", 5)
        kwargs.setdefault("maintenance_interval", 10)
        kwargs["serializer"] = JSONSerializer  # pickle would run whatever lies in Redis
        super().__init__(*args, **kwargs)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return int(self.job_monitoring_interval * 4)

    def clean_registries(self) -> None:
        """RQ 3.0 fails over what a killed worker left (an execution whose own key expired before
        its entry), and a worker that fails at maintenance quits: all of a queue, one by one."""
        try:
            super().clean_registries()  # type: ignore[no-untyped-call]
        except ValueError as stumbled:
            log.warning("RQ could not clear up: %s", stumbled)
            self.last_cleaned_at = datetime.now(UTC)  # type: ignore[assignment]

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        # An orphaned horse would go on writing while its job is started a second time.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)
