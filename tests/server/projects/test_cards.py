"""The list of projects reads a document once, and then what has changed in it; nobody waits for it meanwhile."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import BlobHash
from crdt_schema.takes import Takes
from server.auth.actor import FARM
from server.hub.changes import AT_ONCE
from server.hub.room import Room
from server.projects.cards import Card, Cards
from server.projects.index import Project
from tests.support.turns import counted_turns
from tests.support.workspace import ADA, Workspace, open_workspace, take_record


@dataclass
class Listed:
    """A workspace, its cards, and every room that was opened."""

    workspace: Workspace
    cards: Cards
    opened: list[str]

    async def card(self, project: Project) -> Card:
        return await self.cards.of(self.workspace.hub, project)

    async def take(self, project: Project, number: int, *, second: int) -> BlobHash:
        """A take of the first shot, made at a second of a minute; its picture."""
        blob = BlobHash(f"{number:064x}")
        take = take_record("shot-1", f"take-{number}", blob, 1, number=number)
        take["created_at"] = f"2026-01-02T03:04:{second:02}Z"
        async with self.workspace.hub.room(project.id, "takes") as room:
            room.edit(FARM, lambda doc: Takes(doc).add_take(f"take-{number}", take))
        return blob

    async def choose(self, project: Project, shot: str, number: int) -> None:
        """Make a take the active one of a shot."""
        async with self.workspace.hub.room(project.id, "canvas") as room:
            room.edit(ADA, lambda doc: Canvas(doc).set_field(shot, "active_take", f"take-{number}"))

    async def close_rooms(self, project: Project) -> None:
        async with self.workspace.hub.close_project(project.id, "a test closes it"):
            pass


@pytest.fixture
async def listed(tmp_path: Path) -> AsyncIterator[Listed]:
    cards, opened = Cards(), list[str]()

    def note(room: Room) -> Callable[[], None]:
        opened.append(room.document)
        return cards.attach(room)

    async with open_workspace(tmp_path, on_open=(note,)) as workspace:
        yield Listed(workspace, cards, opened)


async def test_a_new_project_has_neither_shots_nor_takes_nor_a_picture(listed: Listed) -> None:
    assert await listed.card(await listed.workspace.new_project()) == Card(shots=0, takes=0, newest="", poster="")


async def test_shots_and_takes_are_counted_and_the_newest_take_is_the_picture(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    await listed.workspace.add_shot(project.id, "shot-1", "The door")
    await listed.workspace.add_shot(project.id, "shot-2", "The wait", shot=2)
    newest = await listed.take(project, 1, second=9)
    await listed.take(project, 2, second=5)
    assert await listed.card(project) == Card(shots=2, takes=2, newest="2026-01-02T03:04:09Z", poster=newest)


async def test_the_picture_is_the_newest_take_that_somebody_chose(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    for number in (1, 2):
        await listed.workspace.add_shot(project.id, f"shot-{number}", "The door", shot=number)
        await listed.choose(project, f"shot-{number}", number)
    await listed.take(project, 1, second=1)
    chosen = await listed.take(project, 2, second=2)
    await listed.take(project, 3, second=3)
    assert (await listed.card(project)).poster == chosen


async def test_what_changes_is_seen_the_next_time(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    await listed.workspace.add_shot(project.id, "shot-1", "The door")
    assert (await listed.card(project)).shots == 1
    await listed.take(project, 1, second=1)
    async with listed.workspace.hub.room(project.id, "canvas") as room:
        room.edit(ADA, lambda doc: Canvas(doc).set_field("shot-1", "deleted", value=True))
    card = await listed.card(project)
    assert (card.shots, card.takes) == (0, 1)


async def test_a_project_that_nobody_has_changed_is_not_opened_again(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    await listed.take(project, 1, second=1)
    card = await listed.card(project)
    await listed.close_rooms(project)
    listed.opened.clear()
    assert await listed.card(project) == card
    assert listed.opened == []


async def test_what_was_changed_after_the_last_look_is_seen_though_the_project_was_closed_since(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    assert (await listed.card(project)).takes == 0
    await listed.take(project, 1, second=1)
    await listed.close_rooms(project)
    assert (await listed.card(project)).takes == 1


async def test_another_copy_that_is_put_in_the_place_of_a_project_is_read(listed: Listed, tmp_path: Path) -> None:
    project = await listed.workspace.new_project()
    await listed.close_rooms(project)
    shutil.copytree(project.folder, tmp_path / "earlier", symlinks=True)
    await listed.take(project, 1, second=1)
    assert (await listed.card(project)).takes == 1
    async with listed.workspace.hub.close_project(project.id, "it is replaced"):
        shutil.rmtree(project.folder)
        (tmp_path / "earlier").rename(project.folder)
    assert (await listed.card(project)).takes == 0


async def test_others_get_their_turn_while_a_large_project_is_read(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    takes = {f"take-{at}": take_record("shot-1", f"take-{at}", BlobHash("ab" * 32), 1) for at in range(20 * AT_ONCE)}
    async with listed.workspace.hub.room(project.id, "takes") as room:
        room.edit(FARM, lambda doc: [Takes(doc).add_take(key, take) for key, take in takes.items()])
        async with counted_turns() as turns:
            assert (await listed.card(project)).takes == len(takes)
    assert turns.count >= len(takes) / AT_ONCE - 2


async def test_two_that_look_at_once_see_the_same(listed: Listed) -> None:
    project = await listed.workspace.new_project()
    takes = {f"take-{at}": take_record("shot-1", f"take-{at}", BlobHash("ab" * 32), 1) for at in range(4 * AT_ONCE)}
    async with listed.workspace.hub.room(project.id, "takes") as room:
        room.edit(FARM, lambda doc: [Takes(doc).add_take(key, take) for key, take in takes.items()])
        one, other = await asyncio.gather(listed.card(project), listed.card(project))
    assert one == other
    assert one.takes == len(takes)
