"""Activity: who changed what in a project, read from the update logs, which nobody can write to in another's name."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

from crdt_schema.ids import ProjectId
from server.activity.journal import Entry, Position
from server.activity.reader import Reader
from server.hub.hub import Hub
from server.store.base import LogEnds, UpdateStore

T = TypeVar("T")

PAGE_ROWS = 500
MOST_ENTRIES = 20_000
"""Entries of a document that are kept in memory; older ones are read from the log again when somebody asks."""
MOST_BYTES = 128 << 20
"""Memory for all documents that were read; those that nobody has asked about for longest are let go beyond it."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries somebody asks for, newest first."""

    documents: Collection[str]
    """Those that they may see, and want to."""
    user: str = ""
    record: str = ""
    before: Position | None = None
    limit: int = 50

    def wants(self, entry: Entry) -> bool:
        """Whether an entry belongs to the answer, wherever it stands."""
        return self.user in ("", entry.user_id) and self.record in ("", entry.record)


class Activity:
    """One reader per document, in a thread of their own; each goes on from where it stopped."""

    def __init__(self, hub: Hub, *, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._hub = hub
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        # One thread: a document of pycrdt must stay in the thread that made it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="activity")
        self._readers: OrderedDict[tuple[ProjectId, str], Reader] = OrderedDict()
        self._locks: defaultdict[ProjectId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def documents(self, project: ProjectId) -> list[str]:
        """Every document of a project that was ever written; raises NotFound, Unavailable."""
        async with self._hub.log(project) as store:
            return sorted(await store.documents())

    async def entries(self, project: ProjectId, query: Query) -> tuple[list[dict[str, Any]], str | None]:
        """A page of what was done, as far as it is on disk, and the id to ask for the next page with.

        An entry keeps its place when more is done meanwhile. Of changes that were compacted, the log knows who wrote
        what still stands, as one entry per person and time; what was deleted or overwritten since is not told.
        """
        async with self._locks[project], self._hub.log(project) as store:
            readers = await self._caught_up(store, project, query.documents)
            found, incomplete = await self._in_thread(_newest, readers, query)
            if incomplete:
                found = await self._with_older(store, readers, incomplete, query)
        await self._let_go()
        page = found[: query.limit]
        return page, page[-1]["id"] if len(found) > query.limit else None

    async def blame(self, project: ProjectId, document: str, record: str) -> dict[str, Any] | None:
        """Who wrote each field of a record last, and when; None when there is no such record.

        In a text that is whoever typed in it last. Deletions that were compacted are forgotten, so a text from which
        somebody only deleted is put down to whoever wrote what is left of it.
        """
        async with self._locks[project], self._hub.log(project) as store:
            readers = await self._caught_up(store, project, [document])
            stamps = await self._in_thread(readers[0].blame, record) if readers else None
        await self._let_go()
        if stamps is None:
            return None
        return {field: {"by": {"id": by.user_id, "name": by.name}, "at": by.at} for field, by in sorted(stamps.items())}

    async def close(self) -> None:
        """Let every document go, in its own thread."""
        readers, self._readers = list(self._readers.values()), OrderedDict()
        await self._in_thread(_close_all, readers)
        self._thread.shutdown()

    async def _caught_up(self, store: UpdateStore, project: ProjectId, documents: Collection[str]) -> list[Reader]:
        """The readers of some documents, after they have read what is new."""
        ends = await store.documents()
        readers: list[Reader] = []
        for document in sorted(set(documents) & ends.keys()):
            key = (project, document)
            reader = self._readers.get(key)
            if reader is None or _was_rewritten(reader, ends[document]):
                await self._forget([key])
                reader = self._readers[key] = Reader(document, most=self._most_entries)
            self._readers.move_to_end(key)
            if reader.ends != ends[document]:
                try:
                    await self._read(store, reader)
                except Exception:
                    await self._forget([key])
                    raise
                reader.ends = ends[document]
            readers.append(reader)
        return readers

    async def _read(self, store: UpdateStore, reader: Reader) -> None:
        while page := await store.log(reader.document, reader.seq, PAGE_ROWS):
            # Read after the entries: a newer state holds all that an older one was credited with, or its deletion.
            state = await store.checkpoint(reader.document) if any(row.wrote is not None for row in page) else None
            await self._in_thread(reader.take, page, state)
        await self._in_thread(reader.rest)

    async def _with_older(
        self, store: UpdateStore, readers: Sequence[Reader], incomplete: Sequence[tuple[str, Position]], query: Query
    ) -> list[dict[str, Any]]:
        """The answer with what the readers do not keep: their documents are read once more, for this page alone."""
        older = [_older_reader(document, floor, query) for document, floor in incomplete]
        try:
            for reader in older:
                await self._read(store, reader)
            found, _ = await self._in_thread(_newest, [*readers, *older], query)
        finally:
            await self._in_thread(_close_all, older)
        return found

    async def _let_go(self) -> None:
        """Keep within the memory; what is being read now stays."""
        over = sum(reader.weight for reader in self._readers.values()) - self._most_bytes
        gone: list[tuple[ProjectId, str]] = []
        for key, reader in self._readers.items():
            if over > 0 and not self._locks[key[0]].locked():
                gone.append(key)
                over -= reader.weight
        await self._forget(gone)

    async def _forget(self, keys: Sequence[tuple[ProjectId, str]]) -> None:
        readers = [self._readers.pop(key) for key in keys if key in self._readers]
        if readers:
            await self._in_thread(_close_all, readers)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _was_rewritten(reader: Reader, ends: LogEnds) -> bool:
    """Whether compaction has put something else in the place of what was read."""
    return reader.ends is not None and (reader.ends.credit != ends.credit or ends.change < reader.ends.change)


def _newest(readers: Sequence[Reader], query: Query) -> tuple[list[dict[str, Any]], list[tuple[str, Position]]]:
    """One entry more than was asked for, and the documents of which older ones would belong to the answer."""
    streams = [reader.newest_first(query.wants, query.before) for reader in readers]
    found = list(islice(merge(*streams, key=lambda entry: entry.position, reverse=True), query.limit + 1))
    oldest = found[-1].position if len(found) > query.limit else None
    floors = [(reader.document, reader.floor()) for reader in readers]
    incomplete = [
        (document, floor) for document, floor in floors if floor is not None and (oldest is None or oldest < floor)
    ]
    return [entry.plain() for entry in found], incomplete


def _older_reader(document: str, floor: Position, query: Query) -> Reader:
    before = floor if query.before is None else min(floor, query.before)
    return Reader(document, most=query.limit + 1, keep=lambda entry: entry.position < before and query.wants(entry))


def _close_all(readers: Sequence[Reader]) -> None:
    for reader in readers:
        reader.close()
