"""The farm at one moment: its nodes, what stands in the queues in which order, and how long such work takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from render_farm.durations import Durations, Measured, Medians
from render_farm.job import FarmNode, FarmUnavailable, QueueName
from render_farm.line import Waiting
from render_farm.queues import Farm

Lines = Mapping[QueueName, tuple[str, ...]]
"""The jobs of each queue in the order in which they will run."""


@dataclass(frozen=True)
class Overview:
    """The farm as it was seen a moment ago; nothing is known of one that cannot be reached."""

    reachable: bool = True
    nodes: tuple[FarmNode, ...] = ()
    lines: Lines = field(default_factory=dict[QueueName, tuple[str, ...]])
    cards: Mapping[str, Waiting] = field(default_factory=dict[str, Waiting])
    """What is known of the jobs in the queues and on the nodes."""
    medians: Medians = field(default_factory=dict[str, Measured])

    def positions(self) -> dict[str, int]:
        """How many jobs of its queue stand before each job that waits."""
        return {job: place for line in self.lines.values() for place, job in enumerate(line)}


UNREACHABLE = Overview(reachable=False)


class Lookout:
    """Looks at the farm, in a few round trips. Synchronous."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._durations = Durations(farm.ledger)

    def look(self) -> Overview:
        """The farm now; `UNREACHABLE` while Redis is away."""
        try:
            lines, running = self._farm.planner.look()
            nodes, medians = tuple(self._farm.nodes()), self._durations.medians()
        except FarmUnavailable:
            return UNREACHABLE
        cards = {card.job: card for card in (*running, *(card for line in lines.values() for card in line))}
        order: Lines = {queue: tuple(card.job for card in line) for queue, line in lines.items()}
        return Overview(True, nodes, order, cards, medians)
