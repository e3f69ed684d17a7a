"""The workspace's database: one connection, transactions that follow one another, and the steps to today's tables."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiosqlite

WAL_TRIES = 100
WAL_PAUSE_SECONDS = 0.05

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE users (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,
            role TEXT NOT NULL, hue INTEGER NOT NULL, created_at TEXT NOT NULL
        )""",
        """CREATE TABLE memberships (
            project TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users(id), role TEXT NOT NULL,
            PRIMARY KEY (project, user_id)
        )""",
        """CREATE TABLE one_time_logins (
            code_hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id), expires_at REAL NOT NULL
        )""",
    ),
    (
        # Guests have no role in the workspace; who is removed stays, for what they did, and frees their name.
        """CREATE TABLE people (
            id TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, password_hash TEXT NOT NULL,
            role TEXT, hue INTEGER NOT NULL, created_at TEXT NOT NULL,
            share TEXT NOT NULL DEFAULT '', removed_at REAL
        )""",
        """INSERT INTO people (id, name, password_hash, role, hue, created_at)
            SELECT id, name, password_hash, role, hue, created_at FROM users""",
        "DROP TABLE users",
        "ALTER TABLE people RENAME TO users",
        "CREATE UNIQUE INDEX users_name ON users (name) WHERE removed_at IS NULL",
        "CREATE INDEX users_share ON users (share) WHERE share <> ''",
        "CREATE INDEX memberships_user ON memberships (user_id)",
        "CREATE TABLE project_access (project TEXT PRIMARY KEY, access TEXT NOT NULL)",
        """CREATE TABLE credentials (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, secret_hash TEXT NOT NULL UNIQUE,
            user_id TEXT NOT NULL REFERENCES users(id), label TEXT NOT NULL, role_cap TEXT, project TEXT,
            created_at REAL NOT NULL, last_used_at REAL, expires_at REAL, revoked_at REAL
        )""",
        "CREATE INDEX credentials_user ON credentials (user_id)",
        "CREATE INDEX credentials_project ON credentials (project) WHERE project IS NOT NULL",
        "CREATE INDEX credentials_expiry ON credentials (expires_at)",
        "CREATE TABLE used_refresh (secret_hash TEXT PRIMARY KEY, credential TEXT NOT NULL REFERENCES credentials(id))",
        "CREATE INDEX used_refresh_credential ON used_refresh (credential)",
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, project TEXT, by_id TEXT NOT NULL,
            by_name TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, reason TEXT NOT NULL,
            detail TEXT NOT NULL
        )""",
        "CREATE INDEX audit_project ON audit (project, id)",
        """CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
        """CREATE TRIGGER audit_keeps_entries BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
        # INSERT OR REPLACE deletes without asking the trigger above.
        """CREATE TRIGGER audit_keeps_numbers BEFORE INSERT ON audit
            WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    ),
    # What a person, a link or a token was called when something was done to it: names change and come to an end.
    ("ALTER TABLE audit ADD COLUMN target_name TEXT NOT NULL DEFAULT ''",),
)


Values = Sequence[object] | Mapping[str, object]
"""For the question marks of a query, or for its `:names`."""


class Database:
    """Reads at any time; writes in transactions of which each waits for the one before it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """Open or create the file and bring it to today's tables."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connecting = aiosqlite.connect(path, isolation_level=None)
        # Its thread waits for work for ever: a connection that nobody closed must not keep the process from ending.
        connecting._thread.daemon = True  # noqa: SLF001 - aiosqlite 0.22 leaves no other way
        connection = await connecting
        try:
            await connection.execute_fetchall("PRAGMA busy_timeout = 5000")
            await _write_ahead(connection)
            await _migrate(connection)
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        return cls(connection)

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()

    async def one(self, query: str, values: Values = ()) -> Any:  # noqa: ANN401 - columns have many types
        """The first row, or None."""
        # Fetched as a whole: one way to the connection's thread and back instead of three.
        return next(iter(await self._connection.execute_fetchall(query, cast("Any", values))), None)

    async def all(self, query: str, values: Values = ()) -> list[Any]:
        """Every row."""
        return list(await self._connection.execute_fetchall(query, cast("Any", values)))

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[aiosqlite.Connection]:
        """A transaction: all that is executed on the connection given, or nothing when anything is raised."""
        async with self._writing:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                await self._connection.commit()
            except BaseException:
                await asyncio.shield(self._connection.rollback())
                raise

    async def foreign_version(self) -> int:
        """A number that is another one after another connection, e.g. of another process, has written."""
        return int((await self.one("PRAGMA data_version"))[0])


async def _write_ahead(connection: aiosqlite.Connection) -> None:
    """Set the journal mode. SQLite does not wait for others who do so at the same moment, whatever the timeout."""
    for left in reversed(range(WAL_TRIES)):
        try:
            # Fetched: a statement that has a row left keeps its lock, and the next one fails at once.
            await connection.execute_fetchall("PRAGMA journal_mode = WAL")
        except aiosqlite.OperationalError:
            if not left:
                raise
            await asyncio.sleep(WAL_PAUSE_SECONDS)
        else:
            return


async def _migrate(connection: aiosqlite.Connection) -> None:
    """Bring the file to today's version; another process may be doing the same."""
    while True:
        await connection.execute("BEGIN IMMEDIATE")
        async with connection.execute("PRAGMA user_version") as cursor:
            row = await cursor.fetchone()
        version = int(row[0]) if row else 0
        if version >= len(MIGRATIONS):
            await connection.commit()
            return
        for statement in MIGRATIONS[version]:
            await connection.execute(statement)
        await connection.execute(f"PRAGMA user_version = {version + 1}")
        await connection.commit()
