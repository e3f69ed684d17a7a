"""`kill -9` on the real process at any moment: no acknowledged edit is lost, and the log opens again."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from pycrdt import Doc, Map

from crdt_schema.wire import Kind
from server.hub import codec, messages
from server.hub.codec import Reader

KILLS = int(os.environ.get("WORKPRINT_TEST_KILLS", "5"))
ROOT = Path(__file__).parents[3]
CANVAS = codec.text("canvas")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def hub_process(port: int, folder: Path) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    command = [sys.executable, "-m", "tests.support.hub", str(port), str(folder)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while line := await asyncio.wait_for(process.stdout.readline(), 20):
        if line == b"ready\n":
            break
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Client:
    """A Hocuspocus client that counts what was acknowledged, in the order in which it was sent."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, doc: Doc[Any]) -> None:
        self._websocket = websocket
        self.doc = doc
        self.sent: list[str] = []
        self.acknowledged = 0
        self.synced = asyncio.Event()

    async def hello(self) -> None:
        await self._send(bytes((Kind.AUTH, messages.AUTH_TOKEN)) + codec.text("editor:ada"))
        await self._send(messages.step1(self.doc.get_state()).body)

    async def put(self, key: str) -> None:
        updates: list[bytes] = []
        subscription = self.doc.observe(lambda event: updates.append(event.update))
        self.doc.get("nodes", type=Map)[key] = 1
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

    async def _send(self, body: bytes) -> None:
        await self._websocket.send_bytes(CANVAS + body)


async def edit_until_killed(
    address: str, process: asyncio.subprocess.Process, rng: random.Random, run: int
) -> set[str]:
    """Edit as fast as the socket takes it, kill the hub in the middle, and return what it had acknowledged."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as websocket:
        client = Client(websocket, Doc())
        await client.hello()
        reading = asyncio.create_task(client.read())
        await asyncio.wait_for(client.synced.wait(), 10)
        asyncio.get_running_loop().call_later(rng.uniform(0.05, 0.3), process.send_signal, signal.SIGKILL)
        try:
            for number in range(100_000):
                await client.put(f"{run}.{number}")
                await asyncio.sleep(rng.choice([0, 0, 0.002]))
        except ConnectionError:
            pass
        await asyncio.wait_for(reading, 10)
        return set(client.sent[: client.acknowledged])


async def read_everything(address: str) -> set[str]:
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as websocket:
        client = Client(websocket, Doc())
        await client.hello()
        reading = asyncio.create_task(client.read())
        await asyncio.wait_for(client.synced.wait(), 10)
        await websocket.close()
        await reading
        return set(client.doc.get("nodes", type=Map))


async def test_no_acknowledged_edit_is_lost_when_the_hub_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    port = free_port()
    address = f"ws://127.0.0.1:{port}/ws/film"
    acknowledged: set[str] = set()
    for run in range(KILLS):
        async with hub_process(port, tmp_path) as process:
            acknowledged |= await edit_until_killed(address, process, rng, run)
            assert await process.wait() == -signal.SIGKILL
    async with hub_process(port, tmp_path):
        lost = acknowledged - await read_everything(address)
    assert len(acknowledged) > KILLS
    assert not lost, f"seed {seed}"
