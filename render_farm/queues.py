# pyright: basic
# RQ has no complete types: strict mode would report its own holes on every line of this file.
"""RQ and nothing else: a queue per tier, submit, cancel, place in line, and the worker process that serves queues.

Every other module of Workprint speaks to the farm through `Farm`; no other file imports RQ.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis import Redis
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError, NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from crdt_schema.ids import new_id
from render_farm.clock import utc_now
from render_farm.job import (
    QUEUES,
    Cancelled,
    FarmError,
    FarmNode,
    FarmUnavailable,
    JobOrder,
    Lost,
    QueueName,
    Requeued,
)
from render_farm.ledger import REDIS_AWAY, Ledger, LiveJob, connect, redis_reached

RUN_JOB = "render_farm.run_job.run_job"
NO_LIMIT = -1
"""The attempt keeps its own time limit, so that it can say what happened; RQ's would only kill it."""
REMEMBERED_SECONDS = 300
WORKER_SECONDS = 60
ORPHAN_SECONDS = 10.0
"""A job that is in no queue and held by nobody for so long has lost its worker; a hand-over takes far less."""
MAX_FAULTS = 1
REAPER_SECONDS = 2.0
LOST_REASON = "The farm node that ran this job vanished, twice. Please generate again."

log = structlog.get_logger("workprint.farm")


class Farm:
    """The farm as the hub sees it. Synchronous: call it from a thread. All but `ping` raise FarmUnavailable."""

    def __init__(self, redis_url: str, namespace: str = "workprint", *, orphan_seconds: float = ORPHAN_SECONDS) -> None:
        self.redis_url = redis_url
        self._redis = connect(redis_url)
        self.ledger = Ledger(self._redis, namespace)
        self._orphan_seconds = orphan_seconds
        self._missing: dict[str, float] = {}
        self._name = new_id("hub")

    def ping(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except REDIS_AWAY:
            return False

    def greet(self) -> bool:
        """Whether Redis remembers the last greeting; False after it has lost its memory, and the first time."""
        with redis_reached():
            return not self._redis.set(self.ledger.key("greeted"), self._name, nx=True)

    def submit(self, order: JobOrder) -> bool:
        """Put a job in the queue of its tier, once: the same id again changes nothing. False when it has ended.

        Safe to repeat after a crash at any point. RQ's `unique` alone lapses minutes after the job ended, so the
        ledger is asked first.
        """
        if not self.ledger.enter(order):
            return False
        live = self.ledger.live_job(order.job)
        if live is not None and live.order.project != order.project:
            raise FarmError("Another project uses this intent id")
        if not self.ledger.is_leased(order.job):
            self._enqueue(order)
        return True

    def adopt(self, order: JobOrder) -> None:
        """Make sure that a job which should be running is not forgotten, e.g. by a Redis that lost its memory."""
        self.ledger.enter(order)

    def cancel(self, job_id: str) -> bool:
        """Ask for a job's end. One that waits is gone at once; one that runs stops at its next step.

        The end itself comes as a `cancelled` event, from here or from the node. False when the farm has never heard
        of the job, and then no event will come.
        """
        live = self.ledger.live_job(job_id)
        if live is None:
            return self.ledger.is_done(job_id)
        self.ledger.ask_cancel(job_id)
        with redis_reached():
            taken = self._queue(live.order.queue).remove(job_id)
        if taken:
            self._end_cancelled(live.order)
        return True

    def position(self, job_id: str) -> int | None:
        """How many jobs stand before this one; None when it does not wait (any more)."""
        with redis_reached():
            for queue in QUEUES:
                position = self._queue(queue).get_job_position(job_id)
                if position is not None:
                    return position
        return None

    def waiting(self, queue: QueueName) -> int:
        """How many jobs wait in a queue."""
        with redis_reached():
            return len(self._queue(queue))

    def nodes(self) -> list[FarmNode]:
        """The farm nodes that were heard of lately."""
        return self.ledger.nodes()

    def reap(self) -> list[str]:
        """Find jobs whose worker vanished: queue each once more, then give it up. Returns their ids.

        Call it every few seconds; with several hubs one of them does the work.
        """
        if not self.ledger.is_mine("reaper", self._name, REAPER_SECONDS / 2):
            return []
        missing = self._missing_jobs()
        now = time.monotonic()
        self._missing = {job: self._missing.get(job, now) for job in missing}
        due = [job for job, since in self._missing.items() if now - since >= self._orphan_seconds]
        for job in due:
            del self._missing[job]
            self._rescue(missing[job])
        return due

    def hand_back(self, job_id: str) -> None:
        """Queue a job again whose worker was told to stop; nobody's fault."""
        live = self.ledger.live_job(job_id)
        if live is not None:
            self.ledger.publish(Requeued(**_about(live.order)))
            self._requeue(live.order)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()

    def _missing_jobs(self) -> dict[str, LiveJob]:
        """Live jobs that are in no queue and held by nobody."""
        live = self.ledger.live()
        # A job that is taken up between the two looks seems missing once; only what stays missing is acted on.
        leased = self.ledger.leased(live)
        with redis_reached():
            queued = {job for queue in QUEUES for job in self._queue(queue).get_job_ids()} if live else set()
        return {job: found for job, found in live.items() if job not in leased and job not in queued}

    def _rescue(self, live: LiveJob) -> None:
        order = live.order
        if self.ledger.is_cancelled(order.job):
            self._end_cancelled(order)
        elif live.faults < MAX_FAULTS:
            log.warning("job requeued", job=order.job, project=order.project, faults=live.faults + 1)
            # Told before it is queued, so that it cannot overtake the `started` of the next attempt.
            self.ledger.blame(live, Requeued(**_about(order)))
            self._requeue(order)
        else:
            trace_id = new_id("trace")
            log.error("job lost", job=order.job, project=order.project, traceId=trace_id)
            self.ledger.give_up(Lost(**_about(order), reason=LOST_REASON, trace_id=trace_id))

    def _end_cancelled(self, order: JobOrder) -> None:
        self.ledger.end(Cancelled(**_about(order)))
        self._forget(order.job)

    def _requeue(self, order: JobOrder) -> None:
        self._forget(order.job)
        self.ledger.release(order.job)
        self._enqueue(order)

    def _forget(self, job_id: str) -> None:
        with redis_reached():
            try:
                Job.fetch(job_id, connection=self._redis, serializer=JSONSerializer).delete()
            except NoSuchJobError:
                return

    def _enqueue(self, order: JobOrder) -> None:
        with redis_reached():
            try:
                self._queue(order.queue).enqueue_call(
                    RUN_JOB,
                    args=(order.as_json(),),
                    job_id=order.job,
                    description=order.job,  # RQ would print the arguments, and among them the token
                    timeout=NO_LIMIT,
                    result_ttl=REMEMBERED_SECONDS,
                    failure_ttl=REMEMBERED_SECONDS,
                    unique=True,
                )
            except DuplicateJobError:
                return

    def _queue(self, queue: QueueName) -> Queue:
        return Queue(queue_name(self.ledger.namespace, queue), connection=self._redis, serializer=JSONSerializer)


class _Process(Worker):
    """An RQ worker that stops within seconds, survives a Redis that is away, and owns up to jobs it dropped."""

    max_connection_wait_time = 5.0
    stop_seconds = 3.0
    stopping = False
    listening = False
    dropped = ""
    """The job whose attempt this process had to end because it was told to stop."""
    on_killed: Callable[[str], None]

    def _install_signal_handlers(self) -> None:
        """Not RQ's: the worker's main thread has its own, which are there before and after this process works."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """As RQ's, but it can be interrupted."""
        # In this order: a stop that comes before the check is seen by it, one that comes after interrupts the wait.
        self.listening = True
        try:
            if self._stop_requested:
                raise StopRequested
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
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
        if self.stopping:
            self.dropped = job.id
        else:
            self.on_killed(job.id)


class WorkerLoop:
    """Serves the queues of some tiers until it is told to stop; for a worker's main thread."""

    def __init__(
        self, farm: Farm, redis_url: str, *, name: str, queues: Sequence[QueueName], stop_seconds: float
    ) -> None:
        self._farm, self._url, self._name, self._queues = farm, redis_url, name, queues
        self._stop_seconds = stop_seconds
        self._process: _Process | None = None
        self._stopping = False

    @property
    def current_job(self) -> str:
        """The job whose attempt runs in a child of this process, or empty. For other threads."""
        process = self._process
        return os.environ.get("RQ_JOB_ID", "") if process is not None and process.horse_pid else ""

    def stop(self) -> None:
        """Have `work` return soon. For the main thread's signal handler; may be called at any moment, and again."""
        self._stopping = True
        if self._process is not None:
            self._process.stop()

    def work(self, *, burst: bool = False) -> bool:
        """Serve until told to stop (or, in a burst, until the queues are empty). True when told to stop.

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
                return self._stopping
        finally:
            connection.close()

    def _make_process(self, connection: Redis) -> _Process:
        process = _Process(
            [queue_name(self._farm.ledger.namespace, queue) for queue in self._queues],
            f"{self._name}-{new_id()[:6]}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_SECONDS,
        )
        process.stop_seconds = self._stop_seconds
        process.on_killed = self._farm.ledger.release
        process.log_job_description = False
        return process

    def _put_right(self, process: _Process) -> None:
        """Nothing of this process runs on, and what it did not finish goes to another."""
        if process.horse_pid:
            process.kill_horse(signal.SIGKILL)
            process.wait_for_horse()
        if process.dropped:
            try:
                self._farm.hand_back(process.dropped)
            except FarmUnavailable:
                log.warning("job not handed back, the lease will run out", job=process.dropped)


def queue_name(namespace: str, queue: QueueName) -> str:
    """The name of a queue in Redis."""
    return f"{namespace}:{queue}"


def _about(order: JobOrder) -> dict[str, Any]:
    return {"job": order.job, "project": order.project, "attempt": "", "farm_node": "", "at": utc_now()}
