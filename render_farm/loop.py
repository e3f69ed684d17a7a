# pyright: basic
# RQ has no complete types: strict mode would report its own holes on every line of this file.
"""The worker's main thread: picks the jobs that its node should run, has RQ fork an attempt for each, and stops well.

Beside `queues.py` the only file that imports RQ.
"""

import os
import signal
import threading

import structlog
from redis import Redis
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from crdt_schema.ids import new_id
from render_farm.job import FarmUnavailable
from render_farm.ledger import FENCE, REDIS_AWAY, connect, redis_reached
from render_farm.leftovers import sweep_containers
from render_farm.line import Waiting
from render_farm.pick import Picked, Station
from render_farm.queues import Farm, queue_name

WORKER_SECONDS = 60
LOOK_SECONDS = 15
"""An idle node that nobody has woken looks by itself so often: whoever brings a job wakes one in the same step."""

log = structlog.get_logger("workprint.farm")


class _Process(Worker):
    """An RQ worker that takes what its node should run, stops within seconds, and owns up to jobs it dropped."""

    stop_seconds = 3.0
    stopping = False
    listening = False
    dropped = ""
    """The job whose attempt this process had to end because it was told to stop."""
    farm: Farm
    station: Station

    def _install_signal_handlers(self) -> None:
        """Not RQ's: the worker's main thread has its own, which are there before and after this process works."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job of this node and the queue that it stood in; None in a burst when there is none."""
        del max_idle_time
        try:
            self.set_state(WorkerStatus.IDLE)
            return self._next(burst=timeout is None)
        except (*REDIS_AWAY, FarmUnavailable) as error:
            raise StopRequested from error

    def _next(self, *, burst: bool) -> tuple[Job, Queue] | None:
        self.station.rests()
        while not self._stop_requested:
            self.heartbeat()
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()
            taken = self.farm.pick(self.station)
            if isinstance(taken, Picked):
                found = self._found(taken)
                if found is not None:
                    return found
            elif taken == "draining":
                self.station.is_drained = True
                break
            elif burst:
                return None
            else:
                self._wait_for_bell()
        raise StopRequested

    def _found(self, taken: Picked) -> tuple[Job, Queue] | None:
        """RQ's record of the job; puts the job back when this process stops or RQ has lost it."""
        if not self._stop_requested and taken.rq_record:
            job = Job(taken.job, connection=self.connection, serializer=self.serializer)
            job.restore(taken.rq_record)
            job.redis_server_version = self.get_redis_server_version()
            self.station.begins(Waiting.from_json(taken.card))
            # The attempt is forked from this process and inherits it: by the time it could ask Redis, another
            # node might hold the job.
            os.environ[FENCE] = str(taken.fence)
            return job, Queue(job.origin, connection=self.connection, serializer=self.serializer)
        if not taken.rq_record:
            log.warning("RQ forgot a job that waited", job=taken.job)
        self.farm.put_back(taken.job)
        return None

    def _wait_for_bell(self) -> None:
        # In this order: a stop that comes before the check is seen by it, one that comes after interrupts the wait.
        self.listening = True
        try:
            if self._stop_requested:
                raise StopRequested
            self.connection.blpop([self.farm.ledger.key("bell", self.station.name)], timeout=LOOK_SECONDS)
        finally:
            self.listening = False

    def stop(self) -> None:
        """Stop at once when idle; else give the attempt a little time and then end it. Called by a signal handler."""
        self.stopping = self._stop_requested = True
        if self.listening:
            raise StopRequested
        timer = threading.Timer(self.stop_seconds, self._end_attempt)
        timer.daemon = True
        timer.start()

    def _end_attempt(self) -> None:
        if self.horse_pid:
            self.kill_horse()

    def maintain_heartbeats(self, job: Job) -> None:
        """As RQ's, but a Redis that is away does not end a process whose attempt is still at work."""
        try:
            super().maintain_heartbeats(job)
        except REDIS_AWAY as error:
            log.warning("heartbeat failed", job=job.id, error=str(error))

    def handle_work_horse_killed(self, job: Job, retpid: object, ret_val: object, rusage: object) -> None:
        """An attempt ended without a word, killed by us or by the machine."""
        del retpid, rusage
        log.warning("attempt killed", job=job.id, wait_status=ret_val, stopping=self.stopping)
        sweep_containers()
        if self.stopping:
            self.dropped = job.id
        else:
            try:
                self.farm.reaper.attempt_died(job.id, self.station.name)
            except FarmUnavailable:
                log.warning("a killed attempt is not told of, its lease will run out", job=job.id)


class WorkerLoop:
    """Serves a node's queues until it is told to stop or drained; for a worker's main thread."""

    def __init__(self, farm: Farm, redis_url: str, station: Station, *, stop_seconds: float) -> None:
        self._farm, self._url, self._station = farm, redis_url, station
        self._stop_seconds = stop_seconds
        self._process: _Process | None = None
        self._stopping = False

    def stop(self) -> None:
        """Have `work` return soon. For the main thread's signal handler; may be called at any moment, and again."""
        self._stopping = True
        if self._process is not None:
            self._process.stop()

    def work(self, *, burst: bool = False) -> bool:
        """Serve until told to stop (or, in a burst, until the queues are empty). True when told to stop or drained.

        Raises FarmUnavailable when Redis went away; call again later.
        """
        connection = connect(self._url)
        try:
            with redis_reached():
                process = self._process = self._make_process(connection)
                if self._stopping:  # it came before there was a process to tell
                    process.stop()
                try:
                    process.work(burst=burst, logging_level="WARNING")
                finally:
                    self._process = None
                    self._put_right(process)
                return self._stopping or self._station.is_drained
        finally:
            connection.close()

    def _make_process(self, connection: Redis) -> _Process:
        process = _Process(
            [queue_name(self._farm.ledger.namespace, queue) for queue in self._station.queues],
            f"{self._station.name}-{new_id()[:6]}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_SECONDS,
        )
        process.stop_seconds = self._stop_seconds
        process.farm, process.station = self._farm, self._station
        process.log_job_description = False
        return process

    def _put_right(self, process: _Process) -> None:
        """Nothing of this process runs on, and what it did not finish goes to another."""
        if process.horse_pid:
            process.kill_horse(signal.SIGKILL)
            process.wait_for_horse()
            sweep_containers()
        if process.dropped:
            try:
                self._farm.reaper.hand_back(process.dropped, self._station.name)
            except FarmUnavailable:
                log.warning("job not handed back, the lease will run out", job=process.dropped)
