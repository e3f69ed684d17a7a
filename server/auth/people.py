"""People of a workspace: users, passwords, roles and one-time logins, in `workspace.sqlite`."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import aiosqlite
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from crdt_schema.ids import ProjectId, UserId, new_id
from crdt_schema.records import Role
from server.auth.actor import HUES, Actor
from server.errors import BadRequest, Conflict, TooMany, Unauthorised

ONE_TIME_LIFETIME = timedelta(hours=1)
MIN_PASSWORD_LENGTH = 8
MAX_NAME_LENGTH = 60

WAL_TRIES = 100
WAL_PAUSE_SECONDS = 0.05
CHECKED_AT_ONCE = 2
"""Checking a password takes 64 MiB and most of a core for a moment: a flood of them must leave threads for the rest."""
MOST_CHECKS = 50
"""Checked or waiting to be; beyond that a flood is told to come back."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE users (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,
        role TEXT NOT NULL, hue INTEGER NOT NULL, created_at TEXT NOT NULL
    );
    CREATE TABLE memberships (
        project TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users(id), role TEXT NOT NULL,
        PRIMARY KEY (project, user_id)
    );
    CREATE TABLE one_time_logins (
        code_hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id), expires_at REAL NOT NULL
    );
    """,
)


@dataclass(frozen=True)
class User:
    """A person. `role` holds in every project that does not say otherwise."""

    id: UserId
    name: str
    role: Role
    hue: int

    def acting_as(self, role: Role) -> Actor:
        """This person with the role they have in one project."""
        return Actor(self.id, self.name, role, self.hue)


class People:
    """Everything about who may sign in; one connection, so writes follow one another."""

    def __init__(self, database: aiosqlite.Connection, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._hasher = PasswordHasher()
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self._checks = 0

    @classmethod
    async def open(cls, path: Path, clock: Callable[[], datetime]) -> "People":
        """Open or create the workspace's database."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connecting = aiosqlite.connect(path)
        # Its thread waits for work for ever: a connection that nobody closed must not keep the process from ending.
        connecting._thread.daemon = True  # noqa: SLF001 - aiosqlite 0.22 leaves no other way
        database = await connecting
        try:
            await database.execute_fetchall("PRAGMA busy_timeout = 5000")
            await _write_ahead(database)
            await _migrate(database)
        except BaseException:
            await asyncio.shield(database.close())
            raise
        return cls(database, clock)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    async def add(self, name: str, password: str, role: Role) -> User:
        """Add a user; raises BadRequest for a poor name or password and Conflict for a taken name."""
        name = " ".join(name.split())
        if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
            raise BadRequest(f"A name has 1 to {MAX_NAME_LENGTH} visible characters.")
        if len(password) < MIN_PASSWORD_LENGTH:
            raise BadRequest(f"A password has at least {MIN_PASSWORD_LENGTH} characters.")
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        return await self._insert(name, hashed, role)

    async def ensure_local_owner(self) -> User:
        """The first owner of the workspace; where there is none one is made, who signs in by one-time login only."""
        query = "SELECT id, name, role, hue FROM users WHERE role = 'owner' ORDER BY created_at LIMIT 1"
        async with self._database.execute(query) as rows:
            row = await rows.fetchone()
        if row is not None:
            return User(*row)
        try:
            return await self._insert("Owner", "", "owner")
        except Conflict:
            # Somebody else is called that. Two words cannot be taken twice: the id is new.
            return await self._insert(f"Owner {new_id()[:6]}", "", "owner")

    async def _insert(self, name: str, password_hash: str, role: Role) -> User:
        async with self._database.execute("SELECT COUNT(*) FROM users") as rows:
            count = await rows.fetchone()
        user = User(UserId(new_id("user")), name, role, (count[0] if count else 0) % HUES)
        values = (user.id, name, password_hash, role, user.hue, self._clock().isoformat())
        try:
            await self._database.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", values)
        except aiosqlite.IntegrityError:
            await self._database.rollback()
            raise Conflict(f"There is already somebody called {name}.") from None
        await self._database.commit()
        return user

    async def sign_in(self, name: str, password: str) -> User:
        """The user of that name and password; raises TooMany, and Unauthorised without saying which was wrong."""
        query = "SELECT id, name, role, hue, password_hash FROM users WHERE name = ?"
        async with self._database.execute(query, (" ".join(name.split()),)) as rows:
            row = await rows.fetchone()
        if not await self._check(row[4] if row is not None else "", password) or row is None:
            raise Unauthorised("Name or password is wrong.")
        return User(*row[:4])

    async def _check(self, stored: str, password: str) -> bool:
        """Whether a password is the one whose hash was stored; raises TooMany."""
        if self._checks >= MOST_CHECKS:
            raise TooMany("Too many people are signing in right now. Try again in a moment.")
        self._checks += 1
        try:
            async with self._checking:
                return await asyncio.to_thread(self._matches, stored, password)
        finally:
            self._checks -= 1

    def _matches(self, stored: str, password: str) -> bool:
        """As `_check`; it blocks. No account takes as long as a wrong password: the clock tells nobody who is here."""
        if not stored:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def user(self, user_id: UserId) -> User:
        """A user by id; raises Unauthorised when there is none any more."""
        async with self._database.execute("SELECT id, name, role, hue FROM users WHERE id = ?", (user_id,)) as rows:
            row = await rows.fetchone()
        if row is None:
            raise Unauthorised("This account does not exist any more.")
        return User(*row)

    async def role_in(self, project: ProjectId, user: User) -> Role:
        """The role somebody has in a project: the one given there, else the one in the workspace."""
        query = "SELECT role FROM memberships WHERE project = ? AND user_id = ?"
        async with self._database.execute(query, (project, user.id)) as rows:
            row = await rows.fetchone()
        return row[0] if row else user.role

    async def set_role(self, project: ProjectId, user: UserId, role: Role) -> None:
        """Give somebody a role in one project."""
        query = "INSERT INTO memberships VALUES (?, ?, ?) ON CONFLICT (project, user_id) DO UPDATE SET role = ?"
        await self._database.execute(query, (project, user, role, role))
        await self._database.commit()

    async def one_time_login(self, user: UserId) -> str:
        """A code that signs `user` in once, within an hour; only its hash is stored."""
        code = secrets.token_urlsafe(24)
        expires = (self._clock() + ONE_TIME_LIFETIME).timestamp()
        await self._database.execute("INSERT INTO one_time_logins VALUES (?, ?, ?)", (_digest(code), user, expires))
        await self._database.commit()
        return code

    async def redeem(self, code: str) -> User:
        """The user of a one-time code, which is used up by this; raises Unauthorised."""
        query = "DELETE FROM one_time_logins WHERE code_hash = ? RETURNING user_id, expires_at"
        async with self._database.execute(query, (_digest(code),)) as rows:
            row = await rows.fetchone()
        await self._database.commit()
        if row is None or row[1] < self._clock().timestamp():
            raise Unauthorised("This login link was used or is too old. Run `workprint login-url` for a new one.")
        return await self.user(UserId(row[0]))


async def _write_ahead(database: aiosqlite.Connection) -> None:
    """Set the journal mode. SQLite does not wait for others who do so at the same moment, whatever the timeout."""
    for left in reversed(range(WAL_TRIES)):
        try:
            # Fetched: a statement that has a row left keeps its lock, and the next one fails at once.
            await database.execute_fetchall("PRAGMA journal_mode = WAL")
        except aiosqlite.OperationalError:
            if not left:
                raise
            await asyncio.sleep(WAL_PAUSE_SECONDS)
        else:
            return


async def _migrate(database: aiosqlite.Connection) -> None:
    """Bring the file to today's version; another process may be doing the same."""
    while True:
        await database.execute("BEGIN IMMEDIATE")
        async with database.execute("PRAGMA user_version") as cursor:
            row = await cursor.fetchone()
        version = int(row[0]) if row else 0
        if version >= len(MIGRATIONS):
            await database.commit()
            return
        for statement in MIGRATIONS[version].split(";"):
            await database.execute(statement)
        await database.execute(f"PRAGMA user_version = {version + 1}")
        await database.commit()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
