"""Failures of somebody else's code that must not become the hub's: logged, not raised."""

from collections.abc import Generator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger


@contextmanager
def failures_logged(log: FilteringBoundLogger, event: str, **details: object) -> Generator[None, None, None]:
    """Log an exception under `event` and go on."""
    try:
        yield
    except Exception:
        log.exception(event, **details)
