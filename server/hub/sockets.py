"""Socket: a websocket as both dialects use it; aiohttp reads it, ready-made frames go straight to its transport."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Self

import structlog
from aiohttp import WSMsgType, web

from crdt_schema.wire import CloseCode
from server.errors import WorkprintError
from server.hub.counts import Counts
from server.hub.inlet import DirectWebSocket
from server.hub.limits import Limits
from server.hub.rates import Intake

CLOSE_SECONDS = 5.0
"""How long a client may take to say goodbye, or to read what it was sent before."""
_REASON_BYTES = 123  # RFC 6455: a control frame holds 125 bytes, two are the code
_PING = bytes((0x89, 0))  # RFC 6455: FIN, opcode 9, empty


class Socket:
    """One open websocket. Nothing here waits: what the kernel does not take is the backlog."""

    def __init__(
        self, websocket: DirectWebSocket, transport: asyncio.Transport, limits: Limits, counts: Counts
    ) -> None:
        self._websocket = websocket
        self._transport = transport
        self._limits = limits
        self.counts = counts
        self._log = structlog.get_logger(__name__)
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._intake = Intake(limits)
        self._reading_again: asyncio.TimerHandle | None = None
        self._unheard_seconds = 0.0
        self._say_something: Callable[[], None] = _nothing
        self._handle: Callable[[bytes], None] = _nothing
        self._keepalive = self._loop.call_later(limits.keepalive_seconds, self._keep_alive)
        self.write: Callable[[bytes], None] = transport.write
        """Send one or more whole websocket frames. It is the transport's own, as nothing is called more often."""
        self.backlog_bytes: Callable[[], int] = transport.get_write_buffer_size
        """How much was written that the kernel has not taken."""
        websocket.on_lost(self._fall_silent)

    @classmethod
    async def open(cls, request: web.Request, limits: Limits, counts: Counts) -> Self:
        """Accept the upgrade; raises HTTPBadRequest when it is none."""
        # Uncompressed: deflate costs more than it saves on small frames, and a shared frame could not be shared.
        websocket = DirectWebSocket(max_msg_size=limits.frame_bytes, compress=False, decode_text=False)
        await websocket.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client left during the handshake")
        return cls(websocket, transport, limits, counts)

    @property
    def response(self) -> web.WebSocketResponse:
        """What the handler returns to aiohttp."""
        return self._websocket

    def keep_alive(self, say_something: Callable[[], None]) -> None:
        """What to send now and then: clients take silence for a lost connection."""
        self._say_something = say_something

    def close(self, code: CloseCode, reason: str) -> None:
        """Say why and hang up; nothing is sent afterwards."""
        if self._closing is None:
            self.counts.refuse(code.name.lower())
            self._fall_silent()
            self._closing = asyncio.create_task(self._close(code, reason), name="close socket")

    async def read(self, handle: Callable[[bytes], None]) -> None:
        """Hand every message to `handle` until the socket is closed; what it raises closes the socket with a reason."""
        self._handle = handle
        try:
            await self._websocket.read(self._take)
        finally:
            self._keepalive.cancel()
            self._fall_silent()
            if self._closing is None:
                self._closing = asyncio.create_task(self._close(CloseCode.GOING_AWAY, ""), name="close socket")
            await self._closing

    def _take(self, kind: WSMsgType, data: bytes) -> None:
        if self._closing is not None:
            return
        if kind is not WSMsgType.BINARY:
            self.close(CloseCode.BAD_MESSAGE, "text messages are not part of the protocol")
            return
        try:
            if pause := self._intake.pause_seconds(len(data)):
                self._read_later(pause)
            self._handle(data)
        except WorkprintError as error:
            self._log.info("bad_message", code=int(error.close_code), reason=error.message)
            self.close(error.close_code, error.message)
        except Exception:  # noqa: BLE001 - a fault of ours ends this socket and no other
            self._log.exception("message_failed")
            self.close(CloseCode.TRY_AGAIN_LATER, "something went wrong here")

    def _read_later(self, seconds: float) -> None:
        """Leave what the client sends in the kernel for a while: then it cannot send any more."""
        if self._reading_again is not None:
            self._reading_again.cancel()
        else:
            self._transport.pause_reading()
        self._reading_again = self._loop.call_later(seconds, self._read_on)

    def _read_on(self) -> None:
        self._reading_again = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _fall_silent(self) -> None:
        """Send nothing any more, whoever still tries: the goodbye is the last frame, and a lost transport raises."""
        self.write = _nothing

    def _keep_alive(self) -> None:
        self._say_something()
        if self._websocket.heard():
            self._unheard_seconds = 0.0
        else:
            self._unheard_seconds += self._limits.keepalive_seconds
        if self._unheard_seconds >= self._limits.dead_seconds:
            self._log.info("socket_dead", unheard_seconds=self._unheard_seconds)
            self.counts.refuse("dead")
            self._transport.abort()
        else:
            if self._unheard_seconds:
                self.write(_PING)
            self._keepalive = self._loop.call_later(self._limits.keepalive_seconds, self._keep_alive)

    async def _close(self, code: CloseCode, reason: str) -> None:
        if self._reading_again is not None:
            # Its goodbye has to be read.
            self._reading_again.cancel()
            self._read_on()
        message = reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
        try:
            if code == CloseCode.GOING_AWAY:
                # aiohttp hears nobody any more while it stops.
                await asyncio.wait_for(self._websocket.close(code=code, message=message), CLOSE_SECONDS)
            else:
                await self._websocket.hang_up(code, message, within_seconds=CLOSE_SECONDS)
        except (TimeoutError, ConnectionError):
            self._transport.abort()
        except asyncio.CancelledError:
            # The server stops.
            self._transport.abort()
            raise
        if self._transport.get_write_buffer_size():
            # It has not read what was sent: the kernel would keep trying for a quarter of an hour.
            self._transport.abort()


def _nothing(*_: object) -> None:
    """Do nothing."""


class Sockets:
    """Every open websocket of this process."""

    def __init__(self, limits: Limits, counts: Counts) -> None:
        self._limits = limits
        self._counts = counts
        self._open: set[Socket] = set()
        self._farewell: tuple[CloseCode, str] | None = None

    @asynccontextmanager
    async def open(self, request: web.Request) -> AsyncGenerator[Socket, None]:
        """Accept an upgrade for as long as the context lasts; raises HTTPBadRequest when it is none."""
        try:
            socket = await Socket.open(request, self._limits, self._counts)
        except ConnectionError:
            # No fault of ours, and nobody is there to read what we answer.
            raise web.HTTPBadRequest(reason="the client left during the handshake") from None
        self._open.add(socket)
        if self._farewell is not None:
            socket.close(*self._farewell)
        try:
            yield socket
        finally:
            self._open.discard(socket)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Hang up on everybody, and on whoever is still on their way in: the server stops when nobody is left."""
        self._farewell = (code, reason)
        for socket in list(self._open):
            socket.close(code, reason)
