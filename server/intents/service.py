"""Everything between a shared document and the farm, as one service: notice, judge, send, record, show."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from crdt_schema.canvas import Canvas
from crdt_schema.farm import Estimate
from crdt_schema.ids import IntentId, ProjectId, UserId, new_id
from crdt_schema.records import CancelBatchIntent, CancelIntent, Job
from crdt_schema.takes import Takes
from pipelines.spec import Pipeline
from render_farm.attempt_log import AttemptLogs
from render_farm.events import EventStream
from render_farm.job import FarmUnavailable
from render_farm.queues import Farm
from render_farm.reaper import REAPER_SECONDS
from server.auth.actor import FARM, SYSTEM, Actor
from server.errors import NotFound, Unavailable, WorkprintError
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents.authors import find_authors
from server.intents.dispatcher import Dispatcher, IssueToken
from server.intents.estimates import Estimates
from server.intents.farm_view import FarmView
from server.intents.judge import Judge
from server.intents.line_watch import LineWatch
from server.intents.observer import IntentObserver
from server.intents.previews import Previews
from server.intents.progress import Progress
from server.intents.recorder import Recorder
from server.intents.requests import Request
from server.intents.shelves import Shelves
from server.projects.index import Projects

TEND_SECONDS = 1.0
"""How soon work goes out after Redis has returned."""
SERVICES = {actor.user_id: actor for actor in (FARM, SYSTEM)}

FindActor = Callable[[ProjectId, UserId], Awaitable[Actor | None]]
"""Somebody with the role they have in a project today; None when they are no member any more."""

log = structlog.get_logger("workprint.intents")


async def know_nobody(_project: ProjectId, _user: UserId) -> Actor | None:
    """The FindActor of a workspace without people."""
    return None


class Intents:
    """Made once by the app. `attach` is an `on_open` of the Hub; `start` and `close` frame its life."""

    def __init__(
        self,
        *,
        projects: Projects,
        farm: Farm,
        issue_token: IssueToken,
        hub_url: str,
        pipelines: Mapping[str, Pipeline],
        find_actor: FindActor = know_nobody,
    ) -> None:
        self._projects, self._farm = projects, farm
        self._issue_token, self._hub_url = issue_token, hub_url
        self._find_actor = find_actor
        self._judge = Judge(pipelines)
        self.view = FarmView(farm)
        self.shelves = Shelves()
        """The jobs and takes of every project that is open, as they stand."""
        self._lines: dict[ProjectId, deque[Request]] = {}
        self._answering: dict[ProjectId, asyncio.Task[None]] = {}
        self._pending: set[tuple[ProjectId, IntentId]] = set()
        self._to_sweep: asyncio.Queue[ProjectId] = asyncio.Queue()
        self._ended: asyncio.Queue[tuple[ProjectId, str]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self, hub: Hub) -> None:
        """Begin to answer and to record; what was left over from before is looked at first."""
        self._hub = hub
        self._progress = Progress(hub)
        self._dispatcher = Dispatcher(
            hub,
            self._projects,
            self.shelves,
            farm=self._farm,
            view=self.view,
            judge=self._judge,
            progress=self._progress,
        )
        self._dispatcher.issue_token, self._dispatcher.hub_url = self._issue_token, self._hub_url
        # The same name after a restart, so that events which were not dealt with come again at once.
        self._stream = EventStream(self._farm.redis_url, self._farm.ledger.namespace, socket.gethostname())
        recorder = Recorder(hub, self._projects, self._stream, shelves=self.shelves, progress=self._progress)
        self.previews = Previews(self._progress)
        self.estimates = Estimates(
            hub, self._projects, self.shelves, judge=self._judge, view=self.view, progress=self._progress
        )
        self._progress.on_end.append(lambda project, job: self._ended.put_nowait((project, job)))
        line = LineWatch(hub, judge=self._judge, view=self.view, progress=self._progress)
        work = {"recorder": recorder.run, "sweeps": self._sweep_queued, "tend": self._tend, "line": line.run}
        work["durations"] = self._note_durations
        self._tasks = [asyncio.create_task(_for_ever(name, run), name=f"intents {name}") for name, run in work.items()]
        for project in self._lines:
            self._answer_soon(project)

    async def close(self) -> None:
        """Stop; whatever was under way is found again at the next start."""
        self._closed = True
        await _end([*self._tasks, *self._answering.values()])
        if self._tasks:
            await self._progress.close()
            await self._stream.close()

    def attach(self, room: Room) -> Callable[[], None]:
        """Watch a room that was just opened; returns what ends that."""
        if room.document == "takes" and self._tasks:
            self._progress.show(room)
        forget = self.shelves.attach(room)
        if room.document != "canvas":
            return forget
        observer = IntentObserver(room, self._take_up)
        self._to_sweep.put_nowait(room.project)

        def detach() -> None:
            observer.detach()
            forget()

        return detach

    @property
    def progress(self) -> Progress:
        """How live jobs stand."""
        return self._progress

    @property
    def logs(self) -> AttemptLogs:
        """The logs of attempts, while they are written."""
        return self._stream.logs

    async def estimate(self, project: ProjectId, node: str, actor: Actor, *, fresh: bool = False) -> Estimate:
        """Price, tier, time and what stands in the way of a take of a shot; raises NotFound."""
        return await self.estimates.one(project, node, actor, fresh=fresh)

    def _take_up(self, request: Request) -> None:
        self._pending.add((request.project, request.intent))
        self._lines.setdefault(request.project, deque()).append(request)
        if self._tasks:
            self._answer_soon(request.project)

    def _answer_soon(self, project: ProjectId) -> None:
        """A project's requests are answered one after the other, and nobody waits for those of another project."""
        if project not in self._answering and not self._closed:
            self._answering[project] = asyncio.create_task(self._answer(project), name=f"answers {project}")

    async def _answer(self, project: ProjectId) -> None:
        line = self._lines[project]
        try:
            while line:
                await self._answer_one(line.popleft())
        finally:
            del self._answering[project], self._lines[project]

    async def _answer_one(self, request: Request) -> None:
        try:
            await self._dispatcher.consider(request)
        except (Unavailable, NotFound) as error:
            log.info("the intent waits for another occasion", job=request.intent, error=str(error))
            self._sweep_later(request.project)
        except Exception:
            # The intent has no job yet, so the next sweep finds it.
            log.exception("intent not answered", traceId=new_id("trace"), service="intents", job=request.intent)
            self._sweep_later(request.project)
        finally:
            self._pending.discard((request.project, request.intent))

    async def _tend(self) -> None:
        """Every second: has Redis come back, or forgotten everything? Every few: has a worker vanished?"""
        reached, reap_at, loop = False, 0.0, asyncio.get_running_loop()
        while True:
            try:
                remembered = await asyncio.to_thread(self._farm.greet)
                if not (reached and remembered):
                    for project in self._projects.all():
                        self._to_sweep.put_nowait(project.id)
                reached = True
                await self._dispatcher.retry_waiting()
                if loop.time() >= reap_at:
                    reap_at = loop.time() + REAPER_SECONDS
                    await asyncio.to_thread(self._farm.reap)
            except FarmUnavailable:
                reached = False
            except WorkprintError as error:
                log.warning("the farm was not tended", error=str(error))
            await asyncio.sleep(TEND_SECONDS)

    async def _note_durations(self) -> None:
        """Remember how long each take took: the next estimates go by it."""
        while True:
            project, job_id = await self._ended.get()
            with suppress(WorkprintError):
                async with self._hub.room(project, "takes") as takes:
                    job = Takes(takes.doc).job(job_id)
                if job is not None and job["status"] == "completed" and job["attempts"]:
                    node = job["attempts"][-1]["farm_node"]
                    await self.view.note_duration(job_id, job["pipeline"], job["tier"], node, job["seconds"])

    async def _sweep_queued(self) -> None:
        while True:
            project = await self._to_sweep.get()
            try:
                await self._sweep(project)
            except (FarmUnavailable, Unavailable, NotFound) as error:
                log.info("the sweep waits for another occasion", project=project, error=str(error))
            except Exception:
                log.exception("sweep failed", traceId=new_id("trace"), service="intents", project=project)

    async def _sweep(self, project: ProjectId) -> None:
        """Answer what nobody answered, and see that the farm has what it should have."""
        async with self._hub.room(project, "canvas") as canvas, self._hub.room(project, "takes") as takes:
            await self.shelves.ready(takes)
            seen = self._unanswered(canvas, takes)
            # What was seen before is on disk now, and either handed over by its observer or really left over.
            await canvas.saved()
            still = set(self._unanswered(canvas, takes))
            left = [intent for intent in seen if intent in still]
            authors = await find_authors(canvas.history, left) if left else {}
            for intent in left:
                actor = await self._actor(project, *authors[intent]) if intent in authors else None
                await self._dispatcher.consider(Request(project, intent, actor))
            await self._dispatcher.resume(takes)

    def _unanswered(self, canvas: Room, takes: Room) -> list[IntentId]:
        """Requests without a job, and cancels whose job still lives; those first that make jobs."""
        jobs, intents = Takes(takes.doc), Canvas(canvas.doc)
        live = self.shelves.of(takes).live
        generate: list[IntentId] = []
        cancel: list[IntentId] = []
        for key in map(IntentId, intents.intent_ids()):
            known = (canvas.project, key)
            if known in self._dispatcher.waiting or known in self._pending or jobs.has_job(key):
                # Answered, or somebody can vouch for who asked: the log need not be read.
                continue
            intent = intents.intent(key)
            if intent is None or intent["kind"] == "generate":
                generate.append(key)
            elif _still_stops(intent, live):
                cancel.append(key)
        return generate + cancel

    async def _actor(self, project: ProjectId, user_id: str, _name: str) -> Actor | None:
        return SERVICES.get(user_id) or await self._find_actor(project, UserId(user_id))

    def _sweep_later(self, project: ProjectId) -> None:
        asyncio.get_running_loop().call_later(TEND_SECONDS, self._to_sweep.put_nowait, project)


def _still_stops(intent: CancelIntent | CancelBatchIntent, live: Mapping[str, Job]) -> bool:
    """Whether a request to stop something names a job that lives."""
    if intent["kind"] == "cancel":
        return intent["job"] in live
    return any(job.get("batch", "") == intent["batch"] for job in live.values())


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they are done: Python 3.11's `asyncio.wait_for`, which redis-py uses, can swallow a cancel."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.2)


async def _for_ever(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a part of the service again when it breaks: a farm without its recorder would hang without a word."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("a part of the service broke and is started again", part=name, traceId=new_id("trace"))
            await asyncio.sleep(TEND_SECONDS)
