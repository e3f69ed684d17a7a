"""The one function RQ calls: run an order as a new attempt, upload what it made, and say how it ended."""

import asyncio
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from crdt_schema.ids import new_id
from crdt_schema.records import Media
from pipelines import run as pipelines_run
from pipelines import spec
from render_farm.clock import utc_now
from render_farm.hub_client import HubAway, HubClient, hash_file
from render_farm.job import AnyEvent, Cancelled, Failed, FarmUnavailable, Finished, JobOrder, Progressed, Started
from render_farm.ledger import Ledger, connect, retry_until
from render_farm.scratch import scratch_folder, sweep
from render_farm.settings import FarmSettings
from render_farm.thumbnail import thumbnail
from render_farm.watch import Superseded, Watch, end_process

PROGRESS_SECONDS = 0.2
"""More often than this nobody sees a bar move."""
OURS_TO_FIX = "Something went wrong on the farm node. Its log has the details under this trace."

log = structlog.get_logger("workprint.attempt")


def run_job(order_json: dict[str, Any]) -> None:
    """Run one attempt of an order to its end: how it ended is an event, and the log has the rest.

    Raises FarmUnavailable when Redis stays away for so long that nobody can be told.
    """
    settings = FarmSettings.from_environment()
    sweep(settings.scratch)
    order = JobOrder.from_json(order_json)
    redis = connect(settings.redis_url)
    try:
        ledger = Ledger(redis, settings.namespace)
        if retry_until(ledger.is_done, _Patience(settings.upload_seconds), order.job):
            log.info("the job had ended before", job=order.job)
            return
        _Attempt(order, ledger, settings).run()
    finally:
        redis.close()


@dataclass
class _Attempt:
    """One execution of an order, and the RunContext of its pipeline."""

    order: JobOrder
    ledger: Ledger
    settings: FarmSettings
    id: str = field(default_factory=lambda: new_id("attempt"))
    begun: float = field(default_factory=time.monotonic)
    scratch: Path = Path("/nonexistent")
    last_progress: float = 0.0

    def __post_init__(self) -> None:
        self.trace = log.bind(job=self.order.job, project=self.order.project, attempt=self.id, node=self.settings.node)
        self.watch = Watch(self.ledger, self.settings, self.order.job, self.id, self._end_stuck)

    def run(self) -> None:
        patience = _Patience(self.settings.upload_seconds)
        retry_until(self.ledger.take_lease, patience, self.order.job, self.id, self.settings.lease_seconds)
        with self.watch:
            event = self._work()
        if event is not None:
            self._tell_end(event)

    def progress(self, percent: float, step: str) -> None:
        """RunContext: tell how far the pipeline is; raises spec.Cancelled."""
        self.watch.check()
        now = time.monotonic()
        if now - self.last_progress < PROGRESS_SECONDS:
            return
        self.last_progress = now
        try:
            self.ledger.publish(Progressed(**self._about(), percent=float(percent), step=str(step)))
        except FarmUnavailable:
            self.trace.warning("progress not told, Redis is away")

    @property
    def inputs(self) -> Mapping[str, tuple[Path, ...]]:
        """RunContext: the files joined to each media input."""
        return {}

    def check(self) -> None:
        """RunContext: raise when the attempt has to end."""
        self.watch.check()

    def log(self, line: str) -> None:
        """RunContext: keep a line in the attempt's log."""
        self.trace.info("pipeline", line=line)

    def preview(self, path: Path) -> None:
        """RunContext: show the work so far."""

    def _work(self) -> AnyEvent | None:
        """The event that ends the attempt, or None when it has no business ending the job."""
        try:
            patience = _Patience(self.settings.upload_seconds)
            if retry_until(self.ledger.is_cancelled, patience, self.order.job):
                return Cancelled(**self._about())
            retry_until(self.ledger.publish, patience, Started(**self._about()))
            with scratch_folder(self.settings.scratch, self.id) as folder:
                self.scratch = folder
                return self._render()
        except Superseded:
            self.trace.warning("another attempt holds the job; this one says nothing")
            return None
        except spec.PipelineError as error:
            return self._verdict(error)
        except Exception as error:  # noqa: BLE001 - whatever a pipeline throws, the artist gets an answer
            return self._failed(OURS_TO_FIX, error)

    def _render(self) -> Finished:
        outputs = list(
            pipelines_run.run(str(self.order.recipe["pipeline"]), self.order.tier, self.order.recipe, self).outputs
        )
        if not outputs:
            raise spec.PipelineError("The pipeline ended without an output")
        self.watch.check()
        small = thumbnail(outputs[0], self.scratch)
        media = asyncio.run(self._upload([*outputs, small]))
        seconds = round(time.monotonic() - self.begun, 3)
        return Finished(**self._about(), outputs=tuple(media[:-1]), thumbnail=media[-1], seconds=seconds)

    async def _upload(self, outputs: list[spec.Output]) -> list[Media]:
        """Give the hub every file, waiting for it as long as the settings say."""
        media = [_media(output) for output in outputs]
        delays = _delays(self.settings.upload_seconds)
        url = self.settings.hub_url or self.order.hub_url
        async with HubClient(url, self.order.token) as hub:
            for output, record in zip(outputs, media, strict=True):
                while True:
                    self.watch.check()
                    try:
                        await hub.put_blob(self.order.project, hash_file(output.path), output.path)
                        break
                    except HubAway as error:
                        self.trace.warning("the hub is away, the upload waits", error=str(error), blob=record["blob"])
                        delay = next(delays, None)
                        if delay is None:
                            raise spec.PipelineError("The hub could not be reached to deliver the result") from error
                        await asyncio.to_thread(self.watch.wait, delay)
        return media

    def _verdict(self, error: spec.PipelineError) -> AnyEvent:
        if isinstance(error, spec.Cancelled):
            self.trace.debug("cancelled")
            return Cancelled(**self._about())
        return self._failed(str(error), error)

    def _failed(self, reason: str, error: BaseException) -> Failed:
        trace_id = new_id("trace")
        # G-102; the traceback stays here and never travels.
        self.trace.error("attempt failed", traceId=trace_id, error=repr(error), retryCount=0, exc_info=error)
        return Failed(**self._about(), reason=reason, trace_id=trace_id)

    def _end_stuck(self, verdict: spec.PipelineError) -> None:
        """The pipeline does not come back to be told: tell the end and take the process down (side thread)."""
        self.trace.error("the attempt did not stop by itself", verdict=str(verdict))
        try:
            if not isinstance(verdict, Superseded):
                self._tell_end(self._verdict(verdict))
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
            end_process()

    def _tell_end(self, event: AnyEvent) -> None:
        """Tell how the job ended, waiting for Redis if need be; a job ends once."""
        if not retry_until(self.ledger.end, _Patience(self.settings.upload_seconds), event):
            self.trace.warning("the job had ended before; this result is not told", type=event.type)

    def _about(self) -> dict[str, Any]:
        return {
            "job": self.order.job,
            "project": self.order.project,
            "attempt": self.id,
            "farm_node": self.settings.node,
            "at": utc_now(),
        }


def _media(output: spec.Output) -> Media:
    media: Media = {
        "blob": hash_file(output.path),
        "media_type": output.media_type,
        "width": output.width,
        "height": output.height,
        "size_bytes": output.path.stat().st_size,
    }
    if output.rate:
        media["frames"], media["rate"] = output.frames, output.rate
    return media


def _delays(limit_seconds: float) -> Iterator[float]:
    """Growing pauses that end when together they reach the limit."""
    delay, total = 0.25, 0.0
    while total < limit_seconds:
        yield delay
        total += delay
        delay = min(delay * 2, 10.0)


class _Patience:
    """Waits a growing while at each call; false when the limit is reached."""

    def __init__(self, limit_seconds: float) -> None:
        self._delays = _delays(limit_seconds)

    def __call__(self) -> bool:
        delay = next(self._delays, None)
        if delay is not None:
            time.sleep(delay)
        return delay is not None
