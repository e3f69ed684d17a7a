"""Keeps the queues in their running order, shows them, and lets admins change them."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import structlog
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from crdt_schema.ids import new_id
from render_farm.clock import utc_now
from render_farm.job import QUEUES, FarmError, FarmUnavailable, Prioritised, QueueName
from render_farm.ledger import REDIS_AWAY, Ledger, redis_reached
from render_farm.line import Waiting, plan
from render_farm.pick import Scripts, list_key

PLAN_SECONDS = 0.3
"""More often the lines are not put in order: whoever waits does not see it, and a thousand jobs take some time."""
PLAN_REST = 4
"""How many times as long as it took to put them in order nothing is done: with ten thousand jobs that is a while."""
WAIT_SECONDS = 5
LONGEST_PAUSE_SECONDS = 5.0
MOST_PRIORITY = 10

log = structlog.get_logger("workprint.farm")


@dataclass(frozen=True)
class Standing:
    """How the farm stands at one moment."""

    lines: dict[QueueName, list[Waiting]]
    running: list[Waiting]
    prioritised: list[Waiting]
    """What waits with a priority that its note does not have yet."""
    stale: dict[str, list[str]]
    """Notes, by their key, on jobs that do not wait, run or live any more."""


class Planner:
    """The lines of one installation, as any hub sees them. Synchronous; every method raises FarmUnavailable."""

    def __init__(self, ledger: Ledger, scripts: Scripts) -> None:
        self._redis, self._ledger, self._scripts = ledger.redis, ledger, scripts
        self._known: dict[bytes, Waiting] = {}
        """The notes as they were read last, by their text: most are the same the next time."""

    def lines(self) -> dict[QueueName, list[Waiting]]:
        """Every queue with what waits in it, in its running order."""
        return self._read().lines

    def running(self) -> list[Waiting]:
        """What nodes work on."""
        return self._read().running

    def look(self) -> tuple[dict[QueueName, list[Waiting]], list[Waiting]]:
        """The queues and what nodes work on, of one moment."""
        standing = self._read()
        return standing.lines, standing.running

    def positions(self) -> dict[str, int]:
        """How many jobs of its queue stand before each job that waits."""
        return {card.job: place for line in self.lines().values() for place, card in enumerate(line)}

    def arrange(self) -> int:
        """Put every queue in the order that `line.plan` says; how many were in another."""
        standing = self._read()
        changed = 0
        for queue, line in standing.lines.items():
            order = plan(line, standing.running)
            if order != [card.job for card in line]:
                self._scripts.reorder(queue, order)
                changed += 1
        self._put_right(standing)
        return changed

    def _put_right(self, standing: Standing) -> None:
        """Note priorities that were given, and remove what belongs to no job any more."""
        with redis_reached():
            for card in standing.prioritised:
                self._redis.hset(self._ledger.key("waiting"), card.job, card.as_json())
            for kind, jobs in standing.stale.items():
                if jobs:
                    self._redis.hdel(self._ledger.key(kind), *jobs)
            for queue, line in standing.lines.items():
                for card in line:
                    if not card.project and not self._redis.hexists(self._ledger.key("live"), card.job):
                        self._redis.lrem(list_key(self._ledger.namespace, queue), 0, card.job)

    def move(self, queue: QueueName, job: str, before: str = "") -> None:
        """Put a waiting job before another of its queue, or at the end, where it stays; raises FarmError."""
        match self._scripts.move(queue, job, before):
            case "gone":
                raise FarmError("This job does not wait in that queue any more")
            case "no pivot":
                raise FarmError("The job that it should go before does not wait in that queue any more")
            case _:
                return

    def prioritise(self, job: str, priority: int) -> None:
        """Give a job that has not ended another priority, also for its next attempts; raises FarmError.

        A job that was put somewhere goes to where its priority says.
        """
        live = self._ledger.live_job(job)
        if live is None:
            raise FarmError("This job has ended, or was never asked for")
        about: dict[str, Any] = {
            "job": job,
            "project": live.order.project,
            "attempt": "",
            "farm_node": "",
            "at": utc_now(),
        }
        event = json.dumps(Prioritised(**about, priority=priority).as_json())
        with redis_reached(), self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            both.hset(self._ledger.key("priority"), job, str(priority))
            if self._redis.hexists(self._ledger.key("waiting"), job):
                # Should it be taken at this very moment, nobody reads what is written here.
                card = Waiting.of(replace(live.order, priority=priority))
                both.hset(self._ledger.key("waiting"), job, card.as_json())
            both.xadd(self._ledger.key("events"), {"event": event})
            both.lpush(self._ledger.key("changed"), "1")
            both.execute()

    def _read(self) -> Standing:
        with redis_reached(), self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            for queue in QUEUES:
                both.lrange(list_key(self._ledger.namespace, queue), 0, -1)
            for kind in ("waiting", "running", "priority"):
                both.hgetall(self._ledger.key(kind))
            both.hkeys(self._ledger.key("live"))
            *lists, waiting, running, priorities, live = both.execute()
        alive = {job.decode() for job in cast("list[bytes]", live)}
        cards, run = self._cards(waiting, running)
        given = {job.decode(): int(value) for job, value in cast("dict[bytes, bytes]", priorities).items()}
        prioritised = [
            replace(cards[job], priority=priority)
            for job, priority in given.items()
            if job in cards and cards[job].priority != priority
        ]
        cards |= {card.job: card for card in prioritised}
        lines: dict[QueueName, list[Waiting]] = {
            queue: [cards.get(job) or self._unknown(job) for job in (job.decode() for job in jobs)]
            for queue, jobs in zip(QUEUES, cast("list[list[bytes]]", lists), strict=True)
        }
        queued = {card.job for line in lines.values() for card in line}
        taken = {job: card for job, card in run.items() if job in alive and job not in queued}
        stale = {
            "waiting": [job for job in cards if job not in alive],
            "running": [job for job in run if job not in taken],
            "priority": [job for job in given if job not in alive],
        }
        return Standing(lines, list(taken.values()), prioritised, stale)

    def _cards(self, *notes: Mapping[bytes, bytes]) -> Iterator[dict[str, Waiting]]:
        """What notes say, by job."""
        before = self._known
        texts = {text for one in notes for text in one.values()}
        self._known = known = {text: before.get(text) or Waiting.from_json(text) for text in texts}
        return ({job.decode(): known[text] for job, text in one.items()} for one in notes)

    def _unknown(self, job: str) -> Waiting:
        """What the line knows of a job of which there is no note."""
        live = self._ledger.live_job(job)
        if live is not None:
            return Waiting.of(live.order)
        return Waiting(job, "", "", "", "", 0.0, 0, 0.0, "")


class LineKeeper:
    """Puts the lines in order whenever they changed; with several hubs one of them does it at a time."""

    def __init__(self, planner: Planner, ledger: Ledger, redis_url: str) -> None:
        self._planner, self._ledger, self._name = planner, ledger, new_id("hub")
        # Replies to a blocking read come late by intent.
        self._redis = AsyncRedis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            redis_url, socket_connect_timeout=2, socket_timeout=WAIT_SECONDS + 5
        )

    async def run(self) -> None:
        """For ever; waits while Redis is away."""
        pause = PLAN_SECONDS
        while True:
            try:
                await self._redis.blpop([self._ledger.key("changed")], timeout=WAIT_SECONDS)
                begun = time.monotonic()
                if await asyncio.to_thread(self._ledger.is_mine, "planner", self._name, PLAN_SECONDS):
                    await asyncio.to_thread(self._planner.arrange)
                else:  # another hub was at it, perhaps a moment too early
                    await self._redis.lpush(self._ledger.key("changed"), "1")
                pause = min(max(PLAN_SECONDS, PLAN_REST * (time.monotonic() - begun)), LONGEST_PAUSE_SECONDS)
            except (*REDIS_AWAY, ResponseError, FarmUnavailable):
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.aclose()
