# pyright: basic
# RQ has no complete types: strict mode would report its own holes on every line of this file.
"""The farm as the hub sees it: a queue of RQ's per kind of work, submit, cancel, take, place in line.

Every other module of Workprint speaks to the farm through `Farm`; beside this file only the worker's loop imports RQ.
"""

from typing import Any

import structlog
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from crdt_schema.ids import is_id, new_id
from render_farm.clock import utc_now
from render_farm.entry import Entry, RqRecord
from render_farm.job import QUEUES, BadOrder, Cancelled, FarmError, FarmNode, JobOrder, NodeState, QueueName
from render_farm.ledger import REDIS_AWAY, Ledger, connect, redis_reached
from render_farm.nodes import Nodes
from render_farm.pick import Picked, Scripts, Station, list_key
from render_farm.planner import Planner
from render_farm.reaper import ORPHAN_SECONDS, Reaper

EXECUTE_GENERATION = "render_farm.run_job.execute_generation"
NO_LIMIT = -1
"""The attempt keeps its own time limit, so that it can say what happened; RQ's would only kill it."""
REMEMBERED_SECONDS = 300

log = structlog.get_logger("workprint.farm")


class Farm:
    """The farm as the hub sees it. Synchronous: call it from a thread. All but `ping` raise FarmUnavailable."""

    def __init__(self, redis_url: str, namespace: str = "workprint", *, orphan_seconds: float = ORPHAN_SECONDS) -> None:
        self.redis_url = redis_url
        self._redis = connect(redis_url)
        self.ledger = Ledger(self._redis, namespace)
        self._scripts, self._entry = Scripts(self._redis, namespace), Entry(self._redis, namespace)
        self.roster = Nodes(self.ledger)
        self.planner = Planner(self.ledger, self._scripts)
        self._greeted: tuple[bytes, str] | None = None
        self.reaper = Reaper(self.ledger, self, orphan_seconds=orphan_seconds)

    def ping(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except REDIS_AWAY:
            return False

    def greet(self) -> bool:
        """Whether this is still the Redis that was greeted last, with the memory it had; False the first time.

        One that was started again may have lost its last second, and what was handed over in it.
        """
        greeted = self.ledger.key("greeted")
        with redis_reached(), self._redis.pipeline() as both:
            both.set(greeted, new_id("memory"), nx=True)
            both.get(greeted)
            both.info("server")
            _, memory, server = both.execute()
        before, self._greeted = self._greeted, (memory, server["run_id"])
        return before == self._greeted

    def submit(self, order: JobOrder) -> bool:
        """Put a job in the queue of its tier, once: the same id again changes nothing. False when it has ended.

        Safe to repeat after a crash at any point, and from any hub: what is asked and done is one script.
        """
        if not is_id(order.job):
            raise BadOrder("a job's id is a Redis key and part of an address, and this is none")
        answer, known = self._entry.enter(order, self._as_rq)
        if known.project != order.project:
            raise FarmError("Another project uses this intent id")
        if answer == "cancelled":
            # Whoever cancelled it could not say so: it waited nowhere at that moment.
            self._end_cancelled(known)
        return answer == "entered"

    def adopt(self, order: JobOrder) -> bool:
        """Make sure that a job which should be running is not forgotten, e.g. by a Redis that lost its memory.

        False when it has ended.
        """
        return self.ledger.enter(order)

    def cancel(self, job_id: str) -> bool:
        """Ask for a job's end. One that waits is gone at once; one that runs stops at its next step.

        The end itself comes as a `cancelled` event, from here or from the node. False when the farm has never heard
        of the job, and then no event will come.
        """
        live = self.ledger.live_job(job_id)
        if live is None:
            return self.ledger.is_done(job_id)
        self.ledger.ask_cancel(job_id)
        with redis_reached(), self._redis.pipeline() as both:
            both.lrem(self._list(live.order.queue), 0, job_id)
            for kind in ("waiting", "passed"):
                both.hdel(self.ledger.key(kind), job_id)
            taken = both.execute()[0]
        if taken:
            self._end_cancelled(live.order)
        return True

    def position(self, job_id: str) -> int | None:
        """How many jobs stand before this one; None when it does not wait (any more)."""
        with redis_reached(), self._redis.pipeline() as both:
            for queue in QUEUES:
                both.lpos(self._list(queue), job_id)
            return next((place for place in both.execute() if place is not None), None)

    def waiting(self, queue: QueueName) -> int:
        """How many jobs wait in a queue."""
        with redis_reached():
            return self._redis.llen(self._list(queue))

    def nodes(self) -> list[FarmNode]:
        """The farm nodes that were heard of lately."""
        return self.roster.all()

    def reap(self) -> list[str]:
        """Find jobs whose worker vanished, and queue again what is due; returns the ids of the former.

        Call it every few seconds; with several hubs one of them does the work.
        """
        return self.reaper.reap()

    def waiting_jobs(self) -> set[str]:
        """The jobs in all queues."""
        with redis_reached(), self._redis.pipeline() as both:
            for queue in QUEUES:
                both.lrange(self._list(queue), 0, -1)
            return {job.decode() for jobs in both.execute() for job in jobs}

    def alive(self) -> set[str]:
        """The names of the nodes that were heard of lately."""
        return {node.name for node in self.nodes()}

    def pick(self, station: Station) -> Picked | NodeState | None:
        """Take the job that a node should run next; None when there is none, its state when it may take nothing."""
        return self._scripts.pick(station)

    def put_back(self, job_id: str) -> None:
        """Queue a job again that a node took and never began."""
        live, holder = self.ledger.live_job(job_id), self.ledger.holder(job_id)
        if live is not None and self.ledger.disown(job_id, holder.fence):
            self.submit(live.order)

    def requeue(self, job_id: str, reason: str) -> None:
        """Take a job away from the node that has it and queue it again; raises FarmError when it has ended.

        The attempt that is under way learns that it has lost the job when it next renews its lease.
        """
        if self.ledger.live_job(job_id) is None:
            raise FarmError("This job has ended, or was never asked for")
        if self.position(job_id) is None:
            self.reaper.take_back(job_id, reason)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()

    def _end_cancelled(self, order: JobOrder) -> None:
        self.ledger.end(Cancelled(**_about(order)))
        with redis_reached():
            self._redis.delete(Job.key_for(order.job))

    def _as_rq(self, order: JobOrder) -> tuple[str, RqRecord]:
        """The key and the record of RQ's job for an order."""
        job = Job.create(
            EXECUTE_GENERATION,
            args=(order.as_json(),),
            connection=self._redis,
            id=order.job,
            # RQ would print the arguments, and among them the token.
            description=f"{order.pipeline}@{order.tier}, job {order.job} of project {order.project}",
            timeout=NO_LIMIT,
            result_ttl=REMEMBERED_SECONDS,
            failure_ttl=REMEMBERED_SECONDS,
            origin=queue_name(self.ledger.namespace, order.queue),
            serializer=JSONSerializer,
        )
        return job.key, {**job.to_dict(), "status": JobStatus.QUEUED.value, "enqueued_at": utcformat(now())}

    def _list(self, queue: QueueName) -> str:
        return list_key(self.ledger.namespace, queue)


def queue_name(namespace: str, queue: QueueName) -> str:
    """The name of a queue in Redis."""
    return f"{namespace}:{queue}"


def _about(order: JobOrder) -> dict[str, Any]:
    return {"job": order.job, "project": order.project, "attempt": "", "farm_node": "", "at": utc_now()}
