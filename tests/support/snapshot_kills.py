"""Snapshots in processes of their own: killed at any moment, or two at once on one project."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pycrdt import Doc, Text

from crdt_schema.ids import ProjectId
from server.auth.actor import Actor
from server.projects.index import Project, Projects
from server.snapshot.copies import Copy
from server.snapshot.writer import Order, write_snapshot
from tests.support.busy_project import SHOT
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import open_workspace

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = (".git/index.lock", ".git/refs/heads/main.lock")
"""What libgit2 holds while it writes."""
CANVAS = "02_Source_Creative/Canvases/main_canvas.json"


def start_busy(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    root.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.busy_project", str(root), *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after(seconds: float, process: "subprocess.Popen[str]") -> str:
    """What a process had said when it was killed, that long after it had begun to speak."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest, said = process.communicate(timeout=60)
    # One that ended by itself has something to say.
    assert process.returncode == -signal.SIGKILL, said[-3000:]
    return first + rest


def killed_when(place: Path, process: "subprocess.Popen[str]") -> str:
    """As `killed_after`, as soon as a file stands there."""
    assert process.stdout is not None
    first, ends = process.stdout.readline(), time.monotonic() + 20
    # Locks are held for a fraction of a millisecond: to sleep is to miss them.
    while not place.exists() and time.monotonic() < ends:
        pass
    process.kill()
    rest, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, said[-3000:]
    return first + rest


def saved_lines(output: str) -> set[str]:
    return {f"line {line.removeprefix('saved ')}" for line in output.splitlines() if line.startswith("saved ")}


async def commit_the_rest(root: Path) -> Project:
    """What the next start of the server does: everything that was saved is committed."""
    async with open_workspace(root) as workspace:
        (project,) = workspace.projects.all()
        await workspace.snapshotter.snapshot_now(project.id)
        return project


def assert_nothing_lost(project: Project, lines: set[str]) -> None:
    # A take's file whose record was not on disk yet is untracked: its job is still in the stream and comes again.
    assert git(project.folder, "status", "--porcelain", "--untracked-files=no") == ""
    assert_healthy(project.folder)
    canvas = json.loads(git(project.folder, "show", f"HEAD:{CANVAS}"))
    assert lines <= set(canvas["nodes"][SHOT]["prompt"].splitlines())
    takes = json.loads(git(project.folder, "show", "HEAD:03_Renders/takes.json"))["takes"]
    listed = git(project.folder, "ls-files", "03_Renders/Chapter_01").split()
    assert {f"{take['name']}.png" for take in takes.values()} <= {Path(path).name for path in listed}


async def kill_snapshots(root: Path, kills: int, seed: int) -> str:
    """Kill a server that never rests, as often as asked; asserts that its repository is whole each time it dies."""
    moments, lines, folder = random.Random(seed), set[str](), root
    for kill in range(1, kills + 1):
        lines |= saved_lines(killed_after(moments.uniform(0.05, 0.6), start_busy(root)))
        (folder,) = (root / "Projects").glob("Busy")
        # Before anything is repaired.
        git(folder, "fsck", "--full", "--strict")
        if git(folder, "rev-list", "--all", "--count").strip() != "0":
            assert "OK" in git(folder, "lfs", "fsck")
        if kill % 10 == 0 or kill == kills:
            assert_nothing_lost(await commit_the_rest(root), lines)
    assert len(lines) > kills
    return f"{kills} kills, {len(lines)} saved lines, {git(folder, 'rev-list', '--count', 'HEAD').strip()} commits"


async def kill_when_seen(root: Path, pattern: str, kills: int = 5) -> str:
    """Kill a server that never rests whenever a lock of Git is held."""
    lines, left = saved_lines(killed_after(0.2, start_busy(root))), 0
    (folder,) = (root / "Projects").glob("Busy")
    for _ in range(kills):
        lines |= saved_lines(killed_when(folder / pattern, start_busy(root)))
        left += (folder / pattern).exists()
        git(folder, "fsck", "--full", "--strict")
        assert_nothing_lost(await commit_the_rest(root), lines)
        assert not (folder / pattern).exists()
    return f"{kills} kills, {left} of them with the lock held"


async def two_at_once(root: Path, snapshots: int) -> None:
    """Two processes, each with a script of its own, commit to one project as fast as they can."""
    async with open_workspace(root) as workspace:
        project = await workspace.new_project("Shared")
    command = [sys.executable, "-m", "tests.support.snapshot_kills", str(root), project.id, str(snapshots)]
    both = [await asyncio.create_subprocess_exec(*command, name, cwd=REPOSITORY) for name in ("one", "two")]
    assert [await asyncio.wait_for(process.wait(), 100) for process in both] == [0, 0]
    wanted = "".join(f"line {number}\n" for number in range(snapshots))
    for name in ("one", "two"):
        assert git(project.folder, "show", f"HEAD:02_Source_Creative/Scripts/{name}.txt") == wanted
    # Each committed each of its lines once, one after the other.
    assert git(project.folder, "rev-list", "--count", "HEAD").strip() == str(2 * snapshots + 1)
    assert git(project.folder, "rev-list", "--merges", "HEAD") == ""
    assert is_clean(project.folder)
    assert_healthy(project.folder)


async def write_lines(root: Path, project: ProjectId, snapshots: int, name: str) -> None:
    """One of the two."""
    projects = Projects(root)
    await projects.start()
    doc: Doc[Any] = Doc()
    text = doc.get("text", type=Text)
    for number in range(snapshots):
        text += f"line {number}\n"
        copies = {f"script/{name}": Copy(f"script/{name}", doc.get_update())}
        write_snapshot(projects, Order(project, datetime.now(UTC), copies, {Actor(name, name, "editor"): 1}))


if __name__ == "__main__":
    asyncio.run(write_lines(Path(sys.argv[1]), ProjectId(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
