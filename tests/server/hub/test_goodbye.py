"""Goodbyes: the hub's reason reaches clients that are still sending when it hangs up."""

import asyncio
import socket

import pytest

from crdt_schema.wire import CloseCode, Kind
from server.hub import codec, messages
from server.hub.sockets import CLOSE_SECONDS
from tests.support.hub import open_hub, serve
from tests.support.sockets import until

UPGRADE = (
    "GET {} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
PING = bytes((0x89, 0x80)) + bytes(4)
ADDRESS = {"yjs": "/ws/film/canvas?token=editor:ada", "hocuspocus": "/ws/film"}
NAME = {"yjs": b"", "hocuspocus": codec.text("canvas")}


def masked(body: bytes) -> bytes:
    """One frame as clients send them, masked with nothing."""
    head = bytes((0x82, 0x80 | len(body))) if len(body) < 126 else bytes((0x82, 0xFE)) + len(body).to_bytes(2, "big")
    return head + bytes(4) + body


class Talker:
    """A client that says what it has to say before it reads what it was told."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._received = b""

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._client, data)

    async def goodbye(self) -> int:
        """Read until the hub's close frame; its code. Raises ConnectionResetError when it was lost on the way."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._client, 1 << 16):
            self._received += data
            for code in CloseCode:
                if (at := self._received.find(int(code).to_bytes(2, "big"))) >= 0 and self._received[at - 2] == 0x88:
                    return code
        return 0

    async def hears_more(self, within_seconds: float) -> bool:
        """Whether the hub holds the line for so long; False when it has hung up."""
        try:
            async with asyncio.timeout(within_seconds):
                while await asyncio.get_running_loop().sock_recv(self._client, 1 << 16):
                    pass
        except TimeoutError:
            return True
        except ConnectionResetError:
            pass
        return False


@pytest.mark.parametrize("dialect", ADDRESS)
async def test_the_hub_says_why_and_waits_for_the_goodbye_of_who_is_still_sending(dialect: str) -> None:
    async with open_hub() as hub, serve(hub) as base:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", int(base.rpartition(":")[2].partition("/")[0])))
            talker = Talker(client)
            await talker.say(UPGRADE.format(ADDRESS[dialect]).encode())
            if dialect == "hocuspocus":
                await talker.say(masked(NAME[dialect] + bytes((Kind.AUTH, 0)) + codec.text("editor:ada")))
            await talker.say(masked(NAME[dialect] + messages.step1(b"\0").body))
            await until(lambda: [len(room.sessions) for room in hub.rooms()] == [1])
            nothing = masked(NAME[dialect] + messages.NOTHING_NEW.body)
            await talker.say(masked(NAME[dialect] + bytes((Kind.SYNC, 7, 0))))
            for _ in range(20):
                # It has not read yet that it is over; some of this comes after the hub has hung up.
                await talker.say(nothing * 50 + PING)
                await asyncio.sleep(0.01)
            assert await talker.goodbye() == CloseCode.BAD_MESSAGE
            assert await talker.hears_more(0.3)
            await talker.say(bytes((0x88, 0x82)) + bytes(4) + int(CloseCode.BAD_MESSAGE).to_bytes(2, "big"))
            assert not await talker.hears_more(CLOSE_SECONDS - 1)
            assert hub.counts.refusals["bad_message"] == 1
