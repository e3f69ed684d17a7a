"""Tells who waits how many jobs stand before theirs and when the take will be there, for as long as somebody looks."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from crdt_schema.ids import ProjectId
from crdt_schema.records import JobProgress
from crdt_schema.takes import Takes
from render_farm.line import Waiting
from render_farm.overview import Overview
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents import eta
from server.intents.farm_view import FarmView
from server.intents.progress import Progress

BUSY_SECONDS = 1.0
IDLE_SECONDS = 3.0
"""How often the queues are looked at, with and without work in them."""
DRIFT_SECONDS = 2.0
DRIFT_SHARE = 0.2
"""A page counts down by itself; it is told again when it would be off by more than this."""
MOST_TOLD = 200
"""Of the jobs of one project that wait: nobody reads the place of the others."""
WAITING_STEP = "Waiting"


class LineWatch:
    """Looks at the queues while a project with an open page has jobs, and says what has changed."""

    def __init__(
        self,
        hub: Hub,
        *,
        view: FarmView,
        progress: Progress,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub, self._view, self._progress, self._now = hub, view, progress, now
        self._due_at: dict[str, float] = {}
        """When each job was said to be done."""

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            rooms = {room.project: room for room in self._hub.rooms() if room.document == "takes" and room.sessions}
            farm = await self._view.look() if rooms else None
            if farm is not None:
                self.tell(farm, rooms)
            await asyncio.sleep(BUSY_SECONDS if farm is not None and farm.cards else IDLE_SECONDS)

    def tell(self, farm: Overview, rooms: dict[ProjectId, Room]) -> None:
        """Say of each job of these projects where it stands."""
        self._due_at = {job: at for job, at in self._due_at.items() if job in farm.cards}
        percents = self._progress.percents()
        positions, arrivals = farm.positions(), eta.arrivals(farm, percents)
        told: Counter[str] = Counter()
        for job, card in farm.cards.items():
            room = rooms.get(ProjectId(card.project))
            if room is None:
                continue
            if job not in positions:
                self._tell_running(room, card, percents.get(job, 0.0))
            elif told[card.project] < MOST_TOLD:
                told[card.project] += 1
                self._tell_waiting(room, card, positions[job], arrivals.get(job, 0.0))

    def _tell_running(self, room: Room, card: Waiting, percent: float) -> None:
        left = round(card.seconds * (1 - percent / 100), 1)
        if self._progress.of(room.project, card.job) is not None and self._is_news(card.job, left):
            self._progress.add(room.project, card.job, eta_seconds=left)

    def _tell_waiting(self, room: Room, card: Waiting, position: int, left: float) -> None:
        shown = self._progress.of(room.project, card.job)
        moved = shown is None or shown.get("position") != position
        if not moved and not self._is_news(card.job, left):
            return
        job = Takes(room.doc).job(card.job)
        if job is None or job["status"] != "queued":
            return
        self._due_at[card.job] = self._now() + left
        said: JobProgress = {"percent": 0.0, "step": WAITING_STEP, "node": job["node"]}
        self._progress.note(room.project, card.job, {**said, "position": position, "eta_seconds": left})

    def _is_news(self, job: str, left: float) -> bool:
        """Whether a page that counts down by itself would be wrong; remembers what it is told."""
        now = self._now()
        due_at = self._due_at.get(job)
        if due_at is not None and abs(now + left - due_at) <= max(DRIFT_SECONDS, DRIFT_SHARE * left):
            return False
        self._due_at[job] = now + left
        return True
