"""The real providers come back with another epoch: both are told, neither tries again, and nothing is merged."""

from collections.abc import AsyncIterator

import pytest
from pycrdt import Map

from server.hub.hub import Hub
from tests.support.hub import FILM, HeldStore, NodeClients, node_clients, open_hub, serve

ROUNDS = 4
"""Which of two epochs wins in a client's own merge is a matter of chance."""


@pytest.fixture
async def node() -> AsyncIterator[NodeClients]:
    async with node_clients() as clients:
        yield clients


async def port_of_the_first_life(node: NodeClients, peers: dict[str, dict[str, str]]) -> int:
    """The peers work on a document, go offline, and change something more there."""
    async with open_hub(HeldStore()) as hub, serve(hub) as base:
        for peer, details in peers.items():
            await node.open(peer, base, **details)
            await node.until(peer, "p.synced")
            await node.do("set", peer, key=f"{peer} before", value=1)
            await node.do("type", peer, at=0, text=f"{peer} before. ")
        for peer in peers:
            await node.until(peer, f"Object.keys(p.map).length === {len(peers)}")
        for peer in peers:
            await node.do("offline", peer)
            await node.do("set", peer, key=f"{peer} offline", value=1)
            await node.do("type", peer, at=0, text=f"{peer} offline. ")
        return int(base.rpartition(":")[2].partition("/")[0])


async def nodes(hub: Hub) -> dict[str, object] | None:
    async with hub.room(FILM, "canvas") as room:
        return room.doc.get("nodes", type=Map).to_py()


@pytest.mark.parametrize("_round", range(ROUNDS))
async def test_both_providers_are_told_and_do_not_come_back(node: NodeClients, _round: int) -> None:
    port = await port_of_the_first_life(
        node, {"ada": {"dialect": "yjs"}, "ben": {"dialect": "hocuspocus"}, "eve": {"dialect": "yjs"}}
    )
    async with open_hub(HeldStore()) as hub, serve(hub, port) as base:
        await node.open("cyd", base, dialect="hocuspocus")
        await node.until("cyd", "p.saved")
        await node.do("set", "cyd", key="today", value=1)
        for peer in ("ada", "ben", "eve"):
            await node.do("online", peer)
        for peer in ("ada", "eve"):
            await node.until(peer, "p.closes.includes(4409)")
            await node.until(peer, "!p.provider.shouldConnect")
        await node.until("ben", "p.denials.length === 1")
        assert (await node.read("ben", "p.denials[0]")).startswith("4409 This document was begun anew")
        await node.do("set", "ben", key="ben after", value=1)
        await node.do("set", "cyd", key="later", value=1)
        await node.until("cyd", "p.saved")
        assert await nodes(hub) == {"today": 1, "later": 1}
        assert await node.read("cyd", "p.text") == ""
        assert await node.read("ada", "p.closes.filter(code => code === 4409).length") == 1
        assert await node.read("ben", "p.denials.length") == 1


async def test_the_other_documents_on_the_socket_stay(node: NodeClients) -> None:
    canvas = {"dialect": "hocuspocus", "document": "canvas", "socket": "one"}
    port = await port_of_the_first_life(node, {"ben": canvas})
    async with open_hub(HeldStore()) as hub, serve(hub, port) as base:
        await node.open("ben2", base, dialect="hocuspocus", token="editor:ben", socket="one", document="takes")
        await node.do("online", "ben")
        await node.until("ben", "p.denials.length === 1")
        await node.until("ben2", "p.synced")
        before = await node.read("ben2", "p.closes.length")
        async with hub.room(FILM, "takes") as room:
            room.present("farm", {"jobs": {}})
            await node.until("ben2", "Object.values(p.states).some(state => state.farm)")
        assert await node.read("ben2", "p.closes.length") == before
        assert await node.read("ben2", "p.denials") == []
