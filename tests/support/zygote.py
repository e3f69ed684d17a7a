"""Starts farm workers and hubs in milliseconds: real processes, forked from one that has everything loaded.

`python -m tests.support.zygote` reads orders as JSON lines and answers each with the pid of the process.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines import registry
from render_farm import worker
from tests.support.farm import LEASE_SECONDS, ROOT, wait_until
from tests.support.farm_worker import TEST_STILL, add_to_catalogue
from tests.support.faults import Fault, arm


class Zygote:
    """The test's side: start nodes and hubs, and kill them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids: dict[str, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def node(self, name: str, redis_url: str, fault: Fault | None = None, lease_seconds: float = LEASE_SECONDS) -> int:
        """Start a farm worker for the CPU; its pid. One that shall die holds its jobs for DYING_LEASE_SECONDS."""
        return self._start(name, {"kind": "node", "redis": redis_url, "lease": lease_seconds}, fault)

    def hub(self, name: str, redis_url: str, fault: Fault | None = None, **fields: object) -> int:
        """Start a film in a process of its own, which asks for a take of `shot` as `intent` unless it has."""
        return self._start(name, {"kind": "hub", "redis": redis_url, **fields}, fault)

    def marker(self, name: str) -> Path:
        """A file that is there once the fault of a process has killed it."""
        return self.folder / f"{name}.died"

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text()

    def is_alive(self, name: str) -> bool:
        return is_alive(self.pids[name])

    def kill(self, name: str, signum: int = signal.SIGKILL) -> None:
        """Send a signal to a process, SIGKILL unless said otherwise."""
        os.kill(self.pids[name], signum)

    def close(self) -> None:
        """End every process that was started here."""
        self._tell_all(signal.SIGTERM)
        try:
            wait_until(lambda: not any(map(self.is_alive, self.pids)), 20)
        except AssertionError:
            self._tell_all(signal.SIGKILL)
        self._process.communicate(timeout=60)

    def _tell_all(self, signum: int) -> None:
        for name in filter(self.is_alive, self.pids):
            with suppress(ProcessLookupError):  # it died just now
                self.kill(name, signum)

    def _start(self, name: str, order: dict[str, Any], fault: Fault | None) -> int:
        order |= {"name": name, "folder": str(self.folder), "fault": fault}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.pids[name] = int(self._process.stdout.readline())
        return self.pids[name]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie has ended, but while other threads of it end its port is still taken."""
    place = Path(f"/proc/{pid}")
    try:
        state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" or len(list((place / "task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def serve() -> None:
    """The zygote itself: fork for each line, until there are no more."""
    worker.preload()
    catalogue = registry.load_catalog()
    for name in list(catalogue):
        if name != TEST_STILL.id:
            del catalogue[name]  # nodes would ask after every runner of the launch suite
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave no zombies
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = 1
            try:
                status = be(json.loads(line))
            finally:
                os._exit(status)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def be(order: dict[str, Any]) -> int:
    """The life of a process that was ordered."""
    os.setsid()
    folder, name = Path(order["folder"]), str(order["name"])
    log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(
        REDIS_URL=order["redis"],
        WORKPRINT_LOG="json",
        WORKPRINT_SCRATCH=str(folder / "scratch"),
        WORKPRINT_LEASE_SECONDS=str(order.get("lease", LEASE_SECONDS)),
        WORKPRINT_CANCEL_SECONDS="1",
        WORKPRINT_STOP_SECONDS="0.5",
    )
    if order["fault"]:
        arm(Fault(*order["fault"]), folder / f"{name}.died")
    if order["kind"] == "node":
        return worker.main(["--queues", "cpu", "--vram", "0", "--name", name])
    return asyncio.run(_be_hub(order))


async def _be_hub(order: dict[str, Any]) -> int:
    from tests.support.film import Film  # noqa: PLC0415 - only hubs need it, and its imports this module

    film = Film(Path(order["root"]), order["redis"], port=order["port"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await film.start()
    await film.open(order["project"])
    if order["intent"] and not await film.has_intent(order["intent"]):
        await film.ask(order["shot"], intent=order["intent"])
    await stop.wait()
    await film.stop()
    return 0


if __name__ == "__main__":
    add_to_catalogue()
    serve()
