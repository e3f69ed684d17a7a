"""What a container prints is believed only as far as it can be used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.runners.job_lines import Lines
from tests.support.run_context import Attempt


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path / "attempt")


def reader(attempt: Attempt, take_preview: Callable[[str], Path | None] = lambda _name: None) -> Lines:
    """Of a container all of whose lines come within one second."""
    return Lines(attempt, take_preview, clock=lambda: 7.0)


def say(lines: Lines, *told: object) -> None:
    for one in told:
        lines.feed(True, json.dumps(one).encode() + b"\n")


@pytest.mark.parametrize("percent", [10**400, "1e999x", None, [], {}, "nan", -1], ids=lambda value: str(value)[:9])
def test_progress_that_is_no_number_is_only_a_line(attempt: Attempt, percent: object) -> None:
    say(reader(attempt), {"progress": percent})
    assert attempt.steps == []
    assert len(attempt.lines) == 1


def test_a_container_that_shouts_its_progress_is_heard_a_few_times_a_second(attempt: Attempt) -> None:
    say(reader(attempt), *({"progress": n / 100, "step": f"Step {n}"} for n in range(5000)))
    assert 1 < len(attempt.steps) <= 20


def test_a_container_that_shows_pictures_all_the_time_is_looked_at_a_few_times_a_second(attempt: Attempt) -> None:
    asked: list[str] = []

    def take(name: str) -> None:
        asked.append(name)

    say(reader(attempt, take), *({"preview": f"{n}.png"} for n in range(5000)))
    assert 1 < len(asked) <= 4
    assert len(attempt.lines) == len(asked)
