"""The farm's benchmark runs to its end, and its chapter compares like with like."""

import os
import subprocess
import sys
from pathlib import Path

from bench.farm import SMALL, Found, chapter

ROOT = Path(__file__).parents[2]


def test_a_small_run_measures_both_sides_and_leaves_the_page_alone() -> None:
    page = ROOT / "docs/benchmarks.md"
    before = page.read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.farm", "--small"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("# Benchmarks: the farm\n")
    assert run.stdout.count("| x") == 7
    assert page.read_bytes() == before


def test_the_chapter_shows_medians_and_how_many_times_the_others() -> None:
    ours = Found([30], [1, 3, 200], [25], [40], [50], [1000], [7])
    theirs = Found([3], [1, 2, 3], [4], [10], [100], [2000])
    written = chapter(SMALL, ours, theirs)
    assert "| click to start seen, idle worker; plain RQ: order to start | 30.0 ms | 3.0 ms | x10.00 |" in written
    assert "| overhead per job | 15.0 ms | 6.0 ms | x2.50 |" in written
    assert "| order to start, idle worker | 3.0 ms | 2.0 ms | x1.50 |" in written
    assert "| jobs given out per second | 1,000.0 | 2,000.0 | x0.50 |" in written
    assert "which took 7 ms" in written
