"""The update log on this machine: what was changed here and is not yet known to be on the server."""

import sqlite3
from pathlib import Path


class OfflineLog:
    """Updates of one document in an SQLite file. Everything is on disk when a method returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS updates (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL, saved INTEGER NOT NULL)"
        )

    def load(self) -> list[bytes]:
        """Everything kept, in order."""
        return [row[0] for row in self._database.execute("SELECT bytes FROM updates ORDER BY seq")]

    def append(self, update: bytes, *, saved: bool) -> None:
        """Keep an update; `saved` when it came from the server."""
        self._database.execute("INSERT INTO updates (bytes, saved) VALUES (?, ?)", (update, int(saved)))

    def unsaved(self) -> int:
        """How many updates were made here and are not known to be on the server."""
        return int(self._database.execute("SELECT COUNT(*) FROM updates WHERE saved = 0").fetchone()[0])

    def replace(self, state: bytes, *, saved: bool = True) -> None:
        """Keep one state in place of all updates; `saved` when the server has everything in it."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("DELETE FROM updates")
        self._database.execute("INSERT INTO updates (bytes, saved) VALUES (?, ?)", (state, int(saved)))
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
