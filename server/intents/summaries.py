"""What the farm page shows of a project's jobs, and what they cost: made of its `takes` document; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from crdt_schema.farm import FarmCost, FarmJob
from crdt_schema.records import Job, TakesPlain
from crdt_schema.takes import LIVE_STATUSES
from server.intents.attempts import lasted

MOST_RECENT = 50


@dataclass(frozen=True)
class Summary:
    """One project: its live jobs, the newest that ended, and who used how much."""

    name: str
    live: Mapping[str, FarmJob]
    recent: tuple[FarmJob, ...]
    people: Mapping[str, FarmCost]


def summarise(project: str, name: str, takes: TakesPlain) -> Summary:
    """The summary of a project."""
    jobs = {key: job for key, job in takes["jobs"].items() if job["status"] != "refused"}
    ended = [key for key, job in jobs.items() if job["status"] not in LIVE_STATUSES]
    ended.sort(key=lambda key: jobs[key]["ended_at"], reverse=True)
    prices = {take_id: take["cost_usd"] for take_id, take in takes["takes"].items()}
    return Summary(
        name,
        {key: shown(project, name, key, job) for key, job in jobs.items() if job["status"] in LIVE_STATUSES},
        tuple(shown(project, name, key, jobs[key]) for key in ended[:MOST_RECENT]),
        _people(jobs.values(), prices),
    )


def add_up(costs: Iterable[FarmCost], key: str, name: str) -> FarmCost:
    """The sum of several."""
    total: FarmCost = {"id": key, "name": name, "takes": 0, "jobs": 0, "seconds": 0.0, "cost_usd": 0.0}
    for cost in costs:
        total["takes"] += cost["takes"]
        total["jobs"] += cost["jobs"]
        total["seconds"] = round(total["seconds"] + cost["seconds"], 3)
        total["cost_usd"] = round(total["cost_usd"] + cost["cost_usd"], 6)
    return total


def shown(project: str, name: str, key: str, job: Job) -> FarmJob:
    """A job as the farm page shows it, as far as the document knows it."""
    newest = job["attempts"][-1] if job["attempts"] else None
    return {
        **blank(key),
        "project": {"id": project, "name": name},
        "node": job["node"],
        "title": title_of(job["recipe"]),
        "pipeline": job["pipeline"],
        "tier": job["tier"],
        "status": job["status"],
        "priority": int(job.get("priority", 0)),
        "batch": job.get("batch", ""),
        "asked_by": job["asked_by"],
        "asked_by_name": job["asked_by_name"],
        "asked_at": job["asked_at"],
        "started_at": job["started_at"],
        "ended_at": job["ended_at"],
        "attempt": newest["id"] if newest else "",
        "attempts": len(job["attempts"]),
        "farm_node": newest["farm_node"] if newest and job["status"] != "queued" else "",
        "seconds": job["seconds"],
        "cost_usd": job["cost_usd"],
        "reason": job["reason"],
        "take": job["take"],
    }


def blank(key: str = "") -> FarmJob:
    """A job of which nothing is told."""
    return {
        "id": key,
        "project": None,
        "node": "",
        "title": "",
        "pipeline": "",
        "tier": "",
        "queue": "",
        "status": "",
        "priority": 0,
        "batch": "",
        "asked_by": "",
        "asked_by_name": "",
        "asked_at": "",
        "started_at": "",
        "ended_at": "",
        "attempt": "",
        "attempts": 0,
        "farm_node": "",
        "position": 0,
        "eta_seconds": 0.0,
        "percent": 0.0,
        "step": "",
        "seconds": 0.0,
        "cost_usd": 0.0,
        "reason": "",
        "take": "",
    }


def title_of(recipe: Mapping[str, Any]) -> str:
    """What a shot was called when its take was asked for."""
    slate = recipe.get("slate")
    return str(cast("dict[str, object]", slate).get("title", "")) if isinstance(slate, dict) else ""


def _people(jobs: Iterable[Job], prices: Mapping[str, float]) -> dict[str, FarmCost]:
    """What each person used: the price of each take once, a provider's bill for what failed, and all node time."""
    found: dict[str, FarmCost] = {}
    for job in jobs:
        made = bool(job["attempts"]) and job["take"] in prices
        lost = sum(float(one.get("cost_usd", 0.0)) for one in job["attempts"] if one["outcome"] != "completed")
        cost: FarmCost = {
            "id": job["asked_by"],
            "name": job["asked_by_name"],
            "takes": int(made),
            "jobs": 1,
            "seconds": sum(map(lasted, job["attempts"])),
            "cost_usd": (prices[job["take"]] if made else 0.0) + lost,
        }
        known = found.get(cost["id"])
        found[cost["id"]] = add_up([known, cost] if known else [cost], cost["id"], cost["name"])
    return found
