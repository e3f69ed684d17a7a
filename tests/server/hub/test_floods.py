"""Floods and bombs on real sockets: their sender is slowed down, dropped or closed, and Ada and Ben go on editing."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from crdt_schema.wire import CloseCode
from server.hub import codec, messages
from server.hub.hub import Hub
from tests.support.hub import FILM, QUICK, open_hub, serve
from tests.support.sockets import until

LIMITS = replace(
    QUICK,
    frame_bytes=16 << 20,
    update_bytes=4 << 20,
    messages_per_second=500.0,
    message_burst=1000,
    throttle_seconds=1.0,
    presence_per_second=50.0,
    sessions_per_room=4,
)


def put(key: str, value: object) -> bytes:
    doc: Doc[Any] = Doc()
    doc.get("nodes", type=Map)[key] = value
    return doc.get_update()


async def edits_arrive(hub: Hub, base: str, http: aiohttp.ClientSession, key: str) -> None:
    """Ada writes, and the room and Ben have it soon."""
    async with (
        http.ws_connect(f"{base}/film/canvas?token=editor:ada") as ada,
        http.ws_connect(f"{base}/film/canvas?token=editor:ben") as ben,
        hub.room(FILM, "canvas") as room,
    ):
        # Who has not asked for what is there is told nothing of what changes.
        await ben.send_bytes(messages.step1(b"\0").body)
        await ada.send_bytes(messages.change(put(key, 1)).body)
        nodes: Map[Any] = room.doc.get("nodes", type=Map)
        await until(lambda: key in nodes)
        async with asyncio.timeout(30):
            while key.encode() not in await ben.receive_bytes():
                pass
        assert (ada.closed, ben.closed) == (False, False)


async def close_code(websocket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read until the hub closes; the code as it came, whatever becomes of our own goodbye."""
    async with asyncio.timeout(30):
        while True:
            message = await websocket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return None


def said(*entries: tuple[int, int, str]) -> bytes:
    return messages.presence(
        codec.uint(len(entries))
        + b"".join(codec.uint(client) + codec.uint(clock) + codec.text(state) for client, clock, state in entries)
    ).body


HOSTILE = {
    "an empty frame": (b"", CloseCode.BAD_MESSAGE),
    "an unknown step": (b"\0\7\0", CloseCode.BAD_MESSAGE),
    "a number without end": (b"\xff" * 64, CloseCode.BAD_MESSAGE),
    "a length beyond the end": (b"\0\2\xff\xff\xff\xff\x0f", CloseCode.BAD_MESSAGE),
    "an update that is too large": (messages.change(b"\0" * ((4 << 20) + 1)).body, CloseCode.TOO_LARGE),
    "a presence of no JSON": (said((1, 1, "{oops")), CloseCode.BAD_MESSAGE),
    "a presence of NaN": (said((1, 1, '{"x":NaN}')), CloseCode.BAD_MESSAGE),
    "a presence nested without end": (said((1, 1, '{"x":' * 5000)), CloseCode.BAD_MESSAGE),
    "a presence of a clock near 2**53": (said((1, 2**53 - 1, "{}")), CloseCode.BAD_MESSAGE),
    "a presence of a clock beyond 2**53": (said((1, 2**60, "{}")), CloseCode.BAD_MESSAGE),
    "a presence of thousands of clients": (said(*((n, 1, "{}") for n in range(10_000))), CloseCode.BAD_MESSAGE),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_message_closes_its_sender_with_a_code_that_says_do_not_repeat_it(
    hub: Hub, base: str, http: aiohttp.ClientSession, name: str
) -> None:
    body, code = HOSTILE[name]
    async with http.ws_connect(f"{base}/film/canvas?token=editor:mal") as mal:
        await mal.send_bytes(body)
        assert await close_code(mal) == code
    await edits_arrive(hub, base, http, "x")


async def test_a_text_of_ten_megabytes_in_a_document_that_may_have_it_stops_nobody(http: aiohttp.ClientSession) -> None:
    limits = replace(LIMITS, update_bytes=12 << 20)
    async with (
        open_hub(limits=limits) as hub,
        serve(hub) as address,
        http.ws_connect(f"{address}/film/canvas?token=editor:mal", max_msg_size=0) as mal,
        hub.room(FILM, "canvas") as room,
    ):
        await mal.send_bytes(messages.change(put("large", "." * (10 << 20))).body)
        await until(lambda: "large" in room.doc.get("nodes", type=Map))
        assert not mal.closed
        async with http.ws_connect(f"{address}/film/canvas?token=editor:ada", max_msg_size=0) as ada:
            await ada.send_bytes(messages.change(put("x", 1)).body)
            await until(lambda: "x" in room.doc.get("nodes", type=Map))


async def test_a_burst_of_an_offline_client_passes_and_a_flood_is_slowed_down_and_closed(
    hub: Hub, base: str, http: aiohttp.ClientSession
) -> None:
    nothing = messages.NOTHING_NEW.body
    async with http.ws_connect(f"{base}/film/canvas?token=editor:mal") as mal:
        for _ in range(900):
            await mal.send_bytes(nothing)
        await edits_arrive(hub, base, http, "burst")
        assert not mal.closed
        started = time.monotonic()

        async def flood() -> None:
            sent = 0
            while not mal.closed:
                # By the clock, at twice what is read, and not all that the kernel takes: the hub is in this process.
                while sent < 2 * LIMITS.messages_per_second * (time.monotonic() - started):
                    await mal.send_bytes(nothing)
                    sent += 1
                await asyncio.sleep(0.01)

        flooding = asyncio.create_task(flood())
        await edits_arrive(hub, base, http, "meanwhile")
        assert await close_code(mal) == CloseCode.TOO_FREQUENT
        assert time.monotonic() - started > 0.5
        await asyncio.gather(flooding, return_exceptions=True)
    await edits_arrive(hub, base, http, "after")


async def test_a_flood_of_presence_is_dropped_and_its_sender_stays(
    hub: Hub, base: str, http: aiohttp.ClientSession
) -> None:
    async with (
        http.ws_connect(f"{base}/film/canvas?token=editor:mal") as mal,
        http.ws_connect(f"{base}/film/canvas?token=editor:eve") as eve,
    ):
        for clock in range(1, 801):
            await mal.send_bytes(said((1, clock, f'{{"x":{clock}}}')))
        await edits_arrive(hub, base, http, "x")
        assert (mal.closed, eve.closed) == (False, False)
    await until(lambda: not hub.rooms())


async def test_a_room_that_is_full_lets_nobody_in_and_says_so(base: str, http: aiohttp.ClientSession) -> None:
    address = f"{base}/film/canvas?token=editor:ada"
    opened = [await http.ws_connect(address) for _ in range(LIMITS.sessions_per_room)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(address)
    assert refused.value.status == 429
    await opened.pop().close()
    async with asyncio.timeout(30):
        again = None
        while again is None:
            try:
                again = await http.ws_connect(address)
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.01)
    for websocket in (*opened, again):
        await websocket.close()
