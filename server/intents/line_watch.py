"""Tells who waits how many jobs stand before theirs and when the take will be there, for as long as somebody looks."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable

from crdt_schema.ids import ProjectId
from crdt_schema.records import JobProgress, Tier
from crdt_schema.takes import Takes
from render_farm.job import TIERS
from render_farm.line import Waiting
from render_farm.overview import Overview
from server.hub.hub import Hub
from server.hub.room import Room
from server.intents import eta
from server.intents.abilities import Choice, waits_for
from server.intents.farm_view import FarmView
from server.intents.judge import Judge
from server.intents.progress import Progress
from server.intents.recipe import Refused

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
        judge: Judge,
        view: FarmView,
        progress: Progress,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub, self._judge, self._view, self._progress, self._now = hub, judge, view, progress, now
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
        """Say of each job of these projects where it stands, and to their pages whether the farm is another."""
        mark = _mark(farm)
        for project in rooms:
            self._progress.mark(project, mark)
        self._due_at = {job: at for job, at in self._due_at.items() if job in farm.cards}
        percents = self._progress.percents()
        places, arrivals = eta.places(farm), eta.arrivals(farm, percents)
        told, steps = Counter[str](), _Steps(farm, self._judge)
        for job, card in farm.cards.items():
            room = rooms.get(ProjectId(card.project))
            if room is None:
                continue
            if job not in places:
                self._tell_running(room, card, percents.get(job, 0.0))
            elif told[card.project] < MOST_TOLD:
                told[card.project] += 1
                said: JobProgress = {"percent": 0.0, "step": steps.of(card), "node": "", "position": places[job]}
                self._tell_waiting(room, card, said, arrivals.get(job))

    def _tell_running(self, room: Room, card: Waiting, percent: float) -> None:
        left = round(card.seconds * (1 - percent / 100), 1)
        if self._progress.of(room.project, card.job) is not None and self._is_news(card.job, left):
            self._progress.add(room.project, card.job, eta_seconds=left)

    def _tell_waiting(self, room: Room, card: Waiting, said: JobProgress, left: float | None) -> None:
        """`left` is None where nobody can say when, because nothing that is connected can run it."""
        shown = self._progress.of(room.project, card.job) or {}
        moved = [shown.get(name) for name in ("position", "step")] != [said.get(name) for name in ("position", "step")]
        timed = ("eta_seconds" in shown) != (left is not None) or (left is not None and self._is_news(card.job, left))
        if not moved and not timed:
            return
        job = Takes(room.doc).job(card.job)
        if job is None or job["status"] != "queued":
            return
        said["node"] = job["node"]
        if left is not None:
            self._due_at[card.job] = self._now() + left
            said["eta_seconds"] = left
        self._progress.note(room.project, card.job, said)

    def _is_news(self, job: str, left: float) -> bool:
        """Whether a page that counts down by itself would be wrong; remembers what it is told."""
        now = self._now()
        due_at = self._due_at.get(job)
        if due_at is not None and abs(now + left - due_at) <= max(DRIFT_SECONDS, DRIFT_SHARE * left):
            return False
        self._due_at[job] = now + left
        return True


def _mark(farm: Overview) -> str:
    """The same for the same nodes and the same order: what an estimate depends on, but for the passing of time."""
    nodes = [(node.name, node.state, node.queues, node.can, sorted(node.blocked)) for node in farm.nodes]
    return hashlib.sha256(repr((farm.reachable, nodes, sorted(farm.lines.items()))).encode()).hexdigest()[:12]


class _Steps:
    """What jobs wait for: their turn, or a node that is not there; found once for all that want the same."""

    def __init__(self, farm: Overview, judge: Judge) -> None:
        self._farm, self._judge = farm, judge
        self._known: dict[tuple[str, str], str] = {}

    def of(self, card: Waiting) -> str:
        """In words."""
        key = (card.pipeline, card.tier)
        if key not in self._known:
            self._known[key] = self._words(*key) or WAITING_STEP
        return self._known[key]

    def _words(self, wanted: str, tier: Tier | str) -> str:
        try:
            pipeline = self._judge.known(wanted)
        except Refused:  # its definition went while it waited; the attempt will say so
            return ""
        return waits_for(self._farm, Choice(pipeline, tier)) if tier in TIERS and tier in pipeline.tiers else ""
