"""How often the progress of a project's jobs is told."""

import pytest

from server.intents.progress import pace_seconds


@pytest.mark.parametrize(("jobs", "seconds"), [(0, 0.1), (1, 0.1), (40, 0.1), (300, 0.75), (10_000, 2.0)])
def test_more_jobs_than_forty_are_told_in_proportion_less_often_but_never_rarely(jobs: int, seconds: float) -> None:
    assert pace_seconds(jobs) == pytest.approx(seconds)
