"""Looks after one attempt from a side thread: renews its lease, notices cancel, time limit and a dead worker."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Self

import structlog

from pipelines.spec import Cancelled, PipelineError
from render_farm.job import FarmUnavailable
from render_farm.ledger import Ledger
from render_farm.settings import FarmSettings

LOOK_SECONDS = 0.25

log = structlog.get_logger("workprint.attempt")


class Superseded(PipelineError):
    """Another attempt holds the job now: stop, and report nothing."""


class Orphaned(Superseded):
    """The worker of this attempt is gone: put away what it started, here and elsewhere, and end."""


class TooLong(PipelineError):
    """The attempt took longer than an attempt may."""


class Watch:
    """What the attempt must know while it works. Ask with `check()`; it raises when the attempt has to end."""

    def __init__(
        self,
        ledger: Ledger,
        settings: FarmSettings,
        job: str,
        attempt: str,
        *,
        on_stuck: Callable[[PipelineError], None],
        on_look: Callable[[], None],
    ) -> None:
        self._ledger, self._settings = ledger, settings
        self._job, self._attempt = job, attempt
        self.fence = 0
        """That of the attempt; known once it holds the job, and before this thread starts."""
        self._on_stuck, self._on_look = on_stuck, on_look
        self._parent = os.getppid()
        self._verdict: PipelineError | None = None
        self._renewed = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise Cancelled, Superseded or TooLong when the attempt has to end."""
        if self._verdict is not None:
            raise self._verdict

    def _run(self) -> None:
        begun = self._renewed = time.monotonic()
        judged_at = 0.0
        while not self._stop.wait(LOOK_SECONDS):
            now = time.monotonic()
            if self._is_orphan():
                self._verdict = Orphaned("The worker of this attempt is gone")
            for look in (self._on_look, self._hold, self._ask):
                self._survive(look)
            if self._verdict is None and now - begun > self._settings.job_seconds:
                self._verdict = TooLong(f"The job took longer than {self._settings.job_seconds:g} seconds")
            if self._verdict is not None:
                judged_at = judged_at or now
                if now - judged_at > self._settings.cancel_seconds:
                    self._on_stuck(self._verdict)

    def _survive(self, look: Callable[[], None]) -> None:
        """Whatever goes wrong, this thread goes on: without it nobody holds the lease, and a sound attempt is lost."""
        try:
            look()
        except FarmUnavailable:
            log.warning("Redis is away, the attempt goes on", job=self._job)
        except Exception:
            log.exception("the attempt goes on", job=self._job, attempt=self._attempt)

    def _hold(self) -> None:
        """Renew the lease in time. An orphan lets it run out, for nobody would hear how it ended."""
        now = time.monotonic()
        if isinstance(self._verdict, Orphaned) or now - self._renewed < self._settings.lease_seconds / 4:
            return
        if not self._ledger.renew_lease(self._job, self._settings.node, self.fence, self._settings.lease_seconds):
            self._verdict = Superseded("Another attempt holds this job")
        self._renewed = now

    def _ask(self) -> None:
        if self._verdict is None and self._ledger.is_cancelled(self._job):
            self._verdict = Cancelled("The job was cancelled")

    def _is_orphan(self) -> bool:
        if isinstance(self._verdict, Orphaned) or os.getppid() == self._parent:
            return False
        log.error("the worker is gone, so its attempt goes too", job=self._job, attempt=self._attempt)
        return True


def end_process() -> None:
    """End this attempt's process at once, and with it whatever it started."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
