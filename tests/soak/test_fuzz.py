"""Thousands of fuzzed lives: FUZZ_FIRST=1 FUZZ_SEEDS=5000 make soak PYTEST=tests/soak/test_fuzz.py."""

import os
import sys
from pathlib import Path

import pytest

from tests.interop.fuzz import live
from tests.support.hub import node_clients

FIRST = int(os.environ.get("FUZZ_FIRST", "1000"))
SEEDS = int(os.environ.get("FUZZ_SEEDS", "2000"))
"""Three to four of them a second."""


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_thousands_of_lives_all_end_equal(tmp_path: Path) -> None:
    failed: dict[int, str] = {}
    async with node_clients() as everyone:
        for seed in range(FIRST, FIRST + SEEDS):
            try:
                await live(seed, everyone, tmp_path)
            except (AssertionError, TimeoutError) as error:
                failed[seed] = str(error)
                sys.stderr.write(f"seed {seed} fails: {str(error)[:500]}\n")
    assert not failed, f"of the seeds {FIRST} to {FIRST + SEEDS - 1} these fail: {list(failed)}"
