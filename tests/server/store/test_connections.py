"""Connections to SQLite: closed on every path, and none that is left over keeps the process from ending."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.auth.people import People
from server.clock import utc_now
from server.store.sqlite import SqliteUpdateStore

ROOT = Path(__file__).parents[3]
Open = Callable[[Path], Awaitable[Any]]
OPENERS: list[Open] = [SqliteUpdateStore.open, lambda path: People.open(path, utc_now)]
NEVER_CLOSED = """
import asyncio, sys
from pathlib import Path
from server.auth.people import People
from server.clock import utc_now
from server.store.sqlite import SqliteUpdateStore

async def main():
    folder = Path(sys.argv[1])
    kept.append(await SqliteUpdateStore.open(folder / "documents.sqlite"))
    kept.append(await People.open(folder / "workspace.sqlite", utc_now))

kept = []
asyncio.run(main())
"""


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name}


async def ended(before: set[threading.Thread]) -> None:
    async with asyncio.timeout(30):
        for thread in threads() - before:
            await asyncio.to_thread(thread.join, 30)
    assert not threads() - before


@pytest.mark.parametrize("open_it", OPENERS, ids=["updates", "people"])
async def test_opening_a_file_that_is_no_database_leaves_nothing_behind(tmp_path: Path, open_it: Open) -> None:
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"this is no database, however long one looks at it" * 100)
    before = threads()
    with pytest.raises(sqlite3.DatabaseError):
        await open_it(path)
    await ended(before)


@pytest.mark.parametrize("open_it", OPENERS, ids=["updates", "people"])
async def test_opening_that_is_given_up_leaves_nothing_behind(tmp_path: Path, open_it: Open) -> None:
    before = threads()
    for turns in range(40):
        opening = asyncio.ensure_future(open_it(tmp_path / f"{turns}.sqlite"))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        opening.cancel()
        for opened in await asyncio.gather(opening, return_exceptions=True):
            if not isinstance(opened, BaseException):
                await opened.close()
    await ended(before)


async def test_connections_that_nobody_closed_do_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NEVER_CLOSED, str(tmp_path)]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, timeout=60, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "workspace.sqlite").is_file()
