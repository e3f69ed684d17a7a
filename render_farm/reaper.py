"""Finds jobs that nobody works on any more and decides what becomes of them; the only place that queues a job again."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import structlog

from crdt_schema.ids import new_id
from crdt_schema.records import Tier
from pipelines import registry
from pipelines.spec import Pipeline, PipelineError
from render_farm.clock import iso
from render_farm.job import TIERS, Cancelled, ExitReason, Failed, JobOrder, Lost, Requeued, queue_for
from render_farm.ledger import Holder, Ledger, LiveJob
from render_farm.recovery import OOM_NOTICE, Again, Fails, IsCancelled, IsLost, Tries, decide, is_fault

REAPER_SECONDS = 2.0
ORPHAN_SECONDS = 20.0
"""A job that is in no queue and held by nobody for so long has lost its worker. Longer than between two renewals of a
lease: when the clock is put forward all leases have run out, and whoever is at work renews his."""
VANISHED_SECONDS = 6.0
"""A node that is not heard of any more is believed gone after so long, whatever leases it still has. Longer than
between two heartbeats, for the same reason."""
RETRY_SECONDS = 0.5
"""The least between an attempt and the next: RQ has let go of the job by then."""

log = structlog.get_logger("workprint.farm")


class Line(Protocol):
    """The queues, as far as the reaper needs them."""

    def waiting_jobs(self) -> Collection[str]:
        """The jobs in all queues."""
        ...

    def submit(self, order: JobOrder) -> bool:
        """Put a job at the end of its queue, unless it is put off, held or there."""
        ...

    def alive(self) -> Collection[str]:
        """The names of the nodes that were heard of lately."""
        ...


class Ending(NamedTuple):
    """How an attempt ended without a take."""

    exit: ExitReason
    reason: str = ""
    attempt: str = ""
    node: str = ""
    seconds: float = 0.0
    trace_id: str = ""
    broke: bool = False
    """Whether by something that nobody foresaw."""


class Recovery:
    """Carries out the table of `recovery.py`, for the reaper and for the attempts themselves."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def settle(self, live: LiveJob, fence: int, ending: Ending) -> bool:
        """What the table says about a job whose holder has that fence; False when another holds it by now.

        Tells the recorder, counts the fault, and puts the job off when it goes on. Raises FarmUnavailable.
        """
        order, now = live.order, self._ledger.now()
        about = _about(order, ending, now)
        match decide(ending.exit, live.tries, order.tier, tiers_of(order)):
            case Again() as again:
                at = now + max(again.delay_seconds, 0.0 if ending.exit == "stopped" else RETRY_SECONDS)
                event = Requeued(
                    **about,
                    exit=ending.exit,
                    reason=_why(ending, order.tier, again.tier),
                    seconds=ending.seconds,
                    tier=again.tier if again.tier != order.tier else "",
                    retry_at=iso(at) if again.delay_seconds else "",
                )
                tried: Tries = {**live.tries, ending.exit: live.tries.get(ending.exit, 0) + 1}
                settled = self._ledger.again(LiveJob(on_tier(order, again.tier), tried), fence, event, at)
            case IsCancelled():
                settled = self._ledger.end(Cancelled(**about), fence)
            case IsLost(reason):
                trace = ending.trace_id or new_id("trace")
                settled = self._ledger.end(Lost(**about, reason=reason, trace_id=trace), fence)
            case Fails(reason):
                event = Failed(
                    **about,
                    reason=reason or ending.reason,
                    trace_id=ending.trace_id or new_id("trace"),
                    exit=ending.exit,
                    seconds=ending.seconds,
                )
                settled = self._ledger.end(event, fence)
        if settled and ending.node and order.pipeline and is_fault(ending.exit, broke=ending.broke):
            self._blame(order, ending, now)
        return settled

    def _blame(self, order: JobOrder, ending: Ending, now: float) -> None:
        if self._ledger.note_fault(ending.node, order.pipeline, ending.attempt or f"{order.job}-{now}", now):
            log.error("a node gets no more of a pipeline for a while", node=ending.node, pipeline=order.pipeline)


class Reaper:
    """Looks at all live jobs; with several hubs one of them does the work at a time."""

    def __init__(self, ledger: Ledger, line: Line, *, name: str = "", orphan_seconds: float = ORPHAN_SECONDS) -> None:
        self._ledger, self._line = ledger, line
        self._recovery = Recovery(ledger)
        self._name = name or new_id("hub")
        self.orphan_seconds = orphan_seconds
        self._missing: dict[tuple[str, int], float] = {}
        """Jobs by their last fence, and since when nobody works on them."""

    def reap(self) -> list[str]:
        """Queue what was put off and is due, and find jobs whose worker vanished; returns the ids of the latter.

        Call it every few seconds. Raises FarmUnavailable.
        """
        if not self._ledger.is_mine("reaper", self._name, REAPER_SECONDS / 2):
            return []
        return self.look(self._ledger.now())

    def look(self, now: float) -> list[str]:
        """One look at everything, at that moment (seconds of the epoch)."""
        if back := self._ledger.keep_time():
            log.warning("the clock of Redis was put back", seconds=back)
        live = self._ledger.live()
        put_off = self._ledger.put_off()
        self._queue_due(put_off, now)
        waiting = {*self._line.waiting_jobs(), *put_off} if live else set[str]()
        # A job that is taken up between these looks seems missing once; only what stays missing is acted on.
        holders = self._ledger.holders(live - waiting)
        alive = self._line.alive() if holders else ()
        patience = {
            (job, holder.fence): wait
            for job, holder in holders.items()
            if (wait := self._patience(holder, alive, now)) is not None
        }
        # A clock that was put back began anew.
        self._missing = {key: min(self._missing.get(key, now), now) for key in patience}
        due = [key for key, since in self._missing.items() if now - since >= patience[key]]
        for key in due:
            del self._missing[key]
            self._rescue(key[0], holders[key[0]])
        return [job for job, _ in due]

    def attempt_died(self, job: str, node: str) -> None:
        """An attempt on a node ended without a word, killed by the machine."""
        if self._ledger.holder(job).node == node:
            self._give_up(job, "node lost", "The attempt was killed on its farm node.")

    def hand_back(self, job: str, node: str) -> None:
        """A node was told to stop before its attempt had ended; nobody's fault. Queued again at once."""
        if self._ledger.holder(job).node == node:
            self.take_back(job, "The farm node was told to stop.")

    def take_back(self, job: str, reason: str) -> None:
        """Take a job from whoever holds it and queue it again at once; nobody's fault."""
        self._give_up(job, "stopped", reason)
        self._queue_due(self._ledger.put_off(), self._ledger.now())

    def node_began(self, node: str) -> None:
        """A node starts afresh: whatever it had in hand died with its last process."""
        for job, holder in self._ledger.holders(self._ledger.live()).items():
            if holder.node == node:
                self._give_up(job, "node lost", "The farm node was restarted.")

    def _give_up(self, job: str, exit_reason: ExitReason, reason: str) -> None:
        live, holder = self._ledger.live_job(job), self._ledger.holder(job)
        if live is not None:
            ended: ExitReason = "cancelled" if self._ledger.is_cancelled(job) else exit_reason
            self._recovery.settle(live, holder.fence, Ending(ended, reason, node=holder.node))

    def _patience(self, holder: Holder, alive: Collection[str], now: float) -> float | None:
        """How long the holder of a job may stay away; None while it works."""
        if holder.until <= now:
            return self.orphan_seconds
        return VANISHED_SECONDS if holder.node and holder.node not in alive else None

    def _rescue(self, job: str, holder: Holder) -> None:
        live = self._ledger.live_job(job)
        if live is None:
            return
        exit_reason: ExitReason = "cancelled" if self._ledger.is_cancelled(job) else "node lost"
        log.warning("a job has lost its worker", job=job, node=holder.node, exit=exit_reason, tries=dict(live.tries))
        ending = Ending(exit_reason, "The farm node is not heard of any more.", node=holder.node)
        self._recovery.settle(live, holder.fence, ending)

    def _queue_due(self, put_off: Mapping[str, float], now: float) -> None:
        for job, at in put_off.items():
            cancelled = self._ledger.is_cancelled(job)
            live = self._ledger.live_job(job) if cancelled or at <= now else None
            if live is not None and cancelled:
                self._recovery.settle(live, self._ledger.holder(job).fence, Ending("cancelled"))
            elif live is not None:
                self._line.submit(live.order)


def tiers_of(order: JobOrder) -> tuple[Tier, ...]:
    """The tiers of an order's pipeline, smallest first; only its own where this version does not know it."""
    pipeline = _pipeline(order)
    return tuple(tier for tier in TIERS if tier in pipeline.tiers) if pipeline is not None else (order.tier,)


def on_tier(order: JobOrder, tier: Tier) -> JobOrder:
    """The order for another tier of its pipeline: the picture that was asked for, with that tier's means."""
    pipeline = _pipeline(order)
    if tier == order.tier or pipeline is None:
        return order
    spec = pipeline.tier(tier)
    return replace(
        order,
        tier=tier,
        recipe={**order.recipe, "tier": tier},
        queue=queue_for(pipeline.task, tier, spec.vram_gb),
        vram_gb=spec.vram_gb,
        expected_seconds=spec.seconds_prior,
    )


def _pipeline(order: JobOrder) -> Pipeline | None:
    try:
        return registry.get(order.pipeline)
    except PipelineError:
        return None


def _why(ending: Ending, was: Tier, tier: Tier) -> str:
    return OOM_NOTICE.format(was=was, tier=tier) if ending.exit == "oom" else ending.reason


def _about(order: JobOrder, ending: Ending, now: float) -> dict[str, Any]:
    return {
        "job": order.job,
        "project": order.project,
        "attempt": ending.attempt,
        "farm_node": ending.node,
        "at": iso(now),
    }
