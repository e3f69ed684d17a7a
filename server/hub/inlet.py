"""Inlet: hands a websocket's messages over in the moment they are read, with no queue and no task between.

aiohttp puts messages into a queue and wakes the handler's task for each: a turn of the event loop and a quarter of what
an edit costs the hub (measured with 200 edits/s for 25 people). What is no message of the client, a close, a ping or an
error, still goes that way, so the rules of closing stay aiohttp's.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import WSMsgType, web
from aiohttp._websocket.models import WSMessage, WSMessageTextBytes
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp._websocket.writer import WebSocketWriter

Take = Callable[[WSMsgType, bytes], None]

_QUEUE_BYTES = 1 << 16


class _Inlet(WebSocketDataQueue):
    """The end of aiohttp's parser."""

    take: Take | None = None
    heard = False
    lost: Callable[[], None] | None = None

    @property
    def waiting(self) -> bool:
        """Whether something lies in the queue, so that `receive` would return at once."""
        return bool(self._buffer)

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """Called by the parser with every whole message."""
        self.heard = True
        if self.take is not None and (data.type is WSMsgType.BINARY or data.type is WSMsgType.TEXT):
            self.take(data.type, data.data)
        else:
            super().feed_data(data, size)

    def feed_eof(self) -> None:
        """Called by the parser when the transport is gone."""
        if self.lost is not None:
            self.lost()
        super().feed_eof()


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

    async def read(self, take: Take) -> None:
        """Call `take` with each message of the client until it has gone."""
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
