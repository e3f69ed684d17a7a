"""`kill -9` on the real process at any moment: no acknowledged edit is lost, and the log opens again."""

import random
from pathlib import Path

import pytest

from tests.support.crash import kill_again_and_again

KILLS = 20


@pytest.mark.timeout(300)
async def test_no_acknowledged_edit_is_lost_when_the_hub_is_killed(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path, KILLS, random.randrange(1 << 32))
