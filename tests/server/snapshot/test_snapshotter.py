"""When a project is committed, what stands in the commit, and who is named as its author."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from server.auth.actor import FARM, SYSTEM
from server.projects.files import keep_file
from server.projects.index import Project
from server.snapshot.disk import LEDGER
from server.snapshot.lfs import Pointer
from server.snapshot.repo import NoRepository
from server.snapshot.snapshotter import due
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import ADA, GRACE, Workspace, open_workspace

CANVAS = "02_Source_Creative/Canvases/main_canvas.json"


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncGenerator[Workspace]:
    async with open_workspace(tmp_path) as workspace:
        yield workspace


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - git is another process: there is no event to wait for
            await asyncio.sleep(0.01)


def commits(project: Project) -> int:
    return int(git(project.folder, "rev-list", "--count", "HEAD"))


def test_it_is_due_after_quiet_and_at_the_latest_after_a_while() -> None:
    assert due(100, 100, quiet_seconds=20, latest_seconds=300) == 120
    assert due(100, 115, quiet_seconds=20, latest_seconds=300) == 135
    assert due(100, 395, quiet_seconds=20, latest_seconds=300) == 400


async def test_a_snapshot_is_the_canonical_json_of_every_document(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    take = await workspace.make_take(project, "shot-1", b"picture" * 1000)
    commit = await workspace.snapshotter.snapshot_now(project.id)
    assert commit == git(project.folder, "rev-parse", "HEAD").strip()
    for document, path in (("canvas", CANVAS), ("takes", "03_Renders/takes.json")):
        async with workspace.hub.room(project.id, document) as room:
            assert git(project.folder, "show", f"HEAD:{path}").encode() == plain.encode(plain.dump(room.doc, document))
    pointer = Pointer(project.blobs.put_bytes(b"picture" * 1000), 7000)
    assert git(project.folder, "show", f"HEAD:03_Renders/Chapter_01/Scene_01/Shot_01/{take['name']}.png").encode() == (
        pointer.encode()
    )
    assert is_clean(project.folder)
    assert_healthy(project.folder)


async def write(workspace: Workspace, project: Project, document: str, change: Callable[[Doc[Any]], object]) -> None:
    async with workspace.hub.room(project.id, document) as room:
        room.edit(ADA, change)
        await room.saved()


async def test_what_is_written_beside_the_canvas_is_committed_once_there_is_something(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.snapshotter.snapshot_now(project.id)
    before = commits(project)
    for document in ("styles", "annotations/shot-1", "script/treatment", "library"):
        async with workspace.hub.room(project.id, document) as room:
            await room.saved()
    assert await workspace.snapshotter.snapshot_now(project.id) is None
    assert commits(project) == before

    await write(
        workspace, project, "styles", lambda doc: doc.get("styles", type=Map).update({"s": Map({"title": "Noir"})})
    )
    notes = {"n": Map({"author": "ada", "text": Text("softer")})}
    await write(workspace, project, "annotations/shot-1", lambda doc: doc.get("notes", type=Map).update(notes))
    await write(workspace, project, "script/treatment", lambda doc: doc.get("text", type=Text).insert(0, "FADE IN"))
    await workspace.snapshotter.snapshot_now(project.id)
    styles = json.loads(git(project.folder, "show", "HEAD:01_Assets/Generative_Assets/Styles/styles.json"))
    assert styles == {"schema": "styles.1", "styles": {"s": {"title": "Noir"}}, "votes": {}, "notes": {}}
    assert json.loads(git(project.folder, "show", "HEAD:03_Renders/Annotations/shot-1.json"))["notes"]["n"] == {
        "author": "ada",
        "text": "softer",
    }
    assert (project.folder / "02_Source_Creative/Treatments/treatment.txt").read_text() == "FADE IN\n"
    assert not (project.folder / "01_Assets/Generative_Assets/library.json").exists()
    assert git(project.folder, "log", "-1", "--format=%s").strip() == (
        "Notes on Shot 1.1.1 The door: 1 note written; Script treatment edited; Style Noir added"
    )
    assert is_clean(project.folder)

    await write(workspace, project, "styles", lambda doc: doc.get("styles", type=Map).pop("s"))
    await workspace.snapshotter.snapshot_now(project.id)
    styles = json.loads(git(project.folder, "show", "HEAD:01_Assets/Generative_Assets/Styles/styles.json"))
    assert styles["styles"] == {}
    assert is_clean(project.folder)


async def test_git_need_not_read_a_take_to_know_it_unchanged(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.make_take(project, "shot-1", b"picture" * 1000)
    await workspace.snapshotter.snapshot_now(project.id)
    shown = git(project.folder, "ls-files", "--debug", "03_Renders/Chapter_01")
    assert "size: 7000" in shown
    assert workspace.snapshotter.status(project.id)["clean"] is True


async def test_without_a_change_there_is_no_commit(workspace: Workspace) -> None:
    project = await workspace.new_project()
    assert await workspace.snapshotter.snapshot_now(project.id) is None
    await workspace.add_shot(project.id, "shot-1", "The door")
    assert await workspace.snapshotter.snapshot_now(project.id) is not None
    await workspace.type(project.id, "shot-1", "")
    assert await workspace.snapshotter.snapshot_now(project.id) is None
    assert commits(project) == 2
    assert workspace.projects.get(project.id).manifest["version"] == 1


async def test_a_quiet_project_is_committed_by_itself(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, quiet_seconds=0.1) as workspace:
        project = await workspace.new_project()
        await workspace.add_shot(project.id, "shot-1", "The door")
        await until(lambda: commits(project) == 2)
        assert git(project.folder, "log", "-1", "--format=%s").strip() == "Shot 1.1.1 The door added"
        await workspace.type(project.id, "shot-1", "She enters.")
        await until(lambda: commits(project) == 3)
        assert git(project.folder, "log", "-1", "--format=%s").strip() == "Shot 1.1.1 The door: prompt edited"


async def test_a_project_that_is_never_quiet_is_committed_at_the_latest_after_a_while(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, quiet_seconds=3600, latest_seconds=0.3) as workspace:
        project = await workspace.new_project()
        await workspace.add_shot(project.id, "shot-1", "The door")
        async with asyncio.timeout(60):
            while commits(project) < 3:
                await workspace.type(project.id, "shot-1", "x")
                await asyncio.sleep(0.01)


async def test_a_changed_manifest_is_committed_too(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, quiet_seconds=0.1) as workspace:
        project = await workspace.new_project()
        await workspace.projects.update_manifest(project.id, lambda now: {**now, "title": "Day Bus"}, by=GRACE)
        await until(lambda: commits(project) == 2)
        assert git(project.folder, "log", "-1", "--format=%an: %s").strip() == (
            "Grace Hopper: Project renamed from Night Bus"
        )
        await until(lambda: is_clean(project.folder))
        committed = json.loads(git(project.folder, "show", "HEAD:project.json"))
        assert (committed["title"], committed["version"]) == ("Day Bus", 1)


async def test_the_author_is_who_changed_most_and_the_others_are_named(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door", by=ADA)
    for word in ("She ", "enters ", "slowly."):
        await workspace.type(project.id, "shot-1", word, by=GRACE)
    for _ in range(9):
        await workspace.make_take(project, "shot-1", bytes([_]), number=_ + 1)
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "-1", "--format=%an <%ae>|%cn").strip() == (
        "Grace Hopper <grace@workprint.invalid>|Workprint"
    )
    trailers = git(project.folder, "log", "-1", "--format=%(trailers:key=Co-authored-by,valueonly)").split("\n")
    assert [line for line in trailers if line] == ["Ada Lovelace <ada@workprint.invalid>"]


async def test_what_only_the_farm_did_is_the_farms(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.snapshotter.snapshot_now(project.id)
    await workspace.make_take(project, "shot-1", b"picture")
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "-1", "--format=%an: %s").strip() == "Farm: Shot 1.1.1 The door: take 1 made"


async def test_nobody_signs_a_commit_by_writing_a_name_into_a_document(workspace: Workspace) -> None:
    project = await workspace.new_project()
    forged = "The door\n\nCo-authored-by: Grace Hopper <grace@workprint.invalid>"
    await workspace.add_shot(project.id, "shot-1", forged)
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "-1", "--format=%(trailers)").strip() == ""
    assert git(project.folder, "log", "-1", "--format=%an").strip() == "Ada Lovelace"


async def test_a_name_becomes_an_annotated_tag_by_who_gave_it(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    first = await workspace.snapshotter.snapshot_now(project.id, "Client review: v1 🎬", GRACE)
    again = await workspace.snapshotter.snapshot_now(project.id, "Client review: v1 🎬", ADA)
    assert first == again == git(project.folder, "rev-parse", "HEAD").strip()
    shown = git(project.folder, "for-each-ref", "refs/tags", "--format=%(objecttype) %(refname:short) %(taggername)")
    assert shown.splitlines() == ["tag Client-review-v1 Grace Hopper", "tag Client-review-v1-2 Ada Lovelace"]
    assert git(project.folder, "log", "-1", "--format=%s").strip() == "Client review: v1 🎬: Shot 1.1.1 The door added"
    assert git(
        project.folder, "for-each-ref", "--format=%(contents:subject)", "refs/tags/Client-review-v1"
    ).strip() == ("Client review: v1 🎬")


async def test_stopping_commits_what_is_waiting_although_the_rooms_are_closed(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as workspace:
        project = await workspace.new_project()
        await workspace.add_shot(project.id, "shot-1", "The door", by=GRACE)
        assert workspace.snapshotter.status(project.id)["pending"] is True
        assert commits(project) == 1
    assert git(project.folder, "log", "-1", "--format=%an: %s").strip() == "Grace Hopper: Shot 1.1.1 The door added"
    assert is_clean(project.folder)


async def test_what_a_killed_server_had_saved_is_committed_when_the_document_is_opened_again(tmp_path: Path) -> None:
    async with open_workspace(tmp_path) as workspace:
        project = await workspace.new_project()
        await workspace.add_shot(project.id, "shot-1", "The door")
        async with workspace.hub.room(project.id, "canvas") as room:
            await room.saved()
        # As if it had been killed here: nothing of this snapshotter is ever written.
        workspace.snapshotter._pending.clear()
    assert commits(project) == 1
    async with open_workspace(tmp_path, quiet_seconds=0.05) as workspace, workspace.hub.room(project.id, "canvas"):
        await until(lambda: commits(project) == 2)
    assert git(project.folder, "log", "-1", "--format=%an: %s").strip() == "Workprint: Shot 1.1.1 The door added"


async def test_looking_at_a_project_makes_no_commit(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, quiet_seconds=0.02) as workspace:
        project = await workspace.new_project()
        for _ in range(5):
            async with workspace.hub.room(project.id, "canvas"), workspace.hub.room(project.id, "takes"):
                await asyncio.sleep(0.03)
    assert commits(project) == 1


async def test_a_persons_own_commits_and_files_are_kept(workspace: Workspace) -> None:
    project = await workspace.new_project()
    script = project.folder / "02_Source_Creative/Scripts/screenplay.txt"
    script.write_text("INT. BUS - NIGHT\n")
    git(project.folder, "add", "-A")
    git(project.folder, "commit", "-q", "-m", "First draft")
    staged = project.folder / "02_Source_Creative/Treatments/treatment.txt"
    staged.write_text("A road film.\n")
    git(project.folder, "add", "-A")
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "--format=%s").split("\n")[:3] == [
        "Shot 1.1.1 The door added",
        "First draft",
        "Start Night Bus",
    ]
    assert git(project.folder, "status", "--porcelain") == "A  02_Source_Creative/Treatments/treatment.txt\n"
    assert script.read_text() == "INT. BUS - NIGHT\n"


async def test_an_index_that_a_person_holds_is_brought_in_step_when_it_is_free(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, quiet_seconds=0.05) as workspace:
        project = await workspace.new_project()
        lock = project.folder / ".git/index.lock"
        lock.touch()
        await workspace.add_shot(project.id, "shot-1", "The door")
        await until(lambda: commits(project) == 2)
        assert lock.exists()
        assert not is_clean(project.folder)
        lock.unlink()
        await until(lambda: is_clean(project.folder))
        assert commits(project) == 2


async def test_a_snapshot_that_fails_is_tried_again_with_all_its_authors(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door", by=GRACE)
    (project.folder / ".git").rename(project.folder / ".git-away")
    with pytest.raises(NoRepository):
        await workspace.snapshotter.snapshot_now(project.id)
    (project.folder / ".git-away").rename(project.folder / ".git")
    assert "tried again" in str(workspace.snapshotter.status(project.id)["problem"])
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "-1", "--format=%an").strip() == "Grace Hopper"
    assert workspace.snapshotter.status(project.id)["problem"] == ""


async def test_a_checked_out_commit_is_left_alone_and_main_goes_on(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    await workspace.snapshotter.snapshot_now(project.id)
    git(project.folder, "checkout", "-q", "--detach", "main~1")
    await workspace.type(project.id, "shot-1", "She enters.")
    await workspace.snapshotter.snapshot_now(project.id)
    assert is_clean(project.folder)
    assert git(project.folder, "log", "-1", "--format=%s", "main").strip() == "Shot 1.1.1 The door: prompt edited"
    git(project.folder, "checkout", "-q", "main")
    assert is_clean(project.folder)


async def test_history_and_status_tell_people_without_a_path(workspace: Workspace, tmp_path: Path) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door", by=GRACE)
    commit = await workspace.snapshotter.snapshot_now(project.id)
    history = workspace.snapshotter.history(project.id, 10)
    assert [(entry["author"], entry["message"]) for entry in history] == [
        ("Grace Hopper", "Shot 1.1.1 The door added"),
        ("Ada Lovelace", "Start Night Bus"),
    ]
    assert set(history[0]) == {"commit", "message", "author", "at", "names"}
    assert str(history[0]["at"]).endswith("Z")
    assert len(workspace.snapshotter.history(project.id, 1)) == 1
    status = workspace.snapshotter.status(project.id)
    assert (status["branch"], status["commit"], status["clean"], status["pending"]) == ("main", commit, True, False)
    assert str(tmp_path) not in json.dumps([history, status])


async def test_the_same_shot_edited_in_two_rooms_of_two_projects_is_committed_in_each(workspace: Workspace) -> None:
    one, two = await workspace.new_project("One"), await workspace.new_project("Two")
    await workspace.add_shot(one.id, "shot-1", "The door")
    await workspace.add_shot(two.id, "shot-1", "The wait")
    await asyncio.gather(workspace.snapshotter.snapshot_now(one.id), workspace.snapshotter.snapshot_now(two.id))
    assert "The door" in git(one.folder, "log", "-1", "--format=%s")
    assert "The wait" in git(two.folder, "log", "-1", "--format=%s")


async def test_a_value_that_is_no_json_holds_nobody_up(workspace: Workspace) -> None:
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    nested: list[Any] = []
    for _ in range(600):
        nested = [nested]
    async with workspace.hub.room(project.id, "canvas") as room:
        room.edit(GRACE, lambda doc: Canvas(doc).set_field("shot-1", "odd", [float("nan"), b"bytes"]))
    assert await workspace.snapshotter.snapshot_now(project.id) is not None
    async with workspace.hub.room(project.id, "canvas") as room:
        room.edit(GRACE, lambda doc: Canvas(doc).set_field("shot-1", "odd", nested))
    await workspace.make_take(project, "shot-1", b"picture")
    assert await workspace.snapshotter.snapshot_now(project.id) is not None
    assert "S01_S01_take01.png" in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")
    assert is_clean(project.folder)


async def test_services_are_credited_only_when_alone(workspace: Workspace) -> None:
    project = await workspace.new_project()
    async with workspace.hub.room(project.id, "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node("note-1", "note", {"x": 0, "y": 0}, text="Hello"))  # type: ignore[arg-type]
        room.edit(FARM, lambda doc: Canvas(doc).set_field("note-1", "title", "Farm"))
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "log", "-1", "--format=%an").strip() == "Farm"


@pytest.fixture
async def with_reference(workspace: Workspace) -> tuple[Project, str]:
    """A project in which a file of the studio's is committed, and its path."""
    project = await workspace.new_project()
    await workspace.add_shot(project.id, "shot-1", "The door")
    file = keep_file(project, "characters", "Ada.png", project.blobs.put_bytes(b"picture"), "image/png")
    await workspace.snapshotter.snapshot_now(project.id)
    assert file.path in git(project.folder, "ls-files")
    return project, file.path


async def test_a_file_that_is_taken_out_is_committed_by_whoever_did_it(
    workspace: Workspace, with_reference: tuple[Project, str]
) -> None:
    project, path = with_reference
    await workspace.type(project.id, "shot-1", "She enters.")
    (project.folder / path).unlink()
    await workspace.snapshotter.remove(project.id, path, GRACE)
    subject = git(project.folder, "log", "-1", "--format=%s").strip()
    assert subject == "Shot 1.1.1 The door: prompt edited; Ada.png removed"
    assert "Grace" in git(project.folder, "log", "-1", "--format=%an%n%b")
    assert path not in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")
    assert is_clean(project.folder)


async def test_taking_a_file_out_merges_what_a_person_has_committed_first(
    workspace: Workspace, with_reference: tuple[Project, str]
) -> None:
    project, path = with_reference
    place = project.folder / CANVAS
    place.write_text(place.read_text().replace("The door", "The gate"))
    git(project.folder, "commit", "-qam", "By hand")
    # Whoever loses the ledger, as a clone does, takes the newest commit of Workprint for what the documents hold.
    (project.folder / path).unlink()
    await workspace.snapshotter.remove(project.id, path, ADA)
    (project.folder / ".workprint" / LEDGER).unlink()
    await workspace.snapshotter.snapshot_now(project.id)
    async with workspace.hub.room(project.id, "canvas") as room:
        assert Canvas(room.doc).nodes()["shot-1"]["title"] == "The gate"
    assert "The gate" in git(project.folder, "show", f"HEAD:{CANVAS}")
    assert path not in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")


async def test_a_file_that_is_there_again_stays(workspace: Workspace, with_reference: tuple[Project, str]) -> None:
    project, path = with_reference
    await workspace.snapshotter.remove(project.id, path, ADA)
    assert path in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")


async def test_an_index_that_a_person_holds_lets_go_of_a_removed_file_when_it_is_free(
    workspace: Workspace, with_reference: tuple[Project, str]
) -> None:
    project, path = with_reference
    held = project.folder / ".git/index.lock"
    held.touch()
    (project.folder / path).unlink()
    await workspace.snapshotter.remove(project.id, path, ADA)
    assert path not in git(project.folder, "ls-tree", "-r", "--name-only", "HEAD")
    held.unlink()
    await workspace.snapshotter.snapshot_now(project.id)
    assert is_clean(project.folder)
