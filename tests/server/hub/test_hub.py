"""The life of rooms: opened once, shared, closed when idle and saved, the same again after a restart."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt_schema.ids import ProjectId
from server.errors import Conflict, NotFound, Unavailable
from server.hub.hub import Hub
from server.hub.room import Room
from server.store.base import NewUpdate, UpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, Peer, turn, until


def set_x(doc: Doc[Any]) -> None:
    doc.get("nodes", type=Map)["x"] = 1


async def test_two_openers_share_one_load() -> None:
    store = HeldStore()
    async with open_hub(store) as hub:

        async def enter() -> Room:
            async with hub.room(FILM, "canvas") as room:
                return room

        rooms = await asyncio.gather(*(enter() for _ in range(10)))
        assert len(set(rooms)) == 1
        assert store.loads == 1


async def test_who_gives_up_waiting_does_not_stop_the_load_for_the_others() -> None:
    store = HeldStore()
    store.readable.clear()
    async with open_hub(store) as hub:

        async def enter() -> str:
            async with hub.room(FILM, "canvas") as room:
                return room.epoch

        impatient, patient = asyncio.create_task(enter()), asyncio.create_task(enter())
        await until(lambda: store.loads == 1)
        impatient.cancel()
        store.readable.set()
        assert await patient


async def test_a_load_that_fails_is_told_to_all_and_tried_again_by_the_next() -> None:
    store = HeldStore()
    failures = [OSError("disk"), None]

    async def open_store(_: ProjectId) -> UpdateStore:
        if (error := failures.pop(0)) is not None:
            raise error
        return store

    hub = Hub(open_store, limits=QUICK)
    with pytest.raises(OSError, match="disk"):
        async with hub.room(FILM, "canvas"):
            pass
    async with hub.room(FILM, "canvas") as room:
        assert room.epoch
    await hub.close()


async def test_a_room_closes_when_nobody_has_needed_it_for_a_while() -> None:
    log: list[str] = []

    def attach(room: Room) -> Callable[[], None]:
        log.append(f"open {room.document}")
        return lambda: log.append(f"close {room.document}")

    async with open_hub(on_open=[attach]) as hub:
        async with hub.room(FILM, "canvas"), hub.room(FILM, "takes"):
            assert len(hub.rooms()) == 2
        async with hub.room(FILM, "canvas"):
            await until(lambda: [room.document for room in hub.rooms()] == ["canvas"])
        await until(lambda: not hub.rooms())
    assert log == ["open canvas", "open takes", "close takes", "close canvas"]


async def test_a_room_with_unsaved_edits_does_not_close() -> None:
    store = HeldStore()
    async with open_hub(store, limits=replace(QUICK, grace_seconds=0.0)) as hub:
        async with hub.room(FILM, "canvas") as room:
            store.free.clear()
            room.edit(ADA, set_x)
        await until(lambda: store.begun == 2)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert list(hub.rooms()) == [room]
        store.free.set()
        await until(lambda: not hub.rooms())
    assert store.appends == 2


async def test_who_comes_back_while_the_last_edit_is_being_saved_finds_it() -> None:
    store = HeldStore()
    async with open_hub(store, limits=replace(QUICK, grace_seconds=0.0)) as hub:
        async with hub.room(FILM, "canvas") as room:
            store.free.clear()
            room.edit(ADA, set_x)
        await until(lambda: store.begun == 2)
        async with hub.room(FILM, "canvas") as again:
            assert again.doc.get("nodes", type=Map).to_py() == {"x": 1}
            store.free.set()


async def test_a_document_keeps_its_epoch_and_its_label_over_a_restart(tmp_path: Path) -> None:
    async def open_store(_: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(tmp_path / "documents.sqlite")

    epochs: list[str] = []
    for _ in range(3):
        hub = Hub(open_store, limits=QUICK)
        async with hub.room(FILM, "canvas") as room:
            epochs.append(room.epoch)
            meta: Map[Any] = room.doc.get("meta", type=Map)
            assert meta["schema"] == "canvas.1"
        await hub.close()
    assert len(set(epochs)) == 1
    store = await open_store(FILM)
    assert len(await store.load("canvas")) == 1
    await store.close()


async def test_a_new_document_is_on_disk_before_anybody_sees_it() -> None:
    store = HeldStore()
    store.free.clear()
    async with open_hub(store) as hub:

        async def enter() -> str:
            async with hub.room(FILM, "canvas") as room:
                return room.epoch

        entering = asyncio.create_task(enter())
        await until(lambda: store.begun == 1)
        assert not entering.done()
        store.free.set()
        assert await entering


async def test_all_rooms_of_a_project_share_one_commit() -> None:
    store = HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as canvas, hub.room(FILM, "takes") as takes:
        store.free.clear()
        canvas.edit(ADA, set_x)
        await until(lambda: store.begun == 3)
        for _ in range(10):
            canvas.edit(ADA, lambda doc: doc.get("nodes", type=Map).update({"x": 2}))
            takes.edit(ADA, set_x)
        store.free.set()
        await asyncio.gather(canvas.saved(), takes.saved())
        assert store.appends == 4
        assert len(await store.load("canvas")) == 3


async def test_projects_have_stores_of_their_own(tmp_path: Path) -> None:
    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(tmp_path / project / "documents.sqlite")

    hub = Hub(open_store, limits=QUICK)
    async with hub.room(ProjectId("one"), "canvas") as one, hub.room(ProjectId("two"), "canvas") as two:
        one.edit(ADA, set_x)
        await one.saved()
        assert two.doc.get("nodes", type=Map).to_py() == {}
    await hub.close()


async def test_an_unknown_document_is_not_found() -> None:
    async with open_hub() as hub:
        for name in ("plans", "", "../canvas", "canvas/a/b", "canvas "):
            with pytest.raises(NotFound):
                async with hub.room(FILM, name):
                    pass


async def test_a_document_of_a_newer_workprint_is_left_alone() -> None:
    store = HeldStore()
    newer: Doc[Any] = Doc()
    newer.get("meta", type=Map)["schema"] = "canvas.99"
    await store.append([NewUpdate("canvas", "ada", "Ada", "", newer.get_update())])
    async with open_hub(store) as hub:
        with pytest.raises(Unavailable, match=r"canvas\.99"):
            async with hub.room(FILM, "canvas"):
                pass
    assert len(await store.load("canvas")) == 1


async def test_closing_saves_everything_and_tells_everybody() -> None:
    store = HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        peer = Peer(room)
        peer.join()
        await turn(peer)
        peer.nodes["x"] = 1
        peer.send()
        await hub.close()
        assert peer.link.closed is not None
        assert peer.link.closed[0] == 1001
        with pytest.raises(Unavailable):
            async with hub.room(FILM, "canvas"):
                pass
    assert len(await store.load("canvas")) == 2


async def test_a_project_that_is_closed_lets_nobody_in_and_has_saved_everything() -> None:
    async with open_hub(store := HeldStore()) as hub:
        async with hub.room(FILM, "canvas") as room:
            peer = Peer(room, ADA)
            peer.join()
            await turn(peer)
            peer.nodes["last"] = 1
            peer.send()
            async with hub.close_project(FILM, "It is being moved."):
                assert peer.link.closed == (4404, "It is being moved.")
                for document in ("canvas", "takes"):
                    with pytest.raises(NotFound, match="It is being moved"):
                        async with hub.room(FILM, document):
                            pass
                with pytest.raises(Unavailable):
                    room.edit(ADA, set_x)
                with pytest.raises(Conflict):
                    async with hub.close_project(FILM, "Again."):
                        pass
                async with hub.room(ProjectId("other"), "canvas"):
                    pass
        async with hub.room(FILM, "canvas") as again:
            assert again.doc.get("nodes", type=Map)["last"] == 1
            assert again is not room
    assert store.appends
