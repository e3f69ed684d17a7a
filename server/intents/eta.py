"""How long a take will be in the making: what such takes took, and the work that stands before it; pure."""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crdt_schema.farm import SecondsFrom
from crdt_schema.records import Tier
from pipelines.spec import Pipeline
from render_farm.durations import field_of, kind_of
from render_farm.job import FarmNode, QueueName
from render_farm.line import Waiting
from render_farm.overview import Overview
from render_farm.pick import MOST_PASSES, TOLERANCE_GB, WINDOW, levels, resident_after
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


def places(farm: Overview) -> dict[str, int]:
    """How many jobs of its queue stand before each job that waits, on nodes that it could go to itself."""
    servers, found = _Servers(farm), dict[str, int]()
    for queue, line in farm.lines.items():
        before: dict[_Kind, int] = {}
        for job in line:
            kind = _kind(farm, job, queue)
            mine = servers.of(kind)
            found[job] = sum(
                count for other, count in before.items() if other == kind or not mine.isdisjoint(servers.of(other))
            )
            before[kind] = before.get(kind, 0) + 1
    return found


def arrivals(farm: Overview, percents: Mapping[str, float]) -> dict[str, float]:
    """Seconds until the take of each waiting job is there; nothing of those that no node can run as things are.

    The farm played forward: whichever node is free first takes the first job that it can run, out of its own tier's
    queues before those of smaller work, or one close behind that whose models it has loaded.
    """
    servers, groups = _Servers(farm), _groups(farm)
    clear = [(_left(farm, node.job, percents), number) for number, node in enumerate(farm.nodes)]
    heapq.heapify(clear)
    lines = [_levels_of(node, number, groups, servers) for number, node in enumerate(farm.nodes)]
    resident = [node.resident for node in farm.nodes]
    passed: dict[str, int] = {}
    found: dict[str, float] = {}
    while clear:
        at, number = heapq.heappop(clear)
        groups_there = next(filter(None, (_first(level) for level in lines[number])), None)
        if groups_there is None:
            continue
        _, _, card = _best(groups_there, resident[number], passed).popleft()
        resident[number] = resident_after(card.pipeline, resident[number])
        found[card.job] = round(at + card.seconds, 1)
        heapq.heappush(clear, (at + card.seconds, number))
    return found


class _Kind(NamedTuple):
    """Jobs of one kind can run on the same nodes."""

    queue: QueueName
    pipeline: str
    tier: str
    vram_gb: float


_Group = deque[tuple[str, int, Waiting]]
"""The jobs of one kind in the order of their queue: what compares two queues, the place, the job."""


class _Servers:
    """Which nodes can run jobs of a kind as things are, by their numbers; looked at once for each kind."""

    def __init__(self, farm: Overview) -> None:
        self._farm = farm
        self._known: dict[_Kind, frozenset[int]] = {}

    def of(self, kind: _Kind) -> frozenset[int]:
        """The numbers of the nodes."""
        if kind not in self._known:
            nodes = enumerate(self._farm.nodes)
            self._known[kind] = frozenset(number for number, node in nodes if self._serves(node, kind))
        return self._known[kind]

    def _serves(self, node: FarmNode, kind: _Kind) -> bool:
        if node.state != "ready" or kind.queue not in node.queues or node.vram_gb + TOLERANCE_GB < kind.vram_gb:
            return False
        if kind.pipeline in node.blocked:
            return False
        # Of a node that has not said yet what it can run the best is assumed.
        return f"{kind.pipeline}@{kind.tier}" in node.can or not (node.can or node.lacks)


def _kind(farm: Overview, job: str, queue: QueueName) -> _Kind:
    card = farm.cards.get(job)
    return _Kind(queue, card.pipeline, card.tier, card.vram_gb) if card is not None else _Kind(queue, "", "", 0.0)


def _groups(farm: Overview) -> dict[_Kind, _Group]:
    groups: dict[_Kind, _Group] = {}
    for queue, line in farm.lines.items():
        for place, job in enumerate(line):
            card = farm.cards.get(job)
            if card is not None:
                groups.setdefault(_kind(farm, job, queue), deque()).append((card.asked_at, place, card))
    return groups


def _levels_of(
    node: FarmNode, number: int, groups: Mapping[_Kind, _Group], servers: _Servers
) -> list[dict[QueueName, list[_Group]]]:
    """What a node can run: of each level of its queues, and there of each queue, the groups."""
    mine = [(kind, group) for kind, group in groups.items() if number in servers.of(kind)]
    return [
        {queue: [group for kind, group in mine if kind.queue == queue] for queue in level}
        for level in levels(node.queues)
    ]


def _first(level: Mapping[QueueName, Sequence[_Group]]) -> list[_Group] | None:
    """The groups of the queue that is next, by place; of two queues of a level the more urgent, then the older job."""
    queues = [sorted(left, key=_place) for groups in level.values() if (left := [group for group in groups if group])]
    return min(queues, key=lambda groups: (-groups[0][0][2].priority, groups[0][0][0]), default=None)


def _best(groups: Sequence[_Group], resident: Sequence[str], passed: dict[str, int]) -> _Group:
    """The group whose first job a node takes: as in `pick.py`, the first in line is passed over only so often.

    Places count as they are now, also when those between are gone; and nobody tells who was passed over before.
    """
    _, place, head = groups[0][0]
    if head.pipeline in resident or passed.get(head.job, 0) >= MOST_PASSES:
        return groups[0]
    for group in groups[1:]:
        _, at, card = group[0]
        if at <= place + WINDOW and card.priority == head.priority and card.pipeline in resident:
            passed[head.job] = passed.get(head.job, 0) + 1
            return group
    return groups[0]


def _place(group: _Group) -> int:
    return group[0][1]


def _left(farm: Overview, job: str, percents: Mapping[str, float]) -> float:
    card = farm.cards.get(job)
    if card is None:
        return 0.0
    return card.seconds * (1 - percents.get(job, HALF) / 100)
