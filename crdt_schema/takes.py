"""The `takes` document: jobs and takes, the legal moves of a job, and the only code that writes them."""

from dataclasses import dataclass
from typing import Any, cast, get_args

from pycrdt import Doc, Map

from crdt_schema.records import Attempt, Job, JobStatus, NodeState, Take, Tier

JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)
TIERS: tuple[Tier, ...] = get_args(Tier)

LEGAL_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    "refused": frozenset(),
    "queued": frozenset({"running", "cancelled", "failed", "lost"}),
    # running -> running is a new attempt of the same job; running -> queued is a requeue after a lost node.
    "running": frozenset({"running", "queued", "completed", "failed", "cancelled", "lost"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    # Its artist was told to generate again: what a node brings after that is set aside.
    "lost": frozenset(),
}

LIVE_STATUSES: frozenset[JobStatus] = frozenset({"queued", "running"})

NODE_STATES: dict[JobStatus, NodeState] = {
    "refused": "error",
    "queued": "generating",
    "running": "generating",
    "completed": "completed",
    "failed": "error",
    "cancelled": "idle",
    "lost": "error",
}


@dataclass(frozen=True)
class Costs:
    """The two sums that a budget is compared with, in USD."""

    spent_usd: float
    reserved_usd: float


class IllegalMove(Exception):
    """A job cannot go from the status it has to the one asked for."""


class Takes:
    """Typed access to a `takes` document; use it inside one transaction per change."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._jobs: Map[Any] = doc.get("jobs", type=Map)
        self._takes: Map[Any] = doc.get("takes", type=Map)

    def job_ids(self) -> list[str]:
        """The id of every job."""
        return list(self._jobs.keys())

    def has_job(self, job_id: str) -> bool:
        """Whether the intent of that id has been judged."""
        return job_id in self._jobs

    def job(self, job_id: str) -> Job | None:
        """The job of that intent, or None when it has not been judged yet."""
        record = self._jobs.get(job_id)
        return cast("Job", record.to_py()) if record is not None else None

    def add_job(self, job_id: str, job: Job) -> None:
        """Write the judgement of an intent; raises IllegalMove when it has been judged before."""
        if job_id in self._jobs:
            raise IllegalMove(f"job {job_id} exists")
        self._jobs[job_id] = Map(dict(job))

    def move_job(self, job_id: str, status: JobStatus, **fields: object) -> None:
        """Move a job to `status` and set `fields` with it; raises IllegalMove."""
        record = self._jobs.get(job_id)
        if record is None:
            raise IllegalMove(f"there is no job {job_id}")
        now = cast("JobStatus", record["status"])
        if status not in LEGAL_MOVES[now]:
            raise IllegalMove(f"job {job_id}: {now} -> {status}")
        for name, value in {**fields, "status": status}.items():
            if record.get(name) != value:
                record[name] = value

    def live_job(self, job_id: str) -> Job | None:
        """That job, or None when there is none or it has ended."""
        record = self._jobs.get(job_id)
        return cast("Job", record.to_py()) if record is not None and record["status"] in LIVE_STATUSES else None

    def take_ids(self) -> list[str]:
        """The id of every take."""
        return list(self._takes.keys())

    def set_attempts(self, job_id: str, attempts: list[Attempt]) -> None:
        """Write what is known of a job's attempts, whatever its status; raises IllegalMove."""
        record = self._jobs.get(job_id)
        if record is None:
            raise IllegalMove(f"there is no job {job_id}")
        if record["attempts"] != attempts:
            record["attempts"] = attempts

    def set_priority(self, job_id: str, priority: int) -> None:
        """Write the priority that a job was given later, whatever its status; raises IllegalMove."""
        record = self._jobs.get(job_id)
        if record is None:
            raise IllegalMove(f"there is no job {job_id}")
        if record.get("priority") != priority:
            record["priority"] = priority

    def takes(self) -> dict[str, Take]:
        """Every take by id."""
        return cast("dict[str, Take]", self._takes.to_py() or {})

    def take(self, take_id: str) -> Take | None:
        """One take."""
        return cast("Take | None", self._takes.get(take_id))

    def add_take(self, take_id: str, take: Take) -> None:
        """Record a take; raises IllegalMove when one of that id exists, for a take is written once."""
        if take_id in self._takes:
            raise IllegalMove(f"take {take_id} exists")
        self._takes[take_id] = dict(take)
