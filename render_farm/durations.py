"""How long takes took on the farm, by pipeline, tier and kind of node: what an estimate is made of.

One hash in Redis, {ns}:seconds: "pipeline@tier|gpu" -> the newest durations as JSON, [[job, seconds], ...].
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import cast

from crdt_schema.records import Tier
from render_farm.job import FarmNode
from render_farm.ledger import Ledger, redis_reached

KEPT = 20
"""Older ones say little: models, drivers and cards change."""
NO_GPU = "cpu"


@dataclass(frozen=True)
class Measured:
    """The median of so many durations."""

    seconds: float
    count: int


Medians = Mapping[str, Measured]
"""By `field_of`."""


def field_of(pipeline: str, tier: Tier | str, kind: str) -> str:
    """Under which name durations are kept."""
    return f"{pipeline}@{tier}|{kind}"


def kind_of(node: FarmNode | None) -> str:
    """Nodes of the same kind take the same time."""
    return (node.gpu if node is not None else "") or NO_GPU


class Durations:
    """Keeps the newest durations. Synchronous: call it from a thread; raises FarmUnavailable."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._key = ledger.key("seconds")

    def note(self, field: str, job: str, seconds: float) -> None:
        """Remember how long a job took; the same job again changes nothing.

        Of two hubs that note at the same moment one may be lost, which moves no median by much.
        """
        with redis_reached():
            kept = _read(cast("bytes | None", self._ledger.redis.hget(self._key, field)))
            if all(known != job for known, _ in kept):
                newest = [*kept, (job, round(seconds, 3))][-KEPT:]
                self._ledger.redis.hset(self._key, field, json.dumps(newest))

    def medians(self) -> dict[str, Measured]:
        """The median of each kind of work."""
        with redis_reached():
            rows = cast("dict[bytes, bytes]", self._ledger.redis.hgetall(self._key))
        found = {field.decode(): [seconds for _, seconds in _read(value)] for field, value in rows.items()}
        return {field: Measured(median(values), len(values)) for field, values in found.items() if values}


def _read(value: bytes | None) -> list[tuple[str, float]]:
    return [(str(job), float(seconds)) for job, seconds in json.loads(value)] if value else []
