"""A socket that the test turns by hand: nothing travels until `send` or `receive` is called."""

import asyncio
from collections.abc import Callable
from typing import Any

from pycrdt import Doc, Map, Text

from crdt_schema.wire import CloseCode, Kind, SyncStep
from server.auth.actor import Actor
from server.errors import WorkprintError
from server.hub import codec, messages
from server.hub.codec import Reader
from server.hub.messages import Message
from server.hub.room import Room
from server.hub.session import Session

ADA = Actor("ada", "Ada", "editor", 1)
BEN = Actor("ben", "Ben", "editor", 2)
EVE = Actor("eve", "Eve", "viewer", 3)


class HandLink:
    """The server's end: what the room sends waits in `arriving` until the client takes it."""

    def __init__(self) -> None:
        self.arriving: list[Message] = []
        self.acknowledged = 0
        self.refused = 0
        self.told: list[str] = []
        self.closed: tuple[CloseCode, str] | None = None
        self.stuck = False

    def send(self, message: Message) -> None:
        self.arriving.append(message)

    def acknowledge(self, count: int) -> None:
        self.acknowledged += count

    def refuse(self, count: int) -> None:
        self.refused += count

    def tell(self, payload: str) -> None:
        self.told.append(payload)

    def backlog_bytes(self) -> int:
        return sum(len(message.body) for message in self.arriving) if self.stuck else 0

    def close(self, code: CloseCode, reason: str) -> None:
        self.closed = (code, reason)


class Peer:
    """A Yjs client with a document of its own, speaking the sync protocol."""

    def __init__(self, room: Room, actor: Actor = ADA, *, writable: bool = True, doc: Doc[Any] | None = None) -> None:
        self.room = room
        self.doc: Doc[Any] = doc if doc is not None else Doc()
        self.link = HandLink()
        self.session = Session(actor, self.link, writable=writable, asks_back=True)
        self.leaving: list[bytes] = []
        self.heard: dict[int, str] = {}
        self._remote = False
        self._subscription = self.doc.observe(lambda event: self._note(event.update))

    def _note(self, update: bytes) -> None:
        if not self._remote:
            self.leaving.append(messages.change(update).body)

    @property
    def nodes(self) -> Map[Any]:
        return self.doc.get("nodes", type=Map)

    @property
    def text(self) -> Text:
        return self.doc.get("text", type=Text)

    def plain(self) -> dict[str, Any]:
        return {"nodes": self.nodes.to_py(), "text": str(self.text)}

    def join(self) -> None:
        """Come in and ask for what is there."""
        self.room.join(self.session)
        self.leaving.insert(0, messages.step1(self.doc.get_state()).body)

    def leave(self) -> None:
        """The socket is gone; what was under way is lost."""
        self.room.leave(self.session)
        self.leaving.clear()
        self.link.arriving.clear()

    def say(self, client_id: int, clock: int, state: str) -> None:
        """Say something about a client's presence."""
        entry = codec.uint(client_id) + codec.uint(clock) + codec.text(state)
        self.leaving.append(messages.presence(b"\1" + entry).body)

    def send(self, count: int | None = None) -> None:
        """Hand over what this client has sent; a bad message closes it, as the dialects do."""
        count = len(self.leaving) if count is None else count
        bodies, self.leaving = self.leaving[:count], self.leaving[count:]
        for body in bodies:
            try:
                self.room.receive(self.session, body)
            except WorkprintError as error:
                self.room.leave(self.session)
                self.link.close(error.close_code, error.message)
                return

    def receive(self) -> int:
        """Take what the room has sent; returns how many messages that were."""
        arrived = list(self.link.arriving)
        self.link.arriving.clear()
        for message in arrived:
            self._take(Reader(message.body))
        return len(arrived)

    def _take(self, reader: Reader) -> None:
        kind = reader.uint()
        if kind == Kind.AWARENESS:
            self._take_presence(Reader(reader.chunk()))
        elif kind == Kind.SYNC:
            step, data = reader.uint(), reader.chunk()
            if step == SyncStep.STEP1:
                self.leaving.append(messages.step2(self.doc.get_update(data)).body)
            else:
                self._remote = True
                self.doc.apply_update(data)
                self._remote = False

    def _take_presence(self, reader: Reader) -> None:
        for _ in range(reader.uint()):
            client_id, _clock = reader.uint(), reader.uint()
            self.heard[client_id] = reader.text()


async def turn(*peers: Peer) -> None:
    """Let everything that is under way arrive, both ways, until the line is quiet."""
    quiet = 0
    while quiet < 3:
        for peer in peers:
            peer.send()
        for _ in range(4):
            await asyncio.sleep(0)
        quiet = 0 if sum([peer.receive() for peer in peers if not peer.link.stuck]) else quiet + 1


async def until(condition: Callable[[], object], *, within_seconds: float = 30.0) -> None:
    """Wait until something is so; fails when it does not come about in time."""
    async with asyncio.timeout(within_seconds):
        while not condition():  # noqa: ASYNC110 - the condition is about code that knows no events
            await asyncio.sleep(0.002)
