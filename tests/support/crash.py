"""A hub in a process of its own that is killed, and clients that remember what it had acknowledged."""

import asyncio
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
from pycrdt import Doc, Map

from crdt_schema.wire import Kind
from server.hub import codec, messages
from server.hub.codec import Reader
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
CANVAS = codec.text("canvas")
COMPACT_ROWS = 30
"""A log is compacted while it is in use as soon as it has so many rows: kills must meet compactions too."""


def log_file(folder: Path) -> Path:
    """Where `hub_process` keeps its log."""
    return folder / "film" / "documents.sqlite"


@asynccontextmanager
async def hub_process(
    port: int, folder: Path, control: Path | None = None, said: bytearray | None = None
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Yields once it serves. With `control` its disk does what that file says; `said` collects what it logs."""
    options = [str(port), str(folder), "--compact-rows", str(COMPACT_ROWS)]
    module = ["tests.support.hub"] if control is None else ["tests.support.broken_disk", str(control)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module, *options, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (line := await asyncio.wait_for(process.stdout.readline(), 60)) != b"ready\n":
        assert line, "the hub ended before it served"
    talking = asyncio.create_task(_drain(process.stdout, bytearray() if said is None else said))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await talking


async def _drain(stream: asyncio.StreamReader, said: bytearray) -> None:
    """A hub that logs more than a pipe holds must not wait for us."""
    while data := await stream.read(1 << 16):
        said += data


class Client:
    """A Hocuspocus client that counts what was acknowledged, in the order in which it was sent."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, doc: Doc[Any], name: str = "ada") -> None:
        self._websocket = websocket
        self._name = name
        self.doc = doc
        self.sent: list[str] = []
        self.acknowledged = 0
        self.synced = asyncio.Event()

    async def hello(self) -> None:
        await self._send(bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text(f"editor:{self._name}"))
        await self._send(messages.step1(self.doc.get_state()).body)

    async def put(self, key: str) -> None:
        updates: list[bytes] = []
        subscription = self.doc.observe(lambda event: updates.append(event.update))
        self.doc.get("nodes", type=Map)[key] = {"type": "note"}
        self.doc.unobserve(subscription)
        self.sent.append(key)
        await self._send(messages.change(updates[0]).body)

    async def read(self) -> None:
        async for message in self._websocket:
            reader = Reader(message.data)
            reader.text()
            kind = reader.uint()
            if kind == Kind.SYNC_STATUS:
                self.acknowledged += reader.uint()
            elif kind == Kind.SYNC and reader.uint():
                self.doc.apply_update(reader.chunk())
                self.synced.set()

    @property
    def nodes(self) -> set[str]:
        """The keys that it sees."""
        return set(self.doc.get("nodes", type=Map))

    @property
    def safe(self) -> set[str]:
        """The keys whose edits were acknowledged."""
        return set(self.sent[: self.acknowledged])

    async def _send(self, body: bytes) -> None:
        await self._websocket.send_bytes(CANVAS + body)


@asynccontextmanager
async def connected(address: str, name: str = "ada") -> AsyncGenerator[Client, None]:
    """A client that has the document; raises ConnectionError when it is sent away instead."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as websocket:
        client = Client(websocket, Doc(), name)
        await client.hello()
        reading = asyncio.create_task(client.read())
        synced = asyncio.create_task(client.synced.wait())
        await asyncio.wait((synced, reading), timeout=30, return_when=asyncio.FIRST_COMPLETED)
        try:
            if not client.synced.is_set():
                raise ConnectionError(websocket.close_code)
            yield client
        finally:
            synced.cancel()
            await websocket.close()
            await asyncio.wait_for(reading, 30)


async def edit_until_killed(
    address: str, process: asyncio.subprocess.Process, rng: random.Random, run: int
) -> set[str]:
    """Two people edit as fast as the socket takes it; the hub is killed meanwhile. What was acknowledged by then."""
    async with connected(address) as ada, connected(address, "ben") as ben:
        asyncio.get_running_loop().call_later(rng.uniform(0.02, 0.3), process.send_signal, signal.SIGKILL)
        await asyncio.gather(*(_edit(client, f"{run}.{number}", rng) for number, client in enumerate((ada, ben))))
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    return ada.safe | ben.safe


async def _edit(client: Client, prefix: str, rng: random.Random) -> None:
    with suppress(ConnectionError):
        for number in range(100_000):
            await client.put(f"{prefix}.{number}")
            await asyncio.sleep(rng.choice([0, 0.001, 0.004]))


async def read_everything(address: str) -> set[str]:
    async with connected(address) as client:
        return client.nodes


def check_file(path: Path) -> tuple[int, int]:
    """Assert that the file is whole; how many rows, and how many compacted changes, it holds."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute("SELECT COUNT(*) FROM updates").fetchone()[0]
        credited = database.execute("SELECT COUNT(*) FROM credits").fetchone()[0]
        assert bool(credited) == bool(database.execute("SELECT COUNT(*) FROM checkpoints").fetchone()[0])
        return rows, credited


async def kill_again_and_again(folder: Path, kills: int, seed: int) -> str:
    """Start, edit, kill, and look at the file, as often as asked; asserts that nothing acknowledged was ever lost."""
    rng = random.Random(seed)
    port = free_port()
    address = f"ws://127.0.0.1:{port}/ws/film"
    acknowledged: set[str] = set()
    compacted = 0
    for run in range(kills):
        async with hub_process(port, folder) as process:
            acknowledged |= await edit_until_killed(address, process, rng, run)
        compacted = max(compacted, check_file(log_file(folder))[1])
        if run % 10 == 9 or run == kills - 1:
            async with hub_process(port, folder):
                lost = acknowledged - await read_everything(address)
            assert not lost, f"seed {seed}, run {run}: {len(lost)} of {len(acknowledged)}"
    assert len(acknowledged) > kills
    assert compacted, "no kill met a log that was ever compacted"
    return f"{kills} kills, {len(acknowledged)} acknowledged edits, {compacted} credits of compacted changes"
