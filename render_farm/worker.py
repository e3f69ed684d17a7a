"""A farm worker, which is one farm node: `python -m render_farm.worker [--vram GB]`, one job at a time.

Settings come from the environment: REDIS_URL, WORKPRINT_NAMESPACE, WORKPRINT_HUB_URL and those of `settings.py`.
"""

import argparse
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from types import FrameType

import structlog
from PIL import Image

from pipelines import registry
from pipelines import run as _run  # loaded here so that every forked attempt has it
from render_farm import run_job as _run_job
from render_farm.clock import utc_now
from render_farm.job import QUEUES, FarmNode, FarmUnavailable, QueueName
from render_farm.leftovers import sweep_containers
from render_farm.logs import set_up_logs
from render_farm.loop import WorkerLoop
from render_farm.machine import Abilities, Machine, Others, abilities, named
from render_farm.nodes import queues_for
from render_farm.pick import Station
from render_farm.queues import Farm
from render_farm.scratch import claim, sweep
from render_farm.settings import BadSetting, FarmSettings

HEARTBEAT_SECONDS = 5.0
CHECK_SECONDS = 60.0
FIRST_LOOK_SECONDS = 0.1
TWIN_LOOK_SECONDS = 0.25
STOP_THREADS_SECONDS = 2.0
VERSION = version("workprint")
MAX_PAUSE_SECONDS = 5.0
PRELOADED = (_run, _run_job)

log = structlog.get_logger("workprint.worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker until it is told to stop; the exit status."""
    options = _options(arguments)
    with named(options.name) as name:
        # Attempts are forked from this process and read the same environment.
        os.environ["WORKPRINT_FARM_NODE"] = name
        try:
            settings = FarmSettings.from_environment()
            claim(settings.scratch)
        except BadSetting as error:
            sys.stderr.write(f"workprint: {error}\n")
            return 2
        set_up_logs(settings.log, settings.log_level, "farm")
        if options.gpu >= 0:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(options.gpu)
        for folder in sweep(settings.scratch):
            log.info("removed what a killed attempt left", folder=folder)
        preload()
        worker = _Worker(settings, Machine(options.vram, options.gpu), options.queues)
        if options.name and worker.has_twin():
            sys.stderr.write(f"workprint: a farm node called {name} is at work already; give this one another --name\n")
            return 2
        return worker.serve(burst=options.burst)


class _Worker:
    """The worker's main thread, which serves, and two side threads: the node lives, and this is what it can run."""

    def __init__(self, settings: FarmSettings, machine: Machine, queues: tuple[QueueName, ...]) -> None:
        self._settings, self._machine = settings, machine
        self._farm = Farm(settings.redis_url, settings.namespace)
        card = machine.gpu()
        self._station = Station(
            name=settings.node,
            queues=queues or queues_for(card.vram_gb if card else 0.0),
            vram_gb=card.vram_gb if card else 0.0,
            lease_seconds=settings.lease_seconds,
        )
        self._loop = WorkerLoop(self._farm, settings.redis_url, self._station, stop_seconds=settings.stop_seconds)
        self._abilities, self._others = Abilities(), Others()
        self._checked = threading.Event()
        self._news = threading.Event()
        self._station.on_change = self._news.set
        self._telling = threading.Lock()
        self._stop = threading.Event()
        self._started_at = utc_now()

    def has_twin(self) -> bool:
        """Whether another process, here or elsewhere, keeps announcing itself under this name; it blocks for a while.

        A node that was killed is announced a little longer, but not anew.
        """
        until = time.monotonic() + 1.5 * HEARTBEAT_SECONDS
        try:
            first = last = self._announced_at()
            while last and last == first and time.monotonic() < until:
                time.sleep(TWIN_LOOK_SECONDS)
                last = self._announced_at()
        except FarmUnavailable:
            return False
        return bool(last) and last != first

    def _announced_at(self) -> str:
        return next((node.seen_at for node in self._farm.nodes() if node.name == self._settings.node), "")

    def serve(self, *, burst: bool) -> int:
        """Serve until a signal, coming back after every loss of Redis."""
        signal.signal(signal.SIGTERM, self._handle_signal)
        signal.signal(signal.SIGINT, self._handle_signal)
        threads = [threading.Thread(target=run, name=run.__name__, daemon=True) for run in (self._check, self._live)]
        for thread in threads:
            thread.start()
        # Before it has told what it can run it would be given nothing, and a burst would end at once.
        while not self._checked.wait(FIRST_LOOK_SECONDS) and not self._stop.is_set():
            pass
        self._begin()
        log.info("farm worker started", node=self._settings.node, queues=list(self._station.queues), pid=os.getpid())
        pause = 0.25
        while not self._stop.is_set():
            try:
                if self._loop.work(burst=burst) or burst:
                    break
                pause = 0.25
            except FarmUnavailable as error:
                log.warning("Redis is away, the worker waits", error=str(error), pause_seconds=pause)
            self._stop.wait(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)
        log.debug("farm worker stops", node=self._settings.node)
        self._stop.set()
        self._news.set()
        for thread in threads:
            thread.join(STOP_THREADS_SECONDS)
        self._leave()
        return 0

    def _begin(self) -> None:
        """What this node had in hand before it was restarted is dead."""
        try:
            self._farm.reaper.node_began(self._settings.node)
        except FarmUnavailable:
            log.warning("Redis is away; leases of the last process of this node will run out")

    def _handle_signal(self, _signum: int, _frame: FrameType | None) -> None:
        # No logging here: the main thread may hold the log's lock at this very moment.
        self._stop.set()
        self._loop.stop()

    def _check(self) -> None:
        """Side thread: what can be run here, again and again, for servers and drivers come and go."""
        while not self._stop.is_set():
            known = dict(registry.load_catalog())
            self._abilities = abilities(known.values(), self._station.vram_gb)
            if not self._checked.is_set():
                self._look_beside()
            self._announce()
            self._checked.set()
            sweep_containers()
            until = time.monotonic() + CHECK_SECONDS
            while time.monotonic() < until and not self._stop.wait(registry.LOOK_SECONDS):
                if registry.load_catalog() != known:  # somebody has put a definition into the Library
                    break

    def _live(self) -> None:
        """Side thread: the node lives."""
        self._checked.wait()
        while not self._stop.is_set():
            if not self._news.wait(HEARTBEAT_SECONDS):
                # Not just after a job: its memory may take a moment to be free.
                self._look_beside()
            self._news.clear()
            self._announce()

    def _look_beside(self) -> None:
        was_busy, card = bool(self._station.job), self._machine.gpu()
        self._others.look(card, is_busy=was_busy or bool(self._station.job))

    def _announce(self) -> None:
        card = self._machine.gpu()
        found = self._abilities.beside(self._others.gb, self._station.vram_gb)
        node = FarmNode(
            name=self._settings.node,
            host=socket.gethostname(),
            queues=tuple(self._station.queues),
            started_at=self._started_at,
            seen_at="",
            job=self._station.job,
            version=VERSION,
            gpu=card.name if card else "",
            vram_gb=card.vram_gb if card else 0.0,
            vram_free_gb=card.vram_free_gb if card else 0.0,
            can=found.can,
            lacks=found.lacks,
            resident=self._station.resident,
        )
        with self._telling:
            if self._stop.is_set():
                return
            try:
                self._farm.roster.announce(node)
            except FarmUnavailable:
                log.debug("heartbeat not heard, Redis is away")

    def _leave(self) -> None:
        try:
            with self._telling:
                self._farm.roster.leave(self._settings.node)
        except FarmUnavailable:
            log.debug("goodbye not heard, Redis is away")
        self._farm.close()
        log.debug("farm worker stopped", node=self._settings.node)


def preload() -> None:
    """Load what attempts need before any is forked: an attempt then starts in milliseconds."""
    Image.init()  # every attempt would read all of Pillow's formats anew for its thumbnail
    for pipeline in registry.load_catalog().values():
        for tier in pipeline.tiers.values():
            if tier.runner == "local":
                try:
                    import_module(tier.entry.partition(":")[0])
                except ImportError as error:
                    # The attempt says so too; a worker serves its other pipelines all the same.
                    log.warning("a pipeline cannot be loaded", pipeline=pipeline.id, error=str(error))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m render_farm.worker", description="Run jobs of the render farm.")
    parser.add_argument(
        "--queues", type=_queues, default=(), help="queues to serve, e.g. low,cpu (default: by its GPU)"
    )
    parser.add_argument(
        "--vram", type=_gigabytes, default=None, help="GB of GPU memory to offer; 0: none (default: found)"
    )
    parser.add_argument("--gpu", type=int, default=-1, help="number of the GPU, one worker each (default: the first)")
    parser.add_argument("--name", default="", help="name of the node (default: the host's with a number)")
    parser.add_argument("--burst", action="store_true", help="stop when the queues are empty")
    return parser.parse_args(arguments)


def _gigabytes(text: str) -> float:
    gigabytes = float(text)
    if not 0 <= gigabytes < math.inf:
        raise ValueError(text)
    return gigabytes


def _queues(text: str) -> tuple[QueueName, ...]:
    """The queues of a comma-separated list, the first served first."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in QUEUES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"queues are {', '.join(QUEUES)}, not {text!r}")
    return tuple(queue for name in names for queue in QUEUES if queue == name)


if __name__ == "__main__":
    sys.exit(main())
