"""The whole click: an intent written into a document over a websocket, until its writer sees that an attempt began."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench.farm_hub import NAME, PASSWORD
from bench.farm_worker import NOTHING
from client.document import LocalDocument
from client.signing_in import sign_in
from client.studio import Studio
from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, IntentId, NodeId, new_id
from crdt_schema.records import Edge
from crdt_schema.takes import Takes

ROOT = Path(__file__).resolve().parents[1]
SHOT, PIPELINE = NodeId("shot-1"), NodeId("pipeline-1")
PATIENCE_SECONDS = 60.0
REST_SECONDS = 0.05


class Clicker:
    """Somebody with a project open, who asks for takes of its one shot."""

    def __init__(self, canvas: LocalDocument, takes: LocalDocument) -> None:
        self._canvas, self._takes = canvas, takes
        self._news = asyncio.Event()
        self._subscription = takes.doc.observe(lambda _: self._news.set())

    async def click(self) -> tuple[float, float]:
        """Milliseconds until the job was seen as queued, and until its attempt was seen to have begun."""
        intent, began = IntentId(new_id("intent")), time.perf_counter()
        with self._canvas.doc.transaction():
            Canvas(self._canvas.doc).ask(intent, {"kind": "generate", "node": SHOT, "fresh": True})
        await self._until(lambda: Takes(self._takes.doc).has_job(intent))
        queued = time.perf_counter() - began
        await self._until(lambda: self._job(intent)["attempts"])
        started = time.perf_counter() - began
        await self._until(lambda: self._job(intent)["status"] != "running")
        if (job := self._job(intent))["status"] != "completed":
            raise AssertionError(f"the take of the benchmark was {job['status']}: {job['reason']}")
        await asyncio.sleep(REST_SECONDS)  # until the worker rests
        return 1000 * queued, 1000 * started

    def _job(self, intent: IntentId) -> Any:  # noqa: ANN401 - a record, or a refusal's
        job = Takes(self._takes.doc).job(intent)
        if job is None or job["status"] == "refused":
            raise AssertionError(f"the click was refused: {job and job['reason']}")
        return job

    async def _until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                self._news.clear()
                await self._news.wait()


async def measure_clicks(redis_url: str, folder: Path, clicks: int, between: Callable[[], object]) -> list[float]:
    """Milliseconds of so many clicks, after one that warms up; `between` is called (in a thread) before each."""
    took: list[float] = []
    async with hub(redis_url, folder) as url:
        who = await sign_in(url, NAME, PASSWORD)
        project = await make_project(url, who.token)
        async with Studio(url, who, project) as studio:
            canvas, takes = studio.open("canvas"), studio.open("takes")
            await canvas.wait_synced()
            await takes.wait_synced()
            add_shot(canvas)
            await canvas.wait_saved()
            clicker = Clicker(canvas, takes)
            await clicker.click()
            for _ in range(clicks):
                await asyncio.to_thread(between)
                took.append((await clicker.click())[1])
    return took


async def make_project(url: str, token: str) -> str:
    """A project in which takes may be asked for; its id."""
    contract = {"budgetCap": 1_000_000, "referencePack": [f"{number:064x}" for number in range(3)]}
    brief = {"name": "Night Bus", "quality": "low", "creativeContract": contract}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(f"{url}/api/projects", json=brief) as reply,
    ):
        reply.raise_for_status()
        return (await reply.json())["id"]


def add_shot(document: LocalDocument) -> None:
    """A shot that the pipeline which does nothing would make."""
    canvas = Canvas(document.doc)
    with document.doc.transaction():
        canvas.add_node(SHOT, "shot", {"x": 0, "y": 0}, prompt="A bus at night")
        canvas.add_node(PIPELINE, "pipeline", {"x": 0, "y": 0}, pipeline=NOTHING.id)
        joined: Edge = {"source": PIPELINE, "source_socket": "pipeline", "target": SHOT, "target_socket": "pipeline"}
        canvas.add_edge(EdgeId("edge-1"), joined)


@asynccontextmanager
async def hub(redis_url: str, folder: Path) -> AsyncGenerator[str]:
    """The whole service in a process of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "bench.farm_hub", str(folder / "workspace"), str(port)]
    process = await asyncio.create_subprocess_exec(*words, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}"
            while not await answers(session, url):  # noqa: ASYNC110 - another process has no event to wait for
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether the service is up."""
    try:
        async with session.get(f"{url}/healthz") as reply:
            return reply.ok
    except aiohttp.ClientError:
        return False
