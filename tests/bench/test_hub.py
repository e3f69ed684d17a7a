"""The hub as the benchmark starts it: any room, nothing in it but what was written, and everything on the disk."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.results import OURS
from tests.support.hub import NodeClients, node_clients
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
TARGETS = json.loads((ROOT / "bench" / "targets.json").read_text())
DIALECTS = {"workprint-hocuspocus": "hocuspocus", "workprint-y-websocket": "yjs"}


@asynccontextmanager
async def started(target: str, port: int, folder: Path) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """The target's own command, once its port answers; killed at the end."""
    _, *words = [word.format(port=port, data=folder) for word in TARGETS[target]["command"]]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT)
    try:
        async with asyncio.timeout(60):
            while not await answers(port):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def open_room(node: NodeClients, peer: str, target: str, port: int, room: str) -> None:
    """Connect a provider the way the target's address says, without any token of the product."""
    base = TARGETS[target]["url"].format(port=port, room="").removesuffix("/").removesuffix("/film")
    await node.open(peer, base, dialect=DIALECTS[target], document=room, token="anything")
    await node.until(peer, "p.synced")


@pytest.mark.parametrize("target", OURS)
async def test_a_room_of_any_name_holds_what_was_written_and_nothing_else(target: str, tmp_path: Path) -> None:
    port = free_port()
    async with started(target, port, tmp_path), node_clients() as node:
        await open_room(node, "ada", target, port, "bench-1-0")
        assert await node.read("ada", "p.doc.store.clients.size") == 0
        await node.do("set", "ada", key="shot", value=1)
        await open_room(node, "ben", target, port, "bench-1-0")
        await node.until("ben", "p.map.shot === 1")
        assert await node.read("ben", "[...p.doc.store.clients.keys()]") == [await node.read("ada", "p.id")]
        await open_room(node, "cyd", target, port, "bench-1-1")
        assert await node.read("cyd", "p.map") == {}


@pytest.mark.parametrize("target", OURS)
async def test_what_was_written_outlives_a_polite_stop(target: str, tmp_path: Path) -> None:
    port = free_port()
    async with started(target, port, tmp_path) as process, node_clients() as node:
        await open_room(node, "ada", target, port, "bench-1-0")
        await node.do("set", "ada", key="shot", value=1)
        await open_room(node, "ben", target, port, "bench-1-0")
        await node.until("ben", "p.map.shot === 1")
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
    async with started(target, port, tmp_path), node_clients() as node:
        await open_room(node, "cyd", target, port, "bench-1-0")
        await node.until("cyd", "p.map.shot === 1")


async def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    port, target = free_port(), "workprint-hocuspocus"
    async with started(target, port, tmp_path) as process, node_clients() as node:
        await open_room(node, "ada", target, port, "bench-1-0")
        await node.do("set", "ada", key="shot", value=1)
        await node.until("ada", "p.saved")
        process.kill()
        await process.wait()
    async with started(target, port, tmp_path), node_clients() as node:
        await open_room(node, "ben", target, port, "bench-1-0")
        await node.until("ben", "p.map.shot === 1")
