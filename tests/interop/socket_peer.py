"""A pycrdt client on a real socket, in either dialect; it comes back by itself, and can jumble what it sends."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import aiohttp
from pycrdt import Doc, merge_updates

from crdt_schema.wire import Kind, SyncStep
from server.hub import codec, messages
from server.hub.codec import Reader
from tests.interop.scribble import undo_manager

RETRY_SECONDS = 0.05


class SocketPeer:
    """One client, `careful` when it applies nothing before it is synced.

    `jumbles`: its changes leave late, twice, out of order or merged.
    """

    def __init__(
        self, http: aiohttp.ClientSession, base: Callable[[], str], name: str, *, client_id: int, dialect: str,
        jumbles: bool = False, careful: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.undoer = undo_manager(self.doc)
        self.jumbles = jumbles
        self._careful = careful
        self._early: list[bytes] = []
        self.unacknowledged = 0
        """Messages on this socket that wait for their status (Hocuspocus)."""
        self.synced = False
        self._http = http
        self._base = base
        self._address = codec.text("canvas") if dialect == "hocuspocus" else b""
        self._leaving: list[bytes] = []
        self._remote = False
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._subscription = self.doc.observe(lambda event: self._note(event.update))

    def _note(self, update: bytes) -> None:
        if not self._remote:
            self._leaving.append(update)

    def online(self) -> None:
        """Connect, and come back whenever the socket is lost."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay(), name=self.name)

    async def offline(self) -> None:
        """Stay away; raises what went wrong while it was here."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _stay(self) -> None:
        while True:
            try:
                url = f"{self._base()}/film" + ("" if self._address else f"/canvas?token=editor:{self.name}")
                async with self._http.ws_connect(url, max_msg_size=0) as socket:
                    await self._talk(socket)
            except (aiohttp.ClientError, ConnectionError):
                pass
            finally:
                self._socket, self.synced = None, False
            await asyncio.sleep(RETRY_SECONDS)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        # What was under way is lost; the server asks for it.
        self._leaving.clear()
        self._early.clear()
        self.unacknowledged = 0
        if self._address:
            token = codec.text(f"editor:{self.name}") + codec.text("4.0.0")
            await socket.send_bytes(self._address + bytes((Kind.AUTH, messages.AUTH_TOKEN)) + token)
        await socket.send_bytes(self._address + messages.step1(self.doc.get_state()).body)
        self._socket = socket
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.BINARY
            await self._take(socket, Reader(message.data, len(self._address)))

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, reader: Reader) -> None:
        kind = reader.uint()
        if kind == Kind.SYNC_STATUS:
            assert reader.uint() == 1
            self.unacknowledged -= 1
            assert self.unacknowledged >= 0
        if kind != Kind.SYNC:
            return
        step, data = reader.uint(), reader.chunk()
        if step == SyncStep.STEP1:
            self.unacknowledged += 1
            await socket.send_bytes(self._address + messages.step2(self.doc.get_update(data)).body)
            return
        self.synced = self.synced or step == SyncStep.STEP2
        if self._careful and not self.synced:
            # It may build on what is still to come; yrs 0.28 does not get over that every time.
            self._early.append(data)
            return
        self._remote = True
        for update in (data, *self._early):
            self.doc.apply_update(update)
        self._remote = False
        self._early.clear()

    async def send(self, rng: random.Random) -> None:
        """Send what was edited; when it jumbles, only some of it, and in another order than it was made."""
        socket = self._socket
        if socket is None:
            return
        leaving, self._leaving = self._leaving, []
        if self.jumbles:
            self._leaving = [update for update in leaving if rng.random() < 0.3]
            leaving = _jumbled(rng, [update for update in leaving if update not in self._leaving])
        try:
            for update in leaving:
                self.unacknowledged += 1
                await socket.send_bytes(self._address + messages.change(update).body)
        except ConnectionError:
            return


def _jumbled(rng: random.Random, updates: list[bytes]) -> list[bytes]:
    match rng.randrange(5):
        case 0:
            return updates[::-1]
        case 1:
            return [update for update in updates for _ in range(2)]
        case 2:
            return rng.sample(updates, len(updates))
        case 3 if len(updates) > 1:
            return [merge_updates(*updates)]
        case 4 if len(updates) > 1:
            return [*updates, merge_updates(*updates[::-1]), rng.choice(updates)]
        case _:
            return updates
