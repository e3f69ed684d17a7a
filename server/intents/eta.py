"""How long a take will be in the making: what such takes took, and the work that stands before it; pure."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crdt_schema.farm import SecondsFrom
from crdt_schema.records import Tier
from pipelines.spec import Pipeline
from render_farm.durations import field_of, kind_of
from render_farm.job import FarmNode, QueueName, queue_for
from render_farm.overview import Overview
from server.intents.abilities import able, free

HALF = 50.0
"""Percent: where a job is taken to be that has not said how far it is."""


@dataclass(frozen=True)
class Duration:
    """How long the work itself takes, and how that is known."""

    seconds: float
    known_from: SecondsFrom


def duration(farm: Overview, pipeline: Pipeline, tier: Tier) -> Duration:
    """What such takes took on the kind of node that would do it, else what the catalogue says."""
    can = able(farm, pipeline, tier)
    kinds = dict.fromkeys([kind_of(node) for node in (*free(can), *can)])
    measured = (farm.medians.get(field_of(pipeline.id, tier, kind)) for kind in kinds)
    for found in measured:
        if found is not None:
            return Duration(round(found.seconds, 3), "measured")
    spec = pipeline.tiers.get(tier)
    return Duration(spec.seconds_prior if spec is not None else 0.0, "prior")


def wait_seconds(
    farm: Overview, nodes: Sequence[FarmNode], ahead: Iterable[str], percents: Mapping[str, float]
) -> float:
    """Until one of the nodes is free for a job, when those `ahead` go first and each goes to whoever is free first."""
    if not nodes:
        return 0.0
    clear = [_left(farm, node.job, percents) for node in nodes]
    heapq.heapify(clear)
    for job in ahead:
        card = farm.cards.get(job)
        heapq.heappush(clear, heapq.heappop(clear) + (card.seconds if card is not None else 0.0))
    return clear[0]


def eta_seconds(farm: Overview, pipeline: Pipeline, tier: Tier, percents: Mapping[str, float]) -> float:
    """Until a take would be there that is asked for now, and goes to the end of its queue."""
    nodes = able(farm, pipeline, tier)
    spec = pipeline.tiers.get(tier)
    queue = queue_for(pipeline.task, tier, spec.vram_gb if spec is not None else 0.0)
    ahead = [*_served_before(farm, nodes, queue), *farm.lines.get(queue, ())]
    wait = wait_seconds(farm, nodes, ahead, percents)
    return round(wait + duration(farm, pipeline, tier).seconds, 1)


def _served_before(farm: Overview, nodes: Sequence[FarmNode], queue: QueueName) -> list[str]:
    """The jobs in the queues that every one of these nodes serves before that one."""
    served = [node.queues[: node.queues.index(queue)] for node in nodes if queue in node.queues]
    always: list[QueueName] = [other for other in farm.lines if served and all(other in queues for queues in served)]
    return [job for other in always for job in farm.lines[other]]


def arrivals(farm: Overview, percents: Mapping[str, float]) -> dict[str, float]:
    """Seconds until the take of each waiting job is there.

    One pass for all of them: whatever stands in a queue is taken to run on any node that serves it.
    """
    found: dict[str, float] = {}
    for queue, line in farm.lines.items():
        nodes = [node for node in farm.nodes if queue in node.queues and node.state != "draining"]
        if not nodes:
            continue
        clear, mine = [_left(farm, node.job, percents) for node in nodes], set(line)
        heapq.heapify(clear)
        for job in [*_served_before(farm, nodes, queue), *line]:
            card = farm.cards.get(job)
            done = heapq.heappop(clear) + (card.seconds if card is not None else 0.0)
            heapq.heappush(clear, done)
            if job in mine:
                found[job] = round(done, 1)
    return found


def _left(farm: Overview, job: str, percents: Mapping[str, float]) -> float:
    card = farm.cards.get(job)
    if card is None:
        return 0.0
    return card.seconds * (1 - percents.get(job, HALF) / 100)
