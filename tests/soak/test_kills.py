"""The long run of `kill -9`: hundreds of them, on one file that is compacted meanwhile."""

import os
import random
from pathlib import Path

import pytest

from tests.support.crash import kill_again_and_again

KILLS = int(os.environ.get("WORKPRINT_TEST_KILLS", "200"))


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_hundreds_of_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    # Shown by `pytest -s`: what a long run was worth.
    print(await kill_again_and_again(tmp_path, KILLS, random.randrange(1 << 32)))  # noqa: T201
