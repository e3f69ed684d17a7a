"""Tells how far an attempt is from a thread of its own, the latest only, so that no Redis holds up the work."""

import threading
from collections.abc import Callable
from typing import Self

import structlog

from render_farm.job import FarmUnavailable

TELL_SECONDS = 0.2
"""More often than this nobody sees a bar move."""

log = structlog.get_logger("workprint.attempt")


class Teller:
    """Publishes what `tell` was given last; what comes while that takes its time replaces what waits."""

    def __init__(self, publish: Callable[[float, str], None]) -> None:
        """`publish` may take as long as it likes and raise FarmUnavailable."""
        self._publish = publish
        self._latest: tuple[float, str] | None = None
        self._news, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Tell nothing more: the end comes next."""
        self._stop.set()
        self._news.set()
        self._thread.join()

    def tell(self, percent: float, step: str) -> None:
        """Have this told soon; never waits."""
        self._latest = (percent, step)
        self._news.set()

    def _run(self) -> None:
        while self._news.wait() and not self._stop.is_set():
            self._news.clear()
            if self._latest is not None:
                try:
                    self._publish(*self._latest)
                except FarmUnavailable:
                    log.warning("progress not told, Redis is away")
                except Exception:
                    log.exception("progress not told")
            self._stop.wait(TELL_SECONDS)
