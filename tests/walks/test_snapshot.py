"""The walk of a snapshot: an edit in a room becomes a commit, a clone has every byte, and no kill breaks anything."""

import random
import shutil
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from server.projects.index import Project
from tests.support.busy_project import SHOT
from tests.support.dying import DEATHS, survive_all
from tests.support.git import assert_healthy, git, is_clean
from tests.support.snapshot_kills import (
    assert_nothing_lost,
    commit_the_rest,
    kill_snapshots,
    saved_lines,
    start_busy,
    two_at_once,
)
from tests.support.workspace import ADA, GRACE, Workspace, open_workspace

pytestmark = pytest.mark.timeout(300)

FAULT_POINTS = ("write_tree", "make_commit", "_advance", "put_into_work_tree", "stage")


async def test_a_server_killed_ten_times_leaves_a_whole_repository(tmp_path: Path) -> None:
    await kill_snapshots(tmp_path, 10, seed=1)


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


async def test_a_server_killed_in_the_middle_of_anything_it_does_to_a_project_loses_nothing(tmp_path: Path) -> None:
    await survive_all(tmp_path, [death for death in DEATHS if death.daily])


async def test_two_processes_that_snapshot_one_project_lose_nothing_of_each_other(tmp_path: Path) -> None:
    await two_at_once(tmp_path, 12)


async def test_a_clone_of_a_project_has_every_byte_of_its_takes(tmp_path: Path) -> None:
    pictures = {f"S01_S01_take{number:02d}": random.Random(number).randbytes(20_000 * number) for number in (1, 2, 3)}
    async with open_workspace(tmp_path / "workspace", quiet_seconds=0.05) as workspace:
        project = await workspace.new_project()
        await write_a_film(workspace, project, pictures)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project.folder), str(clone))
    git(clone, "lfs", "pull")
    shots = clone / "03_Renders/Chapter_01/Scene_01/Shot_01"
    # By hash: to show how large files differ takes longer than the whole test may.
    cloned = {path.stem: sha256(path.read_bytes()).hexdigest() for path in shots.glob("*.png")}
    assert cloned == {name: sha256(data).hexdigest() for name, data in pictures.items()}
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
