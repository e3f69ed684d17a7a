"""A client of both dialects written from docs/protocol.md alone: a websocket, bytes, and pycrdt to merge."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from pycrdt import Doc, Map

Dialect = Literal["y-websocket", "hocuspocus"]
SYNC, AWARENESS, AUTH, QUERY, PING, PONG = 0, 1, 2, 3, 9, 10
STEP1, STEP2, CHANGE = 0, 1, 2
WITHIN_SECONDS = 60


def number(value: int) -> bytes:
    """7 bits a byte, lowest first, the top bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes((*out, value))


def chunk(data: bytes) -> bytes:
    """Length, then the bytes."""
    return number(len(data)) + data


class Cursor:
    """What is left of a message."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def number(self) -> int:
        value = shift = 0
        while True:
            byte, self.data = self.data[0], self.data[1:]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte <= 0x7F:
                return value

    def chunk(self) -> bytes:
        length = self.number()
        data, self.data = self.data[:length], self.data[length:]
        return data


class PageClient:
    """One document on one socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, dialect: Dialect, document: str, doc: Doc[Any]) -> None:
        self.socket = socket
        self.dialect: Dialect = dialect
        self.doc = doc
        self.synced = False
        self.saved = self.refused = self.pongs = self.presence_messages = 0
        self.scope = self.denied = self.ended = self.not_taken = ""
        self.present: dict[int, Any] = {}
        self.closed: int | None = None
        self.reason = ""
        self._address = chunk(document.encode()) if dialect == "hocuspocus" else b""
        self._clock = 0
        self._changed = asyncio.Condition()

    @property
    def nodes(self) -> Map[Any]:
        return self.doc.get("nodes", type=Map)

    async def say(self, *parts: int | bytes) -> None:
        """One message: numbers, and bytes as they are."""
        body = b"".join(number(part) if isinstance(part, int) else part for part in parts)
        await self.socket.send_bytes(self._address + body)

    async def sign_in(self, token: str) -> None:
        """Hocuspocus: show who you are, for this document."""
        await self.say(AUTH, 0, chunk(token.encode()))

    async def sync(self) -> None:
        """Ask for what is there."""
        await self.say(SYNC, STEP1, chunk(self.doc.get_state()))

    async def put(self, key: str, words: str) -> None:
        """Put a note with a title on the canvas, and send the change."""
        before = self.doc.get_state()
        self.nodes[key] = {"type": "note", "title": words}
        await self.say(SYNC, CHANGE, chunk(self.doc.get_update(before)))

    async def show(self, state: object) -> None:
        """Say one's presence."""
        self._clock += 1
        entry = number(self.doc.client_id) + number(self._clock) + chunk(json.dumps(state).encode())
        await self.say(AWARENESS, chunk(number(1) + entry))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until what was heard makes something so."""
        async with asyncio.timeout(WITHIN_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def run(self) -> None:
        """Hear until the socket is closed."""
        async for message in self.socket:
            await self._hear(message.data)
            async with self._changed:
                self._changed.notify_all()
        self.closed = self.socket.close_code
        async with self._changed:
            self._changed.notify_all()

    async def _hear(self, data: bytes) -> None:
        message = Cursor(data)
        if len(data) == 1:
            self.pongs += data[0] == PONG
            return
        if self._address:
            assert chunk(message.chunk()) == self._address
        match message.number():
            case 0:
                await self._hear_sync(message.number(), message.chunk())
            case 1:
                self.presence_messages += 1
                self._hear_presence(Cursor(message.chunk()))
            case 2:
                self._hear_auth(message.number(), message.chunk().decode())
            case 7:
                self.ended = message.chunk().decode()
            case 8:
                taken = message.number()
                self.saved, self.refused = self.saved + taken, self.refused + 1 - taken
            case kind:
                raise AssertionError(f"the page knows no message {kind} from the server")

    def _hear_auth(self, what: int, words: str) -> None:
        match what:
            case 0:
                self.not_taken = words
            case 1:
                self.denied = words
            case _:
                self.scope = words

    async def _hear_sync(self, step: int, data: bytes) -> None:
        if step == STEP1:
            await self.say(SYNC, STEP2, chunk(self.doc.get_update(data)))
            return
        assert self.synced or step == STEP2, "a change came before the step 2"
        self.doc.apply_update(data)
        self.synced = True

    def _hear_presence(self, message: Cursor) -> None:
        for _ in range(message.number()):
            client, _clock, state = message.number(), message.number(), json.loads(message.chunk())
            if state is None:
                self.present.pop(client, None)
            else:
                self.present[client] = state


@asynccontextmanager
async def connected(
    base: str, dialect: Dialect, project: str, token: str, *, document: str = "canvas", doc: Doc[Any] | None = None
) -> AsyncGenerator[PageClient]:
    """A client whose socket is open; `base` is the hub's address. It has signed in and asked for nothing yet."""
    address = f"{base}/ws/{project}" + (f"/{document}?token={token}" if dialect == "y-websocket" else "")
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=1 << 27) as socket:
        client = PageClient(socket, dialect, document, doc if doc is not None else Doc())
        hearing = asyncio.create_task(client.run())
        try:
            if dialect == "hocuspocus":
                await client.sign_in(token)
            yield client
        finally:
            await socket.close()
            await hearing


@asynccontextmanager
async def synced(
    base: str, dialect: Dialect, project: str, token: str, *, document: str = "canvas", doc: Doc[Any] | None = None
) -> AsyncGenerator[PageClient]:
    """A client that has the document."""
    async with connected(base, dialect, project, token, document=document, doc=doc) as client:
        await client.sync()
        await client.until(lambda: client.synced)
        yield client
