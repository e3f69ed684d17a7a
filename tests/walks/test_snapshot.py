"""The walk of a snapshot: an edit in a room becomes a commit, a clone has every byte, and no kill breaks anything."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.projects.index import Project
from tests.support.busy_project import SHOT
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import ADA, GRACE, Workspace, open_workspace

REPOSITORY = Path(__file__).resolve().parents[2]
CANVAS = "02_Source_Creative/Canvases/main_canvas.json"
FAULT_POINTS = ("write_tree", "commit", "put_into_work_tree", "stage")


def start_busy(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.busy_project", str(root), *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def killed_after(seconds: float, process: "subprocess.Popen[str]") -> str:
    """What a process had said when it was killed, that long after it had begun to speak."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
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


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_server_killed_at_any_moment_leaves_a_whole_repository(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    lines: set[str] = set()
    for _ in range(3):
        lines |= saved_lines(killed_after(moments.uniform(0.05, 0.6), start_busy(tmp_path)))
        # Before anything is repaired.
        git(next((tmp_path / "Projects").glob("Busy")), "fsck", "--full", "--strict")
    assert len(lines) > 3
    assert_nothing_lost(await commit_the_rest(tmp_path), lines)


@pytest.mark.parametrize("fault", FAULT_POINTS)
async def test_a_server_killed_between_two_steps_of_a_snapshot_finishes_it_later(tmp_path: Path, fault: str) -> None:
    async with open_workspace(tmp_path) as workspace:
        await workspace.new_project("Busy")
        (project,) = workspace.projects.all()
        await workspace.add_shot(project.id, SHOT, "The door")
        await workspace.snapshotter.snapshot_now(project.id)
    process = start_busy(tmp_path, fault)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    git(project.folder, "fsck", "--full", "--strict")
    assert_nothing_lost(await commit_the_rest(tmp_path), saved_lines(output))


async def test_a_clone_of_a_project_has_every_byte_of_its_takes(tmp_path: Path) -> None:
    pictures = {f"S01_S01_take{number:02d}": random.Random(number).randbytes(20_000 * number) for number in (1, 2, 3)}
    async with open_workspace(tmp_path / "workspace", quiet_seconds=0.05) as workspace:
        project = await workspace.new_project()
        await write_a_film(workspace, project, pictures)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project.folder), str(clone))
    git(clone, "lfs", "pull")
    shots = clone / "03_Renders/Chapter_01/Scene_01/Shot_01"
    assert {path.stem: path.read_bytes() for path in shots.iterdir()} == pictures
    assert_healthy(clone)
    # What stands in the history are pointers, not films.
    pointer = git(clone, "cat-file", "-p", "HEAD:03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take03.png")
    assert pointer.startswith("version https://git-lfs.github.com/spec/v1\n")


async def write_a_film(workspace: Workspace, project: Project, pictures: dict[str, bytes]) -> None:
    await workspace.add_shot(project.id, SHOT, "The door", by=ADA)
    await workspace.type(project.id, SHOT, "She enters through steam.", by=GRACE)
    for number, data in enumerate(pictures.values(), start=1):
        take = await workspace.make_take(project, SHOT, data, number=number)
        assert take["name"] in pictures
        await workspace.snapshotter.snapshot_now(project.id)


async def test_a_moved_project_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with open_workspace(tmp_path / "one") as workspace:
        project = await workspace.new_project()
        await workspace.add_shot(project.id, SHOT, "The door")
    (tmp_path / "two/Projects").mkdir(parents=True)
    shutil.move(project.folder, tmp_path / "two/Projects/Another name")
    async with open_workspace(tmp_path / "two") as workspace:
        moved = workspace.projects.get(project.id)
        await workspace.type(project.id, SHOT, "She enters.")
        await workspace.make_take(moved, SHOT, b"picture")
        await workspace.snapshotter.snapshot_now(project.id)
    assert git(moved.folder, "log", "--reverse", "--format=%s").strip().split("\n") == [
        "Start Night Bus",
        "Shot 1.1.1 The door added",
        "Shot 1.1.1 The door: prompt edited, take 1 made",
    ]
    assert is_clean(moved.folder)
    assert_healthy(moved.folder)
