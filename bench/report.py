"""Report: the results as a page of markdown: the goals first, then a table for every scenario."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.goals import GOALS, SCENARIOS, Goal, Rule, Scenario, judge, was_generator_limited
from bench.results import OURS, WORST_COUNTS, Measured

LABELS = {
    "achieved_edits_s": "edits per second",
    "deliveries_s": "deliveries per second",
    "latency_p50_ms": "latency p50, ms",
    "latency_p95_ms": "latency p95, ms",
    "latency_p99_ms": "latency p99, ms",
    "cpu_us_per_delivery": "CPU per delivery, µs",
    "server_cpu_pct": "server CPU, % of a core",
    "bytes_per_delivery": "bytes per delivery",
    "peak_rss_mb": "peak memory, MB",
    "sustained_deliveries_s": "sustained deliveries per second",
    "sustained_edits_s": "sustained edits per second",
    "overload_drain_s": "drained after the overload, s",
    "offered_moves_s": "moves per second",
    "seen_singly_pct": "moves seen singly, %",
    "synced_p50_ms": "synced p50, ms",
    "synced_p99_ms": "synced p99, ms",
    "cpu_ms_per_join": "CPU per join, ms",
    "cold_synced_ms": "first client after a restart, ms",
    "rss_empty_mb": "memory when empty, MB",
    "rss_full_mb": "memory when full, MB",
    "kb_per_connection": "kB per connection",
    "kb_per_room": "kB per room",
    "acked_edits": "acknowledged edits",
    "lost_acked_edits": "acknowledged edits lost (worst run)",
    "seen_edits": "edits seen by others",
    "lost_edits": "edits seen by others and lost (worst run)",
    "worst_lost_seconds": "lost, seconds' worth (worst run)",
    "recovered_ms": "back after a restart, ms",
    "generator_cpu_pct": "generator CPU, % of a core",
    "generator_lag_p99_ms": "generator lag p99, ms",
    "other_cpu_pct": "other processes, % of a core",
}
"""Every row of the tables, in their order; a scenario has those that it reports."""
PLAIN = frozenset(
    {
        *("achieved_edits_s", "deliveries_s", "offered_moves_s", "seen_singly_pct", "acked_edits", "seen_edits"),
        *("server_cpu_pct", "generator_cpu_pct", "generator_lag_p99_ms", "other_cpu_pct"),
        *WORST_COUNTS,
    }
)
"""Rows without ratios: what was offered, what disturbed, and what is zero where all is well."""
NOTHING = "-"


@dataclass(frozen=True)
class Setting:
    """Where and with what it was measured."""

    machine: str
    versions: Sequence[str]
    quick: bool


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{float(f'{value:.3g}'):g}"  # noqa: PLR2004 - three digits


def cell(measured: Measured, target: str, metric: str, against: str = "") -> str:
    """A value with its ratio to another target, or to the best peer."""
    value, ratio = measured.value(target, metric), measured.ratio(target, metric, against)
    if value is None:
        return NOTHING
    return number(value) if ratio is None or metric in PLAIN else f"{number(value)} (x{ratio:.2f})"


def scenario_table(scenario: Scenario, measured: Measured) -> Iterator[str]:
    """The lines of a scenario's part of the page."""
    sizes = " ".join(f"{name}={size}" for name, size in measured.sizes.items())
    yield f"### {scenario.title}"
    yield ""
    yield scenario.what
    yield ""
    runs = max(len(measured.of(target)) for target in scenario.targets)
    yield (
        f"`{scenario.name}{' --persist' if scenario.persist else ''}` with {sizes}; "
        f"{runs} {'runs' if runs > 1 else 'run'} of each; {measured.at}, Workprint {measured.version}."
    )
    yield ""
    yield f"| | {' | '.join(scenario.targets)} |"
    yield f"|---|{'---:|' * len(scenario.targets)}"
    for metric, label in LABELS.items():
        if any(measured.value(target, metric) is not None for target in scenario.targets):
            yield f"| {label} | {' | '.join(cell(measured, target, metric) for target in scenario.targets)} |"
    if any(measured.value(target, "generator_limited") is not None for target in scenario.targets):
        limited = ("generator" if was_generator_limited(measured, target) else "server" for target in scenario.targets)
        yield f"| limited by the | {' | '.join(limited)} |"
    yield f"| failed runs | {' | '.join(str(len(measured.failures(target))) for target in scenario.targets)} |"
    for target in scenario.targets:
        for error in measured.failures(target):
            yield ""
            yield f"**{target} failed:** {' '.join(error.split())}"
    yield ""


def verdict(goal: Goal, measured: Measured, target: str) -> str:
    """What a target of ours reached, and whether it is enough."""
    met = judge(goal, measured, target)
    if failed := len(measured.failures(target)):
        return f"**missed**: {failed} of {len(measured.of(target))} runs failed"
    if met is None:
        return NOTHING
    limited = goal.rule is Rule.RATIO_AT_LEAST and was_generator_limited(measured, target)
    reached = cell(measured, target, goal.metric, goal.against) + (", generator-limited" if limited else "")
    return f"{reached}: {'met' if met else '**missed**'}"


def goal_row(goal: Goal, scenario: Scenario, measured: Measured | None) -> str:
    """A goal's line of the table of goals."""
    limits = {
        Rule.RATIO_AT_MOST: f"≤ x{goal.limit:g}",
        Rule.RATIO_AT_LEAST: f"≥ x{goal.limit:g}, or generator-limited",
        Rule.AT_MOST: f"≤ {goal.limit:g}",
        Rule.BELOW: f"< {goal.limit:g}",
    }
    best = measured and measured.best_peer(goal.metric)
    if measured and goal.against:
        value = measured.value(goal.against, goal.metric)
        best = (goal.against, value) if value is not None else None
    shown = f"{number(best[1])} ({best[0]})" if best else NOTHING
    ours = (verdict(goal, measured, target) if measured else "not measured" for target in OURS)
    return f"| {scenario.title} | {LABELS[goal.metric]} | {limits[goal.rule]} | {shown} | {' | '.join(ours)} |"


def summary(results: Mapping[str, Measured]) -> str:
    """How many of the goals were reached by both dialects."""
    judged = [
        [judge(goal, results[goal.scenario], ours) for ours in OURS] for goal in GOALS if goal.scenario in results
    ]
    # A dialect without acknowledgements cannot lose any: only the other one is asked.
    met = sum(True in each and False not in each for each in judged)
    return f"{met} of {len(GOALS)} goals are met in both dialects; {len(GOALS) - len(judged)} were not measured."


INTRODUCTION = """\
# Benchmarks: the hub

Workprint's hub beside three other Yjs servers, under the same load from the same generator, one after the other in
turns. Only the ratios within one run mean something: they hold on another machine, the absolute numbers do not.

- **Workprint** runs as in the product: durable persistence is always on (SQLite with `synchronous=FULL`; an edit is
  acknowledged once it is on the disk), every update is checked, the guard looks at every record that is touched, and
  the observers of a canvas watch every room.
  `bench/hub.py` is that hub with rooms of the benchmark's naming; it lets everybody in, as the peers do.
  It is measured in both of its dialects.
- **The peers** keep nothing on disk, except where it says *with persistence*.
- Ratios (x) are to the **best peer of each row**, whichever that is. Below 1 is better, but for sustained rates.
- Values are medians over the runs that converged; of what was lost, the worst run is shown. A goal is missed when a
  single run of ours failed.

## How to repeat

    make bench                                  # everything, three runs of each: about 80 minutes
    make bench BENCH="--quick --reps 1"         # small loads, one run: about 10 minutes; proves that it works, no more
    make bench BENCH="--only fanout --reps 5"   # measure one scenario again

The benchmark itself is taken from `../shared/bench`, or from the folder that `WORKPRINT_BENCH` names, and set up in
`.make/bench`; the first time installs the peers (npm, Python, a C++ compiler). Close everything else before: where
*other processes* used more than about 15 % of a core, the numbers are disturbed. A run of everything, or of `--only`
some scenarios, writes this chapter anew from the newest results of each scenario in `.make/bench/results`;
a quick run leaves it alone and writes `.make/bench/results/quick/benchmarks.md`.
"""


def render(results: Mapping[str, Measured], setting: Setting) -> str:
    """The whole page."""
    by_key = {scenario.key: scenario for scenario in SCENARIOS}
    lines = [INTRODUCTION]
    if setting.quick:
        lines += ["**These are quick runs: too short to compare anything.**", ""]
    lines += ["## Where", "", f"- {setting.machine}", *(f"- {version}" for version in setting.versions), ""]
    lines += ["## Goals", "", summary(results), ""]
    lines += [
        f"| scenario | | goal | best peer, or what it is compared with | {' | '.join(OURS)} |",
        f"|---|---|---|---:|{'---:|' * len(OURS)}",
    ]
    order = [scenario.key for scenario in SCENARIOS]
    for goal in sorted(GOALS, key=lambda goal: order.index(goal.scenario)):
        lines.append(goal_row(goal, by_key[goal.scenario], results.get(goal.scenario)))
    lines += ["", "## Scenarios", ""]
    for scenario in SCENARIOS:
        if scenario.key in results:
            lines.extend(scenario_table(scenario, results[scenario.key]))
    return "\n".join(lines).rstrip() + "\n"
