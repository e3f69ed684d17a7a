"""What only the server can write is shown once it is on disk: after a crash no replica knows more than the log."""

from collections.abc import AsyncIterator

import pytest
from pycrdt import Map

from server.auth.actor import SYSTEM
from server.hub.room import Room
from server.store.base import NewUpdate
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, Peer, turn, until


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def takes(store: HeldStore) -> AsyncIterator[Room]:
    async with open_hub(store) as hub, hub.room(FILM, "takes") as room:
        yield room


def note(room: Room, key: str) -> None:
    room.edit(SYSTEM, lambda doc: doc.get("nodes", type=Map).update({key: 1}))


def reader(room: Room) -> Peer:
    peer = Peer(room, BEN, writable=False)
    peer.join()
    return peer


async def test_a_change_is_shown_when_it_is_on_disk_to_who_is_there_and_who_comes(
    takes: Room, store: HeldStore
) -> None:
    early = reader(takes)
    await turn(early)
    store.free.clear()
    note(takes, "a")
    late = reader(takes)
    await turn(early, late)
    assert early.plain()["nodes"] == late.plain()["nodes"] == {}
    store.free.set()
    await takes.saved()
    await turn(early, late)
    assert early.plain()["nodes"] == late.plain()["nodes"] == {"a": 1}


async def test_a_canvas_waits_for_no_disk(store: HeldStore) -> None:
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        ada = Peer(room, ADA)
        ada.join()
        await turn(ada)
        store.free.clear()
        note(room, "a")
        await turn(ada)
        assert ada.plain()["nodes"] == {"a": 1}
        store.free.set()


async def crash_and_return() -> Peer:
    """A reader of a document whose last change was under way to the disk when the hub died, after it came back."""
    store, survived = HeldStore(), HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "takes") as room:
        peer = reader(room)
        await turn(peer)
        rows = [
            NewUpdate("takes", row.actor_id, row.actor_name, row.at, row.update) for row in await store.log("takes")
        ]
        await survived.append(rows)
        store.free.clear()
        note(room, "a")
        await turn(peer)
        store.free.set()
    async with open_hub(survived) as hub, hub.room(FILM, "takes") as room:
        room.edit(SYSTEM, lambda doc: doc.get("nodes", type=Map).update({"a": 2}))
        await room.saved()
        again = Peer(room, BEN, writable=False, doc=peer.doc)
        again.join()
        await turn(again)
        return again


async def test_a_crash_parts_no_reader_from_the_document() -> None:
    for _ in range(8):  # which of two concurrent values stays depends on random ids
        peer = await crash_and_return()
        assert peer.plain()["nodes"] == {"a": 2}


async def test_a_slow_reader_misses_nothing_that_was_not_on_disk_yet(store: HeldStore) -> None:
    async with open_hub(store, limits=QUICK) as hub, hub.room(FILM, "takes") as room:
        slow = reader(room)
        await turn(slow)
        store.free.clear()
        note(room, "a")
        slow.link.stuck = True
        room.present("farm", {"jobs": "x" * (2 << 20)})
        await until(lambda: slow.session.behind is not None)
        note(room, "b")
        slow.link.stuck = False
        slow.receive()
        store.free.set()
        await room.saved()
        await until(lambda: slow.session.behind is None)
        await turn(slow)
        assert slow.plain()["nodes"] == {"a": 1, "b": 1}
