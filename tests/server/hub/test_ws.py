"""Both dialects on real sockets: who gets in, what bad input costs, and readers that do not read."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from crdt_schema.wire import CloseCode, Kind
from server.hub import codec, messages
from server.hub.codec import Reader
from server.hub.hub import Hub
from tests.support.hub import FILM, QUICK, HeldStore, open_hub, serve
from tests.support.sockets import ADA, until

MIB = 1024 * 1024
LIMITS = replace(QUICK, outbox_bytes=256 * 1024, update_bytes=8 * MIB, frame_bytes=16 * MIB)


def put(key: str, value: object) -> bytes:
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)[key] = value
    return doc.get_update()


async def read_until(websocket: aiohttp.ClientWebSocketResponse, doc: Doc[Any], key: str) -> Any:
    """Apply what arrives until `key` is there."""
    nodes: Map[Any] = doc.get("nodes", type=Map)
    async with asyncio.timeout(30):
        while key not in nodes:
            reader = Reader(await websocket.receive_bytes())
            if reader.uint() == Kind.SYNC and reader.uint():
                doc.apply_update(reader.chunk())
    return nodes[key]


@pytest.mark.parametrize(
    ("address", "status"),
    [("film/canvas?token=nobody", 401), ("film/plans?token=editor:ada", 404), ("no!id/canvas?token=editor:ada", 404)],
)
async def test_who_may_not_come_in_is_told_in_http(
    base: str, http: aiohttp.ClientSession, address: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(f"{base}/{address}")
    assert refused.value.status == status


async def test_a_plain_request_is_no_websocket(base: str, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{base}/film/canvas?token=editor:ada".replace("ws:", "http:")) as response:
        assert response.status == 400


async def test_text_messages_close_their_sender(base: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{base}/film/canvas?token=editor:ada") as websocket:
        await websocket.send_str("hello")
        async for _ in websocket:
            pass
        assert websocket.close_code == CloseCode.BAD_MESSAGE


async def test_an_update_that_is_too_large_closes_its_sender_with_a_reason(
    base: str, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{base}/film/canvas?token=editor:ada") as websocket:
        await websocket.send_bytes(messages.change(b"\0" * (LIMITS.update_bytes + 1)).body)
        async for _ in websocket:
            pass
        assert websocket.close_code == CloseCode.TOO_LARGE


async def test_a_first_sync_larger_than_aiohttps_default_comes_through(base: str, http: aiohttp.ClientSession) -> None:
    large = "." * (5 * MIB)
    async with (
        http.ws_connect(f"{base}/film/canvas?token=editor:ada", max_msg_size=0) as ada,
        http.ws_connect(f"{base}/film/canvas?token=editor:ben", max_msg_size=0) as ben,
    ):
        await ben.send_bytes(messages.step1(b"\0").body)
        await ada.send_bytes(messages.change(put("large", large)).body)
        assert await read_until(ben, Doc(), "large") == large


@pytest.fixture
async def impatient() -> AsyncIterator[str]:
    """The address of a hub that waits for a token only for a moment."""
    async with open_hub(limits=replace(LIMITS, admit_seconds=2.0)) as hub, serve(hub) as address:
        yield address


async def test_a_socket_without_a_token_is_closed(impatient: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{impatient}/film") as websocket:
        async for _ in websocket:
            pass
        assert websocket.close_code == CloseCode.UNAUTHORISED


async def test_a_token_that_is_none_buys_no_time(impatient: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{impatient}/film") as websocket, asyncio.timeout(30):
        address = codec.text("canvas")
        await websocket.send_bytes(address + bytes((Kind.AUTH, 0)) + codec.text("nobody"))
        assert (await websocket.receive_bytes()).startswith(address + bytes((Kind.AUTH, messages.AUTH_DENIED)))
        async for _ in websocket:
            pass
        assert websocket.close_code == CloseCode.UNAUTHORISED


async def test_a_ping_of_the_dialect_is_answered(base: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{base}/film") as websocket:
        await websocket.send_bytes(bytes((Kind.PING,)))
        assert await websocket.receive_bytes() == bytes((Kind.PONG,))


async def test_a_document_that_was_refused_may_go_on_sending(base: str, http: aiohttp.ClientSession) -> None:
    address = codec.text("plans")
    async with http.ws_connect(f"{base}/film") as websocket:
        await websocket.send_bytes(address + bytes((Kind.AUTH, 0)) + codec.text("editor:ada"))
        await websocket.send_bytes(address + messages.step1(b"\0").body)
        answer = Reader(await websocket.receive_bytes())
        assert (answer.text(), answer.uint(), answer.uint()) == ("plans", Kind.AUTH, messages.AUTH_DENIED)
        await websocket.send_bytes(address + messages.step1(b"\0").body)
        await websocket.send_bytes(bytes((Kind.PING,)))
        assert await websocket.receive_bytes() == bytes((Kind.PONG,))


async def test_messages_without_end_before_admission_close_their_sender(http: aiohttp.ClientSession) -> None:
    store = HeldStore()
    store.readable.clear()
    async with open_hub(store, limits=LIMITS) as hub, serve(hub) as base, http.ws_connect(f"{base}/film") as websocket:
        address = codec.text("canvas")
        await websocket.send_bytes(address + bytes((Kind.AUTH, 0)) + codec.text("editor:ada"))
        for _ in range(LIMITS.held_frames + 1):
            await websocket.send_bytes(address + messages.step1(b"\0").body)
        async for _ in websocket:
            pass
        assert websocket.close_code == CloseCode.TRY_AGAIN_LATER
        store.readable.set()


async def test_a_reader_that_does_not_read_costs_little_and_misses_nothing(
    base: str, hub: Hub, http: aiohttp.ClientSession
) -> None:
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    loop = asyncio.get_running_loop()
    stalled.setblocking(False)
    port = int(base.rpartition(":")[2].partition("/")[0])
    await loop.sock_connect(stalled, ("127.0.0.1", port))
    await loop.sock_sendall(
        stalled,
        b"GET /ws/film/canvas?token=editor:sly HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )
    received = bytearray()
    while b"\r\n\r\n" not in received:
        received += await loop.sock_recv(stalled, 1024)
    async with (
        hub.room(FILM, "canvas") as room,
        http.ws_connect(f"{base}/film/canvas?token=editor:ben", max_msg_size=0) as ben,
    ):
        await until(lambda: len(room.sessions) == 2)
        step1 = messages.step1(b"\0").body
        await ben.send_bytes(step1)
        # One frame as clients send them, masked with nothing.
        await loop.sock_sendall(stalled, bytes((0x82, 0x80 | len(step1))) + bytes(4) + step1)
        slow = next(session for session in room.sessions if session.actor.user_id == "sly")
        watching: Doc[Any] = Doc()
        for number in range(100):
            room.edit(ADA, lambda doc, number=number: doc.get("nodes", type=Map).update({"x": f"{number}" * 100_000}))
            await asyncio.sleep(0)
        room.edit(ADA, lambda doc: doc.get("nodes", type=Map).update({"end": 1}))
        await read_until(ben, watching, "end")
        assert slow.behind is not None
        assert slow.link.backlog_bytes() < 2 * MIB
        received.clear()
        async with asyncio.timeout(30):
            while b"\x03end" not in received:
                received += await loop.sock_recv(stalled, 1 << 20)
        await until(lambda: slow.behind is None)
    stalled.close()


async def test_a_client_that_vanishes_is_missed(base: str, http: aiohttp.ClientSession, hub: Hub) -> None:
    async with http.ws_connect(f"{base}/film/canvas?token=editor:ben") as ben:
        ada = await http.ws_connect(f"{base}/film/canvas?token=editor:ada")
        await ada.send_bytes(messages.presence(b"\1\7\1" + codec.text('{"cursor":1}')).body)
        heard = b""
        async with asyncio.timeout(30):
            while b"cursor" not in heard:
                heard = await ben.receive_bytes()
            connection = ada._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
            while b"null" not in heard:
                heard = await ben.receive_bytes()
        async with hub.room(FILM, "canvas") as room:
            await until(lambda: len(room.sessions) == 1)


async def test_a_client_that_sleeps_is_dropped_by_the_heartbeat(http: aiohttp.ClientSession) -> None:
    async with (
        open_hub(limits=replace(LIMITS, keepalive_seconds=0.05, dead_seconds=0.1)) as hub,
        serve(hub) as base,
        http.ws_connect(f"{base}/film/canvas?token=editor:ada", autoping=False),
        hub.room(FILM, "canvas") as room,
    ):
        # That she was there is told by the count: a busy machine may look only after she was dropped.
        await until(lambda: hub.counts.refusals["dead"] == 1)
        await until(lambda: not room.sessions)


async def test_who_connects_while_the_server_stops_does_not_hold_it_up(http: aiohttp.ClientSession) -> None:
    store = HeldStore()
    store.readable.clear()
    async with open_hub(store, limits=LIMITS) as hub, AsyncExitStack() as serving:
        base = await serving.enter_async_context(serve(hub))
        idle = await http.ws_connect(f"{base}/film")
        coming = asyncio.create_task(http.ws_connect(f"{base}/film/canvas?token=editor:ada"))
        await until(lambda: store.loads)
        stopping = asyncio.create_task(serving.aclose())
        async for _ in idle:
            pass
        assert idle.close_code == CloseCode.GOING_AWAY
        store.readable.set()
        late = await coming
        async for _ in late:
            pass
        assert late.close_code == CloseCode.GOING_AWAY
        # aiohttp would wait five seconds for a handler that stays.
        async with asyncio.timeout(4.5):
            await stopping
