"""Clients that are silent without a goodbye: they are dropped in time, the others see it, and nobody pays for them."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from crdt_schema.wire import Kind
from server.hub import codec, messages
from server.hub.codec import Reader
from server.hub.hub import Hub
from server.hub.room import Room
from tests.support.hub import FILM, QUICK
from tests.support.lifecycle import closed, held, nothing_more
from tests.support.sockets import ADA, until

DEAD_SECONDS = 1.0
LIMITS = replace(QUICK, keepalive_seconds=0.2, dead_seconds=DEAD_SECONDS, outbox_bytes=256 * 1024)
LATE_SECONDS = 30.0
"""What a busy machine may add to any time limit."""
EDIT_BYTES = 100_000
CLIENT_ID = 77
DIALECTS = ("yjs", "hocuspocus")
ADDRESS = {"yjs": "/ws/film/canvas?token=editor:sly", "hocuspocus": "/ws/film"}
UPGRADE = (
    "GET {} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
PONG = bytes((0x8A, 0x80)) + bytes(4)


def masked(body: bytes) -> bytes:
    """One short frame as clients send them, masked with nothing."""
    assert len(body) < 126
    return bytes((0x82, 0x80 | len(body))) + bytes(4) + body


@asynccontextmanager
async def mute_client(base: str, dialect: str) -> AsyncGenerator[socket.socket]:
    """Somebody who comes in, says hello and where they point, and never reads, answers or closes anything again."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.setblocking(False)
        port = int(base.rpartition(":")[2].partition("/")[0])
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, UPGRADE.format(ADDRESS[dialect]).encode())
        assert (await loop.sock_recv(client, 12)).startswith(b"HTTP/1.1 101")
        before = codec.text("canvas") if dialect == "hocuspocus" else b""
        said = codec.uint(1) + codec.uint(CLIENT_ID) + codec.uint(1) + codec.text('{"cursor":1}')
        hello = [messages.step1(b"\0").body, messages.presence(said).body]
        if before:
            hello.insert(0, bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text("editor:sly"))
        await loop.sock_sendall(client, b"".join(masked(before + body) for body in hello))
        yield client


class Onlooker:
    """Somebody who reads all the time: which edit came last, and who is here."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self.doc: Doc[Any] = Doc()
        self.present: dict[int, str] = {}
        self.closed = False

    async def read(self) -> None:
        async for message in self._websocket:
            reader = Reader(message.data)
            kind = reader.uint()
            if kind == Kind.SYNC and reader.uint():
                self.doc.apply_update(reader.chunk())
            elif kind == Kind.AWARENESS:
                states = Reader(reader.chunk())
                for _ in range(states.uint()):
                    client_id, _clock = states.uint(), states.uint()
                    self.present[client_id] = states.text()
        self.closed = True

    @property
    def newest(self) -> object:
        nodes: Map[Any] = self.doc.get("nodes", type=Map)
        return nodes.get("newest")


@asynccontextmanager
async def onlooker(base: str) -> AsyncGenerator[Onlooker]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{base}/film/canvas?token=editor:ben", max_msg_size=0) as websocket,
    ):
        ben = Onlooker(websocket)
        await websocket.send_bytes(messages.step1(b"\0").body)
        reading = asyncio.create_task(ben.read())
        yield ben
        await websocket.close()
        await reading


def edit(room: Room, number: int, size_bytes: int = EDIT_BYTES) -> None:
    """The room has news for everybody."""
    room.edit(
        ADA, lambda doc: doc.get("nodes", type=Map).update({"newest": number, "x": f"{number % 10}" * size_bytes})
    )


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_stops_reading_and_answering_is_dropped_in_time_and_costs_little_until_then(
    hub: Hub, base: str, dialect: str
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with onlooker(base) as ben, hub.room(FILM, "canvas") as room, mute_client(base, dialect) as client:
        await until(lambda: ben.present.get(CLIENT_ID, "").startswith('{"cursor":1'))
        sly = next(session for session in room.sessions if session.actor.user_id == "sly")
        number, unread = 0, list[int]()
        while sly in room.sessions:
            assert loop.time() - began < DEAD_SECONDS + LATE_SECONDS
            number += 1
            edit(room, number)
            unread.append(sly.link.backlog_bytes())
            if not hub.counts.outbox_drops:
                # However slow this machine is, it lives until it was sent more than it could take.
                await loop.sock_sendall(client, PONG)
            await asyncio.sleep(0.005)
        assert hub.counts.outbox_drops, "it was sent less than it could take: nothing was shown"
        assert number * EDIT_BYTES > 4 * max(unread)
        assert max(unread) < LIMITS.outbox_bytes + 3 * EDIT_BYTES
        assert loop.time() - began > DEAD_SECONDS / 2
        await until(lambda: ben.present[CLIENT_ID] == "null")
        await until(lambda: ben.newest == number)
        assert not ben.closed
        assert hub.counts.refusals["dead"] == 1
        assert room._presence.states() == {}
        await _reads_to_the_end(client)


async def _reads_to_the_end(client: socket.socket) -> None:
    """The kernel has been told as well: nothing of the hub hangs on this connection."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LATE_SECONDS):
        try:
            while await loop.sock_recv(client, 1 << 20):
                pass
        except ConnectionResetError:
            pass


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_those_who_were_dropped_leave_nothing_behind(hub: Hub, base: str, dialect: str) -> None:
    async with onlooker(base):
        pass
    await closed(hub)
    await until(lambda: len(asyncio.all_tasks()) == 1)
    before = held()
    for dead in (2, 4):
        async with mute_client(base, dialect), mute_client(base, dialect):
            await until(lambda dead=dead: hub.counts.refusals["dead"] == dead)
            await until(lambda: not hub.rooms())
    await closed(hub)
    await nothing_more(before)
    assert hub.counts.refusals["dead"] == 4
