"""The farm as it is now, for everybody who looks: gathered once for all of them, and not at all while nobody does."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Container, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from crdt_schema.ids import ProjectId
from crdt_schema.takes import Takes
from render_farm.overview import UNREACHABLE, Overview
from server.errors import WorkprintError
from server.hub.changes import Changes
from server.hub.guarded import failures_logged
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents import eta
from server.intents.farm_view import FarmView
from server.intents.progress import Progress
from server.intents.summaries import Summary, Tally
from server.projects.index import Projects

GATHER_SECONDS = 0.5
"""Nobody is told more often than twice a second."""
FIRST_PROJECTS = 20
"""How many projects are read at a time when somebody looks for the first time; the others follow."""

log = structlog.get_logger("workprint.farm_live")


@dataclass(frozen=True)
class Gathered:
    """All that can be shown at one moment, to those who may see all of it; `number` grows with each moment."""

    number: int = 0
    farm: Overview = UNREACHABLE
    projects: Mapping[str, Summary] = field(default_factory=dict[str, Summary])
    arrivals: Mapping[str, float] = field(default_factory=dict[str, float])
    percents: Mapping[str, tuple[float, str]] = field(default_factory=dict[str, tuple[float, str]])
    """How far jobs are, and at which step."""


class FarmLive:
    """Gathers while somebody looks. One for the service; `attach` is an `on_open` of the Hub."""

    def __init__(self, projects: Projects, view: FarmView) -> None:
        self._projects, self._view = projects, view
        self._summaries: dict[str, Summary] = {}
        self._stale: set[str] = set()
        self._changes: dict[Room, Changes] = {}
        self._tallies: dict[Room, Tally] = {}
        """Of rooms that are open."""
        self._watchers = 0
        self._gathering: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.now = Gathered()
        self.closed = False

    def start(self, hub: Hub, progress: Progress) -> None:
        """Say where the documents and the progress are."""
        self._hub, self._progress = hub, progress

    def attach(self, room: Room) -> Callable[[], None]:
        """Notice that a project's jobs have changed; its summary is made again when somebody looks."""
        if room.document != "takes":
            return lambda: None
        changes = self._changes[room] = Changes(room.doc, ("jobs",))
        end_saved = room.on_saved(lambda _applied: self._stale.add(room.project))

        def detach() -> None:
            self._changes.pop(room, None)
            self._tallies.pop(room, None)
            changes.detach()
            end_saved()

        return detach

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Gather for as long as this lasts."""
        self._watchers += 1
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather_on(), name="farm live")
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                await self._stop()

    async def after(self, number: int, seconds: float) -> Gathered:
        """What there is to show once it is newer than `number`, or after so long."""
        async with self._news:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait_for(lambda: self.now.number > number or self.closed)
        return self.now

    async def close(self) -> None:
        """Tell everybody who looks that this ends."""
        self.closed = True
        await self._stop()
        async with self._news:
            self._news.notify_all()

    async def _stop(self) -> None:
        task, self._gathering = self._gathering, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _gather_on(self) -> None:
        while True:
            try:
                await self._gather()
            except Exception:
                log.exception("the farm could not be gathered")
            await asyncio.sleep(GATHER_SECONDS)

    async def _gather(self) -> None:
        farm = await self._view.look(GATHER_SECONDS / 2)
        await self._summarise()
        shown = self._progress.all()
        percents = {job: (at["percent"], at["step"]) for job, at in shown.items()}
        arrivals = eta.arrivals(farm, self._progress.percents())
        self.now = Gathered(self.now.number + 1, farm, dict(self._summaries), arrivals, percents)
        async with self._news:
            self._news.notify_all()

    async def _summarise(self) -> None:
        """Read what is new or has changed, a few projects at a time."""
        there = {str(project.id): project.manifest["title"] for project in self._projects.all()}
        for gone in self._summaries.keys() - there.keys():
            del self._summaries[gone]
        renamed = {key for key, known in self._summaries.items() if known.name != there[key]}
        due = [key for key in there if key not in self._summaries or key in self._stale or key in renamed]
        for key in due[:FIRST_PROJECTS]:
            self._stale.discard(key)
            try:
                async with self._hub.room(ProjectId(key), "takes") as room:
                    self._summaries[key] = await self._summary(room, there[key])
            except WorkprintError as error:
                log.info("a project is not shown", project=key, error=str(error))
                self._summaries[key] = Summary(there[key], {}, (), {})

    async def _summary(self, room: Room, name: str) -> Summary:
        """That of one project: read whole once, giving others their turn, and then what has changed."""
        tally = self._tallies.get(room)
        if tally is None or tally.name != name:
            tally = self._tallies[room] = Tally(room.project, name)
            if room in self._changes:
                self._changes[room].begin()
        if (changes := self._changes.get(room)) is not None:
            await changes.in_turns(partial(_put, tally, Takes(room.doc)))
        if changes is None or changes is not self._changes.get(room):
            # It is being loaded again.
            self._stale.add(room.project)
        return tally.summary()


def _put(tally: Tally, takes: Takes, _root: str, key: str) -> None:
    with failures_logged(log, "a job cannot be read, and is not shown", job=key):
        job = takes.job(key)
        take = takes.take(job["take"]) if job is not None and job["take"] else None
        tally.put(key, job, float(take["cost_usd"]) if take is not None else None)


def visible_to(gathered: Gathered, projects: Container[str]) -> dict[str, Summary]:
    """The summaries of those projects."""
    return {key: one for key, one in gathered.projects.items() if key in projects}
