"""Seeded editors on a network that delays, repeats and drops: all replicas and the stored log end equal."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from pycrdt import Map

from crdt_schema.wire import Kind
from server.hub import messages
from server.hub.room import Room
from server.store.base import NewUpdate
from tests.support.hub import FILM, QUICK, HeldStore, open_hub
from tests.support.sockets import ADA, BEN, Peer, turn, until


def scribble(rng: random.Random, peer: Peer) -> None:
    match rng.randrange(4):
        case 0:
            peer.nodes[f"n{rng.randrange(5)}"] = rng.choice([rng.random(), "é", None, {"x": 1}])
        case 1:
            peer.text.insert(rng.randrange(len(peer.text) + 1), rng.choice(["a", "bc", "def"]))
        case 2 if len(peer.text):
            at = rng.randrange(len(peer.text))
            del peer.text[at : at + 1]
        case _:
            peer.nodes[f"m{rng.randrange(3)}"] = Map({"x": rng.randrange(9)})


def come_back(room: Room, peer: Peer) -> Peer:
    """The same client on a new socket; what was under way is lost."""
    peer.leave()
    back = Peer(room, peer.session.actor, doc=peer.doc)
    back.join()
    return back


async def act(rng: random.Random, room: Room, peers: list[Peer]) -> None:
    """One thing that happens to somebody or to the network."""
    at = rng.randrange(len(peers))
    peer = peers[at]
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            scribble(rng, peer)
        case 4 | 5:
            peer.send(rng.randrange(4))
        case 6:
            peer.receive()
        case 7 if peer.leaving:
            peer.leaving.append(rng.choice(peer.leaving))
        case 8 if rng.random() < 0.5:
            await asyncio.sleep(0)
        case 8:
            rng.shuffle(peer.leaving)
        case _ if rng.random() < 0.3:
            peers[at] = come_back(room, peer)
        case _:
            pass


@pytest.mark.parametrize("seed", range(60))
async def test_all_replicas_converge_whatever_the_network_does(seed: int) -> None:
    rng = random.Random(seed)
    store = HeldStore()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as room:
        peers = [Peer(room, actor) for actor in (ADA, BEN, ADA)]
        for peer in peers:
            peer.join()
        for _ in range(150):
            await act(rng, room, peers)
        await turn(*peers)
        # No socket reorders frames; who lost something to that asks again when it reconnects.
        peers = [come_back(room, peer) for peer in peers]
        await turn(*peers)
        await room.saved()
        assert {peer.link.closed for peer in peers} == {None}
        assert [peer.plain() for peer in peers] == [peers[0].plain()] * 3, f"seed {seed}"
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as again:
        fresh = Peer(again)
        fresh.join()
        await turn(fresh)
        assert fresh.plain() == peers[0].plain(), f"seed {seed}"


class SlowStore(HeldStore):
    """A store whose disk takes its time for every commit."""

    started = 0

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        self.started += 1
        await asyncio.sleep(0.1)
        await super().append(batch)


def put(room: Room, key: str) -> None:
    room.edit(ADA, lambda doc: doc.get("nodes", type=Map).update({key: 1}))


async def test_an_edit_made_while_a_room_is_about_to_close_is_in_the_next_one() -> None:
    store = SlowStore()
    # The other document keeps the store open: closing it would wait for what is to be written.
    async with open_hub(store, limits=replace(QUICK, grace_seconds=0.0)) as hub, hub.room(FILM, "takes"):
        async with hub.room(FILM, "canvas") as first:
            put(first, "one")
        started = store.started
        await until(lambda: store.started > started)
        async with hub.room(FILM, "canvas") as again:
            assert again is first
            put(again, "two")
        await until(lambda: first not in hub.rooms())
        async with hub.room(FILM, "canvas") as reopened:
            nodes: Map[int] = reopened.doc.get("nodes", type=Map)
            assert set(nodes.to_py() or {}) == {"one", "two"}


async def test_who_comes_back_is_told_no_change_before_what_it_builds_on() -> None:
    async with open_hub() as hub, hub.room(FILM, "canvas") as room:
        ada, ben = Peer(room, ADA), Peer(room, BEN)
        for peer in (ada, ben):
            peer.join()
        await turn(ada, ben)
        ben.leave()
        ada.text.insert(0, "while ben is away")
        await turn(ada)
        back = Peer(room, BEN, doc=ben.doc)
        room.join(back.session)
        ada.text.insert(0, "before ben has asked: ")
        await turn(ada)
        assert not [message for message in back.link.arriving if message.body[0] == Kind.SYNC]
        back.leaving.insert(0, messages.step1(back.doc.get_state()).body)
        await turn(ada, back)
        ada.text.insert(0, "after: ")
        await turn(ada, back)
        assert str(back.text) == "after: before ben has asked: while ben is away"
