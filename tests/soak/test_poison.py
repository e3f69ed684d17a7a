"""A million bent updates: FUZZ_FIRST=1 POISON_SEEDS=500 make soak PYTEST=tests/soak/test_poison.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIRST = int(os.environ.get("FUZZ_FIRST", "1000"))
SEEDS = int(os.environ.get("POISON_SEEDS", "500"))
EACH = 2000
"""Updates of one seed, in a process of their own: some may end it."""


def harm_of(seed: int, count: int, folder: Path) -> str:
    """What the bent updates of a seed have done; empty when nothing."""
    file = folder / f"{seed}.txt"
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.mutants", str(seed), str(count), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (0, 1):
        return done.stdout
    return f"the process ended with {done.returncode}:\n{file.read_text()}"


def test_bent_updates_are_refused_or_harmless(tmp_path: Path) -> None:
    assert harm_of(1, 1000, tmp_path) == ""


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_million_bent_updates_are_refused_or_harmless(tmp_path: Path) -> None:
    failed = {seed: harm for seed in range(FIRST, FIRST + SEEDS) if (harm := harm_of(seed, EACH, tmp_path))}
    assert not failed
