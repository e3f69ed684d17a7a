"""Answers intents: judges them once, writes the answer into `takes`, and hands what was accepted to the farm."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import structlog
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import MAX_ID_LENGTH, IntentId, ProjectId, is_id, new_id
from crdt_schema.records import CancelBatchIntent, CancelIntent, GenerateIntent, Job, JobStatus
from crdt_schema.takes import LEGAL_MOVES, Takes
from crdt_schema.values import normal
from render_farm.clock import utc_now
from render_farm.job import FarmError, FarmUnavailable, JobOrder, queue_for
from render_farm.queues import Farm
from server.auth.actor import FARM, SYSTEM
from server.errors import NotFound, Unavailable, WorkprintError
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents import verdicts
from server.intents.cancels import Cancels
from server.intents.case import Rooms, Wish, case_of
from server.intents.eta import duration
from server.intents.farm_view import FarmView
from server.intents.judge import Accepted, Judge
from server.intents.lost_ends import LostEnds
from server.intents.progress import Progress
from server.intents.recipe import Refused
from server.intents.requests import Request
from server.intents.shelves import Shelves
from server.intents.verdicts import Asked
from server.projects.index import Projects

WAITING_TEXT = "Waiting for the farm"
UNREADABLE = 'This request cannot be read. Write {"kind": "generate", "node": …} or {"kind": "cancel", "job": …}.'
BAD_ID = f"The id of a request must have 1 to {MAX_ID_LENGTH} characters of A-Z a-z 0-9 _ -. Ask again with another."
OURS_TO_FIX = "Something went wrong here. The server's log has the details under this trace."
ASK_AGAIN = "Nobody can vouch any more for who asked for this. Please generate again."

IssueToken = Callable[[ProjectId, str], str]

log = structlog.get_logger("workprint.intents")


class Dispatcher:
    """Between the documents and the farm's queues.

    Answers per project one after the other, so that two requests at once cannot both use the last of the budget.
    """

    def __init__(
        self,
        hub: Hub,
        projects: Projects,
        shelves: Shelves,
        *,
        farm: Farm,
        view: FarmView,
        judge: Judge,
        progress: Progress,
    ) -> None:
        self._hub, self._projects, self._shelves = hub, projects, shelves
        self._farm, self._view, self._judge, self._progress = farm, view, judge, progress
        self._locks: dict[ProjectId, asyncio.Lock] = {}
        self.waiting: dict[tuple[ProjectId, IntentId], Request] = {}
        """Requests that stay `asked` until Redis can be reached, in the order in which they came."""
        self._cancels = Cancels(farm, shelves, self.waiting, self._forget)
        self._lost_ends = LostEnds(hub, farm)
        self._unsent: dict[tuple[ProjectId, str], None] = {}
        self.issue_token: IssueToken = lambda _project, _job: ""
        self.hub_url = ""

    async def consider(self, request: Request) -> None:
        """Answer one intent; harmless when it was answered before."""
        async with (
            self._locks.setdefault(request.project, asyncio.Lock()),
            self._hub.room(request.project, "canvas") as canvas,
            self._hub.room(request.project, "takes") as takes,
            self._hub.room(request.project, "production") as production,
        ):
            intents = Canvas(canvas.doc)
            intent = intents.intent(request.intent)
            if intent is not None and intent["kind"] != "generate":
                await self._cancel(request, intent, canvas, takes)
            elif intents.has_intent(request.intent):
                await self._generate(request, intent, Rooms(canvas, takes, production))

    async def retry_waiting(self) -> None:
        """Redis can be reached: answer what waited, hand over what was accepted, end what it has ended unrecorded."""
        for key, request in list(self.waiting.items()):
            if not await _may_come_again(key, self.consider(request)):
                self.waiting.pop(key, None)
        for key in list(self._unsent):
            if not await _may_come_again(key, self._submit_again(*key)):
                self._unsent.pop(key, None)
        await self._lost_ends.settle()

    async def _submit_again(self, project: ProjectId, job_id: str) -> None:
        async with self._hub.room(project, "takes") as takes:
            await self._submit(takes, job_id)

    async def resume(self, takes: Room) -> None:
        """After a restart of anything: what should be with the farm is with the farm, and nothing else."""
        live = await asyncio.to_thread(self._farm.ledger.live)
        for job_id in live:
            job = Takes(takes.doc).job(job_id)
            if job is not None and not LEGAL_MOVES[job["status"]]:
                # Redis lost its last second, and with it this end: what runs once more would run for nobody.
                await asyncio.to_thread(self._farm.cancel, job_id)
        for job_id, job in list(self._shelves.of(takes).live.items()):
            if job["status"] == "queued":
                await self._submit(takes, job_id)
            # It may well be running; should nobody hold it, the reaper will queue it again.
            elif not await asyncio.to_thread(self._farm.adopt, self._order(takes.project, job_id, job)):
                self._lost_ends.note(takes.project, job_id)

    async def _generate(self, request: Request, intent: GenerateIntent | None, rooms: Rooms) -> None:
        """Answer a request for a take; `intent` is None when it cannot be read."""
        key, takes = (request.project, request.intent), rooms.takes
        if Takes(takes.doc).has_job(request.intent):
            self.waiting.pop(key, None)
            return
        asked = _asked(request, intent)
        try:
            wish = _wish(request, intent)
            accepted = await self._judged_today(request, wish, rooms)
            if reached := await asyncio.to_thread(self._farm.ping):
                if not self._view.seen.reachable:
                    await self._view.look(fresh_seconds=0)
                # Somebody may have locked the shot while the farm was asked.
                accepted = self._judged(request, wish, rooms)
        except Refused as refusal:
            self._forget(request)
            await self._refuse(takes, request, asked, refusal.reason)
            return
        if accepted.equal_take:
            await self._offer(request, asked, accepted, rooms)
            return
        if not reached:
            self.waiting[key] = request
            self._progress.note(*key, {"percent": 0.0, "step": WAITING_TEXT, "node": asked.node})
            return
        self._forget(request)
        job = verdicts.queued(asked, accepted, utc_now())
        takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, job))
        await takes.saved()
        await self._submit(takes, request.intent)

    async def _offer(self, request: Request, asked: Asked, accepted: Accepted, rooms: Rooms) -> None:
        """Give somebody the equal take that is there: nothing runs, and it is shown on its shot."""
        self._forget(request)
        job = verdicts.offered(asked, accepted)
        rooms.takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, job))
        await rooms.takes.saved()
        node = Canvas(rooms.canvas.doc).node(asked.node)
        if node is not None and node["type"] == "shot" and node["active_take"] != accepted.equal_take:
            change = partial(_show, node_id=asked.node, take=accepted.equal_take)
            rooms.canvas.edit(FARM, change)
            await rooms.canvas.saved()

    async def _judged_today(self, request: Request, wish: Wish, rooms: Rooms) -> Accepted:
        """What the judge accepts; it refuses nobody for a farm that looked otherwise a moment ago. Raises Refused."""
        await self._view.look()
        try:
            return self._judged(request, wish, rooms)
        except Refused:
            await self._view.look(fresh_seconds=0)
            return self._judged(request, wish, rooms)

    def _judged(self, request: Request, wish: Wish, rooms: Rooms) -> Accepted:
        """What the judge accepts; raises Refused, also for a fault of ours: asked again it would fail again."""
        try:
            manifest = self._projects.get(request.project).manifest
            return self._judge.judge(case_of(wish, rooms, manifest, self._view.seen, self._shelves))
        except (Refused, WorkprintError):
            raise
        except Exception as error:
            log.exception("the judge failed", service="intents", project=request.project, job=request.intent)
            raise Refused(OURS_TO_FIX) from error

    async def _refuse(self, takes: Room, request: Request, asked: Asked, reason: str) -> None:
        trace_id = new_id("trace")
        log.info(
            "intent refused",
            traceId=trace_id,
            service="intents",
            error=reason,
            segmentId=asked.node,
            retryCount=0,
            project=request.project,
            job=request.intent,
            user=asked.actor.user_id,
        )
        record = verdicts.refused(asked, reason, trace_id)
        takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, record))
        await takes.saved()

    async def _submit(self, takes: Room, job_id: str) -> None:
        """Hand a queued job to the farm; when Redis is away it is remembered for later."""
        key = (takes.project, job_id)
        self._unsent.pop(key, None)
        job = Takes(takes.doc).job(job_id)
        if job is None or job["status"] != "queued":
            return
        try:
            if not await asyncio.to_thread(self._farm.submit, self._order(takes.project, job_id, job)):
                self._lost_ends.note(*key)
        except FarmUnavailable:
            log.warning("the job waits for Redis", project=takes.project, job=job_id)
            self._unsent[key] = None
        except FarmError as error:
            trace_id = new_id("trace")
            log.exception("the farm refused a job", traceId=trace_id, service="intents", project=takes.project)
            _move(takes, job_id, "failed", reason=f"{error}.", trace_id=trace_id)

    async def _cancel(
        self, request: Request, intent: CancelIntent | CancelBatchIntent, canvas: Room, takes: Room
    ) -> None:
        """Stop what an intent names, now or when Redis is back."""
        try:
            await self._cancels.cancel(request, intent, canvas, takes)
        except FarmUnavailable:
            self.waiting[request.project, request.intent] = request
        else:
            self.waiting.pop((request.project, request.intent), None)

    def _forget(self, request: Request) -> None:
        """A request waits no longer."""
        self.waiting.pop((request.project, request.intent), None)
        self._progress.end(request.project, request.intent)

    def _order(self, project: ProjectId, job_id: str, job: Job) -> JobOrder:
        pipeline = self._judge.known(job["pipeline"])
        spec = pipeline.tier(job["tier"])
        return JobOrder(
            job=job_id,
            project=project,
            tier=job["tier"],
            recipe=plain_recipe(job),
            hub_url=self.hub_url,
            token=self.issue_token(project, job_id),
            asked_at=job["asked_at"],
            queue=queue_for(pipeline.task, job["tier"], spec.vram_gb),
            pipeline=pipeline.id,
            person=job["asked_by"],
            vram_gb=spec.vram_gb,
            priority=int(job.get("priority", 0)),
            expected_seconds=duration(self._view.seen, pipeline, job["tier"]).seconds,
        )


async def _may_come_again(key: tuple[ProjectId, str], work: Awaitable[None]) -> bool:
    """Do one of many things; what fails is left to the next sweep, for it must not hold up the others."""
    try:
        await work
    except Unavailable:
        return True
    except NotFound:
        return False
    except Exception:
        log.exception("a request that waited was not answered", service="intents", project=key[0], job=key[1])
        return False
    return True


def _asked(request: Request, intent: GenerateIntent | None) -> Asked:
    node, batch = (intent["node"], intent.get("batch", "")) if intent is not None else ("", "")
    return Asked(node, request.actor or SYSTEM, utc_now(), batch)


def _wish(request: Request, intent: GenerateIntent | None) -> Wish:
    """Who asks for what; raises Refused for what a client wrote in a way of its own."""
    if intent is None:
        raise Refused(UNREADABLE)
    if not is_id(request.intent):
        # A job's id is a Redis key, an RQ job id and part of an address.
        raise Refused(BAD_ID)
    if request.actor is None:
        raise Refused(ASK_AGAIN)
    return Wish(request.actor, intent["node"], intent.get("batch", ""), intent.get("fresh") is True)


def _show(doc: Doc[Any], *, node_id: str, take: str) -> None:
    Canvas(doc).set_field(node_id, "active_take", take)


def plain_recipe(job: Job) -> dict[str, object]:
    """The recipe with whole numbers as integers again: a Y.Doc, like JavaScript, has only floats."""
    return cast("dict[str, object]", normal(job["recipe"]))


def _move(takes: Room, job_id: str, status: JobStatus, **fields: object) -> None:
    """Move a job that is live; assumes that the caller has looked."""
    takes.edit(SYSTEM, lambda doc: Takes(doc).move_job(job_id, status, **fields))
