"""The one function RQ calls: run an order as a new attempt, upload what it made, and say how it ended."""

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from crdt_schema.ids import BlobHash, new_id
from crdt_schema.records import Media
from pipelines import run as pipelines_run
from pipelines import spec
from pipelines.providers import providers
from render_farm.attempt_log import AttemptLog
from render_farm.clock import utc_now
from render_farm.hub_client import HubAway, HubClient, hash_file
from render_farm.inputs import fetch_inputs
from render_farm.job import ExitReason, FarmUnavailable, Finished, JobOrder, Late, Progressed, Started
from render_farm.ledger import FENCE, Ledger, LiveJob, connect, retry_until
from render_farm.previews import Previews
from render_farm.reaper import Ending, Recovery
from render_farm.scratch import claim, discard, inputs_of, scratch_folder, sweep
from render_farm.settings import FarmSettings
from render_farm.teller import Teller
from render_farm.thumbnail import thumbnail
from render_farm.watch import LOOK_SECONDS, Orphaned, Superseded, TooLong, Watch, end_process

DISK_FULL = "The disk of the farm node is full. Whoever looks after the farm can make room there."
OURS_TO_FIX = "Something went wrong on the farm node. Its log has the details under this trace."

log = structlog.get_logger("workprint.attempt")


def execute_generation(order_json: dict[str, Any]) -> None:
    """Run one attempt of an order to its end: how it ended is an event, and the log has the rest.

    Raises FarmUnavailable when Redis stays away for so long that nobody can be told.
    """
    settings = FarmSettings.from_environment()
    claim(settings.scratch)
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
    inputs: Mapping[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])
    last_step: str = ""

    def __post_init__(self) -> None:
        self.trace = log.bind(job=self.order.job, project=self.order.project, attempt=self.id, node=self.settings.node)
        self.kept = AttemptLog(self.ledger, self.id, [self.order.token, *_of_this_node(self.settings)])
        self.teller = Teller(self._tell_progress)
        self.previews = Previews(self._hub, self.order.project, self.order.job)
        self.watch = Watch(
            self.ledger, self.settings, self.order.job, self.id, on_stuck=self._end_stuck, on_look=self.kept.flush
        )

    def run(self) -> None:
        patience = _Patience(self.settings.upload_seconds)
        self.watch.fence = retry_until(self._take_lease, patience)
        if not self.watch.fence:
            self.trace.warning("the job has ended or another node holds it; nothing is run")
            return
        with self.watch, self.teller:
            end = self._work()
        if end is not None:
            self._tell_end(end)

    def _take_lease(self) -> int:
        """The fence to hold the job with; 0 when another does. The node has drawn it where it picked the job."""
        job, node, seconds = self.order.job, self.settings.node, self.settings.lease_seconds
        drawn = int(os.environ.get(FENCE, "0"))
        if not drawn:
            return self.ledger.take_lease(job, node, seconds)
        return drawn if self.ledger.renew_lease(job, node, drawn, seconds) else 0

    def progress(self, percent: float, step: str) -> None:
        """RunContext: tell how far the pipeline is; raises spec.Cancelled."""
        self.watch.check()
        if step != self.last_step:
            self.last_step = step
            self.kept.add(f"{percent:3.0f} % {step}")
        self.teller.tell(float(percent), str(step))

    def _tell_progress(self, percent: float, step: str) -> None:
        self.ledger.publish(Progressed(**self._about(), percent=percent, step=step))

    def check(self) -> None:
        """RunContext: raise when the attempt has to end."""
        self.watch.check()

    def log(self, line: str) -> None:
        """RunContext: keep a line in the attempt's log."""
        self.kept.add(line)

    def preview(self, path: Path) -> None:
        """RunContext: show the work so far."""
        self.previews.show(path, inputs_of(self.scratch))

    def _work(self) -> Finished | Ending | None:
        """How the attempt ended, or None when it has no business ending the job."""
        try:
            patience = _Patience(self.settings.upload_seconds)
            if retry_until(self.ledger.is_cancelled, patience, self.order.job):
                return self._ending("cancelled")
            retry_until(self.ledger.publish, patience, Started(**self._about(), fence=self.watch.fence))
            self.kept.add(f"Begun on {self.settings.node}: {self.order.pipeline}, tier {self.order.tier}")
            with scratch_folder(self.settings.scratch, self.id) as folder:
                self.scratch = folder
                return self._render()
        except Superseded as error:
            self.trace.warning("the attempt ends and says nothing", why=str(error))
            self.kept.end("node lost" if isinstance(error, Orphaned) else "late")
            return None
        except Exception as error:  # noqa: BLE001 - whatever a pipeline throws, the artist gets an answer
            return self._judged(error)

    def _render(self) -> Finished:
        self.inputs = asyncio.run(self._fetch_inputs())
        result = pipelines_run.run(str(self.order.recipe["pipeline"]), self.order.tier, self.order.recipe, self)
        if not result.outputs:
            raise spec.PipelineError("The pipeline ended without an output")
        small = thumbnail(result.outputs[0], self.scratch)
        media = asyncio.run(self._upload([*result.outputs, small]))
        return Finished(
            **self._about(),
            outputs=tuple(media[:-1]),
            thumbnail=media[-1],
            seconds=self._seconds(),
            cost_usd=result.cost_usd,
            facts=dict(result.facts),
        )

    async def _fetch_inputs(self) -> dict[str, tuple[Path, ...]]:
        if not self.order.recipe.get("inputs"):
            return {}
        async with self._hub() as hub:

            async def fetch(blob: BlobHash, path: Path) -> None:
                await self._patiently("give the inputs", lambda: hub.get_blob(self.order.project, blob, path))
                self.kept.add(f"Input {path.name} is here")

            return await fetch_inputs(self.order.recipe, inputs_of(self.scratch), fetch)

    async def _upload(self, outputs: list[spec.Output]) -> list[Media]:
        """Give the hub every file, waiting for it as long as the settings say."""
        media = [_media(output) for output in outputs]
        async with self._hub() as hub:
            for output, record in zip(outputs, media, strict=True):
                put = partial(hub.put_blob, self.order.project, BlobHash(record["blob"]), output.path)
                await self._patiently("deliver the result", put)
        return media

    async def _patiently(self, what: str, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask the hub again while it is away, as long as the settings say; raises PipelineError."""
        delays = _delays(self.settings.upload_seconds)
        while True:
            self._must_be_wanted()
            try:
                return await ask()
            except HubAway as error:
                self.trace.warning("the hub is away, the attempt waits", error=str(error), what=what)
                delay = next(delays, None)
                if delay is None:
                    raise spec.PipelineError(f"The hub could not be reached to {what}") from error
                await asyncio.to_thread(self._pause, delay)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._must_be_wanted()
            time.sleep(min(left, LOOK_SECONDS))

    def _must_be_wanted(self) -> None:
        """Raise when the job shall end; a result that another attempt has overtaken is delivered all the same."""
        try:
            self.watch.check()
        except Orphaned:
            raise
        except Superseded:
            return

    def _judged(self, error: Exception) -> Ending:
        """How an attempt ended that raised `error`, for the table of recovery."""
        if isinstance(error, spec.Cancelled):
            self.trace.debug("cancelled")
            return self._ending("cancelled")
        exit_reason = exit_of(error)
        broke = exit_reason == "failed" and not isinstance(error, spec.PipelineError)
        reason = OURS_TO_FIX if broke else DISK_FULL if _is_disk_full(error) else self.kept.hiding(str(error))
        ending = self._ending(exit_reason, reason, broke=broke)
        # G-102; the traceback stays here and never travels.
        trace = {"traceId": ending.trace_id, "error": repr(error), "exit": exit_reason}
        self.trace.error("attempt failed", **trace, retryCount=self._tries(), exc_info=error)
        return ending

    def _tries(self) -> int:
        """How many attempts of this job ended before; unknown, and 0, while Redis is away."""
        with suppress(FarmUnavailable):
            live = self.ledger.live_job(self.order.job)
            return sum(live.tries.values()) if live is not None else 0
        return 0

    def _ending(self, exit_reason: ExitReason, reason: str = "", *, broke: bool = False) -> Ending:
        return Ending(
            exit_reason,
            reason,
            attempt=self.id,
            node=self.settings.node,
            seconds=self._seconds(),
            trace_id=new_id("trace"),
            broke=broke,
        )

    def _end_stuck(self, verdict: spec.PipelineError) -> None:
        """The pipeline does not come back to be told: tell the end and take the process down (side thread)."""
        self.trace.error("the attempt did not stop by itself", verdict=str(verdict))
        try:
            if not isinstance(verdict, Superseded):
                self._tell_end(self._judged(verdict))
        finally:
            discard(self.scratch)
            end_process()

    def _tell_end(self, end: Finished | Ending) -> None:
        """Tell how the attempt ended, waiting for Redis if need be; a job ends once."""
        exit_reason = "finished" if isinstance(end, Finished) else end.exit
        if isinstance(end, Ending) and end.reason:
            self.kept.add(f"{end.reason} ({end.trace_id})")
        self.kept.end(exit_reason)
        settle = partial(self._finish, end) if isinstance(end, Finished) else partial(self._recover, end)
        if not retry_until(settle, _Patience(self.settings.upload_seconds)):
            self.trace.warning("another attempt holds the job, or it had ended before", exit=exit_reason)

    def _finish(self, end: Finished) -> bool:
        late = Late(**self._about(), outputs=end.outputs, seconds=end.seconds)
        return self.ledger.end(end, self.watch.fence, late)

    def _recover(self, end: Ending) -> bool:
        live = self.ledger.live_job(self.order.job) or LiveJob(self.order)
        return Recovery(self.ledger).settle(live, self.watch.fence, end)

    def _hub(self) -> HubClient:
        return HubClient(self.settings.hub_url or self.order.hub_url, self.order.token)

    def _seconds(self) -> float:
        return round(time.monotonic() - self.begun, 3)

    def _about(self) -> dict[str, Any]:
        return {
            "job": self.order.job,
            "project": self.order.project,
            "attempt": self.id,
            "farm_node": self.settings.node,
            "at": utc_now(),
        }


def exit_of(error: Exception) -> ExitReason:
    """What kind of end an exception is; libraries have names of their own for a full memory (I-046)."""
    if _is_disk_full(error):
        return "transient"
    match error:
        case spec.OutOfMemory() | MemoryError():
            return "oom"
        case spec.Transient():
            return "transient"
        case TooLong():
            return "timeout"
        case _:
            return "oom" if "OutOfMemory" in type(error).__name__ else "failed"


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether that was behind it: what could not be written is told of as what could not be read."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def _of_this_node(settings: FarmSettings) -> list[str]:
    """What belongs to this machine, and no artist or client may read: places, addresses, keys."""
    names = ["WORKPRINT_MODELS", "WORKPRINT_COMFYUI_URL", "WORKPRINT_COMFYUI_OUTPUT"]
    names += [provider.key for provider in providers().values()]
    return [str(settings.scratch), settings.redis_url, *(os.environ.get(name, "") for name in names)]


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
