"""Common: what all rooms of a hub share."""

from server.hub.counts import Counts
from server.hub.limits import Limits
from server.hub.pace import Pace


class Common:
    """One per hub: how much is allowed, what has happened, and how busy the event loop is."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts()
        self.pace = Pace(limits.tick_seconds)
