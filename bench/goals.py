"""Goals: the scenarios of the comparison, and what the hub must reach in each against the best peer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bench.results import TARGETS, UNGUARDED, Measured


@dataclass(frozen=True)
class Scenario:
    """One scenario with its sizes: a call of the benchmark and a table of the report."""

    key: str
    title: str
    what: str
    name: str
    """The benchmark's own name for it."""
    sizes: tuple[str, ...] = ()
    persist: bool = False
    """Whether the peers keep documents too. Workprint always does."""
    targets: tuple[str, ...] = TARGETS


SCENARIOS = (
    Scenario("fanout", "Fan-out", "Artists drag nodes and type; everybody in their room sees it.", "fanout"),
    Scenario(
        "fanout-persist",
        "Fan-out, the peers with persistence too",
        "The same, when everybody keeps what is written.",
        "fanout",
        persist=True,
    ),
    Scenario(
        "guard",
        "What the guard costs",
        "The same, with and without the guard that looks at every record which somebody touches.",
        "fanout",
        targets=("workprint-y-websocket", UNGUARDED),
    ),
    Scenario("fanout-rate-40", "Fan-out at four times the rate", "As above, but hectic.", "fanout", ("rate=40",)),
    Scenario(
        "fanout-rooms-50",
        "Many small rooms",
        "Little happens in each, so there is little to gather.",
        "fanout",
        ("rooms=50", "writers=2", "listeners=2", "rate=5"),
    ),
    Scenario(
        "saturate",
        "Saturation",
        "The rate rises until somebody gives out. Each column holds at the highest rate which that server sustained.",
        "saturate",
    ),
    Scenario("awareness-20", "Cursors of 20 people", "Everybody moves all the time.", "awareness", ("clients=20",)),
    Scenario("awareness-40", "Cursors of 40 people", "The same, twice as many.", "awareness", ("clients=40",)),
    Scenario(
        "join",
        "Joining a large document",
        "Many open one document of 662 kB at the same moment; then one opens it after a restart.",
        "join",
        persist=True,
    ),
    Scenario("idle", "Idle connections", "What it costs to be there.", "idle"),
    Scenario(
        "restart-10",
        "Killed under load",
        "SIGKILL while edits are in flight: what is gone afterwards?",
        "restart",
        ("rate=10",),
        persist=True,
    ),
    Scenario(
        "restart-100",
        "Killed under ten times the load",
        "The same, but hectic.",
        "restart",
        ("rate=100",),
        persist=True,
    ),
)


class Rule(Enum):
    """How a goal is measured."""

    RATIO_AT_MOST = auto()
    RATIO_AT_LEAST = auto()
    """Or as much as the load generator can drive."""
    AT_MOST = auto()
    BELOW = auto()


@dataclass(frozen=True)
class Goal:
    """What one metric of one scenario must be."""

    scenario: str
    metric: str
    rule: Rule
    limit: float
    against: str = ""
    """The target that ratios are to; the best peer where none is named."""


AT_MOST_RATIOS: Sequence[tuple[str, str, float]] = (
    ("fanout", "cpu_us_per_delivery", 0.6),
    ("fanout", "latency_p50_ms", 0.8),
    ("fanout", "latency_p99_ms", 1.0),
    ("fanout-persist", "cpu_us_per_delivery", 0.3),
    ("fanout-rate-40", "cpu_us_per_delivery", 0.5),
    ("fanout-rate-40", "latency_p50_ms", 0.8),
    ("fanout-rate-40", "latency_p99_ms", 0.8),
    ("fanout-rooms-50", "cpu_us_per_delivery", 0.6),
    ("saturate", "cpu_us_per_delivery", 0.3),
    ("awareness-20", "cpu_us_per_delivery", 0.5),
    ("awareness-20", "latency_p99_ms", 1.0),
    ("awareness-40", "cpu_us_per_delivery", 0.35),
    ("awareness-40", "latency_p99_ms", 1.0),
    ("join", "cpu_ms_per_join", 0.25),
    ("join", "synced_p99_ms", 0.4),
    ("join", "cold_synced_ms", 0.6),
    ("idle", "kb_per_connection", 1.2),
    ("idle", "kb_per_room", 0.7),
)

GOALS: Sequence[Goal] = (
    *(Goal(scenario, metric, Rule.RATIO_AT_MOST, limit) for scenario, metric, limit in AT_MOST_RATIOS),
    Goal("saturate", "sustained_deliveries_s", Rule.RATIO_AT_LEAST, 1.8),
    Goal("guard", "cpu_us_per_delivery", Rule.RATIO_AT_MOST, 1.15, UNGUARDED),
    Goal("restart-10", "lost_acked_edits", Rule.AT_MOST, 0),
    Goal("restart-10", "lost_edits", Rule.AT_MOST, 0),
    Goal("restart-100", "lost_acked_edits", Rule.AT_MOST, 0),
    Goal("restart-100", "worst_lost_seconds", Rule.BELOW, 0.05),
)


def judge(goal: Goal, measured: Measured, target: str) -> bool | None:
    """Whether `target` reached the goal; None when this cannot be said: it was not measured, or no peer was.

    A target of which one run failed has missed it, whatever the others say.
    """
    if measured.failures(target):
        return False
    if goal.rule in (Rule.AT_MOST, Rule.BELOW):
        value = measured.value(target, goal.metric)
        if value is None:
            return None
        return value < goal.limit if goal.rule is Rule.BELOW else value <= goal.limit
    ratio = measured.ratio(target, goal.metric, goal.against)
    if ratio is None:
        return None
    if goal.rule is Rule.RATIO_AT_MOST:
        return ratio <= goal.limit
    return ratio >= goal.limit or was_generator_limited(measured, target)


def was_generator_limited(measured: Measured, target: str) -> bool:
    """Whether in most runs the load generator gave out before the target did."""
    return (measured.value(target, "generator_limited") or 0) > 1 / 2
