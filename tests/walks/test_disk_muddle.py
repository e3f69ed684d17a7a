"""People edit in the app and on the disk at once, with editors and git: nothing of anybody is lost (W-085)."""

from pathlib import Path

import pytest

from tests.support.disk_fuzz import muddle

FOUND = {
    "an editor saves what it read before the last snapshot": 8,
    "a commit by hand meets a file that was saved after it": 11,
    "a file is repaired after the app went on": 3,
    "a file is emptied and written while a snapshot looks": 1,
    "a commit by hand takes along a file that was merged from the folder first": 144,
}
"""Seeds that lost something once."""


@pytest.mark.parametrize("seed", FOUND.values(), ids=FOUND)
async def test_nothing_is_lost_between_editors_git_and_the_app(tmp_path: Path, seed: int) -> None:
    await muddle(tmp_path, seed)
