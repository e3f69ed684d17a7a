"""Stops jobs as somebody asked: one job, or all of a batch that have not ended; who may not changes nothing."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from crdt_schema.canvas import Canvas
from crdt_schema.ids import IntentId, ProjectId
from crdt_schema.records import CancelBatchIntent, CancelIntent
from crdt_schema.takes import LIVE_STATUSES, Takes
from render_farm.clock import utc_now
from render_farm.queues import Farm
from server.auth.actor import SYSTEM
from server.auth.policy import may
from server.hub.room import Room
from server.intents import verdicts
from server.intents.abilities import waits_no_longer
from server.intents.requests import Request
from server.intents.shelf import Shelf
from server.intents.shelves import Shelves
from server.intents.verdicts import Asked

log = structlog.get_logger("workprint.intents")

Waiting = Mapping[tuple[ProjectId, IntentId], Request]


class Cancels:
    """Between a request to stop and the farm. `withdrawn` hears of requests that never went out."""

    def __init__(self, farm: Farm, shelves: Shelves, waiting: Waiting, withdrawn: Callable[[Request], None]) -> None:
        self._farm, self._shelves, self._waiting, self._withdrawn = farm, shelves, waiting, withdrawn

    async def cancel(
        self, request: Request, intent: CancelIntent | CancelBatchIntent, canvas: Room, takes: Room
    ) -> None:
        """Stop what an intent names; what comes too late changes nothing. Raises FarmUnavailable: ask again later."""
        actor = request.actor
        if actor is None or not may(actor, "cancel"):
            log.warning("cancel refused", project=request.project, intent=request.intent, user=actor and actor.user_id)
            return
        for waiting in self._waiting_for(request.project, intent, canvas):
            await self._withdraw(waiting, canvas, takes)
        for job in _jobs_of(intent, self._shelves.of(takes)):
            await self._stop(job, takes)

    def _waiting_for(self, project: ProjectId, intent: CancelIntent | CancelBatchIntent, canvas: Room) -> list[Request]:
        """The requests that wait for the farm and are to be stopped."""
        mine = [request for key, request in self._waiting.items() if key[0] == project]
        if intent["kind"] == "cancel":
            return [request for request in mine if request.intent == intent["job"]]
        return [request for request in mine if _batch_of(canvas, request.intent) == intent["batch"]]

    async def _withdraw(self, request: Request, canvas: Room, takes: Room) -> None:
        """Answer a request that still waited for the farm, so that it will not go out later."""
        self._withdrawn(request)
        if Takes(takes.doc).has_job(request.intent):
            return
        intent = Canvas(canvas.doc).intent(request.intent)
        if intent is None or intent["kind"] != "generate":
            return
        asked = Asked(intent["node"], request.actor or SYSTEM, utc_now(), intent.get("batch", ""))
        record = verdicts.withdrawn(asked)
        takes.edit(SYSTEM, lambda doc: Takes(doc).add_job(request.intent, record))
        await takes.saved()

    async def _stop(self, job_id: str, takes: Room) -> None:
        if await asyncio.to_thread(self._farm.cancel, job_id):
            return
        job = Takes(takes.doc).job(job_id)
        if job is not None and job["status"] in LIVE_STATUSES:
            # The farm has never heard of it, so no event will come.
            takes.edit(
                SYSTEM,
                lambda doc: Takes(doc).move_job(
                    job_id, "cancelled", ended_at=utc_now(), cost_usd=0.0, **waits_no_longer(job)
                ),
            )
            await takes.saved()


def _jobs_of(intent: CancelIntent | CancelBatchIntent, shelf: Shelf) -> list[str]:
    jobs = shelf.live
    if intent["kind"] == "cancel":
        return [intent["job"]] if intent["job"] in jobs else []
    # Those that wait go first: a job that runs would only make room for them.
    mine = {key: job for key, job in jobs.items() if job.get("batch", "") == intent["batch"]}
    return sorted(mine, key=lambda key: mine[key]["status"] != "queued")


def _batch_of(canvas: Room, intent_id: IntentId) -> str:
    intent = Canvas(canvas.doc).intent(intent_id)
    return intent.get("batch", "") if intent is not None and intent["kind"] == "generate" else ""
