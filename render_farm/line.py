"""The running order of a queue: priority first, then fair shares, then age; pure.

Among jobs of one priority the next is always one of the project that has least work running or placed before it; in
that project of the person with least; of that person the oldest. A job that an admin put somewhere stays there.
"""

import heapq
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from render_farm.job import JobOrder

LEAST_SECONDS = 0.1
"""Work that is said to take no time at all counts as this, or its owner would never have had a turn."""

Ages = dict[str, int]
"""The rank of each job by age, the oldest 0."""


@dataclass(frozen=True)
class Waiting:
    """What the line knows of a job; a small part of its order."""

    job: str
    project: str
    person: str
    pipeline: str
    tier: str
    vram_gb: float
    priority: int
    seconds: float
    """What the work is expected to take."""
    asked_at: str
    pinned: bool = False
    """An admin put it where it is."""

    @staticmethod
    def of(order: JobOrder) -> "Waiting":
        """What the line has to know of an order."""
        return Waiting(
            job=order.job,
            project=order.project,
            person=order.person,
            pipeline=order.pipeline,
            tier=order.tier,
            vram_gb=order.vram_gb,
            priority=order.priority,
            seconds=order.expected_seconds,
            asked_at=order.asked_at,
        )

    def as_json(self) -> str:
        """As Redis keeps it: what it needs of a node first, which a node compares without reading the rest."""
        needs = {"pipeline": self.pipeline, "tier": self.tier, "vram_gb": self.vram_gb}
        return json.dumps({**needs, **vars(self)})

    @staticmethod
    def from_json(text: str | bytes) -> "Waiting":
        """What `as_json` wrote, by this version or another."""
        known = Waiting.__dataclass_fields__
        values = cast("dict[str, Any]", json.loads(text))
        return Waiting(**{name: value for name, value in values.items() if name in known})

    @property
    def work(self) -> float:
        """Seconds, as they count for shares."""
        return max(self.seconds, LEAST_SECONDS)


class _Shares:
    """Seconds of work running or placed, by project, and by person in a project."""

    def __init__(self, running: Iterable[Waiting]) -> None:
        self.projects: dict[str, float] = defaultdict(float)
        self.people: dict[tuple[str, str], float] = defaultdict(float)
        for job in running:
            self.add(job)

    def add(self, job: Waiting) -> None:
        self.projects[job.project] += job.work
        self.people[job.project, job.person] += job.work


def plan(waiting: Sequence[Waiting], running: Iterable[Waiting] = ()) -> list[str]:
    """The ids of `waiting`, which stand as they do now, in the order in which they should run.

    Pinned jobs keep their index: when a job before them is taken they move up, whoever comes later. Of two that were
    asked for in the same millisecond, as the shots of a batch are, the one that came into the line first is the older.
    """
    free = sorted((job for job in waiting if not job.pinned), key=lambda job: job.asked_at)
    ages = {job.job: rank for rank, job in enumerate(free)}
    rest = iter(_fair(free, _Shares(running), ages))
    return [job.job if job.pinned else next(rest).job for job in waiting]


def _fair(jobs: Sequence[Waiting], shares: _Shares, ages: Ages) -> list[Waiting]:
    """The jobs, of which the oldest come first, priority by priority."""
    by_priority: dict[int, list[Waiting]] = defaultdict(list)
    for job in jobs:
        by_priority[job.priority].append(job)
    return [
        job for priority in sorted(by_priority, reverse=True) for job in _turns(by_priority[priority], shares, ages)
    ]


def _turns(jobs: Sequence[Waiting], shares: _Shares, ages: Ages) -> list[Waiting]:
    """Jobs of one priority, turn by turn; `shares` counts them as placed."""
    projects: dict[str, _People] = defaultdict(lambda: _People(shares, ages))
    for job in jobs:
        projects[job.project].join(job)
    turns = [(shares.projects[project], people.oldest(), project) for project, people in projects.items()]
    heapq.heapify(turns)
    placed: list[Waiting] = []
    while turns:
        project = turns[0][2]
        job = projects[project].next()
        shares.add(job)
        placed.append(job)
        if projects[project]:
            heapq.heapreplace(turns, (shares.projects[project], projects[project].oldest(), project))
        else:
            heapq.heappop(turns)
    return placed


class _People:
    """The people of one project with what they wait for."""

    def __init__(self, shares: _Shares, ages: Ages) -> None:
        self._shares, self._ages = shares, ages
        self._jobs: dict[str, deque[Waiting]] = defaultdict(deque)
        self._left = 0

    def __bool__(self) -> bool:
        return self._left > 0

    def join(self, job: Waiting) -> None:
        """Jobs come with the oldest first."""
        self._jobs[job.person].append(job)
        self._left += 1

    def oldest(self) -> int:
        """The rank by age of the job whose turn is next."""
        return self._ages[self._lines()[0].job]

    def next(self) -> Waiting:
        """Take the job whose turn it is."""
        job = self._lines()[0]
        self._jobs[job.person].popleft()
        self._left -= 1
        return job

    def _lines(self) -> list[Waiting]:
        """The first job of each person, the one with the least share first."""
        heads = [jobs[0] for jobs in self._jobs.values() if jobs]
        return sorted(heads, key=lambda job: (self._shares.people[job.project, job.person], self._ages[job.job]))
