"""Seeded editors on real Yjs in Node, mixed with the server's own edits: everybody ends with the same document."""

import random
from typing import Any

import pytest
from pycrdt import Map, Text

from server.hub.room import Room
from tests.support.hub import FILM, HeldStore, NodeClients, node_clients, open_hub, serve
from tests.support.sockets import BEN, until

PEERS = {"ada": "hocuspocus", "ben": "yjs", "cyd": "hocuspocus", "dan": "yjs"}


async def act(rng: random.Random, node: NodeClients, room: Room, away: set[str]) -> None:
    """One thing somebody does."""
    peer = rng.choice(list(PEERS))
    match rng.randrange(8):
        case 0 | 1:
            await node.do("set", peer, key=f"n{rng.randrange(6)}", value=rng.choice([1, "é", {"x": 2}, None]))
        case 2 | 3:
            await node.do("type", peer, at=0, text=rng.choice(["a", "bc", "🎬"]))
        case 4 if await node.read(peer, "p.text.length") > 4:
            await node.do("erase", peer, at=1, length=2)
        case 5:
            text: Text = room.doc.get("text", type=Text)
            room.edit(BEN, lambda _: text.insert(0, "server "))
        case 6 if peer not in away:
            away.add(peer)
            await node.do("offline", peer)
        case _:
            away.discard(peer)
            await node.do("online", peer)


@pytest.mark.parametrize("seed", range(8))
async def test_real_clients_and_the_server_converge(seed: int) -> None:
    rng = random.Random(seed)
    store = HeldStore()
    async with open_hub(store) as hub, serve(hub) as base, node_clients() as node, hub.room(FILM, "canvas") as room:
        for peer, dialect in PEERS.items():
            await node.open(peer, base, dialect=dialect)
        away: set[str] = set()
        for _ in range(120):
            await act(rng, node, room, away)
        for peer in PEERS:
            await node.do("online", peer)
        for peer, dialect in PEERS.items():
            await node.until(peer, "p.saved" if dialect == "hocuspocus" else "p.synced")
        # Everybody has told and heard everything once one more edit by each has reached all.
        for peer in PEERS:
            await node.do("set", peer, key=f"end {peer}", value=1)
        for peer in PEERS:
            await node.until(peer, "Object.keys(p.map).filter(key => key.startsWith('end ')).length === 4")
        nodes: Map[Any] = room.doc.get("nodes", type=Map)
        server_side = (nodes.to_py(), str(room.doc.get("text", type=Text)))
        for peer in PEERS:
            assert (await node.read(peer, "p.map"), await node.read(peer, "p.text")) == server_side, f"seed {seed}"
        await room.saved()
    async with open_hub(store) as hub, hub.room(FILM, "canvas") as again:
        reloaded: Map[Any] = again.doc.get("nodes", type=Map)
        assert (reloaded.to_py(), str(again.doc.get("text", type=Text))) == server_side, f"seed {seed}"


async def test_half_an_emoji_is_not_deleted_for_anybody_else() -> None:
    # yrs keeps a surrogate pair whole where Yjs splits it (y-crdt pull request 399): the two would part for ever.
    async with open_hub() as hub, serve(hub) as base, node_clients() as node:
        for peer in ("ada", "ben"):
            await node.open(peer, base, dialect="hocuspocus")
        await node.do("type", "ada", at=0, text="a🎬b")
        await node.until("ben", "p.text.length === 4")
        async with hub.room(FILM, "canvas") as room:
            await node.do("erase", "ada", at=2, length=1, halves=True)
            await until(lambda: hub.counts.refusals["bad_message"] == 1)
            text: Text = room.doc.get("text", type=Text)
            assert str(text) == await node.read("ben", "p.text") == "a🎬b"
            await node.do("type", "ben", at=4, text="c")
            await until(lambda: str(text) == "a🎬bc")
