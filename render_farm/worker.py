"""A farm worker: `python -m render_farm.worker --queues high,cpu [--burst]`, one job at a time.

Settings come from the environment: REDIS_URL, WORKPRINT_NAMESPACE, WORKPRINT_HUB_URL and those of `settings.py`.
"""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

import structlog

from crdt_schema.ids import new_id
from pipelines import registry
from pipelines import run as _run  # loaded here so that every forked attempt has it
from render_farm import run_job as _run_job
from render_farm.clock import utc_now
from render_farm.job import QUEUES, FarmNode, FarmUnavailable, QueueName
from render_farm.logs import set_up_logs
from render_farm.queues import Farm, WorkerLoop
from render_farm.scratch import sweep
from render_farm.settings import BadSetting, FarmSettings

HEARTBEAT_SECONDS = 5.0
MAX_PAUSE_SECONDS = 5.0
PRELOADED = (_run, _run_job)

log = structlog.get_logger("workprint.worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker until it is told to stop; the exit status."""
    options = _options(arguments)
    name = f"{socket.gethostname()}-{new_id()[:6]}"
    # Attempts are forked from this process and read the same environment.
    os.environ["WORKPRINT_FARM_NODE"] = name
    try:
        settings = FarmSettings.from_environment()
    except BadSetting as error:
        sys.stderr.write(f"workprint: {error}\n")
        return 2
    set_up_logs(settings.log, settings.log_level, "farm")
    for folder in sweep(settings.scratch):
        log.info("removed what a killed attempt left", folder=folder)
    preload()
    return _Worker(settings, options.queues).serve(burst=options.burst)


class _Worker:
    """The worker's main thread, which serves, and its side thread, which says that the node lives."""

    def __init__(self, settings: FarmSettings, queues: tuple[QueueName, ...]) -> None:
        self._settings = settings
        self._farm = Farm(settings.redis_url, settings.namespace)
        self._loop = WorkerLoop(
            self._farm, settings.redis_url, name=settings.node, queues=queues, stop_seconds=settings.stop_seconds
        )
        self._queues = queues
        self._stop = threading.Event()
        self._started_at = utc_now()

    def serve(self, *, burst: bool) -> int:
        """Serve until a signal, coming back after every loss of Redis."""
        signal.signal(signal.SIGTERM, self._handle_signal)
        signal.signal(signal.SIGINT, self._handle_signal)
        heartbeat = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        heartbeat.start()
        log.info("farm worker started", node=self._settings.node, queues=list(self._queues), pid=os.getpid())
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
        heartbeat.join()
        self._leave()
        return 0

    def _handle_signal(self, _signum: int, _frame: FrameType | None) -> None:
        # No logging here: the main thread may hold the log's lock at this very moment.
        self._stop.set()
        self._loop.stop()

    def _live(self) -> None:
        while True:
            node = FarmNode(
                name=self._settings.node,
                host=socket.gethostname(),
                queues=self._queues,
                started_at=self._started_at,
                seen_at=utc_now(),
                job=self._loop.current_job,
            )
            try:
                self._farm.ledger.announce(node)
            except FarmUnavailable:
                log.debug("heartbeat not heard, Redis is away")
            if self._stop.wait(HEARTBEAT_SECONDS):
                return

    def _leave(self) -> None:
        try:
            self._farm.ledger.leave(self._settings.node)
        except FarmUnavailable:
            log.debug("goodbye not heard, Redis is away")
        self._farm.close()
        log.debug("farm worker stopped", node=self._settings.node)


def preload() -> None:
    """Load what attempts need before any is forked: an attempt then starts in milliseconds."""
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
    parser.add_argument("--queues", type=_queues, default=QUEUES, help="queues to serve, e.g. low,cpu (default: all)")
    parser.add_argument("--burst", action="store_true", help="stop when the queues are empty")
    return parser.parse_args(arguments)


def _queues(text: str) -> tuple[QueueName, ...]:
    """The queues of a comma-separated list, the first served first."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in QUEUES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"queues are {', '.join(QUEUES)}, not {text!r}")
    return tuple(queue for name in names for queue in QUEUES if queue == name)


if __name__ == "__main__":
    sys.exit(main())
