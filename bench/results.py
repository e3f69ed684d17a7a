"""Results: what the benchmark measured, read from its JSON; medians over the runs and ratios to the best peer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, cast

OURS = ("workprint-hocuspocus", "workprint-y-websocket")
PEERS = ("hocuspocus", "y-websocket-server", "pycrdt-websocket")
TARGETS = (*PEERS, *OURS)
UNGUARDED = "workprint-unguarded"
"""Our hub without its guard, to see what that costs."""
HIGHER_IS_BETTER = frozenset({"sustained_deliveries_s", "sustained_edits_s"})
WORST_COUNTS = frozenset({"lost_edits", "lost_acked_edits", "worst_lost_seconds"})
"""A loss in one run is a loss: of these the worst run is shown, not the median."""


@dataclass(frozen=True)
class Run:
    """One target under one scenario, once. `metrics` is empty when it failed."""

    target: str
    error: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """One scenario of the comparison: every target, several times in turn."""

    scenario: str
    at: str
    """When it ended: ISO 8601, UTC."""
    version: str
    """Of Workprint."""
    sizes: Mapping[str, object]
    runs: Sequence[Run]

    def of(self, target: str) -> list[Run]:
        """The runs of a target."""
        return [run for run in self.runs if run.target == target]

    def failures(self, target: str) -> list[str]:
        """What went wrong, once for each failed run."""
        return [run.error for run in self.of(target) if run.error]

    def value(self, target: str, metric: str) -> float | None:
        """The median over the target's runs, or the worst run; None when no run has it."""
        values = [run.metrics[metric] for run in self.of(target) if metric in run.metrics]
        if not values:
            return None
        return max(values) if metric in WORST_COUNTS else median(values)

    def best_peer(self, metric: str) -> tuple[str, float] | None:
        """The peer that is best at it, and its value; None when no peer has one. Good runs count."""
        values = [(value, peer) for peer in PEERS if (value := self.value(peer, metric)) is not None]
        if not values:
            return None
        value, peer = max(values) if metric in HIGHER_IS_BETTER else min(values)
        return peer, value

    def ratio(self, target: str, metric: str, against: str = "") -> float | None:
        """The target's value divided by another's, or by the best peer's; None where that says nothing."""
        named = self.value(against, metric) if against else None
        best = (against, named) if named is not None else self.best_peer(metric)
        value = self.value(target, metric)
        if best is None or value is None or best[1] <= 0:
            return None
        return value / best[1]


def read_runs(text: str) -> tuple[Mapping[str, object], list[Run]]:
    """The sizes and the runs in the JSON that the benchmark writes."""
    raw = cast("list[dict[str, Any]]", json.loads(text))
    sizes: dict[str, object] = {}
    for run in raw:
        sizes.update(run.get("size", {}))
    return sizes, [
        Run(
            target=run["target"],
            error="" if run["converged"] else str(run.get("error") or "it did not converge"),
            metrics=_numbers(run.get("metrics") or {}) if run["converged"] else {},
        )
        for run in raw
    ]


def _numbers(metrics: Mapping[str, object]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}


def load(path: Path) -> Measured:
    """A scenario as `save` wrote it."""
    raw = cast("dict[str, Any]", json.loads(path.read_text()))
    runs = [Run(**run) for run in raw.pop("runs")]
    return Measured(runs=runs, **raw)


def save(measured: Measured, path: Path) -> None:
    """Keep a scenario for a later report."""
    raw = {**vars(measured), "runs": [vars(run) for run in measured.runs]}
    path.write_text(json.dumps(raw, indent=1))
