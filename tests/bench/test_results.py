"""Whose number is compared with whose, and what a failed run is worth."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.results import OURS, PEERS, UNGUARDED, Measured, Run, load, read_runs, save


def measured(**values: list[float]) -> Measured:
    """Runs of a metric called `cpu`, by target; `-` in a name is written `_`."""
    runs = [
        Run(target.replace("_", "-"), "", {"cpu": value, "lost_edits": value, "sustained_edits_s": value})
        for target, numbers in values.items()
        for value in numbers
    ]
    return Measured("fanout", "2026-01-01 00:00 UTC", "abc", {"rooms": 4}, runs)


def test_a_value_is_the_median_of_the_runs() -> None:
    assert measured(hocuspocus=[9.0, 1.0, 2.0]).value("hocuspocus", "cpu") == 2.0


def test_of_a_loss_the_worst_run_counts() -> None:
    assert measured(hocuspocus=[0.0, 7.0, 0.0]).value("hocuspocus", "lost_edits") == 7.0


def test_the_best_peer_has_the_least_cost_or_the_highest_rate() -> None:
    results = measured(hocuspocus=[3.0], y_websocket_server=[2.0], pycrdt_websocket=[4.0], workprint_hocuspocus=[1.0])
    assert results.best_peer("cpu") == ("y-websocket-server", 2.0)
    assert results.best_peer("sustained_edits_s") == ("pycrdt-websocket", 4.0)
    assert results.ratio("workprint-hocuspocus", "cpu") == 0.5


def test_a_peer_that_failed_once_is_still_measured_against() -> None:
    results = measured(hocuspocus=[1.0, 1.0], y_websocket_server=[2.0])
    results = replace(results, runs=[*results.runs, Run("hocuspocus", "NOT CONVERGED", {})])
    assert results.best_peer("cpu") == ("hocuspocus", 1.0)
    assert results.failures("hocuspocus") == ["NOT CONVERGED"]


@pytest.mark.parametrize("peer", [0.0, -3.0])
def test_there_is_no_ratio_to_nothing(peer: float) -> None:
    assert measured(hocuspocus=[peer], workprint_hocuspocus=[1.0]).ratio("workprint-hocuspocus", "cpu") is None
    assert measured(workprint_hocuspocus=[1.0]).ratio("workprint-hocuspocus", "cpu") is None


def test_the_benchmarks_own_json_is_understood() -> None:
    text = json.dumps(
        [
            {
                "scenario": "saturate",
                "target": "hocuspocus",
                "size": {"rooms": 2},
                "converged": True,
                "metrics": {"sustained_deliveries_s": 6.5e5, "generator_limited": True, "stopped_by": "p99", "x": None},
            },
            {"target": "pycrdt-websocket", "size": {"rooms": 2}, "converged": False, "error": "NOT CONVERGED: room 1"},
            {"target": "y-websocket-server", "converged": False, "metrics": {}},
        ]
    )
    sizes, runs = read_runs(text)
    assert sizes == {"rooms": 2}
    assert runs == [
        Run("hocuspocus", "", {"sustained_deliveries_s": 6.5e5, "generator_limited": 1.0}),
        Run("pycrdt-websocket", "NOT CONVERGED: room 1", {}),
        Run("y-websocket-server", "it did not converge", {}),
    ]


def test_results_are_kept_for_a_later_report(tmp_path: Path) -> None:
    results = measured(hocuspocus=[1.5], workprint_hocuspocus=[1.0])
    save(results, tmp_path / "fanout.json")
    assert load(tmp_path / "fanout.json") == results


def test_our_targets_are_those_of_the_project() -> None:
    targets = json.loads((Path(__file__).parents[2] / "bench" / "targets.json").read_text())
    assert tuple(targets) == (*OURS, UNGUARDED)
    assert not set(targets) & set(PEERS)
    assert [target["protocol"] for target in targets.values()] == ["hocuspocus", "y-websocket", "y-websocket"]
