"""SIGTERM while people edit: the hub ends in time, what had arrived is in the log, and everybody comes back alone."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from client.document import LocalDocument
from client.studio import Studio, sign_in
from crdt_schema.wire import CloseCode, Kind
from server.hub import codec, messages
from server.store.sqlite import SqliteUpdateStore
from tests.support.crash import Client
from tests.support.hub import NodeClients, node_clients
from tests.support.ports import free_port
from tests.support.sockets import until
from tests.support.studio import BIN

PASSWORD = "correct horse"
LIMIT_SECONDS = 30.0
"""Three for open requests, the rest for what is left to write; a supervisor usually waits for ten."""
PEERS = ("ada", "ben", "cyd")


class Witness(Client):
    """A client that counts what was acknowledged, and does not come back."""

    async def sign_in(self, token: str) -> None:
        """Show a real token, and ask for the document."""
        await self._send(bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text(token))
        await self._send(messages.step1(self.doc.get_state()).body)


@dataclass
class House:
    """A workspace, a project in it and who may edit it; hubs come and go."""

    workspace: Path
    port: int
    project: str = ""
    token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WORKPRINT_", "REDIS"))}
        return {**inherited, "WORKSPACE_ROOT": str(self.workspace), "WORKPRINT_DEMO": "0"}

    def add_ana(self) -> None:
        """Let somebody in before there is a hub."""
        command = [BIN / "workprint", "user", "add", "Ana", "--role", "editor"]
        subprocess.run(command, env=self.settings, input=PASSWORD + "\n", text=True, timeout=60, check=True)

    async def found(self) -> None:
        """Sign in and make the project."""
        self.token = (await sign_in(self.url, "Ana", PASSWORD)).token
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.url}/api/projects", json={"name": "Night Bus"}) as reply,
        ):
            self.project = (await reply.json())["id"]

    async def logged(self) -> set[str]:
        """The nodes of the canvas that are on the disk."""
        (file,) = self.workspace.rglob("documents.sqlite")
        store = await SqliteUpdateStore.open(file)
        doc: Doc[Any] = Doc()
        for row in await store.load("canvas"):
            doc.apply_update(row.update)
        await store.close()
        return keys_of(doc)


def keys_of(doc: Doc[Any]) -> set[str]:
    """The nodes of a canvas by name."""
    nodes: Map[Any] = doc.get("nodes", type=Map)
    return set(nodes.to_py() or {})


@asynccontextmanager
async def hub_of(house: House) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`workprint serve`; yields once it is healthy."""
    command = (BIN / "workprint", "serve", "--host", "127.0.0.1", "--port", str(house.port))
    process = await asyncio.create_subprocess_exec(*command, env=house.settings, stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while not await _is_healthy(session, house.url):  # noqa: ASYNC110 - the process says nothing
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _is_healthy(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/healthz") as reply:
            return reply.status == 200
    except OSError:
        return False


async def _open_peers(node: NodeClients, house: House) -> None:
    """Real providers; their address ends in a query, which swallows the project's name that the script adds."""
    address = f"{house.url.replace('http', 'ws')}/ws/{house.project}"
    await node.open("ada", f"{address}/canvas?token={house.token}&_=", dialect="yjs", token=house.token)
    await node.open("ben", f"{address}?_=", dialect="hocuspocus", token=house.token)
    await node.open("cyd", f"{address}?_=", dialect="hocuspocus", token=house.token)
    for peer in PEERS:
        await node.until(peer, "p.synced")


@dataclass
class People:
    """Everybody who edits: real providers in Node, the Python client, and a witness."""

    node: NodeClients
    document: LocalDocument
    witness: Witness
    written: list[str] = field(default_factory=list[str])
    """By those who come back."""
    editing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Edit until `stop`."""
        self.editing = asyncio.create_task(self._edit())

    async def stop(self) -> None:
        """Lay down the pen; what is on its way goes on."""
        editing, self.editing = self.editing, None
        if editing is not None:
            await editing

    async def _edit(self) -> None:
        """Edit as fast as Node takes it, connected or not."""
        while self.editing is not None:
            for peer in PEERS:
                self.written.append(f"{peer}{len(self.written)}")
                await self.node.do("set", peer, key=self.written[-1], value={"type": "note"})
            self.written.append(f"studio{len(self.written)}")
            self.document.doc.get("nodes", type=Map)[self.written[-1]] = {"type": "note"}
            with suppress(ConnectionError):
                await self.witness.put(f"witness{len(self.written)}")

    @property
    def seen(self) -> set[str]:
        """What the hub has passed on from one to the other."""
        return {key for key in keys_of(self.document.doc) if not key.startswith("studio")}

    async def converge(self, expected: set[str]) -> None:
        """Wait until all who come back have the same."""
        await asyncio.wait_for(self.document.wait_saved(), 60)
        await until(lambda: len(keys_of(self.document.doc)) >= len(expected), within_seconds=60)
        assert keys_of(self.document.doc) == expected
        for peer in PEERS:
            await self.node.until(peer, f"p.synced && Object.keys(p.map).length >= {len(expected)}", 50)
            assert set(await self.node.read(peer, "p.map")) == expected


@asynccontextmanager
async def people_of(house: House) -> AsyncGenerator[People]:
    async with (
        node_clients() as node,
        Studio(house.url, house.token, house.project) as studio,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{house.url}/ws/{house.project}") as websocket,
    ):
        document = studio.open("canvas")
        await asyncio.wait_for(document.wait_synced(), 30)
        await _open_peers(node, house)
        witness = Witness(websocket, Doc())
        await witness.sign_in(house.token)
        reading = asyncio.create_task(witness.read())
        await asyncio.wait_for(witness.synced.wait(), 30)
        people = People(node, document, witness)
        people.begin()
        yield people
        await people.stop()
        await reading
        assert websocket.close_code == CloseCode.GOING_AWAY


@pytest.mark.timeout(300)
async def test_a_hub_that_is_stopped_while_people_edit_keeps_it_all_and_the_next_one_has_them_back(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, free_port())
    house.add_ana()
    async with AsyncExitStack() as using:
        async with hub_of(house) as hub:
            await house.found()
            people = await using.enter_async_context(people_of(house))
            await until(lambda: len(people.written) > 200 and len(people.seen) > 100, within_seconds=60)
            arrived = people.seen
            began = time.monotonic()
            hub.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(hub.wait(), 60) == 0
            assert time.monotonic() - began < LIMIT_SECONDS
        away = len(people.written)
        kept = await house.logged()
        assert len(arrived) > 100
        assert len(people.witness.safe) > 10
        assert arrived <= kept
        assert people.witness.safe <= kept
        await until(lambda: len(people.written) > away + 20)
        await people.stop()
        assert set(people.written) - kept, "nobody wrote anything while the hub was away"
        async with hub_of(house):
            await people.converge(set(people.written) | {key for key in kept if key.startswith("witness")})
            for peer in PEERS:
                assert CloseCode.GOING_AWAY in await people.node.read(peer, "p.closes")
                assert await people.node.read(peer, "p.gaveUp") is None
            await using.aclose()
