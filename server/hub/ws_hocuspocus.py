"""GET /ws/{project}: the Hocuspocus dialect. One socket holds a session in each of several documents."""

import asyncio
from collections.abc import Callable, Coroutine

import structlog
from aiohttp import web

from crdt_schema.ids import ProjectId
from crdt_schema.wire import CloseCode, Kind, may_retry
from server.errors import Unauthorised, Unavailable, WorkprintError
from server.hub import codec, messages
from server.hub.admission import Admission, Admit, project_in
from server.hub.codec import BadMessage, Reader
from server.hub.hub import Hub
from server.hub.messages import Message
from server.hub.room import Room
from server.hub.session import Session
from server.hub.sockets import Socket, Sockets


class HocuspocusLink:
    """One document's share of a socket. Every message begins with the address that the provider gave itself."""

    __slots__ = ("_address", "_end", "_socket", "backlog_bytes")

    def __init__(self, socket: Socket, address: bytes, end: Callable[[], None]) -> None:
        self._socket = socket
        self._address = address
        self._end = end
        self.backlog_bytes = socket.backlog_bytes

    def send(self, message: Message) -> None:
        """Send a message to this document's provider."""
        self._socket.write(message.frame(self._address))

    def acknowledge(self, count: int) -> None:
        """The provider counts its messages: one status for each."""
        self._socket.write(messages.websocket_frame(self._address, messages.SAVED.body) * count)

    def refuse(self, count: int) -> None:
        """One status for each message that was not taken."""
        self._socket.write(messages.websocket_frame(self._address, messages.REFUSED.body) * count)

    def tell(self, payload: str) -> None:
        """Send a stateless message."""
        self._socket.write(messages.websocket_frame(self._address, messages.stateless(payload).body))

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; only this document where the others on the socket have nothing to do with the reason."""
        if code == CloseCode.OTHER_EPOCH:
            # The provider has no code for the end of one document, so its number stands before the words. It is
            # denied, not closed: a provider that is denied does not ask again on this socket.
            self.send(messages.denied(f"{int(code)} {reason}"))
            self._end()
        else:
            self._socket.close(code, reason)


class _Channel:
    """One provider on the socket, from its first token to its end."""

    __slots__ = ("document", "ended", "held", "link", "member", "task")

    def __init__(self, name: str, socket: Socket) -> None:
        # With session awareness the name is `document NUL session`: several providers, one document, one socket.
        self.document = name.partition("\0")[0]
        self.ended = asyncio.Event()
        self.link = HocuspocusLink(socket, codec.text(name), self.ended.set)
        self.held: list[bytes] = []
        """What arrived before it was admitted."""
        self.member: tuple[Room, Session] | None = None
        self.task: asyncio.Task[None] | None = None


class _Connection:
    """One socket and its channels."""

    def __init__(self, request: web.Request, socket: Socket, hub: Hub, admit: Admit) -> None:
        self._request = request
        self._socket = socket
        self._hub = hub
        self._admit = admit
        self._project: ProjectId = project_in(request)
        self._log = structlog.get_logger(__name__).bind(project=self._project)
        self._channels: dict[str, _Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        socket.on_silence(self._break_silence)
        self._unknown = asyncio.get_running_loop().call_later(
            hub.limits.admit_seconds, socket.close, CloseCode.UNAUTHORISED, "nobody signed in"
        )

    async def run(self) -> None:
        """Read until the socket is closed, then leave every document."""
        try:
            await self._socket.read(self._receive)
        finally:
            self._unknown.cancel()
            for channel in self._channels.values():
                channel.ended.set()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _receive(self, frame: bytes) -> None:
        if len(frame) == 1:
            self._receive_bare(frame[0])
            return
        reader = Reader(frame)
        name = reader.text()
        body = reader.rest()
        kind = reader.uint()
        if kind == Kind.AUTH:
            self._receive_token(name, reader)
            return
        channel = self._channels.get(name)
        if channel is None:
            # A provider that was refused goes on sending: that is no offence.
            return
        match kind:
            case Kind.CLOSE:
                del self._channels[name]
                channel.ended.set()
            case Kind.STATELESS | Kind.BROADCAST_STATELESS:
                self._log.debug("stateless_ignored", document=channel.document)
            case Kind.SYNC_REPLY:
                self._deliver(channel, bytes((Kind.SYNC,)) + body[1:])
            case _:
                self._deliver(channel, body)

    def _receive_bare(self, kind: int) -> None:
        """Ping and pong concern the socket and name no document."""
        if kind == Kind.PING:
            self._socket.write(messages.PONG.frame(b""))
        elif kind != Kind.PONG:
            raise BadMessage("a message without a document")

    def _deliver(self, channel: _Channel, body: bytes) -> None:
        if channel.member is not None:
            room, session = channel.member
            room.receive(session, body)
        elif len(channel.held) < self._hub.limits.held_frames:
            channel.held.append(body)
        else:
            raise Unavailable("too many messages before the document was opened")

    def _receive_token(self, name: str, reader: Reader) -> None:
        if reader.uint() != messages.AUTH_TOKEN:
            raise BadMessage("an authentication message without a token")
        token = reader.text()
        channel = self._channels.get(name)
        if channel is None:
            if len(self._channels) >= self._hub.limits.documents_per_socket:
                raise Unavailable("too many documents on one socket")
            channel = _Channel(name, self._socket)
            self._channels[name] = channel
            self._start(self._stay(name, channel, token))
        elif channel.member is not None:
            self._start(self._renew(channel, channel.member[1], token))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stay(self, name: str, channel: _Channel, token: str) -> None:
        """A channel's whole life: be admitted, join, stay until it is closed."""
        try:
            admission = await self._ask(channel, token)
            async with self._hub.room(self._project, channel.document) as room:
                session = Session(admission.actor, channel.link, writable=admission.writable, asks_back=True)
                channel.link.send(messages.admitted(writable=admission.writable))
                room.join(session)
                channel.member = (room, session)
                try:
                    self._catch_up(channel, room, session)
                    await channel.ended.wait()
                finally:
                    room.leave(session)
        except WorkprintError as error:
            self._refuse(channel, error)
        except Exception:  # noqa: BLE001 - a fault of ours ends this socket and no other
            self._log.exception("join_failed", document=channel.document)
            self._socket.close(CloseCode.TRY_AGAIN_LATER, "the document could not be opened")
        finally:
            if self._channels.get(name) is channel:
                del self._channels[name]

    def _catch_up(self, channel: _Channel, room: Room, session: Session) -> None:
        held, channel.held = channel.held, []
        for body in held:
            try:
                room.receive(session, body)
            except WorkprintError as error:
                self._socket.close(error.close_code, error.message)
                return

    async def _renew(self, channel: _Channel, session: Session, token: str) -> None:
        """A token for a document that is open: who it is, and what they may do, is decided again."""
        try:
            admission = await self._ask(channel, token)
        except WorkprintError as error:
            self._refuse(channel, error)
            channel.ended.set()
            return
        session.actor, session.writable = admission.actor, admission.writable
        channel.link.send(messages.admitted(writable=admission.writable))

    async def _ask(self, channel: _Channel, token: str) -> Admission:
        try:
            admission = await self._admit(self._request, token, self._project, channel.document)
        except WorkprintError as error:
            if not isinstance(error, Unauthorised):
                self._unknown.cancel()
            raise
        # Known from here on, whatever they may do. A token that is none does not buy any time.
        self._unknown.cancel()
        return admission

    def _refuse(self, channel: _Channel, error: WorkprintError) -> None:
        self._log.info("refused", document=channel.document, reason=error.message)
        if may_retry(error.close_code):
            # A provider that is denied never asks again; one that lost its socket does.
            self._socket.close(error.close_code, error.message)
        else:
            channel.link.send(messages.denied(error.message))

    def _break_silence(self) -> None:
        for channel in self._channels.values():
            if channel.member is not None:
                channel.link.send(messages.NOTHING_NEW)
                return
        self._socket.write(messages.PING.frame(b""))


class HocuspocusEndpoint:
    """The handler of the dialect's address. Who somebody is, is asked per document, not at the door."""

    def __init__(self, hub: Hub, sockets: Sockets, admit: Admit) -> None:
        self._hub = hub
        self._sockets = sockets
        self._admit = admit

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Upgrade, then serve the socket until its end."""
        project_in(request)
        async with self._sockets.open(request) as socket:
            await _Connection(request, socket, self._hub, self._admit).run()
        return socket.response
