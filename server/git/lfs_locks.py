"""Who has locked which file for Git LFS: kept in the project's own state, outside Git."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crdt_schema.ids import new_id
from server.auth.actor import Actor
from server.errors import BadRequest, Conflict, Forbidden, NotFound
from server.snapshot.repo import STATE_FOLDER

LONGEST_PATH = 1024
MOST_LOCKS = 10_000
WAIT_SECONDS = 10.0
TABLE = """CREATE TABLE IF NOT EXISTS locks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL, owner_name TEXT NOT NULL, locked_at REAL NOT NULL
)"""
COLUMNS = "number, id, path, owner, owner_name, locked_at"


@dataclass(frozen=True)
class FileLock:
    """A file that one person works on; `number` orders the locks of a project, `locked_at` is seconds since 1970."""

    number: int
    id: str
    path: str
    owner: str
    owner_name: str
    locked_at: float


class AlreadyLocked(Conflict):
    """Somebody was first."""

    def __init__(self, lock: FileLock) -> None:
        """`lock`: the one that stands."""
        super().__init__(f"{lock.owner_name} has locked this file. Ask them, or an admin of this project.")
        self.lock = lock


class FileLocks:
    """The locks of one project; any process may hold such an object, and every method blocks."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the project's."""
        self._file = folder / STATE_FOLDER / "lfs-locks.sqlite"

    def take(self, path: str, by: Actor, now: float) -> FileLock:
        """Lock a file; raises AlreadyLocked, BadRequest, Conflict."""
        demand_path(path)
        with self._open() as database:
            if (found := _one(database, "path = ?", path)) is not None:
                raise AlreadyLocked(found)
            if database.execute("SELECT COUNT(*) FROM locks").fetchone()[0] >= MOST_LOCKS:
                raise Conflict("There are too many locks in this project. Unlock what nobody works on.")
            lock_id = new_id("lock")
            database.execute(
                "INSERT INTO locks (id, path, owner, owner_name, locked_at) VALUES (?, ?, ?, ?, ?)",
                (lock_id, path, by.user_id, by.name, now),
            )
            return _must(_one(database, "id = ?", lock_id))

    def find(self, *, path: str = "", lock_id: str = "", after: int = 0, limit: int = 100) -> list[FileLock]:
        """The locks behind number `after`, in their order; of one path or id where it is given."""
        with self._open() as database:
            rows = database.execute(
                f"SELECT {COLUMNS} FROM locks WHERE number > ?"  # noqa: S608 - a constant
                " AND (? = '' OR path = ?) AND (? = '' OR id = ?) ORDER BY number LIMIT ?",
                (after, path, path, lock_id, lock_id, limit),
            )
            return [FileLock(*row) for row in rows]

    def release(self, lock_id: str, by: Actor, *, force: bool) -> FileLock:
        """Unlock; with `force` also what somebody else has locked. Raises NotFound, Forbidden."""
        with self._open() as database:
            found = _must(_one(database, "id = ?", lock_id))
            if found.owner != by.user_id and not force:
                raise Forbidden(
                    f"{found.owner_name} has locked this file. Ask them, or an admin, who may unlock it by force."
                )
            database.execute("DELETE FROM locks WHERE id = ?", (lock_id,))
            return found

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """One transaction; whoever comes meanwhile waits."""
        self._file.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=WAIT_SECONDS, isolation_level=None)) as database:
            database.execute(TABLE)
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database


def demand_path(path: str) -> None:
    """Raise BadRequest for what is no path inside a repository."""
    parts = path.split("/")
    odd = any(part in {"", ".", ".."} for part in parts) or not path.isprintable() or "\\" in path
    if odd or len(path) > LONGEST_PATH:
        raise BadRequest(f"A lock needs the path of a file in the repository, of at most {LONGEST_PATH} characters.")


def _one(database: sqlite3.Connection, condition: str, value: str) -> FileLock | None:
    row = database.execute(f"SELECT {COLUMNS} FROM locks WHERE {condition}", (value,)).fetchone()  # noqa: S608 - constants
    return None if row is None else FileLock(*row)


def _must(found: FileLock | None) -> FileLock:
    if found is None:
        raise NotFound("There is no such lock. Somebody may have unlocked it already.")
    return found
