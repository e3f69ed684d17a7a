"""How live jobs stand: from farm events and queues to everybody's screen, never into the document (I-010)."""

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from crdt_schema.ids import ProjectId
from crdt_schema.records import JobProgress
from server.errors import WorkprintError
from server.hub.hub import Hub
from server.hub.room import Room

SHOW_SECONDS = 0.1
"""A screen is told at most ten times a second per project, however many jobs run."""
JOBS_AT_FULL_PACE = 40
"""All jobs are told together, 130 bytes or so each: of more of them in proportion less often, to stay below 50 kB/s."""
SLOWEST_SECONDS = 2.0
Ended = Callable[[ProjectId, str], None]

log = structlog.get_logger("workprint.progress")


class Progress:
    """Shows jobs in the server's presence on `takes`: the latest of each, coalesced."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._jobs: dict[ProjectId, dict[str, JobProgress]] = {}
        self._marks: dict[ProjectId, str] = {}
        self._news: set[ProjectId] = set()
        self._showing: dict[ProjectId, asyncio.Task[None]] = {}
        self.on_end: list[Ended] = []
        """Who hears when a job is shown no longer."""

    def note(self, project: ProjectId, job: str, progress: JobProgress) -> None:
        """Show how far a job is; its preview stays until there is another."""
        jobs = self._jobs.setdefault(project, {})
        before = jobs.get(job)
        jobs[job] = (
            progress if before is None or "preview" not in before else {"preview": before["preview"], **progress}
        )
        self._schedule(project)

    def add(self, project: ProjectId, job: str, **fields: object) -> None:
        """Say more of a job that is shown."""
        known = self.of(project, job)
        if known is not None and any(known.get(name) != value for name, value in fields.items()):
            self._jobs[project][job] = cast("JobProgress", {**known, **fields})
            self._schedule(project)

    def mark(self, project: ProjectId, mark: str) -> None:
        """Say that the farm is another than before: another mark for another farm, for pages that show estimates."""
        if self._marks.get(project) != mark:
            self._marks[project] = mark
            self._schedule(project)

    def of(self, project: ProjectId, job: str) -> JobProgress | None:
        """What is shown of a job."""
        return self._jobs.get(project, {}).get(job)

    def all(self) -> dict[str, JobProgress]:
        """What is shown of every job."""
        return {job: shown for jobs in self._jobs.values() for job, shown in jobs.items()}

    def percents(self) -> dict[str, float]:
        """How far every job is that runs."""
        return {job: shown["percent"] for job, shown in self.all().items() if "position" not in shown}

    def end(self, project: ProjectId, job: str) -> None:
        """Stop showing a job."""
        if self._jobs.get(project, {}).pop(job, None) is not None:
            self._schedule(project)
        for tell in self.on_end:
            tell(project, job)

    def show(self, room: Room) -> None:
        """Tell a room that was just opened what is known of its jobs."""
        if self._jobs.get(room.project) or room.project in self._marks:
            self._schedule(room.project)

    async def close(self) -> None:
        """Stop telling."""
        tasks = list(self._showing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _schedule(self, project: ProjectId) -> None:
        self._news.add(project)
        if project not in self._showing:
            self._showing[project] = asyncio.create_task(self._show(project), name=f"progress {project}")

    async def _show(self, project: ProjectId) -> None:
        try:
            async with self._hub.room(project, "takes") as room:
                while project in self._news:
                    self._news.discard(project)
                    jobs, mark = self._jobs.get(project), self._marks.get(project)
                    said = {"jobs": dict(jobs or {}), **({"mark": mark} if mark else {})}
                    room.present("farm", said if jobs or mark else None)
                    await asyncio.sleep(pace_seconds(len(jobs or ())))
        except WorkprintError as error:
            self._news.discard(project)
            log.warning("progress not shown", project=project, error=str(error))
        finally:
            del self._showing[project]


def pace_seconds(jobs: int) -> float:
    """How long to wait before so many jobs are told again."""
    return min(SHOW_SECONDS * max(1.0, jobs / JOBS_AT_FULL_PACE), SLOWEST_SECONDS)
