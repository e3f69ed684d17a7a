"""The job records that a judgement makes: what stands in `takes` from the moment somebody was answered; pure."""

from dataclasses import dataclass

from crdt_schema.records import Job, JobStatus
from server.auth.actor import Actor
from server.intents.judge import Accepted
from server.intents.recipe import hash_of


@dataclass(frozen=True)
class Asked:
    """Who asked for a take of which shot, and when the hub took it up."""

    node: str
    actor: Actor
    at: str
    batch: str = ""


def queued(asked: Asked, accepted: Accepted, at: str) -> Job:
    """A job that goes to the farm; its price is reserved from here on."""
    job = _blank(asked, "queued")
    job["queued_at"] = at
    job["cost_usd"] = accepted.price_usd
    _tell(job, accepted)
    return job


def offered(asked: Asked, accepted: Accepted) -> Job:
    """A request that needs no work: an equal take is there, and costs nothing."""
    job = _blank(asked, "completed")
    job["take"] = accepted.equal_take
    job["ended_at"] = asked.at
    _tell(job, accepted)
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


def _tell(job: Job, accepted: Accepted) -> None:
    job["pipeline"] = accepted.pipeline.id
    job["tier"] = accepted.tier
    job["tier_asked"] = accepted.tier_asked
    job["notice"] = accepted.notice
    job["recipe"] = accepted.recipe
    job["recipe_hash"] = hash_of(accepted.recipe)


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
        "notice": "",
        "tier_asked": "standard",
        "batch": asked.batch,
        "priority": 0,
        "recipe_hash": "",
    }
