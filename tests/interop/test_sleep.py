"""A laptop that is closed and opened again: its sessions are dropped meanwhile, and one diff brings it up to date."""

import asyncio
import signal
from dataclasses import replace

from pycrdt import Map

from server.hub.room import Room
from tests.support.hub import FILM, QUICK, NodeClients, node_clients, open_hub, serve
from tests.support.sockets import ADA, until

LIMITS = replace(QUICK, keepalive_seconds=0.5, dead_seconds=2.5)
DIALECTS = {"ada": "yjs", "cyd": "hocuspocus"}
EDITS = 500


async def _write(room: Room, first: int) -> None:
    """Others go on, edit by edit."""
    for number in range(first, first + EDITS):
        room.edit(ADA, lambda doc, number=number: doc.get("nodes", type=Map).update({f"n{number}": 1}))
        await asyncio.sleep(0)


def _send(node: NodeClients, what: signal.Signals) -> None:
    # The whole process sleeps: its kernel still takes what arrives, and nobody answers.
    node._process.send_signal(what)


async def test_who_slept_longer_than_a_socket_lives_comes_back_by_itself_and_gets_one_diff() -> None:
    async with (
        open_hub(limits=LIMITS) as hub,
        serve(hub) as base,
        node_clients() as node,
        hub.room(FILM, "canvas") as room,
    ):
        for peer, dialect in DIALECTS.items():
            await node.open(peer, base, dialect=dialect)
            await node.until(peer, "p.synced")
            await node.do("presence", peer, state={"cursor": peer})
        await until(lambda: len(room._presence.states()) == len(DIALECTS))
        await _write(room, 0)
        for peer in DIALECTS:
            await node.until(peer, "Object.keys(p.map).length >= 500")
            await node.read(peer, "(p.updates = 0, p.doc.on('update', () => { p.updates++ }), 0)")
            # Made on the way to sleep: it must not be lost.
            await node.do("set", peer, key=peer, value=1)
        _send(node, signal.SIGSTOP)
        await until(lambda: not room.sessions)
        assert hub.counts.refusals["dead"] == len(DIALECTS)
        assert room._presence.states() == {}
        await _write(room, EDITS)
        _send(node, signal.SIGCONT)
        for peer in DIALECTS:
            await node.until(peer, "p.synced && Object.keys(p.map).length === 1002")
            # Their own edit, the other's perhaps, and one for all that they slept through.
            assert await node.read(peer, "p.updates") <= 3
        await until(lambda: len(room._presence.states()) == len(DIALECTS))
        await node.until("cyd", "p.unsynced === 0")
