"""What one person is shown of the farm: their projects' jobs in full, of all others only that there is work; pure."""

from collections.abc import Iterable, Mapping
from itertools import chain

from crdt_schema.farm import FarmCosts, FarmJob, FarmLive, FarmNodeShown, FarmQueue
from crdt_schema.records import Role
from render_farm.clock import iso
from render_farm.job import FarmNode
from server.intents.farm_live import Gathered, visible_to
from server.intents.summaries import MOST_RECENT, add_up, blank

MOST_WAITING = 200
"""Of each queue; how many wait in all is told beside them."""

Sight = tuple[Mapping[str, Role], bool]
"""The role somebody has in each project that they see, and whether they look after the farm."""


class Showing:
    """One moment of the farm, as people with that sight see it."""

    def __init__(self, gathered: Gathered, sight: Sight) -> None:
        self._roles, self._keeper = sight
        self._now, self._farm = gathered, gathered.farm
        self._seen = visible_to(gathered, self._roles)
        self._live: dict[str, FarmJob] = {key: job for one in self._seen.values() for key, job in one.live.items()}
        self._positions = gathered.farm.positions()

    def all(self) -> FarmLive:
        """Everything."""
        return {
            "reachable": self._farm.reachable,
            "nodes": [self._node(node) for node in self._farm.nodes],
            "abilities": {
                node.name: {"can": list(node.can), "lacks": dict(node.lacks) if self._keeper else {}}
                for node in self._farm.nodes
            },
            "queues": [self._queue(queue, line) for queue, line in self._farm.lines.items()],
            "running": [self._job(key) for key in self._running()],
            "recent": self._recent(),
            "costs": self._costs(),
            "roles": dict(self._roles),
        }

    def _running(self) -> list[str]:
        """What nodes work on, and what the documents say is running: either may be a moment behind."""
        on_nodes = [key for key in self._farm.cards if key not in self._positions]
        here = [key for key, job in self._live.items() if job["status"] == "running" and key not in self._positions]
        return list(dict.fromkeys([*on_nodes, *here]))

    def _node(self, node: FarmNode) -> FarmNodeShown:
        return {
            "name": node.name,
            "host": node.host,
            "version": node.version,
            "gpu": node.gpu,
            "vram_gb": node.vram_gb,
            "vram_free_gb": node.vram_free_gb,
            "queues": list(node.queues),
            "state": node.state,
            "busy": bool(node.job),
            "job": node.job if node.job in self._live else "",
            "started_at": node.started_at,
            "seen_at": node.seen_at,
            "blocked": {name: iso(until) for name, until in node.blocked.items()} if self._keeper else {},
            "resident": list(node.resident),
        }

    def _queue(self, queue: str, line: tuple[str, ...]) -> FarmQueue:
        jobs = [{**self._job(key), "queue": queue} for key in line[:MOST_WAITING]]
        return {"queue": queue, "waiting": len(line), "jobs": jobs}  # pyright: ignore[reportReturnType] - jobs with one field changed

    def _job(self, key: str) -> FarmJob:
        card, known = self._farm.cards.get(key), self._live.get(key)
        waits = key in self._positions
        job: FarmJob = {**(known or blank()), "status": "queued" if waits else "running"}
        job["id"] = key if known or self._keeper else ""  # whoever looks after the farm may move it unseen
        job["position"] = self._positions.get(key, 0)
        job["eta_seconds"] = round(self._now.arrivals.get(key, 0.0))
        if card is not None:
            job["priority"] = card.priority if known or self._keeper else 0
            job["tier"] = card.tier
        if known is None or waits:
            return job
        job["percent"], job["step"] = self._now.percents.get(key, (0.0, ""))
        job["farm_node"] = next((node.name for node in self._farm.nodes if node.job == key), job["farm_node"])
        if card is not None:
            job["eta_seconds"] = round(card.seconds * (1 - job["percent"] / 100))
        return job

    def _recent(self) -> list[FarmJob]:
        ended: Iterable[FarmJob] = chain.from_iterable(one.recent for one in self._seen.values())
        return sorted(ended, key=lambda job: job["ended_at"], reverse=True)[:MOST_RECENT]

    def _costs(self) -> FarmCosts:
        names = {key: cost["name"] for one in self._seen.values() for key, cost in one.people.items()}
        everybody = {key: [one.people[key] for one in self._seen.values() if key in one.people] for key in names}
        projects = [add_up(one.people.values(), key, one.name) for key, one in self._seen.items()]
        people = [add_up(costs, key, names[key]) for key, costs in everybody.items()]
        return {
            "projects": sorted((one for one in projects if one["jobs"]), key=lambda one: (-one["cost_usd"], one["id"])),
            "people": sorted(people, key=lambda one: (-one["cost_usd"], one["id"])),
        }
