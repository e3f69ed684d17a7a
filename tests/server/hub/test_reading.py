"""A document is read whole while people go on drawing in it, and is of one moment nevertheless."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, NodeId, ProjectId
from crdt_schema.records import CanvasPlain
from server.hub.changes import AT_ONCE
from server.hub.reading import plain_in_turns
from server.hub.room import Room
from tests.support.film import joins
from tests.support.workspace import ADA, Workspace, open_workspace

SHOTS = 6 * AT_ONCE


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(tmp_path) as opened:
        yield opened


@pytest.fixture
async def canvas(workspace: Workspace) -> AsyncIterator[Room]:
    """A canvas with many shots, and what one of them is made with."""

    def draw(doc: Doc[Any]) -> None:
        canvas = Canvas(doc)
        for at in range(SHOTS):
            canvas.add_node(NodeId(f"shot-{at}"), "shot", {"x": at, "y": 0}, title=f"Shot {at}", shot=at)
        canvas.add_node(NodeId("pipeline-1"), "pipeline", {"x": 0, "y": 9}, title="How", pipeline="previz-image")
        canvas.add_edge(EdgeId("edge-1"), joins("pipeline-1", "pipeline", "shot-1", "pipeline"))

    async with workspace.hub.room((await workspace.new_project()).id, "canvas") as room:
        room.edit(ADA, draw)
        yield room


def named(node: str, title: str) -> Callable[[Doc[Any]], None]:
    return lambda doc: Canvas(doc).set_field(node, "title", title)


def gone(node: str) -> Callable[[Doc[Any]], None]:
    return lambda doc: Canvas(doc).set_field(node, "deleted", value=True)


async def test_it_is_what_is_read_at_once(canvas: Room) -> None:
    canvas.edit(ADA, gone("shot-7"))
    assert await plain_in_turns(canvas) == canvas.plain()


@pytest.mark.parametrize("document", ["takes", "production", "script/draft"])
async def test_so_is_every_other_document(workspace: Workspace, document: str) -> None:
    project: ProjectId = (await workspace.new_project()).id
    async with workspace.hub.room(project, document) as room:
        assert await plain_in_turns(room) == room.plain()


async def test_what_people_draw_meanwhile_is_in_it_and_they_need_not_wait(canvas: Room) -> None:
    reading = asyncio.create_task(plain_in_turns(canvas))
    drawn = 0
    while not reading.done():
        # The first and the last of what is read, again and again, and one that goes.
        for node in ("shot-0", f"shot-{SHOTS - 1}"):
            canvas.edit(ADA, named(node, f"Drawn {drawn}"))
        if drawn == 1:
            canvas.edit(ADA, gone("shot-1"))
        drawn += 1
        await asyncio.sleep(0)
        assert drawn <= 2 * SHOTS / AT_ONCE, "it is read to its end although they never stop"
    assert reading.result() == canvas.plain(), "as it was when the last of it was read, and nobody drew since"
    assert not cast("CanvasPlain", canvas.plain())["edges"], "what it led to has gone"
