"""Of each open project the jobs and takes are at hand: read whole once, in turns, and then what has changed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crdt_schema.ids import BlobHash
from crdt_schema.takes import Takes
from server.auth.actor import FARM
from server.errors import Unavailable
from server.hub.changes import AT_ONCE
from server.hub.room import Room
from server.intents.shelves import Shelves
from tests.support.turns import counted_turns
from tests.support.workspace import open_workspace, take_record

TAKES = 10 * AT_ONCE


@dataclass
class Shelved:
    """The `takes` of a project with many takes, and what keeps them at hand."""

    shelves: Shelves
    room: Room

    def add(self, key: str) -> None:
        take = take_record("shot-1", key, BlobHash("ab" * 32), 1)
        self.room.edit(FARM, lambda doc: Takes(doc).add_take(key, take))


@pytest.fixture
async def shelved(tmp_path: Path) -> AsyncIterator[Shelved]:
    shelves = Shelves()
    takes = {f"take-{at}": take_record("shot-1", f"take-{at}", BlobHash("ab" * 32), 1) for at in range(TAKES)}
    async with open_workspace(tmp_path, on_open=(shelves.attach,)) as workspace:
        project = await workspace.new_project()
        async with workspace.hub.room(project.id, "takes") as room:
            room.edit(FARM, lambda doc: [Takes(doc).add_take(key, take) for key, take in takes.items()])
            yield Shelved(shelves, room)


async def test_others_get_their_turn_while_many_takes_are_read(shelved: Shelved) -> None:
    async with counted_turns() as turns:
        await shelved.shelves.ready(shelved.room)
    assert turns.count >= TAKES / AT_ONCE - 2
    assert len(shelved.shelves.of(shelved.room).takes) == TAKES


async def test_what_changes_while_they_are_read_is_at_hand_too(shelved: Shelved) -> None:
    reading = asyncio.create_task(shelved.shelves.ready(shelved.room))
    await asyncio.sleep(0)
    shelved.add("late")
    assert "late" in shelved.shelves.of(shelved.room).takes, "it does not wait until all the others are read"
    await reading
    assert len(shelved.shelves.of(shelved.room).takes) == TAKES + 1


async def test_what_is_not_open_is_not_waited_for(shelved: Shelved) -> None:
    elsewhere = Shelves()
    await elsewhere.ready(shelved.room)
    with pytest.raises(Unavailable, match="Try again in a moment"):
        elsewhere.of(shelved.room)
