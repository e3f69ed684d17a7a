"""The farm beside plain RQ: from the click and the order to the start, jobs one after the other, a thousand in line.

`python -m bench.farm [--small]` writes its chapter of `docs/benchmarks.md`; `make bench-farm` runs it.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from bench import farm_worker
from bench.farm_click import measure_clicks
from bench.farm_worker import NOTHING, QUEUE, STREAM
from bench.page import PAGE, write_chapter
from crdt_schema.ids import new_id
from pipelines.spec import RunContext
from render_farm.clock import utc_now
from render_farm.hub_client import HubClient, hash_file
from render_farm.job import FarmNode, JobOrder, read_event
from render_farm.ledger import connect
from render_farm.pick import Picked, Station
from render_farm.queues import Farm
from render_farm.thumbnail import thumbnail
from server.embedded_redis import valkey_binary

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60.0
WORK_CALLS = 8


@dataclass(frozen=True)
class Size:
    """How much there is."""

    clicks: int = 40
    starts: int = 40
    jobs: int = 40
    nodes: int = 100
    queued: int = 1_000
    repeats: int = 5


SMALL = Size(clicks=2, starts=4, jobs=4, nodes=10, queued=50, repeats=1)


@dataclass
class Found:
    """Every measurement of both sides, in the order of its taking."""

    click_ms: list[float] = field(default_factory=list[float])
    """From the click, whose peer on the other side is an order."""
    start_ms: list[float] = field(default_factory=list[float])
    work_ms: list[float] = field(default_factory=list[float])
    """What a job does, done without a farm."""
    job_ms: list[float] = field(default_factory=list[float])
    queued_s: list[float] = field(default_factory=list[float])
    taken_s: list[float] = field(default_factory=list[float])
    plan_ms: list[float] = field(default_factory=list[float])


class Side(ABC):
    """One of the two, driven in the same way."""

    name: str
    stream: str

    def __init__(self, redis: Redis) -> None:
        self.redis, self.found = redis, Found()
        self.after = "0"

    @abstractmethod
    def ask(self) -> str:
        """Hand one job over."""

    @abstractmethod
    def work(self) -> None:
        """Do what a job does, here and now."""

    @abstractmethod
    def take_all(self, nodes: int) -> int:
        """Take everything that waits, for so many nodes in turns, without running it."""

    def read(self, entry: dict[bytes, bytes]) -> tuple[str, str]:
        """Job and type of an event."""
        return entry[b"job"].decode(), entry[b"type"].decode()

    def wait(self, job: str, wanted: str) -> None:
        """Wait for an event."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            reply: Any = self.redis.xread({self.stream: self.after}, block=1000)
            for entry_id, entry in _entries(reply):
                self.after = entry_id.decode()
                if self.read(entry) == (job, wanted):
                    return
        raise TimeoutError(f"{self.name}: {job} was not {wanted} within {PATIENCE_SECONDS:g} s")


@dataclass
class _Folder:
    """All that the pipeline which does nothing asks of its RunContext."""

    scratch: Path


class Workprint(Side):
    """The farm as the hub uses it."""

    name = "Workprint"
    stream = "workprint:events"

    def __init__(self, redis: Redis, url: str, hub_url: str) -> None:
        super().__init__(redis)
        self.farm, self._hub_url, self._count = Farm(url), hub_url, 0

    def ask(self) -> str:
        """As the dispatcher does."""
        self._count += 1
        order = JobOrder(
            job=new_id("intent"),
            project=f"project-{self._count % 4}",
            tier="low",
            recipe={"version": "recipe.1", "pipeline": NOTHING.id, "tier": "low", "parameters": {}},
            hub_url=self._hub_url,
            token="bench",  # noqa: S106 - of a hub that lets everybody in
            asked_at=utc_now(),
            pipeline=NOTHING.id,
            person=f"person-{self._count % 8}",
        )
        self.farm.submit(order)
        return order.job

    def work(self) -> None:
        """As an attempt does: a picture, a thumbnail, two hashes, two uploads."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (picture,) = farm_worker.render({}, {}, cast("RunContext", _Folder(folder)))
            asyncio.run(self._upload([picture.path, thumbnail(picture, folder).path]))

    async def _upload(self, files: list[Path]) -> None:
        async with HubClient(self._hub_url, "bench") as hub:
            for file in files:
                await hub.put_blob("project-0", hash_file(file), file)

    def take_all(self, nodes: int) -> int:
        """Put the line in order, then let the nodes pick in turns."""
        began = time.perf_counter()
        self.farm.planner.arrange()
        self.found.plan_ms.append(1000 * (time.perf_counter() - began))
        stations = [Station(f"bench-{number}", ("cpu",), 0, 60) for number in range(nodes)]
        taken = 0
        while isinstance(picked := self.farm.pick(stations[taken % nodes]), Picked):
            job = Job(picked.job, connection=self.redis, serializer=JSONSerializer)
            cast("Any", job).restore(picked.rq_record)
            taken += 1
        return taken

    def read(self, entry: dict[bytes, bytes]) -> tuple[str, str]:
        """Of an event as the recorder gets it."""
        event = read_event(json.loads(entry[b"event"]))
        return event.job, event.type

    def announce(self, nodes: int) -> None:
        """Have so many nodes known, which are heard of for some seconds."""
        for number in range(nodes):
            name, can = f"bench-{number}", (f"{NOTHING.id}@low",)
            self.farm.roster.announce(FarmNode(name, "bench", ("cpu",), utc_now(), utc_now(), can=can))


class PlainRq(Side):
    """RQ as its own documentation uses it."""

    name = "plain RQ"
    stream = STREAM

    def __init__(self, redis: Redis, url: str) -> None:
        super().__init__(redis)
        self._url = url
        self.queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)

    def ask(self) -> str:
        """As its documentation does."""
        job = new_id("intent")
        cast("Any", self.queue).enqueue("bench.farm_worker.plain", job, job_id=job)
        return job

    def work(self) -> None:
        """As the job does: two events."""
        os.environ["REDIS_URL"] = self._url
        farm_worker.plain("work")

    def take_all(self, nodes: int) -> int:
        """As a worker does; who asks makes no difference."""
        del nodes
        taken = 0
        while Queue.dequeue_any([self.queue], None, connection=self.redis, serializer=JSONSerializer) is not None:
            taken += 1
        return taken


def _entries(reply: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:  # noqa: ANN401 - it differs by protocol
    """The entries of the one stream in XREAD's reply: [[name, entries]] in RESP2, {name: [entries]} in RESP3."""
    if not reply:
        return
    pages: list[Any] = (
        next(iter(cast("dict[bytes, Any]", reply).values())) if isinstance(reply, dict) else [reply[0][1]]
    )
    for page in pages:
        yield from cast("list[tuple[bytes, dict[bytes, bytes]]]", page)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_start(side: Side) -> float:
    """Milliseconds from one order to the start on an idle worker; returns when the job has ended."""
    began = time.perf_counter()
    job = side.ask()
    side.wait(job, "started")
    took = 1000 * (time.perf_counter() - began)
    side.wait(job, "finished")
    time.sleep(0.05)  # until the worker rests
    return took


def measure_starts(sides: list[Side], size: Size) -> None:
    """From the order to the start on an idle worker, in turns."""
    for number in range(size.starts + 1):
        for side in sides:
            took = measure_start(side)
            if number:  # the first one warms up
                side.found.start_ms.append(took)


def measure_jobs(sides: list[Side], size: Size) -> None:
    """So many jobs at once on one worker, until the last has ended."""
    for _ in range(size.repeats):
        for side in sides:
            began = time.perf_counter()
            jobs = [side.ask() for _ in range(size.jobs)]
            wait_for_all(side, jobs)
            side.found.job_ms.append(1000 * (time.perf_counter() - began) / size.jobs)
            side.work()  # warms up
            side.found.work_ms += [1000 * seconds(side.work) for _ in range(WORK_CALLS)]


def wait_for_all(side: Side, jobs: list[str]) -> None:
    """Until none of the jobs is waiting or running."""
    left, until = set(jobs), time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < until:
        reply: Any = side.redis.xrange(side.stream, f"({side.after}", "+")
        for entry_id, entry in cast("list[tuple[bytes, dict[bytes, bytes]]]", reply):
            side.after = entry_id.decode()
            job, kind = side.read(entry)
            if kind == "finished":
                left.discard(job)
        time.sleep(0.002)
    if left:
        raise TimeoutError(f"{side.name}: {len(left)} jobs did not end")


def measure_line(sides: list[Side], size: Size) -> None:
    """A long line, with many nodes known and no worker that runs anything."""
    for _ in range(size.repeats):
        for side in sides:
            if isinstance(side, Workprint):
                side.announce(size.nodes)
            side.found.queued_s.append(
                size.queued / seconds(lambda side=side: [side.ask() for _ in range(size.queued)])
            )
            counts: list[int] = []
            took = seconds(lambda side=side, counts=counts: counts.append(side.take_all(size.nodes)))
            if counts != [size.queued]:
                raise AssertionError(f"{side.name} gave out {counts} of {size.queued} jobs")
            side.found.taken_s.append(size.queued / took)


@contextmanager
def valkey(folder: Path) -> Generator[str]:
    """A Valkey of our own, without a disk; its address."""
    socket = folder / "v.sock"
    words = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--loglevel", "warning")
    process = subprocess.Popen([valkey_binary(), *words], stdout=subprocess.DEVNULL)  # noqa: S603 - no input
    redis = connect(url := f"unix://{socket}")
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not socket.exists() and time.monotonic() < until:
            time.sleep(0.02)
        cast("Any", redis).ping()
        yield url
    finally:
        redis.close()
        process.terminate()
        process.wait(10)


@contextmanager
def worker(kind: str, url: str, folder: Path) -> Generator[None]:
    """One of the two workers."""
    environment = {
        **os.environ,
        "REDIS_URL": url,
        "WORKPRINT_SCRATCH": str(folder / "scratch"),
        "PYTHONPATH": str(ROOT),
    }
    environment["WORKPRINT_LOG_LEVEL"] = "error"
    command = [sys.executable, "-m", "bench.farm_worker", kind]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)  # noqa: S603 - no input
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def blob_hub() -> Generator[str]:
    """A hub that takes every file and keeps none; its address."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    address: list[str] = []

    async def put(request: web.Request) -> web.Response:
        same = hashlib.sha256(await request.read()).hexdigest() == request.match_info["blob"]
        return web.Response(status=201 if same else 400)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.add_routes([web.put("/api/farm/{rest:.*}/{blob}", put)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        ready.set()
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait(PATIENCE_SECONDS)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def row(words: str, ours: list[float], theirs: list[float], unit: str) -> str:
    """A line of the table: medians, and how many times plain RQ's."""
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return f"| {words} | {mine:,.1f} {unit} | {peer:,.1f} {unit} | x{mine / peer:.2f} |"


def chapter(size: Size, ours: Found, theirs: Found) -> str:
    """The results as markdown."""
    load, plan_ms = os.getloadavg()[0], statistics.median(ours.plan_ms)
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    rows = [
        row("click to start seen, idle worker; plain RQ: order to start", ours.click_ms, theirs.click_ms, "ms"),
        row("order to start, idle worker", ours.start_ms, theirs.start_ms, "ms"),
        row("the slowest of twenty starts (p95)", [_p95(ours.start_ms)], [_p95(theirs.start_ms)], "ms"),
        row("whole job, one after the other", ours.job_ms, theirs.job_ms, "ms"),
        row("overhead per job", _overhead(ours), _overhead(theirs), "ms"),
        row("jobs handed over per second", ours.queued_s, theirs.queued_s, ""),
        row("jobs given out per second", ours.taken_s, theirs.taken_s, ""),
    ]
    table = "\n".join(rows).replace("  |", " |")
    return f"""# Benchmarks: the farm

Written by `make bench-farm`. Plain RQ, the library that runs our attempts, did the same in turns, on the same Valkey.
Only the ratios mean something; other work on the machine disturbs both alike.

- {platform.processor() or platform.machine()}, {os.cpu_count()} cores, {system}; load average {load:.1f} at the end
- Python {platform.python_version()}; {now}; medians of {size.clicks} clicks, of {size.starts} starts and
  of {size.repeats} rounds of the rest

| | Workprint | plain RQ | ratio |
|---|---:|---:|---:|
{table}

- **Click to start seen**: the whole service runs, and somebody is connected by a websocket. From the moment in which
  their program writes the intent into the document until it sees in the document of takes that the attempt has begun:
  the change judged by the guard and stored, the intent judged by today's rules, the job stored and handed over, given
  to a node, begun, told, recorded and sent. Plain RQ has no documents: beside it stands its order to start, measured
  in turns with the clicks.
- **Order to start**: from handing the job over until the event that its attempt has begun is read. Ours is given to a
  node that can run it, with a lease and a fence, first.
- **Whole job**: {size.jobs} at once on one worker. Ours makes a picture and a thumbnail, hashes both, uploads both
  to a hub, keeps a log and ends exactly once; plain RQ's says that it began and ended.
- **Overhead per job**: of the whole job, what is not its work: the same work done by a plain function call
  (ours {statistics.median(ours.work_ms):.1f} ms, plain RQ's {statistics.median(theirs.work_ms):.1f} ms) taken off.
- **Given out**: {size.queued:,} jobs of four projects and eight people wait, {size.nodes} nodes are known and ask in
  turns. Ours includes putting the line into its fair order first, which took {plan_ms:.0f} ms.
"""


def _overhead(found: Found) -> list[float]:
    """Milliseconds of a whole job that are not its work."""
    return [statistics.median(found.job_ms) - statistics.median(found.work_ms)]


def _p95(runs: list[float]) -> float:
    return sorted(runs)[min(len(runs) - 1, int(0.95 * len(runs)))]


def main() -> None:
    """Measure and write the chapter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few jobs, printed and not written")
    small: bool = parser.parse_args().small
    size = SMALL if small else Size()
    with tempfile.TemporaryDirectory(prefix="wp-bench-") as name, blob_hub() as hub_url:
        folder = Path(name)
        with valkey(folder) as url:
            redis = connect(url)
            ours, theirs = Workprint(redis, url, hub_url), PlainRq(redis, url)
            sides: list[Side] = [ours, theirs]
            with worker("workprint", url, folder), worker("rq", url, folder):
                measure_starts(sides, size)
                measure_jobs(sides, size)
                between = lambda: theirs.found.click_ms.append(measure_start(theirs))  # noqa: E731 - one line is enough
                ours.found.click_ms += asyncio.run(measure_clicks(url, folder, size.clicks, between))
            measure_line(sides, size)
            ours.farm.close()
            redis.close()
    written = chapter(size, ours.found, theirs.found)
    if not small:
        write_chapter(PAGE, written)
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
