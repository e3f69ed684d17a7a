"""The life of rooms: what was opened is closed again, and nothing of it stays in memory, however it ended."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from crdt_schema.ids import ProjectId
from crdt_schema.wire import Kind
from server.errors import Unavailable
from server.hub import codec, messages
from server.hub.hub import Hub
from server.store.base import NewUpdate
from tests.support.hub import FILM, HeldStore, open_hub, serve
from tests.support.lifecycle import closed, held, hub_on_disk, nothing_more, visit, visit_many
from tests.support.sockets import ADA, until

PROJECTS = 150


async def test_hundreds_of_rooms_leave_no_file_thread_task_or_document_behind(tmp_path: Path) -> None:
    async with hub_on_disk(tmp_path) as hub:
        await visit(hub, ProjectId("first"), "canvas")
        await closed(hub)
        before = held()
        for number in range(0, PROJECTS, 25):
            await visit_many(hub, number, 25)
        await nothing_more(before)


async def test_a_room_that_is_opened_again_has_what_was_written(tmp_path: Path) -> None:
    async with hub_on_disk(tmp_path) as hub:
        for number in range(20):
            await visit(hub, FILM, "canvas", f"visit {number}")
            await closed(hub)
        async with hub.room(FILM, "canvas") as room:
            nodes: Map[Any] = room.doc.get("nodes", type=Map)
            assert nodes.to_py() == {f"visit {number}": "." * 100 for number in range(20)}


async def test_a_room_that_cannot_be_opened_leaves_nothing_behind() -> None:
    store = HeldStore()
    newer: Doc[Any] = Doc()
    newer.get("meta", type=Map)["schema"] = "canvas.99"
    await store.append([NewUpdate("canvas", "ada", "Ada", "", newer.get_update())])
    async with open_hub(store) as hub:
        await visit(hub, FILM, "takes")
        await closed(hub)
        before = held()
        for _ in range(20):
            with pytest.raises(Unavailable):
                async with hub.room(FILM, "canvas"):
                    pass
            store.load_error = OSError("the disk is away")
            with pytest.raises(OSError, match="away"):
                async with hub.room(FILM, "takes"):
                    pass
            store.load_error = None
        await closed(hub)
        await nothing_more(before)


async def _load_again(hub: Hub) -> None:
    async with hub.room(FILM, "canvas") as room:
        room._start_rebuild()
        await room.ready()
        room.edit(ADA, lambda doc: doc.get("nodes", type=Map).update({"x": 1}))


async def test_a_room_that_was_loaded_again_leaves_nothing_behind() -> None:
    async with open_hub() as hub:
        await visit(hub, FILM, "canvas")
        await closed(hub)
        before = held()
        for _ in range(5):
            await _load_again(hub)
        await closed(hub)
        await nothing_more(before)


async def _come_and_go(base: str, http: aiohttp.ClientSession, number: int) -> None:
    """One socket of each dialect: in, one edit, out; every other one without a goodbye."""
    project = f"p{number % 5}"
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)[f"{number}"] = 1
    edit = messages.change(doc.get_update()).body
    address = codec.text("canvas")
    async with (
        http.ws_connect(f"{base}/{project}/canvas?token=editor:ada") as yjs,
        http.ws_connect(f"{base}/{project}") as hocuspocus,
    ):
        for websocket, before in ((yjs, b""), (hocuspocus, address)):
            if before:
                await websocket.send_bytes(address + bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text("editor:ben"))
            await websocket.send_bytes(before + messages.step1(b"\0").body)
            await websocket.send_bytes(before + edit)
            async with asyncio.timeout(60):
                while not (await websocket.receive_bytes())[len(before) :].startswith(bytes((Kind.SYNC, 1))):
                    pass
        if number % 2:
            for websocket in (yjs, hocuspocus):
                connection = websocket._response.connection
                assert connection is not None
                assert connection.transport is not None
                connection.transport.abort()


async def test_sockets_of_both_dialects_leave_nothing_behind_with_or_without_a_goodbye(tmp_path: Path) -> None:
    async with hub_on_disk(tmp_path) as hub, serve(hub) as base, aiohttp.ClientSession() as http:
        await _come_and_go(base, http, 0)
        await closed(hub)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        before = held()
        for number in range(0, 50, 10):
            await asyncio.gather(*(_come_and_go(base, http, number + each) for each in range(10)))
        await closed(hub)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        await nothing_more(before)
