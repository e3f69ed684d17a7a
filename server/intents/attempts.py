"""What a job remembers of its attempts: how each ended, what it took and cost, what was set aside of it; pure."""

from datetime import datetime
from typing import NamedTuple

from crdt_schema.records import Attempt, Tier
from render_farm.job import AnyEvent, ExitReason, Failed, Finished, Late, Requeued, Started


class End(NamedTuple):
    """How an attempt ended."""

    outcome: str
    exit: ExitReason
    reason: str = ""
    seconds: float = 0.0
    cost_usd: float = 0.0


OVERTAKEN = End("lost", "node lost", "Another attempt took the job over.")


def begun(event: Started, tier: Tier) -> Attempt:
    """An attempt that has just started."""
    return {
        "id": event.attempt,
        "fence": event.fence,
        "tier": tier,
        "farm_node": event.farm_node,
        "started_at": event.at,
        "ended_at": "",
        "outcome": "",
        "exit": "",
        "reason": "",
        "seconds": 0.0,
        "cost_usd": 0.0,
        "set_aside": [],
    }


def end_of(event: AnyEvent, reason: str = "", cost_usd: float = 0.0) -> End:
    """What an event that ends an attempt says of it; `reason` and `cost_usd` where the event itself does not know."""
    match event:
        case Finished():
            return End("completed", "finished", reason, event.seconds, cost_usd)
        case Failed():
            return End("failed", event.exit, event.reason, event.seconds)
        case Requeued():
            outcome = "lost" if event.exit in ("node lost", "stopped") else "failed"
            return End(outcome, event.exit, event.reason, event.seconds)
        case _:
            return End(event.type, "cancelled" if event.type == "cancelled" else "node lost", reason)


def closed(attempts: list[Attempt], event: AnyEvent, end: End, tier: Tier) -> list[Attempt]:
    """The attempts with the one that ended marked, once; an event of no attempt (a vanished node) ends the last.

    A result that counts after all, though its node was believed gone, is the last word. Any other that is still open
    has been overtaken without a word.
    """
    if isinstance(event, Finished | Failed | Requeued):
        attempts = _with_own(attempts, event, tier)
    open_ones = [attempt["id"] for attempt in attempts if not attempt["ended_at"]]
    ended = event.attempt or (open_ones[-1] if open_ones else "")
    if isinstance(event, Finished):
        open_ones.append(ended)
    return [
        _ended(attempt, event.at, end if attempt["id"] == ended else OVERTAKEN)
        if attempt["id"] in open_ones
        else attempt
        for attempt in attempts
    ]


def _ended(attempt: Attempt, at: str, end: End) -> Attempt:
    ended: Attempt = {
        **attempt,
        "ended_at": at,
        "outcome": end.outcome,
        "exit": end.exit,
        "reason": end.reason,
        "seconds": end.seconds,
        "cost_usd": end.cost_usd,
    }
    return {**ended, "seconds": lasted(ended)}


def set_aside(attempts: list[Attempt], event: Finished | Late, tier: Tier) -> list[Attempt]:
    """The attempts with the files of a result that came too late named in its own."""
    blobs = [media["blob"] for media in event.outputs]
    attempts = _with_own(attempts, event, tier)
    end = End("late", "late", "Another attempt had the job by then.", event.seconds)
    return [
        {**(attempt if attempt["ended_at"] else _ended(attempt, event.at, end)), "set_aside": blobs, "exit": "late"}
        if attempt["id"] == event.attempt
        else attempt
        for attempt in attempts
    ]


def _with_own(attempts: list[Attempt], event: AnyEvent, tier: Tier) -> list[Attempt]:
    """The attempts with the one of the event, whose start may have been lost with a Redis that forgot."""
    if not event.attempt or event.attempt in [attempt["id"] for attempt in attempts]:
        return attempts
    started = Started(
        job=event.job, project=event.project, attempt=event.attempt, farm_node=event.farm_node, at=event.at
    )
    return [*attempts, begun(started, tier)]


def lasted(attempt: Attempt) -> float:
    """How long an attempt had its node: as it was measured, else by the clock; nothing while it runs."""
    measured = float(attempt.get("seconds", 0.0))
    if measured or not attempt["ended_at"]:
        return measured
    try:
        begun_at, ended_at = (datetime.fromisoformat(attempt[name]) for name in ("started_at", "ended_at"))
    except ValueError:
        return 0.0
    # Nodes have clocks of their own.
    return round(max(0.0, (ended_at - begun_at).total_seconds()), 3)


def newly_ended(before: list[Attempt], after: list[Attempt]) -> list[str]:
    """The ids of the attempts that ended between two states of a job."""
    known = {attempt["id"] for attempt in before if attempt["ended_at"]}
    return [attempt["id"] for attempt in after if attempt["ended_at"] and attempt["id"] not in known]
