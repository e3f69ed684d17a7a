"""GET /ws/{project}: the Hocuspocus dialect. One socket holds a session in each of several documents."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import structlog
from aiohttp import web

from crdt_schema.ids import ProjectId
from crdt_schema.wire import CloseCode, Kind, may_retry
from server.errors import TooMany, Unauthorised, Unavailable, WorkprintError
from server.hub import codec, messages
from server.hub.admission import Admission, Admit, project_in
from server.hub.codec import BadMessage, Reader
from server.hub.hub import Hub
from server.hub.messages import Message
from server.hub.room import Room
from server.hub.session import Session
from server.hub.sockets import Socket, Sockets

Ask = Callable[[], Awaitable[Admission]]


class HocuspocusLink:
    """One document's share of a socket. Every message begins with the address that the provider gave itself."""

    __slots__ = ("_address", "_again", "_end", "_goes_alone", "_muted", "_refused", "_saved", "_socket")

    def __init__(self, socket: Socket, address: bytes, end: Callable[[], None], *, goes_alone: bool) -> None:
        self._socket = socket
        self._address = address
        self._end = end
        self._goes_alone = goes_alone
        self._muted = False
        self._refused = 0
        self._again = 0
        self._saved = messages.websocket_frame(address, messages.SAVED.body)

    def send(self, message: Message) -> None:
        """Send a message to this document's provider."""
        if not self._muted:
            self._socket.write(message.frames.get(self._address) or message.frame(self._address))

    def backlog_bytes(self) -> int:
        """What the kernel has not taken of the whole socket, which several documents share."""
        return self._socket.backlog_bytes()

    def acknowledge(self, count: int) -> None:
        """The provider counts its messages: one status for each, also for those that one sync reply brings again."""
        count, self._again = count + max(0, self._again - 1), 0
        if not self._muted:
            self._socket.write(self._saved * count)

    def refuse(self, count: int) -> None:
        """One status for each message that was not taken."""
        self._refused += count
        if not self._muted:
            self._socket.write(messages.websocket_frame(self._address, messages.REFUSED.body) * count)

    def expect_again(self) -> None:
        """What was refused comes again, in the next message that is taken: the provider still counts all of it."""
        self._again, self._refused = self._refused, 0

    def tell(self, payload: str) -> None:
        """Send a stateless message."""
        self.send(messages.stateless(payload))

    def mute(self) -> None:
        """Send nothing any more: the next provider at this address would take it for its own."""
        self._muted = True

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket; only this document where the others on the socket have nothing to do with the reason."""
        if code == CloseCode.OTHER_EPOCH:
            # The provider has no code for the end of one document, so its number stands before the words. It is
            # denied, not closed: a provider that is denied does not ask again on this socket.
            self._socket.counts.refuse(code.name.lower())
            self.send(messages.denied(f"{int(code)} {reason}"))
            self._end()
        elif code == CloseCode.NO_SUCH_DOCUMENT and self._goes_alone:
            self._socket.counts.refuse(code.name.lower())
            self.send(messages.denied(reason))
            self._end()
        else:
            self._socket.close(code, reason)


class _Channel:
    """One provider on the socket, from its first token to its end."""

    __slots__ = ("admission", "asking", "document", "ended", "held", "link", "member", "token")

    def __init__(self, name: str, socket: Socket, token: str) -> None:
        # With session awareness the name is `document NUL session`: several providers, one document, one socket.
        self.document = name.partition("\0")[0]
        self.token = token
        """The newest one that was sent."""
        self.asking = asyncio.Lock()
        self.ended = asyncio.Event()
        # A fork is thrown away while the project around it goes on.
        goes_alone = self.document.startswith("fork/")
        self.link = HocuspocusLink(socket, codec.text(name), self.ended.set, goes_alone=goes_alone)
        self.held: list[bytes] = []
        """What arrived before it was admitted."""
        self.member: tuple[Room, Session] | None = None
        self.admission: Admission | None = None
        """The newest one."""


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
        socket.keep_alive(self._say_something)
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
            case Kind.SYNC | Kind.AWARENESS | Kind.QUERY_AWARENESS:
                self._deliver(channel, body)
            case Kind.SYNC_REPLY:
                self._deliver(channel, bytes((Kind.SYNC,)) + body[1:])
            case Kind.CLOSE:
                self._end(name, channel)
            case Kind.BROADCAST_STATELESS:
                raise BadMessage("only the server tells everybody")
            case _:
                # Of a later protocol, or stateless: notices are the server's word, anyone could speak for it otherwise.
                self._log.debug("message_ignored", document=channel.document, kind=kind)

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
            channel = _Channel(name, self._socket, token)
            if len(self._channels) >= self._hub.limits.documents_per_socket:
                self._refuse(channel, TooMany("Too many documents are open in one connection. Close some first."))
                return
            self._channels[name] = channel
            self._start(self._stay(name, channel))
            return
        channel.token = token
        if channel.member is not None:
            self._start(self._renew(name, channel))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stay(self, name: str, channel: _Channel) -> None:
        """A channel's whole life: be admitted, join, stay until it is closed."""
        try:
            token, rights = channel.token, self._hub.rights_changes
            admission = await self._ask(channel)
            with self._hub.census.counted(admission.actor.user_id):
                async with self._hub.room(self._project, channel.document) as room:
                    room.demand_place()
                    session = Session(admission.actor, channel.link, writable=admission.writable, asks_back=True)
                    session.reconsider = partial(self._reconsider, name, channel)
                    channel.admission = admission
                    self._join(channel, room, session)
                    if channel.token != token:
                        self._start(self._renew(name, channel))
                    elif rights != self._hub.rights_changes:
                        self._start(self._reconsider(name, channel))
                    try:
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

    def _join(self, channel: _Channel, room: Room, session: Session) -> None:
        """Come in, then take what was sent before; also of a provider that has left again."""
        held, channel.held = channel.held, []
        channel.link.send(messages.admitted(writable=session.writable))
        room.join(session)
        channel.member = (room, session)
        for body in held:
            try:
                room.receive(session, body)
            except WorkprintError as error:
                self._socket.close(error.close_code, error.message)
                return

    async def _reconsider(self, name: str, channel: _Channel) -> None:
        """Rights have changed: decide again without a new token."""
        again = channel.admission.again if channel.admission is not None else None
        if again is not None:
            await self._renew(name, channel, again)

    async def _renew(self, name: str, channel: _Channel, ask: Ask | None = None) -> None:
        """A token for a document that is open: who it is, and what they may do, is decided again."""
        async with channel.asking:
            try:
                admission = await (ask() if ask is not None else self._ask(channel))
            except WorkprintError as error:
                self._refuse(channel, error)
                if channel.member is not None and not channel.ended.is_set():
                    # What was open is not any longer; without this word the provider goes on looking synced.
                    channel.link.send(messages.closed(error.message))
                    self._end(name, channel)
                return
            if channel.member is None or channel.ended.is_set():
                return
            room, session = channel.member
            channel.admission = admission
            if ask is not None and (session.actor, session.writable) == (admission.actor, admission.writable):
                return
            promoted = admission.writable and not session.writable
            session.actor, session.writable = admission.actor, admission.writable
            channel.link.send(messages.admitted(writable=admission.writable))
            if promoted:
                # What was refused so far: without it, all that they write from now on would wait for it.
                channel.link.expect_again()
                room.ask(session)

    def _end(self, name: str, channel: _Channel) -> None:
        """The provider has left this document. It may open it again at once, and must get nothing that is older."""
        if self._channels.get(name) is channel:
            del self._channels[name]
        channel.link.mute()
        channel.ended.set()
        if channel.member is not None:
            room, session = channel.member
            room.leave(session)

    async def _ask(self, channel: _Channel) -> Admission:
        token = channel.token
        try:
            admission = await self._admit(self._request, token, self._project, channel.document)
        except WorkprintError as error:
            if not isinstance(error, Unauthorised):
                self._unknown.cancel()
            if channel.token != token:
                # A better one came meanwhile. A provider that is denied would not send it again.
                return await self._ask(channel)
            raise
        # Known from here on, whatever they may do. A token that is none does not buy any time.
        self._unknown.cancel()
        return admission

    def _refuse(self, channel: _Channel, error: WorkprintError) -> None:
        self._log.info("refused", document=channel.document, reason=error.message)
        if may_retry(error.close_code) and not isinstance(error, TooMany):
            # A provider that is denied never asks again; one that lost its socket does.
            self._socket.close(error.close_code, error.message)
        else:
            # One document too many is no reason to lose the others: the socket would come back and be closed again.
            self._socket.counts.refuse(error.close_code.name.lower())
            channel.link.send(messages.denied(error.message))

    def _say_something(self) -> None:
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
