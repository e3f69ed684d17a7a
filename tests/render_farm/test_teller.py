"""How far an attempt is, told without holding it up."""

import threading

import pytest

from render_farm import teller as module
from render_farm.job import FarmUnavailable
from render_farm.teller import Teller
from tests.support.farm import wait_until


def test_a_redis_that_swallows_everything_holds_up_no_step_and_hears_the_latest() -> None:
    asked, answers, told = threading.Event(), threading.Event(), list[tuple[float, str]]()

    def publish(percent: float, step: str) -> None:
        told.append((percent, step))
        asked.set()
        assert answers.wait(60)

    with Teller(publish) as teller:
        teller.tell(0.0, "Step 0")
        assert asked.wait(60)
        for step in range(1, 1000):
            teller.tell(step / 10, f"Step {step}")
        assert told == [(0.0, "Step 0")], "Redis has not answered yet"
        answers.set()
        wait_until(lambda: len(told) == 2)
    assert told == [(0.0, "Step 0"), (99.9, "Step 999")]


def test_a_redis_that_comes_back_is_told_again() -> None:
    is_away, told, tries = True, list[float](), list[float]()

    def publish(percent: float, _step: str) -> None:
        was_away = is_away
        tries.append(percent)
        if was_away:
            raise FarmUnavailable("away")
        told.append(percent)

    with Teller(publish) as teller:
        teller.tell(1.0, "Away")
        wait_until(lambda: tries)
        is_away = False
        teller.tell(2.0, "Back")
        wait_until(lambda: told)
    assert told == [2.0]


def test_nothing_is_told_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 60)  # the end comes first, however long this thread is held up
    told = list[float]()
    teller = Teller(lambda percent, _step: told.append(percent))
    with teller:
        teller.tell(1.0, "First")
        wait_until(lambda: told)
        teller.tell(2.0, "Never told")
    teller.tell(3.0, "Too late")
    assert told == [1.0]
