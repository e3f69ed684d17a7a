"""The long run of kills in the middle of snapshots."""

import os
import random
from pathlib import Path

import pytest

from tests.support.disk_fuzz import muddle
from tests.support.dying import DEATHS, survive_all
from tests.support.snapshot_kills import LOCKS, kill_snapshots, kill_when_seen, two_at_once

KILLS = int(os.environ.get("WORKPRINT_TEST_SNAPSHOT_KILLS", "50"))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_server_killed_fifty_times_loses_nothing_and_leaves_a_whole_repository(tmp_path: Path) -> None:
    # Shown by `pytest -s`: what a long run was worth.
    print(await kill_snapshots(tmp_path, KILLS, random.randrange(1 << 32)))  # noqa: T201


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_server_killed_at_every_step_of_what_it_does_to_a_project_loses_nothing(tmp_path: Path) -> None:
    await survive_all(tmp_path, DEATHS)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_server_killed_while_git_itself_holds_a_lock_loses_nothing(tmp_path: Path) -> None:
    for pattern in LOCKS:
        print(pattern, await kill_when_seen(tmp_path / pattern.replace("/", "_"), pattern))  # noqa: T201 - as above


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_two_snapshotters_at_once_for_a_long_time(tmp_path: Path) -> None:
    await two_at_once(tmp_path, 150)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_nothing_is_lost_between_editors_git_and_the_app_for_a_long_time(tmp_path: Path) -> None:
    for seed in range(100, 200):
        await muddle(tmp_path / str(seed), seed)
