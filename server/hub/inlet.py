"""Inlet: hands a websocket's messages over in the moment they are read, with no queue and no task between.

aiohttp puts messages into a queue and wakes the handler's task for each: a turn of the event loop and a quarter of what
an edit costs the hub (measured with 200 edits/s for 25 people). What is no message of the client, a close, a ping or an
error, still goes that way, so the rules of closing stay aiohttp's.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from aiohttp import WSMsgType, web
from aiohttp._websocket.models import WSMessage, WSMessageTextBytes
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp._websocket.writer import WebSocketWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.helpers import _EXC_SENTINEL

Take = Callable[[WSMsgType, bytes], None]

_QUEUE_BYTES = 1 << 16


class _Inlet(WebSocketDataQueue):
    """The end of aiohttp's parser."""

    take: Take | None = None
    heard = False
    lost: Callable[[], None] | None = None

    def __init__(self, protocol: BaseProtocol, limit: int, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(protocol, limit, loop=loop)
        self.ended = asyncio.Event()
        """The client has said goodbye, or is gone."""

    @property
    def waiting(self) -> bool:
        """Whether something lies in the queue, so that `receive` would return at once."""
        return bool(self._buffer)

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """Called by the parser with every whole message."""
        self.heard = True
        if data.type is WSMsgType.CLOSE:
            self.ended.set()
        if self.take is not None and (data.type is WSMsgType.BINARY or data.type is WSMsgType.TEXT):
            self.take(data.type, data.data)
        else:
            super().feed_data(data, size)

    def feed_eof(self) -> None:
        """Called when the connection has ended."""
        self._end()
        super().feed_eof()

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _EXC_SENTINEL) -> None:
        """Called when the connection was lost, or when what came makes no sense."""
        self._end()
        super().set_exception(exc, exc_cause)

    def _end(self) -> None:
        self.ended.set()
        if self.lost is not None:
            self.lost()


class DirectWebSocket(web.WebSocketResponse):
    """A websocket whose messages need not be awaited."""

    _inlet: _Inlet

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: WebSocketWriter) -> None:
        # In place of aiohttp's own: a parser cannot be exchanged once it is set.
        self._ws_protocol = protocol
        self._writer = writer
        self._inlet = self._reader = _Inlet(request.protocol, _QUEUE_BYTES, loop=asyncio.get_running_loop())
        self._parser = WebSocketReader(self._inlet, self._max_msg_size, compress=False, decode_text=self._decode_text)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)

    def on_lost(self, act: Callable[[], None]) -> None:
        """What to do in the moment the transport is gone: nothing may be written to it afterwards."""
        self._inlet.lost = act

    def heard(self) -> bool:
        """Whether anything, a pong included, was heard since the last call."""
        heard, self._inlet.heard = self._inlet.heard, False
        return heard

    async def hang_up(self, code: int, reason: bytes, *, within_seconds: float) -> None:
        """Say why, and hang up once the client has said goodbye too; raises TimeoutError, ConnectionError."""
        if self.closed or self._writer is None:
            return
        # aiohttp's `close` does not wait when another task reads. What the client still sends is answered with a reset
        # then, and that throws away what it has not read yet: the reason.
        self._set_closed()
        async with asyncio.timeout(within_seconds):
            await self._writer.close(code, reason)
            await self._inlet.ended.wait()
        self._close_transport()

    async def read(self, take: Take) -> None:
        """Call `take` with each message of the client until it has gone."""
        # A ping that comes when we have hung up cannot be answered.
        with suppress(ConnectionError):
            await self._read(take)

    async def _read(self, take: Take) -> None:
        # What came before anybody listened lies in the queue, and does not make `receive` wait.
        while self._inlet.waiting:
            message = await self.receive()
            if message.type is WSMsgType.BINARY or message.type is WSMsgType.TEXT:
                take(message.type, cast("bytes", message.data))
        self._inlet.take = take
        while (await self.receive()).type not in (
            WSMsgType.CLOSE,
            WSMsgType.CLOSING,
            WSMsgType.CLOSED,
            WSMsgType.ERROR,
        ):
            pass
