"""A client that arrives with another epoch is told so, and nothing it holds is merged."""

import asyncio
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt_schema.documents import identify, identity_of, initialise
from crdt_schema.wire import CloseCode
from server.hub.codec import BadMessage
from server.hub.epochs import OTHER_EPOCH, brings_another
from server.hub.hub import Hub
from server.hub.replica import EMPTY_STATE
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, EVE, Peer, turn


def founded(client_id: int | None = None) -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=client_id) if client_id is not None else Doc()
    initialise(doc, "canvas")
    doc.get("nodes", type=Map)["of the old one"] = 1
    return doc


def copy_of(doc: Doc[Any]) -> Doc[Any]:
    copy: Doc[Any] = Doc()
    copy.apply_update(doc.get_update())
    return copy


def asked(update: bytes, room: Doc[Any]) -> bool:
    return brings_another(update, room.get_state, identity_of(room).epoch)


def test_the_history_of_another_founding_is_recognised() -> None:
    assert asked(founded().get_update(), founded())


def test_everything_a_client_of_the_same_epoch_can_send_is_let_in() -> None:
    room = founded()
    client = copy_of(room)
    client.get("nodes", type=Map)["x"] = {"title": "meta epoch"}
    assert not asked(client.get_update(room.get_state()), room)
    assert not asked(client.get_update(), room), "with the room's own founding in it"
    assert not asked(Doc[Any]().get_update(), room)


def test_it_is_recognised_after_schema_and_epoch_were_written_again() -> None:
    old = founded()
    upgraded = copy_of(old)
    upgraded.get("meta", type=Map)["schema"] = "canvas.2"
    identify(upgraded, identity_of(upgraded))
    for doc in (upgraded, copy_of(upgraded)):
        assert asked(doc.get_update(), founded())
    assert not asked(upgraded.get_update(old.get_state()), old)


@pytest.mark.parametrize(("theirs", "ours"), [(1, 2), (2, 1)])
def test_it_is_recognised_whichever_of_the_two_epochs_won_in_the_clients_own_merge(theirs: int, ours: int) -> None:
    room = founded(ours)
    client = founded(theirs)
    client.apply_update(room.get_update(client.get_state()))
    assert asked(client.get_update(room.get_state()), room)


def test_what_does_not_decode_brings_nothing_and_is_judged_where_it_is_applied() -> None:
    room = founded()
    whole = founded().get_update()
    for broken in (whole[:-3], b"\xff" + whole, b"\x01\x04meta\x05epoch"):
        assert not asked(broken, room)
    bomb = b"\x01\x01\x01\x00\x28\x01\x04meta\x05epoch\x01" + b"\x75\x01" * 100_000 + b"\x7e\x00"
    with pytest.raises(BadMessage, match="levels"):
        brings_another(bomb, lambda: EMPTY_STATE, "e")


async def stranger(hub: Hub, doc: Doc[Any], **options: Any) -> Peer:
    async with hub.room(FILM, "canvas") as room:
        ben, visitor = Peer(room, BEN), Peer(room, options.pop("actor", ADA), doc=doc, **options)
        ben.join()
        await turn(ben)
        visitor.join()
        await turn(visitor, ben)
        ben.nodes["later"] = 1
        await turn(visitor, ben)
        assert ben.plain()["nodes"] == room.doc.get("nodes", type=Map).to_py() == {"later": 1}
        await room.saved()
        return visitor


@pytest.mark.parametrize("client_id", [1, 2**31])
async def test_a_client_with_another_epoch_is_told_so_before_anything_is_applied_or_stored(client_id: int) -> None:
    store = HeldStore()
    async with open_hub(store) as hub:
        visitor = await stranger(hub, founded(client_id))
        assert visitor.link.closed == (CloseCode.OTHER_EPOCH, OTHER_EPOCH)
        assert visitor.link.acknowledged == 0
        assert visitor.session.ended
    assert not any(b"of the old one" in row.update for row in await store.load("canvas"))
    assert len(OTHER_EPOCH.encode()) <= 123


async def test_a_reader_with_another_epoch_is_told_so_too() -> None:
    async with open_hub() as hub:
        visitor = await stranger(hub, founded(), actor=EVE, writable=False)
        assert visitor.link.closed == (CloseCode.OTHER_EPOCH, OTHER_EPOCH)
        assert visitor.link.refused == 0


async def test_a_copy_that_slept_through_a_restart_of_the_same_epoch_goes_on() -> None:
    store = HeldStore()
    sleeper: Doc[Any] = Doc()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        peer = Peer(room, ADA, doc=sleeper)
        peer.join()
        await turn(peer)
        peer.leave()
        await room.saved()
    sleeper.get("nodes", type=Map)["asleep"] = 1
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        peer = Peer(room, ADA, doc=sleeper)
        peer.join()
        await turn(peer)
        assert peer.link.closed is None
        assert room.doc.get("nodes", type=Map).to_py() == {"asleep": 1}


async def test_a_change_that_comes_before_its_history_waits_until_it_is_clear_of_which_epoch_it_is() -> None:
    async with open_hub() as hub, hub.room(FILM, "canvas") as room:
        nodes: Map[Any] = room.doc.get("nodes", type=Map)
        stranger_doc, friend_doc = founded(), copy_of(room.doc)
        for doc, taken in ((stranger_doc, {}), (friend_doc, {"early": 1})):
            peer = Peer(room, ADA, doc=doc)
            peer.nodes["early"] = 1  # goes out first, as from the queue of Hocuspocus's provider
            peer.room.join(peer.session)
            peer.send()
            await turn(peer)
            assert nodes.to_py() == {}
            assert peer.link.acknowledged == 0
            peer.join()
            await turn(peer)
            assert nodes.to_py() == taken
            assert (peer.link.closed is None) == bool(taken)
        assert peer.link.acknowledged == 2
        empty = Peer(room, BEN)
        empty.join()
        empty.send()
        empty.nodes["from scratch"] = 1
        empty.send()
        for _ in range(4):
            await asyncio.sleep(0)
        assert nodes.get("from scratch") == 1, "who has no history has nothing to wait for"


async def test_who_sends_much_and_never_shows_its_history_is_sent_away() -> None:
    async with open_hub() as hub, hub.room(FILM, "canvas") as room:
        peer = Peer(room, ADA, doc=founded())
        room.join(peer.session)
        for number in range(QUICK.held_frames + 1):
            peer.nodes["x"] = number
        peer.send()
        assert peer.link.closed is not None
        assert peer.link.closed[0] == CloseCode.TOO_LARGE
