"""Too many sessions, documents or messages, seen from real providers: a reason for one, nothing for the others."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from crdt_schema.wire import CloseCode
from server.hub.hub import Hub
from server.metrics import HubCollector
from tests.support.hub import FILM, QUICK, NodeClients, open_hub
from tests.support.sockets import until

LIMITS = replace(
    QUICK,
    sessions_per_user=3,
    sessions_per_room=4,
    documents_per_socket=3,
    messages_per_second=500.0,
    message_burst=1000,
    throttle_seconds=1.0,
)
DOCUMENTS = ("script/a", "script/b", "script/c", "script/d")


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with open_hub(limits=LIMITS) as made:
        yield made


def gauges(hub: Hub) -> dict[str, float]:
    """What `/metrics` says is there now."""
    samples = [sample for metric in HubCollector(hub).collect() for sample in metric.samples]
    return {sample.name: sample.value for sample in samples}


async def everybody_is_gone(hub: Hub) -> None:
    """The gauges are back where they were, and so is what is counted by person."""
    await until(lambda: gauges(hub)["workprint_sessions"] == 0)
    await until(lambda: gauges(hub)["workprint_rooms"] == 0)
    assert not hub.census._sessions


async def edits_arrive(node: NodeClients, key: str) -> None:
    """What Ben writes reaches Cyd."""
    await node.do("set", "ben", key=key, value=1)
    await node.until("cyd", f"p.map.{key} === 1")


async def open_others(node: NodeClients, base: str) -> None:
    await node.open("ben", base, dialect="yjs")
    await node.open("cyd", base, dialect="hocuspocus")
    for peer in ("ben", "cyd"):
        await node.until(peer, "p.synced")


async def cut(node: NodeClients, *peers: str) -> None:
    for peer in peers:
        await node.do("cut", peer)


@pytest.mark.parametrize("dialect", ["yjs", "hocuspocus"])
async def test_who_has_too_many_sessions_gets_in_once_one_of_them_has_ended(
    hub: Hub, base: str, node: NodeClients, dialect: str
) -> None:
    await open_others(node, base)
    tabs = [f"tab{number}" for number in range(LIMITS.sessions_per_user)]
    for tab in tabs:
        await node.open(tab, base, dialect=dialect, token="editor:ada", document="script/a")
        await node.until(tab, "p.synced")
    await node.open("more", base, dialect=dialect, token="editor:ada", document="script/b")
    if dialect == "yjs":
        # An HTTP status at the door, which browsers do not show to a page.
        await node.until("more", "p.closes.length > 0")
    else:
        again = int(CloseCode.TRY_AGAIN_LATER)
        await node.until("more", f"p.closes.includes({again}) || /Close some tabs first/.test(p.denials[0])")
        assert hub.counts.refusals["try_again_later"] >= 1
    assert await node.read("more", "p.synced") is False
    await edits_arrive(node, "x")
    for tab in tabs:
        assert await node.read(tab, "p.synced && p.closes.length === 0")
    await cut(node, tabs.pop())
    if await node.read("more", "p.denials.length > 0"):
        await cut(node, "more")
        await node.open("more", base, dialect=dialect, token="editor:ada", document="script/b")
    await node.until("more", "p.synced")
    await cut(node, "ben", "cyd", "more", *tabs)
    await everybody_is_gone(hub)


async def test_a_full_room_lets_nobody_in_until_somebody_goes(hub: Hub, base: str, node: NodeClients) -> None:
    await open_others(node, base)
    for name in ("eve", "fay"):
        await node.open(name, base, dialect="hocuspocus")
        await node.until(name, "p.synced")
    await node.open("gus", base, dialect="hocuspocus")
    await node.until("gus", "p.closes.length > 0 || p.denials.length > 0")
    await edits_arrive(node, "x")
    async with hub.room(FILM, "canvas") as room:
        assert len(room.sessions) == LIMITS.sessions_per_room
    await cut(node, "eve")
    if await node.read("gus", "p.denials.length > 0"):
        await cut(node, "gus")
        await node.open("gus", base, dialect="hocuspocus")
    await node.until("gus", "p.synced && p.map.x === 1")
    await cut(node, "ben", "cyd", "fay", "gus")
    await everybody_is_gone(hub)


async def test_a_full_room_costs_nobody_their_other_documents(hub: Hub, base: str, node: NodeClients) -> None:
    await open_others(node, base)
    for name in ("eve", "fay"):
        await node.open(name, base, dialect="hocuspocus")
        await node.until(name, "p.synced")
    for document in ("canvas", "script/a"):
        await node.open(document, base, dialect="hocuspocus", token="editor:gus", socket="one", document=document)
    await node.until("canvas", "p.denials.length === 1")
    assert "Come back later" in await node.read("canvas", "p.denials[0]")
    await node.until("script/a", "p.synced")
    assert await node.read("script/a", "p.closes") == []
    await cut(node, "ben", "cyd", "eve", "fay", "script/a", "canvas")
    await everybody_is_gone(hub)


async def test_one_document_too_many_on_a_socket_is_refused_by_itself(hub: Hub, base: str, node: NodeClients) -> None:
    await open_others(node, base)
    for number, document in enumerate(DOCUMENTS):
        await node.open(document, base, dialect="hocuspocus", token=f"editor:{number}", socket="one", document=document)
    await node.until(DOCUMENTS[-1], "p.denials.length === 1")
    for document in DOCUMENTS[:-1]:
        await node.until(document, "p.synced")
    assert await node.read(DOCUMENTS[0], "p.closes") == []
    assert hub.counts.refusals["try_again_later"] == 1
    await edits_arrive(node, "x")
    await cut(node, "ben", "cyd", *DOCUMENTS)
    await everybody_is_gone(hub)


FLOODS = {
    "messages without meaning": "0002020000",
    "questions who is here": "03",
    "tokens of nobody": "0200066e6f626f6479",
    "documents that are closed again": "0700",
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_on_one_document_ends_its_sender_and_no_other(
    hub: Hub, base: str, node: NodeClients, name: str
) -> None:
    await open_others(node, base)
    await node.open("mal", base, dialect="hocuspocus")
    await node.until("mal", "p.synced")
    frame = (b"\6canvas" + bytes.fromhex(FLOODS[name])).hex()
    send = f"p.ws?.readyState === 1 && p.ws.send(Buffer.from('{frame}', 'hex'))"
    await node.read("mal", f"(p.flood = setInterval(() => {{ for (let i = 0; i < 100; i++) {send} }}, 1), 0)")
    await edits_arrive(node, "x")
    await node.until("mal", f"p.closes.includes({int(CloseCode.TOO_FREQUENT)})")
    await node.read("mal", "(clearInterval(p.flood), 0)")
    assert hub.counts.refusals["too_frequent"] >= 1
    await edits_arrive(node, "y")
    for peer in ("ben", "cyd"):
        assert await node.read(peer, "p.closes.length") == 0
    await cut(node, "ben", "cyd", "mal")
    await everybody_is_gone(hub)
