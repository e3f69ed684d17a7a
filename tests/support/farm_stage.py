"""A busy farm behind a real web app: the service in a thread of its own, steered by a test that drives a browser."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp

from crdt_schema.records import Role
from tests.support.busy_farm import BusyFarm, busy_farm
from tests.support.farm import Worker
from tests.support.service import PASSWORD

LIMIT_SECONDS = 60
Value = TypeVar("Value")


class FarmStage:
    """`with` starts it and takes it down; everything else may be called from the test's own thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="farm stage", daemon=True)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._open = busy_farm(self._folder)
        self.farm: BusyFarm = self.run(self._open.__aenter__())
        self.url = str(self.farm.service.server.make_url("")).rstrip("/")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.run(self._open.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do something where the service runs; what came of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_SECONDS)

    def add(self, name: str, role: Role) -> None:
        """Somebody of that role, whose password is PASSWORD."""
        self._sessions[name] = self.run(self.farm.service.sign_in(name, role))

    def worker(self, *arguments: str, **settings: str) -> Worker:
        """A farm node."""
        return self.farm.start_worker(*arguments, **settings)

    def project(self, who: str, name: str, shots: int = 1, **parameters: Any) -> str:
        """A project of somebody's whose shots are ready to be generated; its id."""
        return self.run(self.farm.project(self._sessions[who], name, shots, **parameters))

    def send(self, who: str, method: str, path: str, body: object = None) -> Any:
        """A request of somebody's, and what it answered."""
        return self.run(self._send(self._sessions[who], method, path, body))

    async def _send(self, session: aiohttp.ClientSession, method: str, path: str, body: object) -> Any:
        async with session.request(method, path, json=body) as reply:
            assert reply.ok, await reply.text()
            return await reply.json() if reply.content_type == "application/json" else None


__all__ = ["PASSWORD", "FarmStage"]
