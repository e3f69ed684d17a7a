"""The whole service in this process, on a real port, with people signed in; no farm unless a test brings one."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from crdt_schema.records import Role
from server import keys
from server.app import build_app
from server.config import read_config

PASSWORD = "correct horse battery"
PNG_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


class Service:
    """A running service and how to talk to it."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.app = server.app
        self._sessions: list[aiohttp.ClientSession] = []

    async def sign_in(self, name: str, role: Role) -> aiohttp.ClientSession:
        """A new person with that role; their session sends their bearer token."""
        await self.app[keys.PEOPLE].add(name, PASSWORD, role)
        return self.session({"Authorization": f"Bearer {await self.token(name)}"})

    async def token(self, name: str) -> str:
        """A bearer token of somebody who was added."""
        async with self.session() as session:
            reply = await session.post("/auth/token", json={"username": name, "password": PASSWORD})
            return (await reply.json())["access_token"]

    def session(self, headers: Mapping[str, str] | None = None) -> aiohttp.ClientSession:
        """A session of nobody in particular."""
        session = aiohttp.ClientSession(self.server.make_url("/"), headers=headers)
        self.keep(session)
        return session

    def keep(self, session: aiohttp.ClientSession) -> None:
        """Close a session with the service."""
        self._sessions.append(session)

    async def close(self) -> None:
        """Stop it."""
        for session in self._sessions:
            await session.close()
        await self.server.close()  # twice is once


@asynccontextmanager
async def running_service(workspace: Path, *, port: int = 0, **environment: str) -> AsyncGenerator[Service]:
    """A service over a workspace; it is stopped at the end, as Ctrl-C would stop it."""
    settings = {
        "WORKSPACE_ROOT": str(workspace),
        "WORKPRINT_DEMO": "0",
        "WORKPRINT_SNAPSHOT_QUIET_SECONDS": "0.2",
        **environment,
    }
    service = Service(TestServer(build_app(read_config(settings)), port=port))
    await service.server.start_server()
    try:
        yield service
    finally:
        await service.close()


async def made(session: aiohttp.ClientSession, path: str, body: object, status: int = 201) -> Any:
    """POST JSON and expect a status; the reply."""
    async with session.post(path, json=body) as reply:
        text = await reply.text()
        assert reply.status == status, text
        return await reply.json()


async def got(session: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    """GET JSON and expect a status; the reply."""
    async with session.get(path) as reply:
        text = await reply.text()
        assert reply.status == status, text
        return await reply.json()
