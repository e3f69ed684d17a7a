"""What becomes of a job whose attempt ended without a take: again, failed or lost; one table, and pure.

| how the attempt ended | what becomes of the job                  | a fault of the node |
|-----------------------|------------------------------------------|---------------------|
| oom                   | one tier up, once; then it fails         | no                  |
| node lost             | again at once, twice; then it is lost    | yes                 |
| transient             | again after 5 and after 30 s; then fails | yes                 |
| timeout               | it fails                                 | yes                 |
| failed                | it fails                                 | if it broke         |
| stopped               | again at once, as often as it takes      | no                  |
| cancelled             | it is cancelled                          | no                  |

A pipeline that says "not with these parameters" has failed and is no fault of the node; one that broke is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crdt_schema.records import Tier
from render_farm.job import TIERS, ExitReason

LOST_AGAIN = 2
TRANSIENT_PAUSES_SECONDS = (5.0, 30.0)
FAULTS_TO_BLOCK = 3
FAULT_SECONDS = 3600.0
"""Faults of a (node, pipeline) pair count for so long."""
BLOCKED_SECONDS = 1800.0
OOM_NOTICE = "Out of memory on tier {was}. Went on one tier up, on {tier}."
OOM_FAILED = (
    "The memory did not suffice, and there is no larger tier to go to. Choose a lower quality or a shorter shot."
)
OOM_TWICE = "The memory did not suffice, one tier up neither. Choose a lower quality or a shorter shot."
LOST_REASON = "The farm nodes that ran this job vanished, {times} times. Please generate again."

_BLAMED: frozenset[ExitReason] = frozenset({"node lost", "transient", "timeout"})

Tries = Mapping[ExitReason, int]
"""How often attempts of a job ended in each way, the one that is judged not counted."""


@dataclass(frozen=True)
class Again:
    """The job is queued again, after a pause, on that tier."""

    delay_seconds: float
    tier: Tier


@dataclass(frozen=True)
class Fails:
    """The job has failed; `reason` replaces what the attempt said, unless it is empty."""

    reason: str = ""


@dataclass(frozen=True)
class IsLost:
    """The job is given up because its nodes vanished."""

    reason: str


@dataclass(frozen=True)
class IsCancelled:
    """The job ended as somebody asked."""


Outcome = Again | Fails | IsLost | IsCancelled


def decide(exit_reason: ExitReason, before: Tries, tier: Tier, tiers: Sequence[Tier]) -> Outcome:
    """What becomes of the job; `tiers` are those its pipeline has."""
    times = before.get(exit_reason, 0)
    match exit_reason:
        case "oom":
            up = tier_above(tier, tiers)
            if times or up is None:
                return Fails(OOM_TWICE if times else OOM_FAILED)
            return Again(0.0, up)
        case "node lost" if times >= LOST_AGAIN:
            return IsLost(LOST_REASON.format(times=times + 1))
        case "transient" if times < len(TRANSIENT_PAUSES_SECONDS):
            return Again(TRANSIENT_PAUSES_SECONDS[times], tier)
        case "node lost" | "stopped":
            return Again(0.0, tier)
        case "cancelled":
            return IsCancelled()
        case "transient" | "timeout" | "failed":
            return Fails()
        case _:
            raise ValueError(f"an attempt that ended as {exit_reason!r} needs no recovery")


def is_fault(exit_reason: ExitReason, *, broke: bool) -> bool:
    """Whether the end speaks against the node; `broke`: by something that nobody foresaw."""
    return exit_reason in _BLAMED or (exit_reason == "failed" and broke)


def blocks(faults_at: Sequence[float], now: float) -> bool:
    """Whether a pair with faults at these moments is blocked from `now` on (seconds of any one clock)."""
    return sum(now - at < FAULT_SECONDS for at in faults_at) >= FAULTS_TO_BLOCK


def tier_above(tier: Tier, tiers: Sequence[Tier]) -> Tier | None:
    """The next larger of a pipeline's tiers."""
    return next((one for one in TIERS[TIERS.index(tier) + 1 :] if one in tiers), None)
