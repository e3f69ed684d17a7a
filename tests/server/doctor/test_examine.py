"""Real damage to real projects: it is found, told with what to do, and repaired only where that is safe."""

import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.doctor.examine import examine
from server.doctor.findings import Finding, Report
from server.errors import NotFound
from server.projects.index import ABANDONED_SECONDS, Project
from tests.support.git import assert_healthy, is_clean
from tests.support.workspace import Workspace, open_workspace

PICTURE = bytes(range(256)) * 40
LOG = ".workprint/documents.sqlite"
NESTED = b"\1\1\5\0\x08\1\1t\1" + b"\x75\1" * 100_000 + b"\x7e\0"
"""An update with one value: lists within lists."""


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(tmp_path) as opened:
        yield opened


@pytest.fixture
async def project(workspace: Workspace) -> Project:
    """A project with a committed take."""
    made = await workspace.new_project()
    await workspace.add_shot(made.id, "shot-1", "The door")
    await workspace.make_take(made, "shot-1", PICTURE)
    await workspace.snapshotter.snapshot_now(made.id)
    return made


def take_file(project: Project) -> Path:
    return project.folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"


def object_of(project: Project) -> Path:
    return project.blobs.path(project.blobs.put_bytes(PICTURE))


def told(report: Report, severity: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity == severity]


def only(report: Report, severity: str) -> Finding:
    """The one finding of that severity."""
    (found,) = told(report, severity)
    return found


def test_a_project_that_is_whole_is_said_to_be(project: Project, tmp_path: Path) -> None:
    report = examine(tmp_path, deep=True)
    assert report.exit_status == 0, report.text()
    assert only(report, "fine").what == "3 documents and 1 large files are as they should be"
    assert "0 damaged, 0 to look at, 0 repaired." in report.text()
    assert project.folder.name in report.text()


def test_examining_changes_nothing(project: Project, tmp_path: Path) -> None:
    take_file(project).unlink()
    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*") if path.is_file()}
    examine(tmp_path, deep=True)
    after = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*") if path.is_file()}
    assert after == before


async def test_it_reads_what_a_hub_is_writing(workspace: Workspace, project: Project, tmp_path: Path) -> None:
    async with workspace.hub.room(project.id, "canvas") as room:
        await workspace.type(project.id, "shot-1", "rain on glass")
        await room.saved()
        assert examine(tmp_path).exit_status == 0
        await workspace.type(project.id, "shot-1", ", and wind")
        await room.saved()


def test_an_object_that_is_cut_short_is_damage(project: Project, tmp_path: Path) -> None:
    place = object_of(project)
    place.chmod(0o644)
    place.write_bytes(PICTURE[:1000])
    report = examine(tmp_path, repair=True)
    assert report.exit_status == 2
    assert "has 1000 bytes instead of 10240" in report.text()
    assert place.read_bytes() == PICTURE[:1000]


def test_an_object_with_other_bytes_is_found_when_it_is_read(project: Project, tmp_path: Path) -> None:
    place = object_of(project)
    place.chmod(0o644)
    place.write_bytes(b"?" + PICTURE[1:])
    assert examine(tmp_path).exit_status == 0
    report = examine(tmp_path, deep=True)
    assert report.exit_status == 2
    assert "holds other bytes" in report.text()


@pytest.mark.parametrize("gone", [True, False])
def test_an_object_is_made_again_from_the_file_of_the_take(project: Project, tmp_path: Path, *, gone: bool) -> None:
    place, file = object_of(project), take_file(project)
    file.unlink()
    file.write_bytes(PICTURE)
    place.unlink()
    if not gone:
        place.write_bytes(PICTURE[:10])
    assert examine(tmp_path).exit_status == 2
    repaired = examine(tmp_path, repair=True)
    assert repaired.exit_status == 0, repaired.text()
    assert "made again" in only(repaired, "repaired").what
    assert place.read_bytes() == PICTURE
    assert not place.stat().st_mode & 0o222
    assert_healthy(project.folder)


def test_an_object_that_is_nowhere_is_damage_that_stays_damage(project: Project, tmp_path: Path) -> None:
    object_of(project).unlink()
    take_file(project).unlink()
    report = examine(tmp_path, repair=True)
    assert report.exit_status == 2
    assert "its object is missing" in report.text()
    assert not take_file(project).exists()


def test_an_object_is_brought_back_from_the_bucket(project: Project, tmp_path: Path) -> None:
    object_of(project).unlink()
    take_file(project).unlink()
    report = examine(tmp_path, repair=True, fetch=lambda _id, blobs, blob: blobs.put_bytes(PICTURE) == blob)
    assert report.exit_status == 0, report.text()
    assert take_file(project).read_bytes() == PICTURE


def test_the_file_of_a_take_is_linked_again(project: Project, tmp_path: Path) -> None:
    take_file(project).unlink()
    asked = only(examine(tmp_path), "warning")
    assert "--repair" in asked.advice
    assert examine(tmp_path, repair=True).exit_status == 0
    assert take_file(project).read_bytes() == PICTURE
    assert is_clean(project.folder)


def test_a_file_that_no_take_names_is_told_and_left(project: Project, tmp_path: Path) -> None:
    stray = take_file(project).with_name("SHOT-010_v01_take01.mp4")
    stray.write_bytes(b"film")
    report = examine(tmp_path, repair=True)
    assert report.exit_status == 1
    assert only(report, "warning").where == str(stray)
    assert stray.read_bytes() == b"film"


async def test_a_broken_page_of_the_log_is_damage(workspace: Workspace, project: Project, tmp_path: Path) -> None:
    await workspace.hub.close()
    log = project.folder / LOG
    with sqlite3.connect(log) as database:
        root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'updates'").fetchone()[0]
        page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
    database.close()
    data = bytearray(log.read_bytes())
    data[(root - 1) * page_bytes : root * page_bytes] = b"\xff" * page_bytes
    log.write_bytes(data)
    report = examine(tmp_path)
    assert report.exit_status == 2
    found = told(report, "damage")[0]
    assert str(log) in found.where
    assert "backup" in found.advice


async def test_an_update_that_is_none_is_damage_of_its_document_alone(
    workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    await workspace.hub.close()
    with sqlite3.connect(project.folder / LOG) as database:
        database.execute("UPDATE updates SET \"update\" = x'ffffff' WHERE document = 'canvas'")
    database.close()
    report = examine(tmp_path)
    assert only(report, "damage").where.endswith("document canvas")


def test_a_log_that_is_no_database_is_damage(project: Project, tmp_path: Path) -> None:
    shutil.copy(project.folder / "project.json", project.folder / LOG)
    assert "cannot be read" in only(examine(tmp_path), "damage").what


def test_a_broken_manifest_is_damage_and_the_rest_is_examined_all_the_same(project: Project, tmp_path: Path) -> None:
    (project.folder / "project.json").write_text("{half")
    take_file(project).unlink()
    report = examine(tmp_path)
    assert "show HEAD:project.json" in only(report, "damage").advice
    assert only(report, "warning").where == str(take_file(project))


def test_a_branch_that_is_lost_is_damage(project: Project, tmp_path: Path) -> None:
    (project.folder / ".git/refs/heads/main").unlink()
    assert "has no commit" in examine(tmp_path).text()
    shutil.rmtree(project.folder / ".git/objects")
    assert "cannot be read" in examine(tmp_path).text()


def test_a_commit_that_lost_an_object_of_git_is_damage(project: Project, tmp_path: Path) -> None:
    folders = sorted((project.folder / ".git/objects").glob("[0-9a-f][0-9a-f]/*"))
    packs = sorted((project.folder / ".git/objects/pack").glob("*.pack"))
    (folders or packs)[0].unlink()
    report = examine(tmp_path)
    assert report.exit_status == 2, report.text()


@pytest.mark.parametrize("name", ["index.lock", "refs/heads/main.lock", "HEAD.lock"])
def test_a_lock_that_a_dead_git_left_is_told_and_left(project: Project, tmp_path: Path, name: str) -> None:
    lock = project.folder / ".git" / name
    lock.touch()
    assert examine(tmp_path).exit_status == 0, "somebody may be at work this very moment"
    long_ago = time.time() - 7200
    os.utime(lock, (long_ago, long_ago))
    assert only(examine(tmp_path, repair=True), "warning").where == str(lock)
    assert lock.exists()


@pytest.mark.parametrize("data", [b"", b"rubbish", bytes(4096)])
def test_an_index_without_its_pack_is_told(project: Project, tmp_path: Path, data: bytes) -> None:
    index = project.folder / ".git/objects/pack" / f"pack-{'a' * 40}.idx"
    index.write_bytes(data)
    assert only(examine(tmp_path), "warning").where == str(index)


def test_two_projects_of_one_uuid_are_told(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.folder, project.folder.with_name("Z copy"))
    found = only(examine(tmp_path), "warning")
    assert "same uuid" in found.what
    assert "Z copy" in found.where


def test_large_files_that_nothing_names_are_counted_and_kept(project: Project, tmp_path: Path) -> None:
    blob = project.blobs.put_bytes(b"orphan")
    report = examine(tmp_path, repair=True)
    assert report.exit_status == 0
    assert "1 large files (6 bytes)" in report.text()
    assert project.blobs.has(blob)


def test_what_dead_processes_left_is_removed_and_what_is_on_its_way_is_not(project: Project, tmp_path: Path) -> None:
    old = [
        project.folder / ".git/lfs/tmp/incoming-old",
        project.folder / ".workprint/write-old",
        project.folder / ".workprint/export-old.sqlite",
        project.folder / ".git/objects/pack/tmp_obj_old",
        tmp_path / "Projects/.new-old",
    ]
    fresh = project.folder / ".git/lfs/tmp/incoming-fresh"
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_bytes(b"half")
    for place in old[:-1]:
        place.write_bytes(b"half")
    old[-1].mkdir()
    then = time.time() - 2 * ABANDONED_SECONDS
    for place in old:
        os.utime(place, (then, then))
    assert len(told(examine(tmp_path), "warning")) == len(old)
    assert all(place.exists() for place in old)
    report = examine(tmp_path, repair=True)
    assert len(told(report, "repaired")) == len(old)
    assert not any(place.exists() for place in old)
    assert fresh.exists()


def test_secrets_that_others_may_read_are_told(project: Project, tmp_path: Path) -> None:
    state = tmp_path / ".workprint"
    state.mkdir()
    state.chmod(0o755)
    (state / "secret").write_text("s")
    (state / "secret").chmod(0o644)
    report = examine(tmp_path, project.id)
    assert {finding.where for finding in told(report, "warning")} == {str(state), str(state / "secret")}
    state.chmod(0o700)
    assert examine(tmp_path).exit_status == 0


def test_a_missing_git_lfs_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    report = examine(tmp_path, project.folder.name)
    assert [finding.where for finding in told(report, "warning")] == ["git-lfs", "git"]
    assert "apt install git-lfs" in report.text()


def test_one_project_is_examined_by_title_and_one_that_is_not_there_is_said_so(
    project: Project, tmp_path: Path
) -> None:
    assert examine(tmp_path, project.manifest["title"]).exit_status == 0
    with pytest.raises(NotFound, match="no project 'Day Bus'"):
        examine(tmp_path, "Day Bus")


async def test_an_update_that_nests_too_deep_is_told_and_does_not_end_the_examination(
    workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    await workspace.hub.close()
    with sqlite3.connect(project.folder / LOG) as database:
        row = database.execute("SELECT max(seq) FROM updates WHERE document = 'canvas'").fetchone()
        database.execute('UPDATE updates SET "update" = ? WHERE seq = ?', (NESTED, row[0]))
    database.close()
    assert only(examine(tmp_path), "damage").where.endswith("document canvas")
