"""`project.json` lists the assets of a project as of its last snapshot (W-056 to W-058)."""

import json
from pathlib import Path
from typing import Any

from pycrdt import Map, Text

from crdt_schema.ids import ProjectId
from server.projects.files import drop_file, keep_file, list_files
from server.projects.index import Project
from server.snapshot.assets import asset_lists
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import ADA, Workspace, open_workspace

NOTHING: dict[str, list[str]] = {"characters": [], "locations": [], "styles": [], "music": []}


def lists(project: Project) -> dict[str, list[str]]:
    """As they stand in the last commit, which is what stands in the folder."""
    committed = git(project.folder, "show", "HEAD:project.json")
    assert (project.folder / "project.json").read_text() == committed
    return json.loads(committed)["assets"]


async def add_talent(workspace: Workspace, project: ProjectId, key: str, kind: str) -> None:
    def add(doc: Any) -> None:
        assets: Map[Any] = doc.get("assets", type=Map)
        record: dict[str, Any] = {
            "kind": kind,
            "title": key,
            "tags": [],
            "fields": {},
            "author": "ada",
            "deleted": False,
        }
        assets[key] = Map({**record, "description": Text("")})

    async with workspace.hub.room(project, "library") as room:
        room.edit(ADA, add)


async def test_files_and_records_are_listed_and_leave_the_list(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as workspace:
        project = await workspace.new_project()
        assert lists(project) == NOTHING
        blob = project.blobs.put_bytes(b"a picture")
        keep_file(project, "characters", "Mara.png", blob, "image/png")
        await add_talent(workspace, project.id, "talent-mara", "talent")
        await add_talent(workspace, project.id, "prop-lamp", "prop")
        await workspace.snapshotter.snapshot_now(project.id)
        assert lists(project) == NOTHING | {"characters": ["file:Mara.png", "library:talent-mara"]}
        assert "Characters: Mara.png added" in git(project.folder, "log", "-1", "--format=%B")
        # What the library holds stays listed when nobody touched it.
        await workspace.add_shot(project.id, "shot-1", "Door")
        await workspace.snapshotter.snapshot_now(project.id)
        assert lists(project)["characters"] == ["file:Mara.png", "library:talent-mara"]

        (file,) = list_files(project)
        drop_file(project, file.id)
        await workspace.snapshotter.remove(project.id, file.path, ADA)
        async with workspace.hub.room(project.id, "library") as room:
            room.edit(ADA, lambda doc: doc.get("assets", type=Map)["talent-mara"].update({"deleted": True}))
        await workspace.snapshotter.snapshot_now(project.id)
        assert lists(project) == NOTHING
        assert is_clean(project.folder)
        assert_healthy(project.folder)


async def test_a_file_that_somebody_committed_by_hand_is_listed_too(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as workspace:
        project = await workspace.new_project()
        song = project.folder / "01_Assets/Generative_Assets/Music/theme.wav"
        song.write_bytes(b"RIFF" * 50)
        git(project.folder, "add", "-A")
        git(project.folder, "commit", "-qm", "Theme")
        await workspace.add_shot(project.id, "shot-1", "Door")
        await workspace.snapshotter.snapshot_now(project.id)
        assert lists(project)["music"] == ["file:theme.wav"]


async def test_the_same_state_makes_no_commit_and_counts_nothing(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as workspace:
        project = await workspace.new_project()
        keep_file(project, "locations", "Bar.png", project.blobs.put_bytes(b"a bar"), "image/png")
        first = await workspace.snapshotter.snapshot_now(project.id)
        assert first is not None
        assert await workspace.snapshotter.snapshot_now(project.id) is None
        assert workspace.projects.get(project.id).manifest["version"] == 1


def test_what_other_people_wrote_into_the_lists_stays() -> None:
    today = {"characters": ["Mara", "file:gone.png"], "vehicles": ["Bus 9"]}
    files = ["01_Assets/Generative_Assets/Characters/.gitkeep", "01_Assets/Generative_Assets/Styles/styles.json"]
    assert asset_lists(today, files, {}) == NOTHING | {"characters": ["Mara"], "vehicles": ["Bus 9"]}


def test_a_list_is_the_same_in_whatever_order_things_come() -> None:
    files = [f"01_Assets/Generative_Assets/Styles/{name}.png" for name in "abc"]
    styles = {"styles": {"styles": {key: {"title": key} for key in ("s-2", "s-1")}}}
    made = asset_lists(NOTHING, files, styles)
    assert made == asset_lists(made, reversed(files), styles)
    assert made["styles"] == ["file:a.png", "file:b.png", "file:c.png", "style:s-1", "style:s-2"]
