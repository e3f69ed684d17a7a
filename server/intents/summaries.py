"""What the farm page shows of a project's jobs, and what they cost: made of its `takes` document; pure."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from crdt_schema.farm import FarmCost, FarmJob
from crdt_schema.records import Job
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


class Tally:
    """The jobs of one project as the farm page shows them, kept current by `put`."""

    def __init__(self, project: str, name: str) -> None:
        self.project, self.name = project, name
        self._jobs: dict[str, FarmJob] = {}
        self._costs: dict[str, FarmCost] = {}
        self._people: dict[str, FarmCost] = {}
        self._live: dict[str, None] = {}

    def put(self, key: str, job: Job | None, price_usd: float | None) -> None:
        """This is how a job stands now, and what its take cost; None: there is no job, or no take."""
        self._live.pop(key, None)
        self._jobs.pop(key, None)
        if (before := self._costs.pop(key, None)) is not None:
            self._count(before, -1)
        if job is None or job["status"] == "refused":
            return
        # Both are made before one is kept: a job that cannot be read is not there at all.
        self._jobs[key], self._costs[key] = shown(self.project, self.name, key, job), _cost_of(job, price_usd)
        self._count(self._costs[key], 1)
        if job["status"] in LIVE_STATUSES:
            self._live[key] = None

    def summary(self) -> Summary:
        """The project as it stands."""
        ended = (job for key, job in self._jobs.items() if key not in self._live)
        recent = heapq.nlargest(MOST_RECENT, ended, key=lambda job: job["ended_at"])
        people = {key: add_up([cost], key, cost["name"]) for key, cost in self._people.items() if cost["jobs"]}
        return Summary(self.name, {key: self._jobs[key] for key in self._live}, tuple(recent), people)

    def _count(self, cost: FarmCost, times: int) -> None:
        """Add what a job used to its person's sum, or take it away again."""
        total = self._people.setdefault(cost["id"], _no_cost(cost["id"]))
        total["name"] = cost["name"]
        total["takes"] += times * cost["takes"]
        total["jobs"] += times * cost["jobs"]
        total["seconds"] += times * cost["seconds"]
        total["cost_usd"] += times * cost["cost_usd"]


def add_up(costs: Iterable[FarmCost], key: str, name: str) -> FarmCost:
    """The sum of several."""
    total = _no_cost(key, name)
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


def _cost_of(job: Job, price_usd: float | None) -> FarmCost:
    """What a job used: the price of its take once, a provider's bill for what failed, and all node time."""
    made = bool(job["attempts"]) and price_usd is not None
    lost = sum(float(one.get("cost_usd", 0.0)) for one in job["attempts"] if one["outcome"] != "completed")
    return {
        "id": job["asked_by"],
        "name": job["asked_by_name"],
        "takes": int(made),
        "jobs": 1,
        "seconds": sum(map(lasted, job["attempts"])),
        "cost_usd": (price_usd or 0.0 if made else 0.0) + lost,
    }


def _no_cost(key: str, name: str = "") -> FarmCost:
    return {"id": key, "name": name, "takes": 0, "jobs": 0, "seconds": 0.0, "cost_usd": 0.0}
