"""The update log of a project in one SQLite file, `.workprint/documents.sqlite` in the project's folder."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import aiosqlite

from server.store.base import LoggedUpdate, NewerStore, NewUpdate, StoredUpdate

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
)
"""What brings the file from each version to the next; `PRAGMA user_version` counts the steps that were taken."""

_INSERT = 'INSERT INTO updates (document, actor_id, actor_name, at, "update") VALUES (?, ?, ?, ?, ?)'
_LOAD = 'SELECT seq, "update" FROM updates WHERE document = ? ORDER BY seq'
_LOG = """
    SELECT seq, actor_id, actor_name, at, "update" FROM updates
    WHERE document = ? AND seq > ? ORDER BY seq LIMIT ?
"""


class SqliteUpdateStore:
    """One file, one connection, one writer. WAL with synchronous=FULL: a commit that returned is on the disk."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file at `path`, its folder included; raises NewerStore."""
        path.parent.mkdir(parents=True, exist_ok=True)
        database = await aiosqlite.connect(path)
        try:
            await database.execute("PRAGMA journal_mode = WAL")
            await database.execute("PRAGMA synchronous = FULL")
            await _migrate(database)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    async def load(self, document: str) -> list[StoredUpdate]:
        """Every update of a document in order."""
        rows = await self._database.execute_fetchall(_LOAD, (document,))
        return [StoredUpdate(*row) for row in rows]

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        """Write a batch in one transaction and wait for the disk."""
        rows = [(new.document, new.actor_id, new.actor_name, new.at, new.update) for new in batch]
        async with self._writing:
            try:
                await self._database.executemany(_INSERT, rows)
                await self._database.commit()
            except BaseException:
                # Cancelled in the middle counts as failed: the caller was never told that it is safe.
                await asyncio.shield(self._database.rollback())
                raise

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        """Updates with their authors."""
        rows = await self._database.execute_fetchall(_LOG, (document, after, limit))
        return [LoggedUpdate(*row) for row in rows]

    async def close(self) -> None:
        """Finish what is being written and close the file."""
        async with self._writing:
            await self._database.close()


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
