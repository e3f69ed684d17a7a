"""How the farm writes a moment."""

from datetime import UTC, datetime


def utc_now() -> str:
    """This moment in ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
