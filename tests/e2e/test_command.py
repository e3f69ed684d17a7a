"""The command a stranger types: it starts, says one link, survives its parts, and stops cleanly."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.studio import BIN, Studio

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


NewStudio = Callable[..., Studio]


def children(pid: int) -> list[int]:
    """Every process below one, from procfs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a git that was here for a moment
            for child in task.read_text().split():
                found += [int(child), *children(int(child))]
    return found


def hub_of(studio: Studio) -> int:
    """The process that serves; 0 while there is none."""
    for pid in children(studio.pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"workprint\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return 0


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def new_studio() -> Iterator[Callable[..., Studio]]:
    """Makes studios that are stopped however the test ends."""
    made: list[Studio] = []

    def make(workspace: Path, *, demo: bool = False) -> Studio:
        made.append(Studio(workspace, demo=demo))
        return made[-1]

    yield make
    for studio in made:
        studio.stop()


def test_ctrl_c_leaves_nothing_running_and_a_second_start_is_quick(tmp_path: Path, new_studio: NewStudio) -> None:
    studio, began = new_studio(tmp_path, demo=True), time.monotonic()
    studio.start()
    first_seconds = time.monotonic() - began
    first = {path.name for path in (tmp_path / "Projects").iterdir()}
    below = children(studio.pid)
    assert len(below) >= 3
    assert studio.stop() == 0
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))
    began = time.monotonic()
    studio.start()
    # As quick as the machine is today: it waits for nothing that the first one left.
    assert time.monotonic() - began < 2 * first_seconds + 12
    assert {path.name for path in (tmp_path / "Projects").iterdir()} == first
    assert studio.stop() == 0


def test_a_hub_that_is_killed_comes_back(tmp_path: Path, new_studio: NewStudio) -> None:
    studio = new_studio(tmp_path).start()
    hub = hub_of(studio)
    os.kill(hub, signal.SIGKILL)
    # Another process, not one that has died already: nobody need see the moment in between.
    assert wait_until(lambda: hub_of(studio) not in (0, hub))
    assert wait_until(studio.healthy)
    assert studio.stop() == 0


def test_a_taken_port_is_said_in_words(tmp_path: Path, new_studio: NewStudio) -> None:
    first, second = new_studio(tmp_path / "a").start(), new_studio(tmp_path / "b")
    second.environment["WORKPRINT_PORT"] = str(first.port)
    done = subprocess.run(
        [BIN / "workprint", "serve"], env=second.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "Is Workprint running already?" in done.stderr


def test_a_workspace_holds_one_studio_at_a_time(tmp_path: Path, new_studio: NewStudio) -> None:
    first, second = new_studio(tmp_path).start(), new_studio(tmp_path)
    done = subprocess.run(
        [BIN / "workprint", "up"], env=second.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "runs already in this workspace" in done.stderr
    assert first.healthy()
