"""Pace: how long a room lets edits gather before it tells them: not at all while there is time, a little when not."""

import time
from collections.abc import Callable

WINDOW_SECONDS = 0.05
"""How far back the hub looks for how busy it is."""
BUSY = 0.35
"""Share of the time spent in flushes from which on edits gather; reading takes about as much again."""
LONGEST_SECONDS = 0.005
"""One long flush, somebody's offline day coming in, is not a load yet."""


class Pace:
    """One for all rooms of a hub: they share the event loop that is busy or is not.

    A window that is always open would put its whole length on every edit and save nothing in a quiet room; one that
    opens only under load costs latency where there would be a queue anyway, and makes an edit cheaper the more come.
    """

    __slots__ = ("_busy_seconds", "_now", "_since", "_tick_seconds", "busy")

    def __init__(self, tick_seconds: float, now: Callable[[], float] = time.perf_counter) -> None:
        self._tick_seconds = tick_seconds
        self._now = now
        self._busy_seconds = 0.0
        self._since = now()
        self.busy = False
        """Whether it was busy at the end of the last flush; if not, nothing has to wait."""

    def spent(self, seconds: float) -> None:
        """Note how long a flush took, now that it is done."""
        now = self._now()
        # A leaky sum: what lies one window back counts for nothing any more.
        left = max(0.0, 1.0 - (now - self._since) / WINDOW_SECONDS)
        self._busy_seconds = self._busy_seconds * left + min(seconds, LONGEST_SECONDS)
        self._since = now
        self.busy = self._busy_seconds > BUSY * WINDOW_SECONDS

    def wait_seconds(self) -> float:
        """How long the next flush should wait; 0.0: as soon as the loop gets to it."""
        idle = self._now() - self._since
        busy = self._busy_seconds * max(0.0, 1.0 - idle / WINDOW_SECONDS)
        return self._tick_seconds if busy > BUSY * WINDOW_SECONDS else 0.0
