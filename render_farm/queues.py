# pyright: basic
# RQ has no complete types: strict mode would report its own holes on every line of this file.
"""The farm as the hub sees it: a queue of RQ's per kind of work, submit, cancel, take, place in line.

Every other module of Workprint speaks to the farm through `Farm`; beside this file only the worker's loop imports RQ.
"""

import time
from typing import Any

import structlog
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from crdt_schema.ids import new_id
from render_farm.clock import utc_now
from render_farm.job import (
    QUEUES,
    Cancelled,
    FarmError,
    FarmNode,
    JobOrder,
    Lost,
    NodeState,
    QueueName,
    Requeued,
)
from render_farm.ledger import REDIS_AWAY, Ledger, LiveJob, connect, redis_reached
from render_farm.nodes import Nodes
from render_farm.pick import Picked, Scripts, Station
from render_farm.planner import Planner

RUN_JOB = "render_farm.run_job.run_job"
NO_LIMIT = -1
"""The attempt keeps its own time limit, so that it can say what happened; RQ's would only kill it."""
REMEMBERED_SECONDS = 300
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
        self._scripts = Scripts(self._redis, namespace)
        self.roster = Nodes(self.ledger)
        self.planner = Planner(self.ledger, self._scripts)
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
            self.planner.leave(job_id)
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
        return self.roster.all()

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

    def pick(self, station: Station) -> Picked | NodeState | None:
        """Take the job that a node should run next; None when there is none, its state when it may take nothing."""
        return self._scripts.pick(station)

    def put_back(self, job_id: str) -> None:
        """Queue a job again that a node took and never began."""
        live = self.ledger.live_job(job_id)
        if live is not None:
            self._requeue(live.order)

    def requeue(self, job_id: str, reason: str) -> None:
        """Take a job away from the node that has it and queue it again; raises FarmError when it has ended.

        The attempt that is under way learns that it has lost the job when it next renews its lease.
        """
        live = self.ledger.live_job(job_id)
        if live is None:
            raise FarmError("This job has ended, or was never asked for")
        if self.position(job_id) is None:
            self.ledger.publish(Requeued(**_about(live.order), exit="stopped", reason=reason))
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
        self.planner.join(order)
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
        self._scripts.ring(order.queue, order.pipeline, order.tier)

    def _queue(self, queue: QueueName) -> Queue:
        return Queue(queue_name(self.ledger.namespace, queue), connection=self._redis, serializer=JSONSerializer)


def queue_name(namespace: str, queue: QueueName) -> str:
    """The name of a queue in Redis."""
    return f"{namespace}:{queue}"


def _about(order: JobOrder) -> dict[str, Any]:
    return {"job": order.job, "project": order.project, "attempt": "", "farm_node": "", "at": utc_now()}
