"""Writes what the farm reports into `takes`: job statuses, attempts and takes; the only writer of what happened."""

import asyncio
from typing import Any

import structlog
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import ProjectId, new_id
from crdt_schema.production import locks_of
from crdt_schema.records import Job, JobProgress, JobStatus
from crdt_schema.takes import LEGAL_MOVES, Takes
from render_farm.events import EventStream
from render_farm.job import (
    AnyEvent,
    Cancelled,
    Failed,
    Finished,
    Late,
    Lost,
    Prioritised,
    Progressed,
    Requeued,
    Started,
)
from render_farm.ledger import REDIS_AWAY
from server.auth.actor import FARM
from server.errors import NotFound, Unavailable
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents.abilities import waits_no_longer
from server.intents.attempts import begun, closed, end_of, newly_ended, set_aside
from server.intents.filing import CannotFile, Known, Place, file_take, make_take
from server.intents.kept_logs import keep, log_path
from server.intents.progress import Progress
from server.intents.recipe import hash_of
from server.intents.shelves import Shelves
from server.projects.filing import take_path
from server.projects.index import Projects
from server.projects.provenance import put_sidecar, sidecar, sidecar_path

MAX_DELIVERIES = 5
"""An event that failed so often will fail for ever; the job says so instead of hanging."""
NOT_RECORDED = "The farm finished, but the take could not be stored. The server's log has the details under this trace."

log = structlog.get_logger("workprint.recorder")


class Recorder:
    """Follows the farm's events. At least once and idempotent: an event that comes again changes nothing."""

    def __init__(
        self, hub: Hub, projects: Projects, stream: EventStream, *, shelves: Shelves, progress: Progress
    ) -> None:
        self._hub, self._projects, self._stream = hub, projects, stream
        self._shelves, self._progress = shelves, progress

    async def run(self) -> None:
        """Record for ever. An event leaves the stream only when what it says is on disk."""
        async for entry, event in self._stream.follow():
            try:
                if await self._recorded(entry, event):
                    await self._stream.done(entry)
            except REDIS_AWAY as error:
                self._stream.again()
                log.warning("an event will come again: Redis went away", error=str(error))

    async def record(self, event: AnyEvent) -> None:
        """Write one event down; on disk when this returns. Raises NotFound when the project is gone."""
        project = ProjectId(event.project)
        async with self._hub.room(project, "takes") as room:
            job = Takes(room.doc).job(event.job)
            if job is None:
                log.warning("an event of an unknown job", job=event.job, project=project, type=event.type)
                return
            if isinstance(event, Progressed):
                if job["status"] == "running":
                    shown: JobProgress = {"percent": event.percent, "step": event.step, "node": job["node"]}
                    self._progress.note(project, event.job, shown)
                return
            await self._change(room, job, event)
            await room.saved()
            after = Takes(room.doc).job(event.job)
        if not isinstance(event, Started | Prioritised):
            # That of the event in any case: its log may be what a crash kept from being kept.
            ended = newly_ended(job["attempts"], after["attempts"] if after is not None else [])
            for attempt in {*ended, event.attempt} - {""}:
                await self._keep_log(project, attempt)

    async def _keep_log(self, project: ProjectId, attempt: str) -> None:
        """Keep the log of an attempt that ended, for as long as the project is kept on this machine."""
        lines = await self._stream.logs.read(attempt)
        if lines:
            path = log_path(self._projects.get(project).folder, attempt)
            try:
                await asyncio.to_thread(keep, path, lines)
            except OSError as error:
                log.warning("the log of an attempt is not kept", attempt=attempt, project=project, error=str(error))
                return
            await self._stream.logs.let_go(attempt)

    async def _recorded(self, entry: str, event: AnyEvent) -> bool:
        """Whether an event is dealt with, one way or the other."""
        try:
            await self.record(event)
        except NotFound:
            log.warning("an event of a project that is gone", project=event.project, job=event.job)
        except Unavailable as error:
            # A document under repair, or a hub that is closing: the event will come again.
            log.warning("event not recorded yet", project=event.project, job=event.job, error=str(error))
            return False
        except Exception as error:
            trace_id = new_id("trace")
            deliveries = await self._stream.deliveries(entry)
            log.exception("event not recorded", retryCount=deliveries, **_trace(event, trace_id, error))
            if deliveries < MAX_DELIVERIES:
                return False
            await self._give_up(event, trace_id)
        return True

    async def _give_up(self, event: AnyEvent, trace_id: str) -> None:
        async with self._hub.room(ProjectId(event.project), "takes") as room:
            _move(room, event, "failed", **_failure(event, NOT_RECORDED, trace_id))
            self._progress.end(room.project, event.job)
            await room.saved()

    async def _change(self, room: Room, job: Job, event: AnyEvent) -> None:
        match event:
            case Started():
                self._start(room, job, event)
            case Finished():
                await self._finish(room, job, event)
            case Failed():
                _log_failure("job failed", job, event)
                self._end(room, job, event, "failed", **_failure(event, event.reason, event.trace_id))
            case Cancelled():
                self._end(room, job, event, "cancelled", ended_at=event.at, cost_usd=0.0)
            case Requeued():
                self._end(room, job, event, "queued", started_at="", **_one_tier_up(job, event))
            case Lost():
                _log_failure("job lost", job, event)
                self._end(room, job, event, "lost", **_failure(event, event.reason, event.trace_id))
            case Late():
                self._set_aside(room, job, event)
            case Prioritised():
                room.edit(FARM, lambda doc: Takes(doc).set_priority(event.job, event.priority))
            case Progressed():
                return

    def _start(self, room: Room, job: Job, event: Started) -> None:
        if any(attempt["id"] == event.attempt for attempt in job["attempts"]):
            return
        attempt = begun(event, job["tier"])
        attempts = [*job["attempts"], attempt]
        if _move(room, event, "running", attempts=attempts, started_at=event.at, **waits_no_longer(job)):
            self._progress.note(room.project, event.job, {"percent": 0.0, "step": "Starting", "node": job["node"]})

    def _end(self, room: Room, job: Job, event: AnyEvent, status: JobStatus, **fields: object) -> None:
        """Move a job on and close its attempt."""
        if status != "queued":
            fields = {**waits_no_longer(job), **fields}
        fields["attempts"] = closed(job["attempts"], event, end_of(event, str(fields.get("reason", ""))), job["tier"])
        _move(room, event, status, **fields)
        self._progress.end(room.project, event.job)

    def _set_aside(self, room: Room, job: Job, event: Finished | Late) -> None:
        """Name the files of a result that came too late in its attempt; they are stored and never a take."""
        log.warning("a late result is set aside", job=event.job, attempt=event.attempt, status=job["status"])
        attempts = set_aside(job["attempts"], event, job["tier"])
        room.edit(FARM, lambda doc: Takes(doc).set_attempts(event.job, attempts))

    async def _finish(self, room: Room, job: Job, event: Finished) -> None:
        """Make the take, once: first the file, then the document, then the shot's choice."""
        takes = Takes(room.doc)
        first_time = takes.take(event.attempt) is None
        if first_time:
            if "completed" not in LEGAL_MOVES[job["status"]] and job["status"] != "queued":
                self._set_aside(room, job, event)
                return
            try:
                await self._add_take(room, job, event)
            except CannotFile as error:
                trace_id = new_id("trace")
                log.exception("take not stored", retryCount=0, **_trace(event, trace_id, error))
                self._end(room, job, event, "failed", **_failure(event, str(error), trace_id))
                return
            await room.saved()
        self._progress.end(room.project, event.job)
        await self._activate(room, event.attempt, first_time=first_time)

    async def _add_take(self, room: Room, job: Job, event: Finished) -> None:
        project, place = self._projects.get(room.project), Place.of(job["recipe"])
        shelf = self._shelves.of(room)
        known = Known(shelf.next_number(job["node"], place), shelf.names)
        number, name = await asyncio.to_thread(file_take, self._projects, project, event, place, known)
        take = make_take(event.job, job, event, number, name)
        said = sidecar(event.attempt, take)
        await asyncio.to_thread(put_sidecar, project.folder, sidecar_path(take_path(take)), said)

        def write(doc: Doc[Any]) -> None:
            takes = Takes(doc)
            takes.add_take(event.attempt, take)
            if job["status"] == "queued":
                # Its `started` was lost with a Redis that forgot.
                takes.move_job(event.job, "running")
            takes.move_job(
                event.job,
                "completed",
                take=event.attempt,
                seconds=event.seconds,
                ended_at=event.at,
                reason="",
                trace_id="",
                cost_usd=take["cost_usd"],
                attempts=closed(job["attempts"], event, end_of(event, cost_usd=take["cost_usd"]), job["tier"]),
            )

        room.edit(FARM, write)
        log.debug("take recorded", project=room.project, job=event.job, take=event.attempt, name=name)

    async def _activate(self, takes_room: Room, take_id: str, *, first_time: bool) -> None:
        """Show the new take on its shot, unless the artist has chosen an older one or the shot is locked (G-073)."""
        shelf = self._shelves.of(takes_room)
        node_id, newest_before = shelf.takes[take_id]["node"], shelf.before(take_id)
        async with (
            self._hub.room(takes_room.project, "canvas") as canvas,
            self._hub.room(takes_room.project, "production") as production,
        ):
            node = Canvas(canvas.doc).node(node_id)
            if node is None or node["type"] != "shot" or node_id in locks_of(production.doc).shots:
                return
            active = node["active_take"]
            # In words: somebody may have written anything.
            if str(active) not in shelf.takes or (first_time and active == newest_before):
                canvas.edit(FARM, lambda doc: Canvas(doc).set_field(node_id, "active_take", take_id))
                await canvas.saved()


def _move(room: Room, event: AnyEvent, status: JobStatus, **fields: object) -> bool:
    """Move a job if the table of legal moves lets it; what comes late or again is logged and skipped."""
    job = Takes(room.doc).job(event.job)
    if job is None or status not in LEGAL_MOVES[job["status"]]:
        log.debug("an event came late or again", job=event.job, type=event.type, status=job and job["status"])
        return False
    room.edit(FARM, lambda doc: Takes(doc).move_job(event.job, status, **fields))
    return True


def _log_failure(what: str, job: Job, event: Failed | Lost) -> None:
    retries = max(0, len(job["attempts"]) - 1)
    log.error(what, retryCount=retries, **_trace(event, event.trace_id, event.reason))


def _one_tier_up(job: Job, event: Requeued) -> dict[str, object]:
    """The fields of a job that goes on another tier than before, and tells the artist."""
    if not event.tier:
        return {}
    recipe = {**job["recipe"], "tier": event.tier}
    return {"tier": event.tier, "recipe": recipe, "recipe_hash": hash_of(recipe), "notice": event.reason}


def _failure(event: AnyEvent, reason: str, trace_id: str) -> dict[str, object]:
    seconds = event.seconds if isinstance(event, Failed) else 0.0
    return {"reason": reason, "trace_id": trace_id, "ended_at": event.at, "seconds": seconds, "cost_usd": 0.0}


def _trace(event: AnyEvent, trace_id: str, error: object) -> dict[str, object]:
    """The fields of G-102."""
    return {
        "traceId": trace_id,
        "service": "recorder",
        "error": str(error),
        "segmentId": event.job,
        "project": event.project,
        "farm_node": event.farm_node,
    }
