"""A farm on which everything dies at random, seeded: real nodes, a real hub and Valkey, and SIGKILL for all of them."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from crdt_schema.records import Job
from render_farm.job import FarmUnavailable
from tests.support.farm import DYING_LEASE_SECONDS, Valkey, eventually
from tests.support.film import Film
from tests.support.zygote import Zygote

ENDED = ("refused", "completed", "failed", "cancelled", "lost")
STOPPED_SECONDS = DYING_LEASE_SECONDS + 4
"""Longer than a lease and the next look of the reaper: whoever is stopped for so long comes back as a late writer."""


@dataclass
class Simulation:
    """Asks for takes while nodes, attempts and Valkey die; `run` returns when every intent has come to its end."""

    film: Film
    zygote: Zygote
    valkey: Valkey
    random: Random
    nodes: int = 8
    shots: int = 20
    deaths: Counter[str] = field(default_factory=Counter[str])
    _born: int = 0
    _names: list[str] = field(default_factory=list[str])

    async def run(self, intents: int, deaths: int, limit_seconds: float) -> dict[str, Job]:
        """Every job by intent."""
        for _ in range(self.nodes):
            self._bear()
        await eventually(lambda: len(self.film.farm.nodes()) == self.nodes, 60)
        for number in range(self.shots):
            await self.film.add_shot(f"shot-{number}", shot=number + 1, parameters={"steps": 2})
        asked = [f"intent-{number}" for number in range(intents)]
        # Drawn while nobody else draws: the seed alone says who dies.
        kinds = self.random.choices(("node", "attempt", "sleep", "valkey"), (10, 6, 3, 1), k=deaths)
        dying = asyncio.create_task(self._die(kinds))
        try:
            async with asyncio.timeout(limit_seconds):
                for intent in asked:
                    await self.film.ask(f"shot-{self.random.randrange(self.shots)}", intent=intent)
                jobs = await self._all_ended(asked)
                await dying
        finally:
            dying.cancel()
            with suppress(asyncio.CancelledError):
                await dying
        return jobs

    async def _all_ended(self, asked: list[str]) -> dict[str, Job]:
        for intent in asked:
            await self._ended(intent)
        return await self.film.jobs()

    async def _ended(self, intent: str) -> None:
        while True:
            job = await self.film.job(intent)
            if job is not None and job["status"] in ENDED:
                return
            await asyncio.sleep(0.2)

    def _bear(self) -> None:
        name = f"sim-{self._born}"
        self._born += 1
        self.zygote.node(name, self.valkey.url, lease_seconds=DYING_LEASE_SECONDS)
        self._names.append(name)

    async def _die(self, kinds: Sequence[str]) -> None:
        for kind in kinds:
            await asyncio.sleep(self.random.uniform(0.05, 0.5))
            self.deaths[kind] += 1
            await getattr(self, f"_{kind}")()
            self._forgive()

    def _forgive(self) -> None:
        """So many deaths would block every node for half an hour; an admin forgives them."""
        with suppress(FarmUnavailable):
            for name in self._names:
                self.film.farm.roster.forgive(name)

    async def _node(self) -> None:
        name = self._names.pop(self.random.randrange(len(self._names)))
        self.zygote.kill(name)
        self._bear()

    async def _attempt(self) -> None:
        for pid in self._attempts():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return

    async def _sleep(self) -> None:
        """An attempt hangs until another has its job, and then goes on."""
        for pid in self._attempts():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                asyncio.get_running_loop().call_later(STOPPED_SECONDS, _wake, pid)
                return

    async def _valkey(self) -> None:
        self.valkey.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(self.valkey.start)

    def _attempts(self) -> list[int]:
        """The processes of attempts, in a random order."""
        found: list[int] = []
        for name in self._names:
            pid = self.zygote.pids[name]
            with suppress(OSError):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                found += map(int, children)
        self.random.shuffle(found)
        return found


def _wake(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def check(simulation: Simulation, jobs: dict[str, Job], intents: int) -> Counter[str]:
    """One intent, one take or one explained failure, and nothing left anywhere; how many ended in which way."""
    film = simulation.film
    takes = await film.takes()
    assert len(jobs) == intents
    for intent, job in jobs.items():
        mine = [take for take in takes.values() if take["job"] == intent]
        assert len(mine) == (1 if job["status"] == "completed" else 0), (intent, job)
        assert job["status"] == "completed" or job["reason"], (intent, job)
        assert all(attempt["ended_at"] for attempt in job["attempts"]), (intent, job)
        fences = [attempt["fence"] for attempt in job["attempts"]]
        assert len(set(fences)) == len(fences), (intent, fences)
    assert len(film.files()) == len(takes)
    names = [(take["scene"], take["shot"], take["number"]) for take in takes.values()]
    assert len(set(names)) == len(names)
    await eventually(lambda: film.farm._redis.xlen("workprint:events") == 0)
    assert film.farm.ledger.live() == set()
    assert film.farm.ledger.put_off() == {}
    assert film.farm.waiting("cpu") == 0
    await eventually(lambda: not simulation._attempts())
    return Counter(job["status"] for job in jobs.values())
