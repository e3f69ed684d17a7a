"""Logging of the server: its own events, and those of the libraries that use Python's logging."""

import logging
import sys

from render_farm import logs


def set_up_logs(style: str, level: str) -> None:
    """Send everything to standard error, as text or as JSON lines."""
    logs.set_up_logs(style, level)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
