"""The audit log only grows: the database itself refuses everything else."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.auth.actor import SYSTEM
from server.auth.people import People


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[People]:
    opened = await People.open(tmp_path / "workspace.sqlite", lambda: datetime(2026, 11, 20, tzinfo=UTC))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET reason = 'another'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT id, at, project, 'eve', by_name, action, target, '', '', '' FROM audit",
    ],
)
async def test_an_entry_is_neither_changed_nor_removed(people: People, tmp_path: Path, statement: str) -> None:
    await people.audit.note("film", SYSTEM, "unlock", "shot:1", reason="A new take came")
    before = await people.audit.page("film")
    with closing(sqlite3.connect(tmp_path / "workspace.sqlite")) as tool, pytest.raises(sqlite3.IntegrityError):
        tool.execute(statement)
    assert await people.audit.page("film") == before
    assert [(entry.action, entry.reason, entry.by_name) for entry in before] == [
        ("unlock", "A new take came", "Workprint")
    ]


async def test_projects_and_the_workspace_have_entries_of_their_own(people: People) -> None:
    await people.audit.note("film", SYSTEM, "lock", "shot:1")
    await people.audit.note(None, SYSTEM, "token_created", "token-1")
    assert [entry.action for entry in await people.audit.page("film")] == ["lock"]
    assert [entry.action for entry in await people.audit.page(None)] == ["token_created"]
    assert await people.audit.page("another") == []
