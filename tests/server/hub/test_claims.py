"""Nobody can write as somebody else: a Yjs client id is the person's who is present with it, or first wrote with it."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt_schema.wire import CloseCode
from server.hub import messages
from server.hub.room import Room
from tests.support.hub import FILM, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, Peer, turn


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


@pytest.fixture
async def room(store: HeldStore) -> AsyncIterator[Room]:
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as opened:
        yield opened


async def enter(room: Room) -> tuple[Peer, Peer]:
    ada, ben = Peer(room, ADA), Peer(room, BEN)
    for peer in (ada, ben):
        peer.join()
    await turn(ada, ben)
    return ada, ben


def forged(victim: Peer, key: str) -> bytes:
    """An edit under the victim's client id, with the number of their next one."""
    doc: Doc[Any] = Doc(client_id=victim.doc.client_id)
    doc.apply_update(victim.doc.get_update())
    state = doc.get_state()
    doc.get("nodes", type=Map)[key] = "forged"
    return doc.get_update(state)


@pytest.mark.parametrize("as_reply", [False, True], ids=["live", "as a sync reply"])
async def test_an_edit_under_somebody_elses_id_is_refused_and_harms_its_sender_only(
    room: Room, store: HeldStore, *, as_reply: bool
) -> None:
    ada, ben = await enter(room)
    ada.nodes["first"] = 1
    await turn(ada, ben)
    update = forged(ada, "mine")
    ben.leaving.append((messages.step2 if as_reply else messages.change)(update).body)
    await turn(ada, ben)
    assert ben.link.closed is not None
    assert ben.link.closed[0] == CloseCode.FORBIDDEN
    ada.nodes["second"] = 2
    await turn(ada)
    await room.saved()
    assert ada.link.closed is None
    assert room.doc.get("nodes", type=Map).to_py() == {"first": 1, "second": 2}
    assert {row.actor_id for row in await store.log("canvas")} == {"workprint", "ada"}


async def test_an_id_is_its_owners_from_the_moment_they_are_present(room: Room) -> None:
    ada, ben = await enter(room)
    ada.say(ada.doc.client_id, 1, '{"cursor": 1}')
    await turn(ada, ben)
    ben.leaving.append(messages.change(forged(ada, "mine")).body)
    await turn(ada, ben)
    assert ben.link.closed is not None
    ada.nodes["first"] = 1
    await turn(ada)
    assert ada.link.closed is None
    assert room.doc.get("nodes", type=Map).to_py() == {"first": 1}


async def test_garbage_claims_nothing(room: Room) -> None:
    ada, ben = await enter(room)
    update = forged(ada, "mine")
    ben.leaving.append(messages.change(update + b"rest").body)
    await turn(ada, ben)
    assert ben.link.closed is not None
    ada.nodes["first"] = 1
    await turn(ada)
    assert ada.link.closed is None


async def test_the_servers_own_id_is_nobodys(room: Room) -> None:
    _, ben = await enter(room)
    server = Peer(room, BEN, doc=Doc(client_id=room.doc.client_id))
    server.doc.apply_update(room.doc.get_update())
    ben.leaving.append(messages.change(forged(server, "mine")).body)
    await turn(ben)
    assert ben.link.closed is not None
    assert "mine" not in room.doc.get("nodes", type=Map)


async def test_what_a_crash_lost_comes_back_through_others_and_its_author_goes_on(store: HeldStore) -> None:
    async with open_hub(store) as hub, hub.room(FILM, "canvas"):
        before = HeldStore(copy.deepcopy(store.inner))
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        ada, ben = await enter(room)
        ada.nodes["first"] = 1
        await turn(ada, ben)
    async with open_hub(before) as hub, hub.room(FILM, "canvas") as room:
        back = Peer(room, BEN)
        back.join()
        await turn(back)
        # The room lost all of it; Ben's copy has Ada's edit.
        back.leaving.append(messages.step2(ben.doc.get_update(room.doc.get_state())).body)
        await turn(back)
        assert back.link.closed is None
        assert room.doc.get("nodes", type=Map)["first"] == 1
        ada_again = Peer(room, ADA, doc=ada.doc)
        ada_again.join()
        ada_again.nodes["second"] = 2
        await turn(ada_again, back)
        assert ada_again.link.closed is None
        assert room.doc.get("nodes", type=Map).to_py() == {"first": 1, "second": 2}
