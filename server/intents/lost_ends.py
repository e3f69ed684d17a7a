"""Ends jobs that the farm has ended and nobody will record: the document came from a backup, or the event was lost."""

import asyncio

import structlog

from crdt_schema.ids import ProjectId, new_id
from crdt_schema.takes import LIVE_STATUSES, Takes
from render_farm.clock import utc_now
from render_farm.events import unrecorded
from render_farm.queues import Farm
from server.auth.actor import SYSTEM
from server.errors import NotFound, Unavailable
from server.hub.hub import Hub

LOST_END = "The farm ended this job, but what it made was not recorded in this project. Please generate again."

log = structlog.get_logger("workprint.intents")


class LostEnds:
    """Jobs that live in their document and have ended on the farm, until their end is recorded or given up."""

    def __init__(self, hub: Hub, farm: Farm) -> None:
        self._hub, self._farm = hub, farm
        self._noted: dict[tuple[ProjectId, str], None] = {}

    def note(self, project: ProjectId, job: str) -> None:
        """The farm says that this job has ended; most often its end is about to be recorded."""
        self._noted[project, job] = None

    async def settle(self) -> None:
        """End what no event will end any more; raises FarmUnavailable."""
        if not self._noted:
            return
        noted = list(self._noted)
        # An end is told in the step that makes it one, and leaves the stream when it is on disk: what is live in
        # its document after this look and was not on the stream will not be told of.
        told = await asyncio.to_thread(unrecorded, self._farm.ledger)
        for project, job in noted:
            if job not in told and await self._ended(project, job):
                self._noted.pop((project, job), None)

    async def _ended(self, project: ProjectId, job_id: str) -> bool:
        """Give up one job, unless its end came after all; False when that has to wait."""
        try:
            async with self._hub.room(project, "takes") as takes:
                job = Takes(takes.doc).job(job_id)
                if job is None or job["status"] not in LIVE_STATUSES:
                    return True
                trace_id = new_id("trace")
                log.error("the end of a job was lost", traceId=trace_id, service="intents", project=project, job=job_id)
                told = {"reason": LOST_END, "trace_id": trace_id, "ended_at": utc_now(), "cost_usd": 0.0}
                takes.edit(SYSTEM, lambda doc: Takes(doc).move_job(job_id, "failed", **told))
                await takes.saved()
        except NotFound:
            return True
        except Unavailable:
            return False
        return True
