"""Common: what all rooms of a hub share."""

from dataclasses import dataclass, field

from server.hub.counts import Counts
from server.hub.limits import Limits
from server.hub.pace import Pace


@dataclass(frozen=True)
class Common:
    """One per hub: how much is allowed, what has happened, and how busy the event loop is."""

    limits: Limits = field(default_factory=Limits)
    counts: Counts = field(default_factory=Counts)
    pace: Pace = field(default_factory=Pace)
