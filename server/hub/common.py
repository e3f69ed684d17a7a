"""Common: what all rooms of a hub share."""

import time
from datetime import UTC, datetime

from server.hub.counts import Counts
from server.hub.limits import Limits
from server.hub.pace import Pace

STAMP_SECONDS = 0.02
"""Writing the time out takes a tenth of what an edit costs; several may share it."""


class Common:
    """One per hub: how much is allowed, what has happened, and how busy the event loop is."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts()
        self.pace = Pace(limits.tick_seconds)
        self._stamped = 0.0
        self._stamp = ""

    def stamp(self) -> str:
        """The time as a log names it: ISO 8601, UTC, true to `STAMP_SECONDS`."""
        now = time.time()
        if not 0.0 <= now - self._stamped < STAMP_SECONDS:
            self._stamped = now
            self._stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._stamp
