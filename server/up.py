"""`workprint up`: everything of the Procfile, restarted when it falls over, stopped in order on Ctrl-C.

Not a general process manager: those stop everything when one part ends, and stop all parts at once, so that the
hub would lose its Valkey before it has said goodbye.
"""

import asyncio
import contextlib
import ctypes
import os
import shlex
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import redis.asyncio

from pipelines.registry import TEMPLATES_VARIABLE
from server.commands import login_url
from server.config import Config
from server.projects.layout import LIBRARY, PIPELINE_TEMPLATES
from server.workspace import only_one

PROCFILE = Path(__file__).parent.parent / "Procfile"
START_ORDER = ("redis", "hub", "farm")
STOP_SECONDS = 10.0
TAKEN = "Workprint runs already in this workspace. Stop it first."
READY_SECONDS = 60.0
STEADY_SECONDS = 10.0
"""A part that ran this long before it fell over is started again at once; else ever later."""
LONGEST_PAUSE_SECONDS = 30.0
HOPELESS_STATUS = 2
"""Exit status of a part that says it cannot run as configured; starting it again would not help."""
PR_SET_PDEATHSIG = 1


def read_procfile(text: str) -> dict[str, list[str]]:
    """Name to command of every line."""
    lines = (line.partition(":") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name.strip(): shlex.split(command) for name, _, command in lines}


def parts_to_run(procfile: dict[str, list[str]], config: Config, *, embedded_redis: bool) -> dict[str, list[str]]:
    """Commands by part, in starting order: no Valkey of ours if one is configured, as many farm workers as asked."""
    parts: dict[str, list[str]] = {}
    for name in sorted(procfile, key=START_ORDER.index):
        count = {"redis": int(embedded_redis), "farm": config.farm_nodes}.get(name, 1)
        parts |= {f"{name}.{i}" if count > 1 else name: procfile[name] for i in range(1, count + 1)}
    return parts


def up(config: Config) -> int:
    """Run the studio until it is told to stop; the exit status. Raises Conflict when it runs already.

    A second studio in the workspace would take the first one's Valkey away; one that is stopping is waited for.
    """
    with only_one(config.state_folder / "up.lock", TAKEN, patience_seconds=STOP_SECONDS + 5):
        return supervise(config)


def supervise(config: Config) -> int:
    """Run the parts; the exit status."""
    embedded = not os.environ.get("REDIS_URL")
    # The farm nodes of this machine know the same pipelines as the hub.
    os.environ.setdefault(TEMPLATES_VARIABLE, str(config.workspace_root / LIBRARY / PIPELINE_TEMPLATES))
    return asyncio.run(
        Supervisor(config, parts_to_run(read_procfile(PROCFILE.read_text()), config, embedded_redis=embedded)).run()
    )


def die_with_parent() -> None:
    """Ask the kernel to stop this process when the supervisor is killed, so that nothing is left running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Part:
    """One line of the Procfile, kept running."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, on_hopeless: Callable[[str], None]) -> None:
        """Begin to run it, and to run it again whenever it ends."""
        self._task = asyncio.create_task(self._keep_running(on_hopeless))

    async def stop(self) -> None:
        """Ask it to end; end it when it does not."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            say(f"{self.name} did not stop within {STOP_SECONDS:.0f} s and was ended")
            process.kill()
            await process.wait()

    async def _keep_running(self, on_hopeless: Callable[[str], None]) -> None:
        pause = 0.0
        while True:
            started = time.monotonic()
            # A session of its own: Ctrl-C reaches the supervisor alone, which then stops the parts in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=environment(), start_new_session=True, preexec_fn=die_with_parent
            )
            status = await self._process.wait()
            if status == HOPELESS_STATUS:
                on_hopeless(f"{self.name} could not run; what it said stands above")
                return
            if status == 0 and self.name.startswith("farm"):
                say(f"{self.name} has ended its work and stays away")  # an admin has drained it
                return
            steady = time.monotonic() - started >= STEADY_SECONDS
            pause = 0.0 if steady else min(pause * 2 or 1.0, LONGEST_PAUSE_SECONDS)
            say(f"{self.name} ended with status {status}; starting it again in {pause:.0f} s")
            await asyncio.sleep(pause)


class Supervisor:
    """Starts, watches and stops the parts."""

    def __init__(self, config: Config, commands: dict[str, list[str]]) -> None:
        self._config = config
        self._parts = [Part(name, command) for name, command in commands.items()]
        self._stopping = asyncio.Event()
        self._failure = ""

    async def run(self) -> int:
        """Until SIGINT, SIGTERM, or a part that cannot run."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, self._stopping.set)
        say("Starting. Ctrl-C stops everything.")
        try:
            await self._start()
            await self._stopping.wait()
        finally:
            say("Stopping.")
            # Workers first, so that their last words reach the hub; the hub next; Valkey last.
            for part in reversed(self._parts):
                await part.stop()
        if self._failure:
            say(self._failure)
        return HOPELESS_STATUS if self._failure else 0

    async def _start(self) -> None:
        for part in self._parts:
            part.start(self._give_up)
            ready = {"redis": self._redis_answers, "hub": self._hub_answers}.get(part.name)
            if ready is not None and not await self._wait_for(ready):
                if not self._stopping.is_set():
                    self._give_up(f"{part.name} was not ready within {READY_SECONDS:.0f} s")
                return
        url = await login_url(self._config)
        say(f"Ready. This link signs you in, once:\n\n    {url}\n")

    def _give_up(self, why: str) -> None:
        self._failure = why
        self._stopping.set()

    async def _wait_for(self, ready: Callable[[], Awaitable[bool]]) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if await ready():
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.1)
        return False

    async def _redis_answers(self) -> bool:
        connection = redis.asyncio.Redis.from_url(self._config.redis_url)  # pyright: ignore[reportUnknownMemberType] - redis types its options loosely
        try:
            return bool(await connection.ping())  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues]
        except (redis.ConnectionError, OSError):
            return False
        finally:
            await connection.aclose()

    async def _hub_answers(self) -> bool:
        address = f"{self._config.own_url}/healthz"
        try:
            timeout = aiohttp.ClientTimeout(total=2)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as reply:
                return reply.ok
        except (aiohttp.ClientError, TimeoutError):
            return False


def environment() -> dict[str, str]:
    """The parts' environment: ours, with this installation's commands first and output that is not held back."""
    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}", "PYTHONUNBUFFERED": "1"}


def say(words: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"workprint: {words}\n")
    sys.stdout.flush()
