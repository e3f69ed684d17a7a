"""Examines the update log of a project: SQLite's own check, then every document as a room would load it; reads only."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from pycrdt import Doc

from crdt_schema import plain
from crdt_schema.documents import NewerSchema, UnknownDocument, identity_of, kind_of, upgrade
from crdt_schema.records import Take
from server.doctor.findings import Finding
from server.errors import WorkprintError
from server.hub.nesting import check_nesting
from server.hub.replica import Replica, Ruined, panics_told
from server.projects.building import LOG
from server.store.sqlite import MIGRATIONS

BUSY_SECONDS = 10.0
ADVICE = (
    "Stop the studio and copy the project's folder away before anything else. A backup of .workprint/documents.sqlite "
    "brings everything back; without one, move that folder out of Projects and import a git clone of it, which "
    "founds the documents from the files of the last snapshot."
)
_HISTORY = """
    SELECT 0 AS seq, state FROM checkpoints WHERE document = :document UNION ALL
    SELECT seq, "update" FROM updates WHERE document = :document ORDER BY 1
"""
_NAMES = "SELECT DISTINCT document FROM updates UNION SELECT document FROM checkpoints ORDER BY 1"


@dataclass
class Documents:
    """What the log says, as far as it can be read."""

    findings: list[Finding] = field(default_factory=list[Finding])
    plains: dict[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])

    def takes(self) -> Mapping[str, Take] | None:
        """The takes of the project; None when nobody knows."""
        if (found := self.plains.get("takes")) is None:
            return None
        return cast("Mapping[str, Take]", found.get("takes", {}))


def examine_documents(folder: Path) -> Documents:
    """Look at every document of a project. It blocks; a hub that writes the log meanwhile is not disturbed."""
    found, log = Documents(), folder / LOG
    if not log.is_file():
        said = "there is no log of changes yet"
        found.findings.append(
            Finding("warning", str(log), said, "Open the project once, or import a clone of it, to get one.")
        )
        return found
    try:
        with closing(sqlite3.connect(f"file:{quote(str(log))}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as database:
            # What somebody planted in the schema must not run.
            database.execute("PRAGMA trusted_schema = OFF")
            _examine(database, str(log), found)
    except (sqlite3.Error, TypeError) as error:
        found.findings.append(Finding("damage", str(log), f"it cannot be read: {error}", ADVICE))
    return found


def _examine(database: sqlite3.Connection, log: str, found: Documents) -> None:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version != len(MIGRATIONS):
        said = f"it has version {version}, this Workprint knows {len(MIGRATIONS)}"
        advice = "Start the studio once, which brings an older log up to date; update Workprint for a newer one."
        found.findings.append(Finding("warning", log, said, advice))
        return
    problems = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        found.findings.append(Finding("damage", log, f"SQLite finds it damaged: {'; '.join(problems)}", ADVICE))
    for (name,) in database.execute(_NAMES).fetchall():
        where = f"{log}, document {str(name)[:80]}"
        try:
            found.plains[str(name)] = _load(str(name), _history(database, str(name)))
        except UnknownDocument:
            found.findings.append(Finding("warning", where, "no document is called that", "Update Workprint."))
        except NewerSchema as error:
            found.findings.append(Finding("warning", where, str(error), "Update Workprint."))
        except (sqlite3.Error, Ruined, WorkprintError, ValueError, TypeError) as error:
            found.findings.append(Finding("damage", where, f"it cannot be loaded: {error}", ADVICE))


def _history(database: sqlite3.Connection, name: str) -> Iterator[bytes]:
    for _, update in database.execute(_HISTORY, {"document": name}):
        yield bytes(update)


def _load(name: str, history: Iterator[bytes]) -> Mapping[str, object]:
    """The plain value of a document; raises UnknownDocument, NewerSchema, Ruined and what a broken update raises."""
    kind_of(name)
    updates = list(history)
    for update in updates:
        # One that is nested too deep would end this process instead of being told.
        check_nesting(update)
    replica = Replica(updates)
    try:
        with panics_told():
            doc: Doc[Any] = replica.doc
            # A document whose first change is not written yet says nothing of itself.
            if identity_of(doc).schema is not None:
                upgrade(doc, name)
            return cast("Mapping[str, object]", plain.dump(doc, name))
    finally:
        replica.close()
