"""How far running jobs are: from farm events to everybody's screen, never into the document (I-010)."""

import asyncio

import structlog

from crdt_schema.ids import ProjectId
from crdt_schema.records import JobProgress
from server.errors import WorkprintError
from server.hub.hub import Hub
from server.hub.room import Room

SHOW_SECONDS = 0.1
"""A screen is told at most ten times a second per project, however many jobs run."""

log = structlog.get_logger("workprint.progress")


class Progress:
    """Shows jobs in the server's presence on `takes`: the latest of each, coalesced."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._jobs: dict[ProjectId, dict[str, JobProgress]] = {}
        self._news: set[ProjectId] = set()
        self._showing: dict[ProjectId, asyncio.Task[None]] = {}

    def note(self, project: ProjectId, job: str, progress: JobProgress) -> None:
        """Show how far a job is."""
        self._jobs.setdefault(project, {})[job] = progress
        self._schedule(project)

    def end(self, project: ProjectId, job: str) -> None:
        """Stop showing a job."""
        if self._jobs.get(project, {}).pop(job, None) is not None:
            self._schedule(project)

    def show(self, room: Room) -> None:
        """Tell a room that was just opened what is known of its jobs."""
        if self._jobs.get(room.project):
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
                    jobs = self._jobs.get(project)
                    room.present("farm", {"jobs": dict(jobs)} if jobs else None)
                    await asyncio.sleep(SHOW_SECONDS)
        except WorkprintError as error:
            self._news.discard(project)
            log.warning("progress not shown", project=project, error=str(error))
        finally:
            del self._showing[project]
