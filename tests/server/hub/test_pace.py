"""Pace: edits are told at once while there is time, and gather for one tick while there is not."""

from server.hub.pace import BUSY, LONGEST_SECONDS, WINDOW_SECONDS, Pace

TICK = 0.005


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def worked(pace: Pace, clock: Clock, seconds: float, *, every: float, times: int) -> None:
    for _ in range(times):
        clock.at += every
        pace.spent(seconds)


def test_a_quiet_hub_tells_at_once() -> None:
    clock = Clock()
    pace = Pace(TICK, clock)
    assert pace.wait_seconds() == 0.0
    worked(pace, clock, 0.0003, every=0.005, times=1000)
    assert pace.wait_seconds() == 0.0


def test_a_busy_hub_lets_edits_gather_until_it_is_quiet_again() -> None:
    clock = Clock()
    pace = Pace(TICK, clock)
    worked(pace, clock, 0.003, every=0.005, times=100)
    assert pace.wait_seconds() == TICK
    clock.at += WINDOW_SECONDS
    assert pace.wait_seconds() == 0.0


def test_one_long_flush_is_no_load() -> None:
    clock = Clock()
    pace = Pace(TICK, clock)
    pace.spent(10.0)
    assert LONGEST_SECONDS < BUSY * WINDOW_SECONDS
    assert pace.wait_seconds() == 0.0
