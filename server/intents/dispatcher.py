"""Answers intents: judges them once, writes the answer into `takes`, and hands what was accepted to the farm."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import structlog

from crdt_schema.canvas import Canvas
from crdt_schema.ids import MAX_ID_LENGTH, IntentId, ProjectId, is_id, new_id
from crdt_schema.production import locks_of
from crdt_schema.records import CancelIntent, CanvasPlain, GenerateIntent, Job, JobStatus, TakesPlain
from crdt_schema.takes import LIVE_STATUSES, Takes
from crdt_schema.values import normal
from render_farm.clock import utc_now
from render_farm.job import FarmError, FarmUnavailable, JobOrder, queue_for
from render_farm.queues import Farm
from server.auth.actor import SYSTEM, Actor
from server.auth.policy import may
from server.errors import NotFound, Unavailable, WorkprintError
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents import verdicts
from server.intents.judge import Accepted, Case, Judge
from server.intents.progress import Progress
from server.intents.recipe import Refused
from server.intents.verdicts import Asked
from server.projects.index import Projects

WAITING_TEXT = "Waiting for the farm"
UNREADABLE = 'This request cannot be read. Write {"kind": "generate", "node": …} or {"kind": "cancel", "job": …}.'
BAD_ID = f"The id of a request must have 1 to {MAX_ID_LENGTH} characters of A-Z a-z 0-9 _ -. Ask again with another."
OURS_TO_FIX = "Something went wrong here. The server's log has the details under this trace."
ASK_AGAIN = "Nobody can vouch any more for who asked for this. Please generate again."

IssueToken = Callable[[ProjectId, str], str]

log = structlog.get_logger("workprint.intents")


@dataclass(frozen=True)
class Request:
    """An intent that was noticed, and who wrote it; None when that can no longer be told."""

    project: ProjectId
    intent: IntentId
    actor: Actor | None


class Rooms(NamedTuple):
    """The documents of one project that an answer depends on."""

    canvas: Room
    takes: Room
    production: Room


class Dispatcher:
    """Between the documents and the farm's queues.

    Answers per project one after the other, so that two requests at once cannot both use the last of the budget.
    """

    def __init__(self, hub: Hub, projects: Projects, farm: Farm, judge: Judge, progress: Progress) -> None:
        self._hub, self._projects, self._farm = hub, projects, farm
        self._judge, self._progress = judge, progress
        self._locks: dict[ProjectId, asyncio.Lock] = {}
        self.waiting: dict[tuple[ProjectId, IntentId], Request] = {}
        """Requests that stay `asked` until Redis can be reached, in the order in which they came."""
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
            if intent is not None and intent["kind"] == "cancel":
                await self._cancel(request, intent, takes)
            elif intents.has_intent(request.intent):
                await self._generate(request, intent, Rooms(canvas, takes, production))

    async def retry_waiting(self) -> None:
        """Redis can be reached: answer what waited, and hand over what was accepted and not handed over."""
        for key, request in list(self.waiting.items()):
            if not await _may_come_again(key, self.consider(request)):
                self.waiting.pop(key, None)
        for key in list(self._unsent):
            if not await _may_come_again(key, self._submit_again(*key)):
                self._unsent.pop(key, None)

    async def _submit_again(self, project: ProjectId, job_id: str) -> None:
        async with self._hub.room(project, "takes") as takes:
            await self._submit(takes, job_id)

    async def resume(self, takes: Room) -> None:
        """After a restart of anything: what should be with the farm is with the farm."""
        for job_id, job in _jobs(takes).items():
            if job["status"] == "queued":
                await self._submit(takes, job_id)
            elif job["status"] == "running":
                # It may well be running; should nobody hold it, the reaper will queue it again.
                await asyncio.to_thread(self._farm.adopt, self._order(takes.project, job_id, job))

    async def _generate(self, request: Request, intent: GenerateIntent | None, rooms: Rooms) -> None:
        """Answer a request for a take; `intent` is None when it cannot be read."""
        key, takes = (request.project, request.intent), rooms.takes
        if Takes(takes.doc).has_job(request.intent):
            self.waiting.pop(key, None)
            return
        asked = Asked(intent["node"] if intent is not None else "", request.actor or SYSTEM, utc_now())
        try:
            _must_be_answerable(request, intent)
            accepted = self._judged(request, asked.node, rooms)
            if reached := await asyncio.to_thread(self._farm.ping):
                # Somebody may have locked the shot while the farm was asked.
                accepted = self._judged(request, asked.node, rooms)
        except Refused as refusal:
            self.waiting.pop(key, None)
            self._progress.end(*key)
            await self._refuse(takes, request, asked, refusal.reason)
            return
        if not reached:
            self.waiting[key] = request
            self._progress.note(*key, {"percent": 0.0, "step": WAITING_TEXT, "node": asked.node})
            return
        self.waiting.pop(key, None)
        self._progress.end(*key)
        job = verdicts.queued(asked, accepted, utc_now())
        takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, job))
        await takes.saved()
        await self._submit(takes, request.intent)

    def _judged(self, request: Request, node: str, rooms: Rooms) -> Accepted:
        """What the judge accepts; raises Refused, also for a fault of ours: asked again it would fail again."""
        try:
            return self._judge.judge(self._case(request, node, rooms))
        except (Refused, WorkprintError):
            raise
        except Exception as error:
            log.exception("the judge failed", service="intents", project=request.project, job=request.intent)
            raise Refused(OURS_TO_FIX) from error

    def _case(self, request: Request, node: str, rooms: Rooms) -> Case:
        """Everything the judge needs, as it is now; raises Refused."""
        if request.actor is None:
            raise Refused(ASK_AGAIN)
        return Case(
            actor=request.actor,
            node=node,
            canvas=cast("CanvasPlain", rooms.canvas.plain()),
            costs=Takes(rooms.takes.doc).costs(),
            manifest=self._projects.get(request.project).manifest,
            locks=locks_of(rooms.production.doc),
        )

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
            await asyncio.to_thread(self._farm.submit, self._order(takes.project, job_id, job))
        except FarmUnavailable:
            log.warning("the job waits for Redis", project=takes.project, job=job_id)
            self._unsent[key] = None
        except FarmError as error:
            trace_id = new_id("trace")
            log.exception("the farm refused a job", traceId=trace_id, service="intents", project=takes.project)
            _move(takes, job_id, "failed", reason=f"{error}.", trace_id=trace_id)

    async def _cancel(self, request: Request, intent: CancelIntent, takes: Room) -> None:
        """Stop a job of this project; who may not, or comes too late, changes nothing."""
        key, job_id = (request.project, request.intent), intent["job"]
        actor = request.actor
        if actor is None or not may(actor, "cancel"):
            log.warning("cancel refused", project=request.project, job=job_id, user=actor and actor.user_id)
            return
        asked_for = self.waiting.pop((request.project, IntentId(job_id)), None)
        job = Takes(takes.doc).job(job_id)
        if job is None and asked_for is not None:
            await self._withdraw(takes, asked_for)
        elif job is not None and job["status"] in LIVE_STATUSES:
            try:
                known = await asyncio.to_thread(self._farm.cancel, job_id)
            except FarmUnavailable:
                self.waiting[key] = request
                return
            if not known:
                _move(takes, job_id, "cancelled", ended_at=utc_now(), cost_usd=0.0)
                await takes.saved()
        self.waiting.pop(key, None)

    async def _withdraw(self, takes: Room, request: Request) -> None:
        """Answer a request that still waited for the farm, so that it will not go out later."""
        async with self._hub.room(request.project, "canvas") as canvas:
            intent = Canvas(canvas.doc).intent(request.intent)
        node = intent["node"] if intent is not None and intent["kind"] == "generate" else ""
        record = verdicts.withdrawn(Asked(node, request.actor or SYSTEM, utc_now()))
        takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, record))
        self._progress.end(request.project, request.intent)
        await takes.saved()

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
            expected_seconds=spec.seconds_prior,
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


def _must_be_answerable(request: Request, intent: GenerateIntent | None) -> None:
    """Raise Refused for what a client wrote in a way of its own."""
    if intent is None:
        raise Refused(UNREADABLE)
    if not is_id(request.intent):
        # A job's id is a Redis key, an RQ job id and part of an address.
        raise Refused(BAD_ID)


def plain_recipe(job: Job) -> dict[str, object]:
    """The recipe with whole numbers as integers again: a Y.Doc, like JavaScript, has only floats."""
    return cast("dict[str, object]", normal(job["recipe"]))


def _jobs(takes: Room) -> dict[str, Job]:
    return cast("TakesPlain", takes.plain())["jobs"]


def _move(takes: Room, job_id: str, status: JobStatus, **fields: object) -> None:
    """Move a job that is live; assumes that the caller has looked."""
    takes.edit(SYSTEM, lambda doc: Takes(doc).move_job(job_id, status, **fields))
