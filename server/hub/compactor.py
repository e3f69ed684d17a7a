"""Compactor: keeps the logs of one store short, and knows how long they are."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import structlog

from server.hub.compaction import compacted
from server.hub.guarded import failures_logged
from server.store.base import LoggedUpdate, LogSize, NewUpdate, UpdateStore

LONG_ROWS = 5000
"""Loading so many changes takes about as long as loading the state of a large project."""
LONG_BYTES = 4 << 20
LONG_TIMES = 4
BUSY_TIMES = 20
"""While people are busy a log may be so many times as long: a compaction takes turns with them at the interpreter."""
"""A log is long when it has this many times the bytes of its checkpoint, and more than `LONG_BYTES`."""
CLOSING_ROWS = 200
CLOSING_BYTES = 1 << 18
PAGE_ROWS = 1000
FRESH = LogSize(0, 0, 0)


class Compactor:
    """One compaction at a time. It works on what is in the store, so rooms may go on, open and close meanwhile."""

    def __init__(self, store: UpdateStore) -> None:
        self._store = store
        self._log = structlog.get_logger(__name__)
        self._one = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = False
        self._tried: dict[str, LogSize] = {}
        self.sizes: dict[str, LogSize] = {}
        """How long the log of each document in use is."""

    async def note(self, rows: Sequence[NewUpdate], *, busy: bool = False) -> None:
        """Count rows that were just appended; a log that has become long is compacted in the background."""
        added = Counter(row.document for row in rows)
        for document, count in added.items():
            size = self.sizes.get(document)
            if size is None:
                size = await self._store.size(document)
            else:
                grown = sum(len(row.update) for row in rows if row.document == document)
                size = replace(size, rows=size.rows + count, bytes=size.bytes + grown)
            self.sizes[document] = size
            if document not in self._tasks and _is_long(self._new(document), BUSY_TIMES if busy else 1):
                self._start(document, self.compact(document))

    def leave(self, document: str) -> None:
        """Nobody uses a document any more: compact it in the background when that is worth it."""
        if document not in self._tasks and document in self.sizes and _is_worth_it(self._new(document)):
            self._start(document, self._compact_and_forget(document))
        else:
            self._forget(document)

    async def compact(self, document: str) -> None:
        """Put a checkpoint in the place of a document's log. When that fails the log stays as it is."""
        async with self._one:
            if self._closing:
                return
            with failures_logged(self._log, "not_compacted", document=document):
                before = await self._store.size(document)
                self._tried[document] = before
                checkpoint = await self._store.checkpoint(document)
                changes = await self._changes(document)
                if changes:
                    await self._store.compact(document, await asyncio.to_thread(compacted, checkpoint, changes))
            after = await self._store.size(document)
            self._tried[document] = self.sizes[document] = after
            self._log.info(
                "compacted", document=document, rows=before.rows - after.rows, state_bytes=after.checkpoint_bytes
            )

    async def close(self) -> None:
        """Let the compaction that has begun end; those that wait for it can wait for another occasion."""
        self._closing = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, document: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"compact {document}")
        self._tasks[document] = task
        task.add_done_callback(lambda _: self._tasks.pop(document, None))

    async def _compact_and_forget(self, document: str) -> None:
        await self.compact(document)
        self._forget(document)

    def _forget(self, document: str) -> None:
        self.sizes.pop(document, None)
        self._tried.pop(document, None)

    def _new(self, document: str) -> LogSize:
        """What came since the last compaction was tried: changes that wait for others stay through each of them."""
        size, tried = self.sizes[document], self._tried.get(document, FRESH)
        return replace(size, rows=size.rows - tried.rows, bytes=size.bytes - tried.bytes)

    async def _changes(self, document: str) -> list[LoggedUpdate]:
        changes: list[LoggedUpdate] = []
        after = 0
        while page := await self._store.log(document, after, PAGE_ROWS):
            changes += [entry for entry in page if entry.wrote is None]
            after = page[-1].seq
        return changes


def _is_long(size: LogSize, times: int) -> bool:
    return size.rows > times * LONG_ROWS or size.bytes > times * max(LONG_BYTES, LONG_TIMES * size.checkpoint_bytes)


def _is_worth_it(size: LogSize) -> bool:
    return size.rows > CLOSING_ROWS or size.bytes > max(CLOSING_BYTES, size.checkpoint_bytes)
