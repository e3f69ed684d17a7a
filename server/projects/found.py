"""Finds the documents of a project that came from elsewhere: in its log of changes, or as files in its tree."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import structlog

from server.hub.codec import BadMessage
from server.hub.replica import Ruined
from server.projects.building import Documents, read_log
from server.snapshot.tree import DOCUMENT_PATHS, FOLDERS, LATER_PATHS, document_at
from server.store.base import NewerStore

LOG_UNREADABLE = "Its log of changes cannot be read, so the documents were taken from the files in the project."
log = structlog.get_logger(__name__)


async def documents_in_log(place: Path, problems: list[str]) -> Documents | None:
    """What a log holds; None where there is none that can be read."""
    try:
        if not await asyncio.to_thread(_look_at, place):
            return None
        return await read_log(place)
    except (sqlite3.Error, BadMessage, Ruined, NewerStore, ValueError, TypeError) as error:
        log.warning("imported_log_unreadable", reason=str(error))
        problems.append(LOG_UNREADABLE)
        return None


def _look_at(place: Path) -> bool:
    """Whether there is a file; raises ValueError or sqlite3.Error for one that is no log of ours."""
    if not place.is_file():
        return False
    with closing(sqlite3.connect(place)) as database:
        # A trigger or a view would run what its author wants.
        database.execute("PRAGMA trusted_schema = OFF")
        kinds = {row[0] for row in database.execute("SELECT type FROM sqlite_schema")}
        if not kinds <= {"table", "index"}:
            raise ValueError("it holds more than tables")
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise ValueError("it is damaged")
    return True


def documents_in_tree(folder: Path, problems: list[str]) -> Documents:
    """What the files of a project say; a file that cannot be read is named and left out. It blocks."""
    found: Documents = {}
    for name, path in _places(folder):
        try:
            data = (folder / path).read_bytes()
            value: object = {"text": data.decode()} if name.startswith("script/") else json.loads(data)
        except FileNotFoundError:
            continue
        except (ValueError, RecursionError):
            problems.append(f"{path} was left out: it cannot be read.")
            continue
        if isinstance(value, dict):
            found[name] = cast("dict[str, object]", value)
        else:
            problems.append(f"{path} was left out: it is no document.")
    return found


def _places(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and path of every document that may stand in the tree."""
    yield from (DOCUMENT_PATHS | LATER_PATHS).items()
    for place in FOLDERS:
        for file in sorted((folder / place).glob("*.*")):
            if file.is_file() and (name := document_at(f"{place}/{file.name}")) is not None:
                yield name, f"{place}/{file.name}"
