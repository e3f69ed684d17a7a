"""A page that has a document open over a real websocket (y-websocket's dialect), and sees how it is closed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp

from tests.support.service import Service


@asynccontextmanager
async def page(
    service: Service, name: str, project: str, document: str
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """A socket of somebody who was added; it has had the server's first word."""
    token = await service.token(name)
    async with service.session().ws_connect(f"/ws/{project}/{document}?token={token}") as socket:
        await asyncio.wait_for(socket.receive(), 30)
        yield socket


async def end_of(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    """Read until the server closes; its code and its reason."""
    while True:
        message = await asyncio.wait_for(socket.receive(), 30)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return message.data, str(message.extra)
        assert message.type is aiohttp.WSMsgType.BINARY, message
