"""GET /ws/{project}/{document}: the y-websocket dialect. One socket is one session in one room."""

from contextlib import AsyncExitStack
from functools import partial

from aiohttp import web

from crdt_schema.wire import Kind
from server.errors import WorkprintError
from server.hub import messages
from server.hub.admission import Admission, Admit, project_in
from server.hub.codec import Reader
from server.hub.hub import Hub
from server.hub.messages import Message
from server.hub.room import Room
from server.hub.session import Session
from server.hub.sockets import Socket, Sockets

READ_ONLY = "You may read this document, but not change it."
UNDERSTOOD = frozenset((Kind.SYNC, Kind.AWARENESS, Kind.QUERY_AWARENESS))


class YjsLink:
    """A whole socket as one session's link. The dialect knows no acknowledgement and no notices."""

    __slots__ = ("_refused", "_socket", "close")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._refused = False
        self.close = socket.close

    def send(self, message: Message) -> None:
        """Send a message as it is."""
        self._socket.write(message.frames.get(b"") or message.frame(b""))

    def backlog_bytes(self) -> int:
        """What the kernel has not taken of the whole socket."""
        return self._socket.backlog_bytes()

    def acknowledge(self, count: int) -> None:
        """There is no word for it."""

    def refuse(self, count: int) -> None:  # noqa: ARG002 - the dialect has one word for any number of them
        """Say once that changes are not taken."""
        if not self._refused:
            self._refused = True
            self.send(messages.denied_change(READ_ONLY))

    def expect_again(self) -> None:
        """What was refused comes again; should the next change be refused, that is news."""
        self._refused = False

    def tell(self, payload: str) -> None:
        """There is no word for it."""


def _receive(room: Room, session: Session, body: bytes) -> None:
    # What is of a later protocol, or of Hocuspocus, is passed over: y-websocket's own server does so too.
    if not body or body[0] in UNDERSTOOD or Reader(body).uint() in UNDERSTOOD:
        room.receive(session, body)


async def _reconsider(room: Room, session: Session, link: YjsLink, admission: Admission) -> None:
    """Decide again; the dialect has no word for another role, so it counts silently."""
    if admission.again is None:
        return
    try:
        today = await admission.again()
    except WorkprintError as error:
        session.link.close(error.close_code, error.message)
    else:
        promoted = today.writable and not session.writable
        session.actor, session.writable = today.actor, today.writable
        if promoted:
            # What was refused so far: without it, all that they write from now on would wait for it.
            link.expect_again()
            room.ask(session)


class YjsEndpoint:
    """The handler of the dialect's address."""

    def __init__(self, hub: Hub, sockets: Sockets, admit: Admit) -> None:
        self._hub = hub
        self._sockets = sockets
        self._admit = admit

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Admit, upgrade, join, and read until the end; who is not admitted gets plain HTTP."""
        project, document = project_in(request), request.match_info["document"]
        async with AsyncExitStack() as using:
            rights = self._hub.rights_changes
            try:
                admission = await self._admit(request, request.query.get("token", ""), project, document)
                room = await using.enter_async_context(self._hub.room(project, document))
                room.demand_place()
                using.enter_context(self._hub.census.counted(admission.actor.user_id))
            except WorkprintError as error:
                self._hub.counts.refuse(error.close_code.name.lower())
                raise
            socket = await using.enter_async_context(self._sockets.open(request))
            link = YjsLink(socket)
            socket.keep_alive(partial(link.send, messages.NOTHING_NEW))
            session = Session(admission.actor, link, writable=admission.writable, asks_back=False)
            session.reconsider = partial(_reconsider, room, session, link, admission)
            room.join(session)
            room.ask(session)
            try:
                if rights != self._hub.rights_changes:
                    await _reconsider(room, session, link, admission)
                await socket.read(partial(_receive, room, session))
            finally:
                room.leave(session)
        return socket.response
