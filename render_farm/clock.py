"""How the farm writes a moment."""

import time
from datetime import UTC, datetime


def utc_now() -> str:
    """This moment in ISO 8601, UTC, to the millisecond."""
    return iso(time.time())


def iso(seconds: float) -> str:
    """A moment (seconds of the epoch) in the same way."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
