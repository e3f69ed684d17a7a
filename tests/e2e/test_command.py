"""The command a stranger types: it starts, says one link, survives its parts, and stops cleanly."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.studio import BIN, Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def children(pid: int) -> list[int]:
    """Every process below one, from procfs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *children(int(child))]
    return found


def wait_until(condition: object, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_leaves_nothing_running_and_a_second_start_is_quick(tmp_path: Path) -> None:
    studio = Studio(tmp_path).start()
    first = {path.name for path in (tmp_path / "Projects").iterdir()}
    below = children(studio.pid)
    assert len(below) >= 3
    assert studio.stop() == 0
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))
    started = time.monotonic()
    studio.start()
    assert time.monotonic() - started < 15
    assert {path.name for path in (tmp_path / "Projects").iterdir()} == first
    assert studio.stop() == 0


def test_a_hub_that_is_killed_comes_back(tmp_path: Path) -> None:
    studio = Studio(tmp_path, demo=False).start()
    listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    mine = set(children(studio.pid))
    hub = next(
        int(line.split()[0])
        for line in listing.splitlines()
        if "workprint serve" in line and int(line.split()[0]) in mine
    )
    os.kill(hub, signal.SIGKILL)
    assert wait_until(lambda: not studio.healthy(), 5)
    assert wait_until(studio.healthy)
    assert studio.stop() == 0


def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    first = Studio(tmp_path / "a", demo=False).start()
    second = Studio(tmp_path / "b", demo=False)
    second.environment["WORKPRINT_PORT"] = str(first.port)
    done = subprocess.run(
        [BIN / "workprint", "serve"], env=second.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert first.stop() == 0
    assert done.returncode == 2
    assert "Is Workprint running already?" in done.stderr
