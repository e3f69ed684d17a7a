"""What came with a take stands beside it, in the folder and in Git."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crdt_schema.facts import fact_of
from crdt_schema.takes import Takes
from server.auth.actor import FARM
from server.projects.index import Project
from server.projects.takes_check import TakesCheck
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import Workspace, open_workspace, take_record

BESIDE = "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01"
EDL = b"TITLE: THE DOOR\n\n001  AX  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n"


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(tmp_path) as opened:
        yield opened


async def made(workspace: Workspace, further: dict[str, tuple[bytes, str]], **facts: Any) -> Project:
    """A project with one take and what came with it, committed."""
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    picture = project.blobs.put_bytes(b"picture")
    name = workspace.projects.store_take(project, chapter=1, scene=1, shot=1, number=1, suffix=".png", blob=picture)
    take = take_record("shot-1", name, picture, 7)
    named = (fact_of(name, project.blobs.put_bytes(data), kind) for name, (data, kind) in further.items())
    take["facts"] = {**dict(named), **facts}
    async with workspace.hub.room(project.id, "takes") as room:
        room.edit(FARM, lambda doc: Takes(doc).add_take("take-1", take))
    await workspace.snapshotter.snapshot_now(project.id)
    return project


async def test_a_list_of_cuts_stands_beside_its_take_and_can_be_read_in_a_clone(workspace: Workspace) -> None:
    project = await made(workspace, {"cuts.edl": (EDL, "text/x-edl")})
    assert (project.folder / f"{BESIDE}.cuts.edl").read_bytes() == EDL
    assert git(project.folder, "show", f"HEAD:{BESIDE}.cuts.edl").encode().strip() == EDL.strip()
    assert is_clean(project.folder)
    assert_healthy(project.folder)


async def test_a_large_kind_of_file_goes_through_lfs(workspace: Workspace) -> None:
    project = await made(workspace, {"mask.png": (b"a mask", "image/png")})
    assert "oid sha256:" in git(project.folder, "show", f"HEAD:{BESIDE}.mask.png")
    assert is_clean(project.folder)
    assert_healthy(project.folder)


async def test_text_that_git_would_change_stays_out_of_git_and_beside_the_take(workspace: Workspace) -> None:
    project = await made(workspace, {"cuts.edl": (EDL.replace(b"\n", b"\r\n"), "text/x-edl")})
    assert (project.folder / f"{BESIDE}.cuts.edl").exists()
    assert "cuts.edl" not in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")


async def test_files_that_never_arrived_keep_no_take_out_of_git(workspace: Workspace) -> None:
    project = await made(workspace, {}, **{"also:cuts.edl": f"{'ab' * 32} text/x-edl", "also:../x.edl": "rubbish"})
    listed = git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")
    assert f"{BESIDE}.png" in listed
    assert "cuts.edl" not in listed


async def test_what_came_with_a_take_is_no_unknown_file(workspace: Workspace) -> None:
    project = await made(workspace, {"cuts.edl": (EDL, "text/x-edl")})
    assert (await TakesCheck(workspace.projects, workspace.hub).reconcile(project.id)).is_clean()
