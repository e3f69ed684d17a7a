"""Ledger: which of a room's changes are on disk, and who waits to hear it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

import structlog

from server.hub.counts import Counts
from server.hub.guarded import failures_logged
from server.hub.session import Session


class Ledger:
    """Changes are numbered from 1 in the order they are applied; they become durable in that order too."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.applied = 0
        self.durable = 0
        self._log = structlog.get_logger(__name__)
        self._acknowledge: deque[tuple[int, float, Session, int]] = deque()
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._callbacks: list[Callable[[int], None]] = []

    @property
    def settled(self) -> bool:
        """Whether everything applied is durable."""
        return self.durable >= self.applied

    def acknowledge(self, session: Session, count: int) -> None:
        """Acknowledge `count` messages of a session as soon as everything applied by now is durable."""
        if self.settled:
            session.link.acknowledge(count)
        else:
            self._acknowledge.append((self.applied, time.perf_counter(), session, count))

    def then(self, act: Callable[[], None]) -> None:
        """Do something once everything applied by now is durable; at once when it is."""
        if self.settled:
            act()
        else:
            self._waiting.append((self.applied, act))

    async def wait(self) -> None:
        """Wait until everything applied by now is durable."""
        if not self.settled:
            safe = asyncio.get_running_loop().create_future()
            self.then(lambda: None if safe.done() else safe.set_result(None))
            await safe

    def call(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the newest durable number each time it grows; returns what ends that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def handle_saved(self, number: int) -> None:
        """Everything up to `number` is on disk now."""
        self.durable = max(self.durable, number)
        while self._acknowledge and self._acknowledge[0][0] <= self.durable:
            _, since, session, count = self._acknowledge.popleft()
            if not session.ended:
                session.link.acknowledge(count)
                self._counts.acknowledge_seconds.note(time.perf_counter() - since)
        while self._waiting and self._waiting[0][0] <= self.durable:
            act = self._waiting.popleft()[1]
            with failures_logged(self._log, "after_save_failed"):
                act()
        for callback in list(self._callbacks):
            with failures_logged(self._log, "on_saved_failed"):
                callback(self.durable)
