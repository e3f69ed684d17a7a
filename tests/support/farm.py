"""A real farm for tests: Valkey on a Unix socket, worker processes, a hub that stores blobs, small real pipelines."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from crdt_schema.ids import new_id
from crdt_schema.records import Tier
from render_farm.clock import utc_now
from render_farm.job import AnyEvent, JobOrder, read_event
from render_farm.ledger import connect
from render_farm.queues import Farm
from server.embedded_redis import valkey_binary
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 15.0
"""Of a worker that nobody kills: on a busy machine a short one could end without anybody's death."""
DYING_LEASE_SECONDS = 4.0
"""Of one that shall die: its job goes on soon after, and a machine that stalls for a moment is not its death."""
ORPHAN_SECONDS = 0.5
ENDING_SECONDS = 60
"""How long a process may need for its end: on a busy machine it can wait long for its files to be written."""
MEMORY = Path("/dev/shm")


class Valkey:
    """A Valkey of our own on a Unix socket; it can be stopped and started again, with or without its memory."""

    def __init__(self) -> None:
        # Short on purpose: a socket's path may be no longer than 107 bytes, and pytest's folders are longer. In memory
        # where that can be, for a disk that others write to can hold up every answer for longer than a client waits.
        self.folder = Path(tempfile.mkdtemp(prefix="wp-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        self.socket = self.folder / "v.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",  # written before it is acknowledged; only a power cut would need more
            "loglevel": "warning",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([valkey_binary(), *words], stdout=subprocess.DEVNULL)
        farm = Farm(self.url)
        wait_until(farm.ping)
        farm.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(ENDING_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Die without a word; what was acknowledged is in its file."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(ENDING_SECONDS)
            self._process = None

    def forget(self) -> None:
        """Lose everything, as a Redis without persistence does when it restarts. Call it while stopped."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Worker:
    """A farm worker in a process of its own, with the test pipelines in its catalogue."""

    def __init__(self, redis_url: str, folder: Path, *arguments: str, **settings: str) -> None:
        self.log_path = folder / f"worker-{new_id()[:6]}.log"
        self.scratch = folder / "scratch"
        environment = {
            **os.environ,
            "REDIS_URL": redis_url,
            "WORKPRINT_LOG": "json",
            "WORKPRINT_SCRATCH": str(self.scratch),
            "WORKPRINT_LEASE_SECONDS": str(LEASE_SECONDS),
            "WORKPRINT_CANCEL_SECONDS": "1",
            "WORKPRINT_STOP_SECONDS": "0.5",
            **settings,
        }
        if "--vram" not in arguments:  # a node that serves everything
            arguments = ("--vram", "24", *arguments)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.farm_worker", *arguments], cwd=ROOT, env=environment, stderr=log
            )

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(ENDING_SECONDS)

    def kill(self) -> None:
        """Die without a word, as a machine that loses power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(ENDING_SECONDS)

    def log(self) -> list[dict[str, Any]]:
        """What the worker has logged; lines that are no JSON under `text`."""
        found: list[dict[str, Any]] = []
        for line in self.log_path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"text": line})
        return found


class BlobHub:
    """The hub as the farm sees it: PUT and GET of blobs, here held in memory. It can go away and come back."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 26)
        app.add_routes([web.put("/api/farm/blobs/{project}/{blob}", self._put)])
        app.add_routes([web.get("/api/farm/blobs/{project}/{blob}", self._get)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _put(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        data = await request.read()
        if hashlib.sha256(data).hexdigest() != request.match_info["blob"]:
            return web.Response(status=400)
        self.blobs[request.match_info["blob"]] = data
        return web.Response(status=201)

    async def _get(self, request: web.Request) -> web.Response:
        data = self.blobs.get(request.match_info["blob"])
        return web.Response(body=data) if data is not None else web.Response(status=404)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true; for synchronous tests."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s in vain for {condition}")
        time.sleep(0.02)


async def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to become true; for asynchronous tests."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s in vain for {condition}")
        await asyncio.sleep(0.02)


def recipe(**parameters: Any) -> dict[str, Any]:
    """A recipe of the test pipeline; see farm_worker.py for its parameters."""
    return {
        "version": "recipe.1",
        "pipeline": "test-still",
        "tier": "low",
        "width": 64,
        "height": 36,
        "seed": 7,
        "parameters": parameters,
    }


def order(job: str = "", *, hub_url: str = "http://127.0.0.1:9", tier: Tier = "low", **parameters: Any) -> JobOrder:
    """An order for the test pipeline."""
    return JobOrder(
        job=job or new_id("intent"),
        project="project-1",
        tier=tier,
        recipe=recipe(**parameters),
        hub_url=hub_url,
        token="token-of-the-order",
        asked_at=utc_now(),
        queue=tier,
        pipeline="test-still",
    )


def told(redis_url: str, namespace: str = "workprint") -> list[AnyEvent]:
    """Every event on the stream that nobody has recorded yet."""
    redis = connect(redis_url)
    try:
        entries: Any = redis.xrange(f"{namespace}:events")
        return [read_event(json.loads(fields[b"event"])) for _, fields in entries]
    finally:
        redis.close()


def types_told(redis_url: str, job: str) -> list[str]:
    """The types of the events of one job so far, progress left out."""
    return [event.type for event in told(redis_url) if event.job == job and event.type != "progress"]


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def farm(valkey: Valkey) -> Iterator[Farm]:
    farm = Farm(valkey.url, orphan_seconds=ORPHAN_SECONDS)
    yield farm
    farm.close()


@pytest.fixture
def start_worker(valkey: Valkey, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(*arguments: str, **settings: str) -> Worker:
        workers.append(Worker(valkey.url, tmp_path, *arguments, **settings))
        return workers[-1]

    yield start
    for worker in workers:
        with suppress(subprocess.TimeoutExpired):
            worker.stop()
        if worker.process.poll() is None:
            worker.kill()
