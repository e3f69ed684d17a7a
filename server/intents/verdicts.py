"""The job records that a judgement makes: what stands in `takes` from the moment somebody was answered; pure."""

from dataclasses import dataclass

from crdt_schema.records import Job, JobStatus
from server.auth.actor import Actor
from server.intents.judge import Accepted


@dataclass(frozen=True)
class Asked:
    """Who asked for a take of which shot, and when the hub took it up."""

    node: str
    actor: Actor
    at: str


def queued(asked: Asked, accepted: Accepted, at: str) -> Job:
    """A job that goes to the farm; its price is reserved from here on."""
    job = _blank(asked, "queued")
    job["pipeline"] = accepted.pipeline.id
    job["tier"] = accepted.tier
    job["queued_at"] = at
    job["cost_usd"] = accepted.price_usd
    job["recipe"] = accepted.recipe
    return job


def refused(asked: Asked, reason: str, trace_id: str) -> Job:
    """A request that was turned down, and why."""
    job = _blank(asked, "refused")
    job["reason"] = reason
    job["trace_id"] = trace_id
    job["ended_at"] = asked.at
    return job


def withdrawn(asked: Asked) -> Job:
    """A request that was cancelled before the farm could be reached."""
    job = _blank(asked, "cancelled")
    job["ended_at"] = asked.at
    return job


def _blank(asked: Asked, status: JobStatus) -> Job:
    return {
        "kind": "generate",
        "node": asked.node,
        "status": status,
        "reason": "",
        "trace_id": "",
        "pipeline": "",
        "tier": "standard",
        "asked_by": asked.actor.user_id,
        "asked_by_name": asked.actor.name,
        "asked_at": asked.at,
        "queued_at": "",
        "started_at": "",
        "ended_at": "",
        "attempts": [],
        "take": "",
        "seconds": 0.0,
        "cost_usd": 0.0,
        "recipe": {},
    }
