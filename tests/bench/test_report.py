"""When a goal is met, and what the page says of it."""

import pytest

from bench.goals import GOALS, SCENARIOS, Goal, Rule, judge
from bench.report import LABELS, Setting, number, render, summary, verdict
from bench.results import OURS, PEERS, TARGETS, Measured, Run

HOCUSPOCUS, Y_WEBSOCKET = OURS
CPU = Goal("fanout", "cpu_us_per_delivery", Rule.RATIO_AT_MOST, 0.6)
RATE = Goal("saturate", "sustained_deliveries_s", Rule.RATIO_AT_LEAST, 1.8)
LOSS = Goal("restart-10", "lost_edits", Rule.AT_MOST, 0)
WORTH = Goal("restart-100", "worst_lost_seconds", Rule.BELOW, 0.05)


def one_run(metric: str, peers: float, ours: float, **more: float) -> Measured:
    """Every peer has one value, both of ours another."""
    runs = [
        *(Run(target, "", {metric: peers}) for target in PEERS),
        *(Run(target, "", {metric: ours, **more}) for target in OURS),
    ]
    return Measured("any", "2026-01-01 00:00 UTC", "abc1234", {"rooms": 4}, runs)


@pytest.mark.parametrize(
    ("goal", "peers", "ours", "met"),
    [
        (CPU, 10.0, 6.0, True),
        (CPU, 10.0, 6.1, False),
        (RATE, 10.0, 18.0, True),
        (RATE, 10.0, 17.9, False),
        (LOSS, 5.0, 0.0, True),
        (LOSS, 5.0, 1.0, False),
        (WORTH, 5.0, 0.049, True),
        (WORTH, 5.0, 0.05, False),
        (CPU, 0.0, 6.0, None),
    ],
)
def test_a_goal_is_met_up_to_its_limit(goal: Goal, peers: float, ours: float, met: bool | None) -> None:
    assert judge(goal, one_run(goal.metric, peers, ours), HOCUSPOCUS) is met


def test_more_than_the_generator_can_drive_is_not_asked() -> None:
    limited = one_run(RATE.metric, 10.0, 17.0, generator_limited=1.0)
    assert judge(RATE, limited, HOCUSPOCUS)
    assert verdict(RATE, limited, HOCUSPOCUS) == "17 (x1.70), generator-limited: met"


def test_one_failed_run_misses_the_goal() -> None:
    measured = one_run(CPU.metric, 10.0, 1.0)
    runs = [*measured.runs, Run(HOCUSPOCUS, "NOT CONVERGED: room 1", {})]
    measured = Measured("fanout", "2026-01-01 00:00 UTC", "abc1234", {}, runs)
    assert judge(CPU, measured, HOCUSPOCUS) is False
    assert verdict(CPU, measured, HOCUSPOCUS) == "**missed**: 1 of 2 runs failed"
    assert judge(CPU, measured, Y_WEBSOCKET)


def test_a_dialect_without_acknowledgements_does_not_spoil_the_goal_of_losing_none() -> None:
    runs = [Run(HOCUSPOCUS, "", {"lost_acked_edits": 0.0, "lost_edits": 0.0}), Run(Y_WEBSOCKET, "", {"lost_edits": 0})]
    measured = Measured("restart-10", "2026-01-01 00:00 UTC", "abc1234", {}, runs)
    assert summary({"restart-10": measured}).startswith(f"2 of {len(GOALS)} goals are met")


def test_every_goal_is_about_a_scenario_and_a_row_of_its_table() -> None:
    keys = [scenario.key for scenario in SCENARIOS]
    assert len(set(keys)) == len(keys)
    assert {goal.scenario for goal in GOALS} == set(keys)
    assert {goal.metric for goal in GOALS} <= set(LABELS)


def test_the_page_has_the_goals_a_table_for_each_scenario_and_what_failed() -> None:
    measured = one_run(CPU.metric, 10.0, 5.0)
    runs = [*measured.runs, Run("pycrdt-websocket", "NOT CONVERGED:\nroom 1", {})]
    measured = Measured("fanout", "2026-01-01 00:00 UTC", "abc1234", {"rooms": 4, "rate": 10}, runs)
    page = render({"fanout": measured}, Setting("two cores", ["Workprint: Python 3"], quick=False))
    lines = page.splitlines()
    assert "- two cores" in lines
    assert any("| Fan-out | CPU per delivery" in line and line.count(": met") == len(OURS) for line in lines)
    assert "`fanout` with rooms=4 rate=10; 2 runs of each; 2026-01-01 00:00 UTC, Workprint abc1234." in lines
    row = "| CPU per delivery, µs | 10 (x1.00) | 10 (x1.00) | 10 (x1.00) | 5 (x0.50) | 5 (x0.50) |"
    assert row in lines
    assert "| failed runs | 0 | 0 | 1 | 0 | 0 |" in lines
    assert "**pycrdt-websocket failed:** NOT CONVERGED: room 1" in lines
    assert "### Saturation" not in lines
    assert all(target in page for target in TARGETS)
    assert "too short" not in page
    assert "too short" in render({"fanout": measured}, Setting("two cores", [], quick=True))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.0512345, "0.0512"), (5.0, "5"), (99.94, "99.9"), (99.96, "100"), (1278000.4, "1,278,000")],
)
def test_numbers_are_readable(value: float, shown: str) -> None:
    assert number(value) == shown
