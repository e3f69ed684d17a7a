"""Counts: what the hub has done since it started; plain numbers, so that no edit pays for its metrics."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence


class Distribution:
    """How often a measured value fell into which bucket; `bounds` are the buckets' upper ends, ascending."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one value."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """The numbers of one hub. `server/metrics.py` says what each of them is called outside."""

    def __init__(self) -> None:
        self.edits = 0
        """Updates of clients that were applied, before they are merged."""
        self.deliveries = 0
        """Edits times the sessions that each was sent to."""
        self.presence_messages = 0
        """Presence messages that were sent."""
        self.flush_edits = Distribution((1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
        self.flush_seconds = Distribution((0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5))
        self.commit_seconds = Distribution((0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5))
        self.acknowledge_seconds = Distribution((0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30))
        """From the moment an edit was applied until its acknowledgement was sent."""
        self.outbox_drops = 0
        """Times that a session did not keep up and what was on its way to it was dropped in favour of one diff."""
        self.rebuilds = 0
        """Documents that an update had ruined and that were loaded again."""
        self.refusals: Counter[str] = Counter()
        """What was refused or cut off, by reason: the name of the close code, or what was dropped."""

    def refuse(self, reason: str) -> None:
        """Count something that was not taken."""
        self.refusals[reason] += 1
