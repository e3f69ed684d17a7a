"""Takes and their files are compared: what is lost comes back from its blob, everything else is told and left alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crdt_schema.takes import Takes
from server.projects.index import Project
from server.projects.provenance import sidecar
from server.projects.takes_check import TakesCheck
from server.projects.takes_folder import Reconciled, numbers_in, reconcile
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import Workspace, open_workspace, take_record

PICTURE = b"picture" * 1000
SHOT_FOLDER = "03_Renders/Chapter_01/Scene_01/Shot_01"
HASH = "ab" * 32


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(tmp_path) as opened:
        yield opened


async def film(workspace: Workspace) -> tuple[Project, Path]:
    """A project with one committed take, and its file."""
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.make_take(project, "shot-1", PICTURE)
    await workspace.snapshotter.snapshot_now(project.id)
    return project, project.folder / SHOT_FOLDER / "S01_S01_take01.png"


async def compared(workspace: Workspace, project: Project) -> Reconciled:
    return await TakesCheck(workspace.projects, workspace.hub).reconcile(project.id)


async def test_document_and_folder_that_agree_are_told_nothing_about(workspace: Workspace) -> None:
    project, _ = await film(workspace)
    assert (await compared(workspace, project)).is_clean()


async def test_a_file_that_vanished_is_linked_again(workspace: Workspace) -> None:
    project, file = await film(workspace)
    file.unlink()
    found = await compared(workspace, project)
    assert [one.take for one in found.restored] == ["shot-1-take-1"]
    assert file.read_bytes() == PICTURE
    assert not file.stat().st_mode & 0o222
    assert is_clean(project.folder)
    assert (await compared(workspace, project)).is_clean()


async def test_a_file_whose_blob_is_gone_too_has_vanished(workspace: Workspace) -> None:
    project, file = await film(workspace)
    blob = project.blobs.put_bytes(PICTURE)
    file.unlink()
    project.blobs.path(blob).unlink()
    found = await compared(workspace, project)
    assert [one.name for one in found.vanished] == ["S01_S01_take01.png"]
    assert not found.restored


async def test_a_blob_that_is_cut_short_is_not_put_in_the_place_of_a_take(workspace: Workspace) -> None:
    project, file = await film(workspace)
    file.unlink()
    place = project.blobs.path(project.blobs.put_bytes(PICTURE))
    place.chmod(0o644)
    place.write_bytes(PICTURE[:100])
    found = await compared(workspace, project)
    assert len(found.vanished) == 1
    assert not file.exists()


@pytest.mark.parametrize("bytes_", [PICTURE[:-1], b"Picture" + PICTURE[7:]])
async def test_a_damaged_file_is_told_and_never_written_over(workspace: Workspace, bytes_: bytes) -> None:
    project, file = await film(workspace)
    file.unlink()
    file.write_bytes(bytes_)
    found = await compared(workspace, project)
    assert [one.take for one in found.damaged] == ["shot-1-take-1"]
    assert file.read_bytes() == bytes_


async def test_damage_within_the_blob_itself_is_found_by_reading_it(workspace: Workspace) -> None:
    project, file = await film(workspace)
    file.chmod(0o644)
    file.write_bytes(b"Picture" + PICTURE[7:])
    async with workspace.hub.room(project.id, "takes") as room:
        takes = Takes(room.doc).takes()
    assert reconcile(project.folder, project.blobs, takes).is_clean()
    assert len(reconcile(project.folder, project.blobs, takes, deep=True).damaged) == 1


async def test_unknown_files_are_told_with_what_their_names_say(workspace: Workspace) -> None:
    project, file = await film(workspace)
    other = project.folder / "03_Renders/SCENE_02/SHOT_010/SHOT-010_v01_take03.mp4"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"film")
    file.with_name("S01_S01_take07.png").write_bytes(b"mine")
    file.with_name(".hidden.png").write_bytes(b"hidden")
    file.with_name("link.png").symlink_to(file)
    found = (await compared(workspace, project)).unknown
    assert [(one.name, dict(one.numbers)) for one in found] == [
        ("S01_S01_take07.png", {"chapter": 1, "scene": 1, "shot": 1, "take": 7}),
        ("SHOT-010_v01_take03.mp4", {"scene": 2, "shot": 10, "take": 3}),
    ]
    assert file.with_name("S01_S01_take07.png").read_bytes() == b"mine"


def test_numbers_that_a_name_does_not_say_are_not_made_up() -> None:
    assert numbers_in("03_Renders/somewhere/holiday.mp4") == {}


async def test_one_project_that_cannot_be_compared_keeps_no_other_from_it(workspace: Workspace) -> None:
    broken, _ = await film(workspace)
    project, file = await film(workspace)
    (broken.folder / ".workprint/documents.sqlite").write_bytes(b"no database" * 1000)
    file.unlink()
    await TakesCheck(workspace.projects, workspace.hub).run()
    assert file.read_bytes() == PICTURE
    assert project.id != broken.id


async def test_beside_each_take_stands_how_it_was_made_as_plain_text_in_git(workspace: Workspace) -> None:
    project, file = await film(workspace)
    path = f"{SHOT_FOLDER}/S01_S01_take01.json"
    committed = git(project.folder, "show", f"HEAD:{path}")
    assert committed == file.with_suffix(".json").read_text()
    said = json.loads(committed)
    assert said["media"]["sha256"] == project.blobs.put_bytes(PICTURE)
    assert (said["seed"], said["made_by"]["name"], said["seconds"]) == (42, "Ada Lovelace", 1.5)
    assert said["recipe"] == {"version": "recipe.1", "seed": 42}
    assert is_clean(project.folder)
    assert_healthy(project.folder)


def test_provenance_names_every_input_by_its_hash_and_is_the_same_bytes_each_time() -> None:
    take = take_record("shot-1", "S01_S01_take01", plain_hash := "cd" * 32, 7)  # pyright: ignore[reportArgumentType] - a hash as text
    take["recipe"] = {"references": [{"blob": HASH}], "seed": 1.0, "pipeline": "still", "pipeline_version": 2}
    said = json.loads(sidecar("take-1", take).encode())
    assert said["inputs"] == [HASH]
    assert said["pipeline"] == {"id": "still", "version": 2}
    assert said["media"]["sha256"] == plain_hash
    assert sidecar("take-1", take) == sidecar("take-1", {**take, "number": 1.0})  # pyright: ignore[reportArgumentType] - as Yjs gives it
