"""The farm as the server knows it: looked at in a thread when somebody asks, at most once a second however many do."""

import asyncio
import time
from collections.abc import Callable

from crdt_schema.records import Tier
from render_farm.durations import Durations, field_of, kind_of
from render_farm.job import FarmUnavailable
from render_farm.overview import UNREACHABLE, Lookout, Overview
from render_farm.queues import Farm

FRESH_SECONDS = 1.0


class FarmView:
    """One for the whole service: what it saw last, and a new look when that is old."""

    def __init__(self, farm: Farm, now: Callable[[], float] = time.monotonic) -> None:
        self._lookout, self._durations, self._now = Lookout(farm), Durations(farm.ledger), now
        self._looking = asyncio.Lock()
        self._seen_at = float("-inf")
        self.seen: Overview = UNREACHABLE
        """What the last look saw."""

    async def look(self, fresh_seconds: float = FRESH_SECONDS) -> Overview:
        """The farm as it is, or was at most so long ago."""
        async with self._looking:
            if self._now() - self._seen_at >= fresh_seconds:
                begun = self._now()
                self.seen = await asyncio.to_thread(self._lookout.look)
                self._seen_at = begun
            return self.seen

    async def note_duration(self, job: str, pipeline: str, tier: Tier, farm_node: str, seconds: float) -> None:
        """Remember how long a take took; when Redis is away the farm will learn from the next one."""
        node = next((node for node in self.seen.nodes if node.name == farm_node), None)
        try:
            await asyncio.to_thread(self._durations.note, field_of(pipeline, tier, kind_of(node)), job, seconds)
        except FarmUnavailable:
            return
