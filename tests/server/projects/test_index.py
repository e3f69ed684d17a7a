"""Projects are found by their uuid wherever their folder is; takes and references are filed once."""

import asyncio
import io
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from crdt_schema.ids import ProjectId
from crdt_schema.project import Manifest, contract_gate
from server.auth.actor import SYSTEM, Actor
from server.errors import NotFound, TooLarge
from server.projects import layout, references
from server.projects.filing import names_in
from server.projects.index import Project, Projects, TakeExists
from server.projects.manifest import BrokenManifest, NewProject
from server.projects.references import BadImage
from server.snapshot.lfs import Pointer

ADA = Actor("ada", "Ada Lovelace", "owner")
REFERENCES = "01_Assets/Source_Media/References"


@pytest.fixture
async def projects(tmp_path: Path) -> Projects:
    projects = Projects(tmp_path)
    await projects.start()
    return projects


@pytest.fixture
async def project(projects: Projects) -> Project:
    return await projects.create(NewProject("Night Bus"), ADA)


def picture(colour: str = "#c2185b", kind: str = "PNG", size: tuple[int, int] = (64, 36)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return data.getvalue()


async def test_a_folder_that_was_moved_still_opens(projects: Projects, project: Project) -> None:
    moved = project.folder.rename(project.folder.with_name("Renamed by hand"))
    found = projects.get(project.id)
    assert found.folder == moved
    assert found.manifest == project.manifest
    await projects.update_manifest(project.id, lambda now: {**now, "title": "Day Bus"})
    assert json.loads((moved / "project.json").read_text())["title"] == "Day Bus"


async def test_a_project_opens_in_another_workspace(project: Project, tmp_path: Path) -> None:
    elsewhere = Projects(tmp_path / "elsewhere")
    await elsewhere.start()
    shutil.move(project.folder, tmp_path / "elsewhere/Projects/whatever")
    assert elsewhere.get(project.id).manifest["title"] == "Night Bus"
    assert [one.id for one in elsewhere.all()] == [project.id]


async def test_a_project_made_by_another_process_is_found(projects: Projects, tmp_path: Path) -> None:
    other = Projects(tmp_path)
    made = await other.create(NewProject("Made elsewhere"), ADA)
    assert projects.get(made.id).folder == made.folder


async def test_a_project_that_is_gone_is_not_found(projects: Projects, project: Project) -> None:
    shutil.rmtree(project.folder)
    assert projects.all() == []
    with pytest.raises(NotFound):
        projects.get(project.id)


@pytest.mark.parametrize("name", ["", "../..", "no-such-project"])
async def test_an_id_of_no_project_is_not_found(projects: Projects, name: str) -> None:
    with pytest.raises(NotFound):
        projects.get(ProjectId(name))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"title": "no uuid"}',
        b'{"uuid": "../x", "title": "t"}',
        b'{"uuid": "u", "title": ""}',
        b'{"uuid": "u", "title": "t", "project_settings": 3}',
        b'{"uuid": "u", "title": "t", "version": NaN}',
        b'{"uuid": "u", "title": "t", "schema": "project.99"}',
        b"[" * 100_000,
    ],
)
async def test_a_broken_manifest_is_reported_and_harms_no_other_project(
    projects: Projects, project: Project, tmp_path: Path, broken: bytes
) -> None:
    folder = tmp_path / "Projects/Broken"
    folder.mkdir()
    (folder / "project.json").write_bytes(broken)
    assert [one.id for one in projects.all()] == [project.id]
    assert list(projects.problems()) == ["Broken"]
    assert projects.problems()["Broken"]


async def test_folders_and_files_that_are_no_projects_are_passed_over(
    projects: Projects, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "Projects/empty").mkdir()
    (tmp_path / "Projects/file.txt").write_text("x")
    (tmp_path / "Projects/.hidden").mkdir()
    (tmp_path / "Projects/odd").mkdir()
    (tmp_path / "Projects/odd/project.json").mkdir()
    assert [one.id for one in projects.all()] == [project.id]
    assert list(projects.problems()) == ["odd"]


async def test_a_copy_of_a_project_is_reported_and_the_first_one_serves(projects: Projects, project: Project) -> None:
    shutil.copytree(project.folder, project.folder.with_name("Night_Bus_copy"))
    assert [one.folder for one in projects.all()] == [project.folder]
    assert projects.problems() == {"Night_Bus_copy": "it has the same uuid as Night_Bus"}


async def test_a_manifest_edited_by_hand_is_read_again_and_a_half_edited_one_is_waited_for(
    projects: Projects, project: Project
) -> None:
    place = project.folder / "project.json"
    good = place.read_text()
    place.write_text(good[:100])
    assert projects.get(project.id).manifest["title"] == "Night Bus"
    assert "Night_Bus" in projects.problems()
    place.write_text(good.replace("Night Bus", "Bus at night"))
    assert projects.get(project.id).manifest["title"] == "Bus at night"
    assert projects.problems() == {}


async def test_a_change_keeps_what_this_version_does_not_know(projects: Projects, project: Project) -> None:
    place = project.folder / "project.json"
    record = json.loads(place.read_text())
    record["pitch"] = {"deck": [1, 2.5, None, "x"]}
    record["project_settings"]["colour_space"] = "ACEScg"
    place.write_text(json.dumps(record))
    await projects.update_manifest(project.id, lambda now: {**now, "description": "A road film"})
    saved = json.loads(place.read_text())
    assert saved == {**record, "description": "A road film"}


async def test_a_copy_that_somebody_changes_is_only_a_copy(projects: Projects, project: Project) -> None:
    project.manifest["creative_contract"]["referencePack"].append("x")
    assert projects.get(project.id).manifest["creative_contract"]["referencePack"] == []


async def test_changes_at_once_are_all_kept(projects: Projects, project: Project) -> None:
    def add(number: int) -> None:
        def change(now: Manifest) -> Manifest:
            now["assets"]["styles"].append(str(number))
            return now

        projects.write_manifest(project.id, change)

    await asyncio.gather(*(asyncio.to_thread(add, number) for number in range(20)))
    assert sorted(map(int, projects.get(project.id).manifest["assets"]["styles"])) == list(range(20))


async def test_the_identity_of_a_project_never_changes(projects: Projects, project: Project) -> None:
    for key in ("uuid", "created", "schema"):
        with pytest.raises(BrokenManifest, match="never change"):
            projects.write_manifest(project.id, lambda now, key=key: {**now, key: "other"})  # type: ignore[misc]
    with pytest.raises(BrokenManifest, match="fps"):
        projects.write_manifest(
            project.id,
            lambda now: {**now, "project_settings": {**now["project_settings"], "fps": 0}},
        )
    assert projects.get(project.id).manifest == project.manifest


async def test_who_changed_a_manifest_is_told(projects: Projects, project: Project) -> None:
    heard: list[tuple[str, str]] = []
    projects.on_change(lambda project_id, actor: heard.append((project_id, actor.user_id)))
    await projects.update_manifest(project.id, lambda now: {**now, "title": "Day Bus"}, by=ADA)
    projects.set_index(project.id, 7, project.manifest["assets"])
    assert heard == [(project.id, "ada")]


def store(projects: Projects, project: Project, data: bytes, number: int) -> str:
    blob = project.blobs.put_bytes(data)
    return projects.store_take(project, chapter=1, scene=2, shot=3, number=number, suffix="png", blob=blob)


async def test_a_take_is_a_read_only_file_with_the_bytes_of_its_blob(projects: Projects, project: Project) -> None:
    assert store(projects, project, b"picture", 1) == "S02_S03_take01"
    place = project.folder / "03_Renders/Chapter_01/Scene_02/Shot_03/S02_S03_take01.png"
    assert place.read_bytes() == b"picture"
    assert place.stat().st_mode & 0o222 == 0


async def test_a_take_is_never_overwritten(projects: Projects, project: Project) -> None:
    store(projects, project, b"first", 1)
    with pytest.raises(TakeExists, match="S02_S03_take01") as raised:
        store(projects, project, b"other", 1)
    assert not raised.value.same_bytes
    with pytest.raises(TakeExists) as raised:
        store(projects, project, b"first", 1)
    assert raised.value.same_bytes
    place = project.folder / "03_Renders/Chapter_01/Scene_02/Shot_03/S02_S03_take01.png"
    assert place.read_bytes() == b"first"


async def test_takes_made_at_once_get_files_of_their_own(projects: Projects, project: Project) -> None:
    def make(data: bytes) -> str:
        number = 1
        while True:
            try:
                return store(projects, project, data, number)
            except TakeExists:
                number += 1

    pictures = [b"picture %d" % number for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(make, pictures))
    assert sorted(names) == [f"S02_S03_take{number:02d}" for number in range(1, 13)]
    folder = project.folder / "03_Renders/Chapter_01/Scene_02/Shot_03"
    assert [(folder / f"{name}.png").read_bytes() for name in names] == pictures


async def test_a_take_is_copied_where_there_are_no_hard_links(
    projects: Projects, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store(projects, project, b"picture", 1)
    place = project.folder / "03_Renders/Chapter_01/Scene_02/Shot_03/S02_S03_take01.png"
    assert (place.read_bytes(), place.stat().st_nlink) == (b"picture", 1)
    assert place.stat().st_mode & 0o222 == 0
    with pytest.raises(TakeExists) as raised:
        store(projects, project, b"picture", 1)
    assert raised.value.same_bytes


async def test_a_take_in_no_shot_is_refused(projects: Projects, project: Project) -> None:
    blob = project.blobs.put_bytes(b"x")
    for chapter in (-1, 10_000):
        with pytest.raises(ValueError, match="numbered from"):
            projects.store_take(project, chapter=chapter, scene=1, shot=1, number=1, suffix=".png", blob=blob)


def test_numbers_out_of_a_document_name_a_take_although_they_are_floats() -> None:
    assert layout.take_name(1.0, 2.0, 3.0) == "S01_S02_take03"
    assert layout.take_folder(1.0, 12.0, 123.0) == "03_Renders/Chapter_01/Scene_12/Shot_123"
    with pytest.raises(ValueError, match="numbered from"):
        layout.take_name(1, 1.5, 1)


async def test_a_reference_is_in_the_pack_and_in_the_folder_once(projects: Projects, project: Project) -> None:
    data = picture()
    pack = await projects.add_reference(project.id, "C:\\moods\\Neon sign?.png", data, ADA)
    assert pack == await projects.add_reference(project.id, "again.png", data, ADA)
    assert projects.get(project.id).manifest["creative_contract"]["referencePack"] == pack
    assert names_in(project.folder / REFERENCES) == [f"Neon_sign_{pack[0][:12]}.png"]
    assert projects.tracked_media(project.id, {}) == {
        f"{REFERENCES}/Neon_sign_{pack[0][:12]}.png": Pointer(project.blobs.put_bytes(data), len(data))
    }


async def test_three_references_and_a_cap_open_the_contract_gate(projects: Projects, project: Project) -> None:
    for colour in ("#000000", "#777777", "#ffffff"):
        await projects.add_reference(project.id, "../../x.jpg", picture(colour, "JPEG"), ADA)
    manifest = await projects.update_manifest(
        project.id, lambda now: {**now, "creative_contract": {**now["creative_contract"], "budgetCap": 0}}
    )
    assert contract_gate(manifest["creative_contract"], "studio")["holds"]
    assert len(names_in(project.folder / REFERENCES)) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a....",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        picture()[:60],
        picture(kind="GIF"),
        b"\x89PNG\r\n\x1a\n" + os.urandom(500),
        b"II*\x00" + os.urandom(500),
    ],
    ids=["empty", "gif head", "svg", "torn", "gif", "png head", "tiff head"],
)
async def test_what_is_no_whole_image_is_refused_and_kept_nowhere(
    projects: Projects, project: Project, data: bytes
) -> None:
    with pytest.raises(BadImage):
        await projects.add_reference(project.id, "x.png", data, ADA)
    assert not (project.folder / REFERENCES).exists()
    assert projects.get(project.id).manifest == project.manifest


@pytest.mark.parametrize("size", [(10_001, 10_000), (20_000, 20_000)])
async def test_an_image_that_unpacks_into_too_much_is_refused(
    projects: Projects, project: Project, size: tuple[int, int]
) -> None:
    data = io.BytesIO()
    Image.new("1", size).save(data, "PNG")
    with pytest.raises(TooLarge, match="megapixels"):
        await projects.add_reference(project.id, "bomb.png", data.getvalue(), ADA)


async def test_a_file_that_is_too_large_is_refused(
    projects: Projects, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MAX_IMAGE_BYTES", 1000)
    with pytest.raises(TooLarge, match="larger than"):
        await projects.add_reference(project.id, "x.png", b"x" * 1001, ADA)


async def test_the_half_made_project_of_a_dead_process_is_swept_away(tmp_path: Path) -> None:
    projects = Projects(tmp_path)
    await projects.start()
    old, young = tmp_path / "Projects/.new-old", tmp_path / "Projects/.new-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    await Projects(tmp_path).start()
    assert not old.exists()
    assert young.exists()


async def test_files_that_a_dead_process_was_taking_in_are_swept_away(projects: Projects, project: Project) -> None:
    blob = project.blobs.put_bytes(b"kept")
    (project.folder / ".workprint").mkdir(exist_ok=True)
    (project.folder / ".git/lfs/tmp").mkdir(exist_ok=True)
    old = [project.folder / ".git/lfs/tmp/incoming-old", project.folder / ".workprint/write-old"]
    young = [project.folder / ".git/lfs/tmp/incoming-young", project.folder / ".workprint/write-young"]
    for file in (*old, *young):
        file.touch()
    for file in old:
        os.utime(file, (0, 0))
    await projects.start()
    assert [file.exists() for file in (*old, *young)] == [False, False, True, True]
    assert project.blobs.has(blob)


async def test_the_workspace_itself_makes_projects(projects: Projects) -> None:
    made = await projects.create(NewProject("Demo"), SYSTEM)
    assert made.manifest["creative_contract"]["budgetCap"] is None
