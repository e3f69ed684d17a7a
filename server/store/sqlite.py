"""The update log of a project in one SQLite file, `.workprint/documents.sqlite` in the project's folder."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self

import aiosqlite
import structlog

from server.store.base import Compaction, LogEnds, LoggedUpdate, LogSize, NewerStore, NewUpdate, StoredUpdate

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE updates (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            document TEXT NOT NULL,
            actor_id TEXT NOT NULL,
            actor_name TEXT NOT NULL,
            at TEXT NOT NULL,
            "update" BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX updates_of_document ON updates (document, seq)",
    ),
    (
        # What compaction leaves: a state that stands for all changes up to a number, and who wrote what of it.
        "CREATE TABLE checkpoints (document TEXT PRIMARY KEY, upto INTEGER NOT NULL, state BLOB NOT NULL) STRICT",
        """
        CREATE TABLE credits (
            seq INTEGER PRIMARY KEY,
            document TEXT NOT NULL,
            actor_id TEXT NOT NULL,
            actor_name TEXT NOT NULL,
            at TEXT NOT NULL,
            wrote BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX credits_of_document ON credits (document, seq)",
    ),
    # Every commit wrote a page of it for each document. Compaction keeps the table so short that it is read whole.
    ("DROP INDEX updates_of_document",),
)
"""What brings the file from each version to the next; `PRAGMA user_version` counts the steps that were taken."""

WAL_BYTES = 8 << 20
"""A large compaction makes the WAL grow; it is cut back to this once its pages are in the file."""
ROWS_AT_ONCE = 1000
"""Rows of one statement; SQLite takes 32,766 values."""
PAGES_AT_ONCE = 2000
"""Free pages given back to the disk after a compaction: about 8 MB, in a few milliseconds."""

_INSERT = 'INSERT INTO updates (document, actor_id, actor_name, at, "update") VALUES (?, ?, ?, ?, ?)'
_MORE = ", (?, ?, ?, ?, ?)"
_LOAD = """
    SELECT 0, state FROM checkpoints WHERE document = :document UNION ALL
    SELECT seq, "update" FROM updates WHERE document = :document ORDER BY 1
"""
_LOG = """
    SELECT seq, actor_id, actor_name, at, x'', wrote FROM credits WHERE document = :document AND seq > :after UNION ALL
    SELECT seq, actor_id, actor_name, at, "update", NULL FROM updates WHERE document = :document AND seq > :after
    ORDER BY 1 LIMIT :limit
"""
_CHECKPOINT = "SELECT state FROM checkpoints WHERE document = ?"
_SIZE = """
    SELECT COUNT(*), COALESCE(SUM(LENGTH("update")), 0),
        COALESCE((SELECT LENGTH(state) FROM checkpoints WHERE document = :document), 0)
    FROM updates WHERE document = :document
"""
_DOCUMENTS = """
    SELECT document, MAX(change), MAX(credit) FROM (
        SELECT document, seq AS change, 0 AS credit FROM updates UNION ALL SELECT document, 0, seq FROM credits
    ) GROUP BY document
"""
_REPLACE = "INSERT OR REPLACE INTO checkpoints (document, upto, state) VALUES (?, ?, ?)"
_FORGET = "DELETE FROM updates WHERE document = ? AND seq <= ? AND seq NOT IN (SELECT value FROM json_each(?))"
_CREDIT = "INSERT INTO credits (seq, document, actor_id, actor_name, at, wrote) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteUpdateStore:
    """One file, one connection, one writer. WAL with synchronous=FULL: a commit that returned is on the disk.

    After an fsync that failed nobody knows what is on the disk, and the next fsync may succeed without it. SQLite
    writes the same place of its WAL again when the batch is tried again on the same connection, so that is what a
    failed `append` asks for. Whoever opens the file next cannot rely on that: opening moves what the WAL holds into
    the file and starts an empty one before anything is added to it.
    """

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database
        self._writing = asyncio.Lock()
        self._log = structlog.get_logger(__name__)
        self._settled = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file at `path`, its folder included; raises NewerStore."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connecting = aiosqlite.connect(path, isolation_level=None)
        # Its thread waits for work for ever: a connection that nobody closed must not keep the process from ending.
        connecting._thread.daemon = True  # noqa: SLF001 - aiosqlite 0.22 leaves no other way
        database = await connecting
        try:
            # Only a file that is still empty takes this; an older one keeps its free pages for later changes.
            await database.execute_fetchall("PRAGMA auto_vacuum = INCREMENTAL")
            await database.execute_fetchall("PRAGMA journal_mode = WAL")
            await database.execute_fetchall("PRAGMA synchronous = FULL")
            await database.execute_fetchall(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            await _migrate(database)
            opened = cls(database)
            try:
                await opened._settle()
            except sqlite3.OperationalError as error:
                # A full disk: everything can be read, and the first append tries again.
                opened._log.warning("log_not_settled", path=path.name, error=str(error))
        except BaseException:
            await asyncio.shield(database.close())
            raise
        return opened

    async def load(self, document: str) -> list[StoredUpdate]:
        """The checkpoint, then every update after it in order."""
        rows = await self._database.execute_fetchall(_LOAD, {"document": document})
        return [StoredUpdate(*row) for row in rows]

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Write a batch in one transaction and wait for the disk."""
        rows = [(new.document, new.actor_id, new.actor_name, new.at, new.update) for new in batch]

        async def write() -> None:
            for at in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[at : at + ROWS_AT_ONCE]
                statement = _INSERT + _MORE * (len(some) - 1)
                await self._database.execute_fetchall(statement, [value for row in some for value in row])

        # A statement by itself is a transaction by itself, in one turn of the connection's thread instead of three.
        await self._transact(write, alone=len(rows) <= ROWS_AT_ONCE)

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """Updates with their authors."""
        asked = {"document": document, "after": after, "limit": limit}
        return [LoggedUpdate(*row) for row in await self._database.execute_fetchall(_LOG, asked)]

    async def checkpoint(self, document: str) -> bytes | None:
        """The state that stands for all that was compacted."""
        rows = list(await self._database.execute_fetchall(_CHECKPOINT, (document,)))
        return rows[0][0] if rows else None

    async def compact(self, document: str, compaction: Compaction) -> None:
        """Put a checkpoint in the place of what it stands for, and give back some of the space."""
        credits_ = [
            (each.seq, document, each.actor_id, each.actor_name, each.at, each.wrote) for each in compaction.credits
        ]

        async def write() -> None:
            await self._database.execute(_REPLACE, (document, compaction.upto, compaction.state))
            await self._database.execute(_FORGET, (document, compaction.upto, json.dumps(list(compaction.waiting))))
            await self._database.executemany(_CREDIT, credits_)

        await self._transact(write)
        async with self._writing:
            # As a script: executed otherwise, Python asks for the first step only, and that frees one page.
            await self._database.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")

    async def size(self, document: str) -> LogSize:
        """How long the log is; reads no update."""
        rows = list(await self._database.execute_fetchall(_SIZE, {"document": document}))
        return LogSize(*rows[0])

    async def documents(self) -> dict[str, LogEnds]:
        """Every document that was ever written; reads no update."""
        rows = await self._database.execute_fetchall(_DOCUMENTS)
        return {document: LogEnds(change, credit) for document, change, credit in rows}

    async def close(self) -> None:
        """Finish what is being written and close the file."""
        async with self._writing:
            await self._database.close()

    async def _transact(self, write: Callable[[], Awaitable[None]], *, alone: bool = False) -> None:
        """Do all of `write` or nothing; `alone`: it is one statement."""
        async with self._writing:
            try:
                if not self._settled:
                    await self._settle()
                if not alone:
                    await self._database.execute("BEGIN IMMEDIATE")
                await write()
                if not alone:
                    await self._database.commit()
            except BaseException:
                # Cancelled in the middle counts as failed: the caller was never told that it is safe.
                await asyncio.shield(self._database.rollback())
                raise

    async def _settle(self) -> None:
        """Move what an earlier process left in the WAL into the file; raises OperationalError."""
        await self._database.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        self._settled = True


async def _migrate(database: aiosqlite.Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    rows = list(await database.execute_fetchall("PRAGMA user_version"))
    version = int(rows[0][0])
    if version > len(steps):
        raise NewerStore(f"this log has version {version}; this Workprint knows {len(steps)}")
    for number, step in enumerate(steps[version:], start=version + 1):
        await database.execute("BEGIN IMMEDIATE")
        for statement in step:
            await database.execute(statement)
        await database.execute(f"PRAGMA user_version = {number}")
        await database.commit()
