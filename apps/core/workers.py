"""Our RQ worker: short heartbeats, and no work-horse that outlives its worker.

Stock settings leave a job of a killed worker "started" for minutes (measured: 810 s); the truth
about work lies in Postgres leases anyway, so RQ only has to be quick to wake.
"""

import ctypes
import signal
from typing import Any

from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

PR_SET_PDEATHSIG = 1


class ConsoleWorker(Worker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("job_monitoring_interval", 5)
        kwargs.setdefault("maintenance_interval", 10)
        kwargs["serializer"] = JSONSerializer  # pickle would run whatever lies in Redis
        super().__init__(*args, **kwargs)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return int(self.job_monitoring_interval * 4)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        # An orphaned horse would go on writing while its job is started a second time.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)
