"""Saver: group commit for one project's log; ordered, coalesced, and it says when something is safe and when not."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from server.hub.compactor import Compactor
from server.hub.counts import Counts
from server.hub.guarded import failures_logged
from server.hub.history import History
from server.hub.replica import merged
from server.store.base import NewUpdate, UpdateStore

RETRY_SECONDS = 1.0
LAST_CHANCE_SECONDS = 10.0
LATELY_SECONDS = 0.5
QUIET_PER_SECOND = 150.0
"""Flushes that are committed one by one: a commit costs a quarter of a millisecond of CPU, an edit about as much."""


class _Entry(NamedTuple):
    """Rows of one flush of one room, and whom to tell when they are on disk."""

    rows: Sequence[NewUpdate]
    on_saved: Callable[[], None]


class Saver:
    """The one writer of a store. Everything queued while a commit runs becomes the next commit."""

    def __init__(
        self,
        store: UpdateStore,
        *,
        gather_seconds: float,
        retry_seconds: float = RETRY_SECONDS,
        counts: Counts | None = None,
    ) -> None:
        self.store = store
        self._counts = counts or Counts()
        self.history = History(store)
        self.compactor = Compactor(store)
        self._gather_seconds = gather_seconds
        self._retry_seconds = retry_seconds
        self._log = structlog.get_logger(__name__)
        self._queue: list[_Entry] = []
        self._changes_per_second = 0.0
        self._committed_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._on_trouble: list[Callable[[bool], None]] = []
        self.failing = False
        """The last commit failed; it is tried again, and nothing is acknowledged until it succeeds."""

    def add(self, rows: Sequence[NewUpdate], on_saved: Callable[[], None]) -> None:
        """Queue rows; `on_saved` is called once they, and all that was queued before them, are on disk."""
        self._queue.append(_Entry(rows, on_saved))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="saver")

    def on_trouble(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback` with True when the disk begins to fail, with False when it works again; returns what ends it.

        It is called at once when the disk fails already.
        """
        self._on_trouble.append(callback)
        if self.failing:
            callback(True)
        return lambda: self._on_trouble.remove(callback)

    async def settled(self) -> None:
        """Wait until everything queued so far is on disk."""
        if self._task is None or self._task.done():
            return
        safe = asyncio.get_running_loop().create_future()
        self.add((), lambda: None if safe.done() else safe.set_result(None))
        await safe

    async def close(self) -> None:
        """Write what is queued, then close the store. A disk that fails gets one last chance; raises what it raises."""
        if not self.failing:
            await asyncio.wait([asyncio.ensure_future(self.settled())], timeout=LAST_CHANCE_SECONDS)
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._commit(self._queue)
        finally:
            await self.compactor.close()
            await self.store.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            started = loop.time()
            # Taken before the write: what arrives while the disk is busy waits for the next commit.
            batch, self._queue = self._queue, []
            try:
                await self._commit(batch)
            except asyncio.CancelledError:
                self._queue = batch + self._queue
                raise
            except Exception:  # noqa: BLE001 - whatever the disk says, the rows are kept and tried again
                self._log.exception("log_not_written", retry_seconds=self._retry_seconds)
                self._queue = batch + self._queue
                self._tell_trouble(failing=True)
                await asyncio.sleep(self._retry_seconds)
            else:
                self._tell_trouble(failing=False)
                pause = self._gather_seconds if self._is_busy(len(batch), loop.time()) else 0.0
                await asyncio.sleep(max(0.0, pause - (loop.time() - started)))

    def _is_busy(self, changes: int, now: float) -> bool:
        """Whether so many changes come lately that a commit for each would cost more than they do."""
        elapsed = min(max(now - self._committed_at, 0.001), LATELY_SECONDS)
        self._committed_at = now
        self._changes_per_second += elapsed / LATELY_SECONDS * (changes / elapsed - self._changes_per_second)
        return self._changes_per_second > QUIET_PER_SECOND

    async def _commit(self, batch: Sequence[_Entry]) -> None:
        rows = coalesced([row for entry in batch for row in entry.rows])
        if rows:
            started = time.perf_counter()
            await self.store.append(rows)
            self._counts.commit_seconds.note(time.perf_counter() - started)
        for entry in batch:
            with failures_logged(self._log, "after_save_failed"):
                entry.on_saved()
        # Only now: what is safe must not be written again because it could not be counted.
        with failures_logged(self._log, "log_not_measured"):
            await self.compactor.note(rows, busy=self._changes_per_second > QUIET_PER_SECOND)

    def _tell_trouble(self, *, failing: bool) -> None:
        if self.failing != failing:
            self.failing = failing
            for callback in list(self._on_trouble):
                with failures_logged(self._log, "on_trouble_failed"):
                    callback(failing)


def coalesced(rows: Sequence[NewUpdate]) -> list[NewUpdate]:
    """The same history in fewer rows: what one person did to a document without interruption becomes one update."""
    runs: list[list[NewUpdate]] = []
    latest: dict[str, list[NewUpdate]] = {}
    for row in rows:
        run = latest.get(row.document)
        if run is not None and run[0].actor_id == row.actor_id:
            run.append(row)
        else:
            latest[row.document] = [row]
            runs.append(latest[row.document])
    return [run[0] if len(run) == 1 else _as_one(run) for run in runs]


def _as_one(run: Sequence[NewUpdate]) -> NewUpdate:
    last = run[-1]
    return NewUpdate(last.document, last.actor_id, last.actor_name, last.at, merged([row.update for row in run]))
