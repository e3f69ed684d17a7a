"""What people do to files and branches beside Workprint is merged in their name, and never written over (W-085)."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from crdt_schema.canvas import Canvas
from crdt_schema.production import Production
from server.auth.actor import SYSTEM, Actor
from server.hub.room import Room
from server.projects.index import Project
from server.projects.layout import MANIFEST
from server.projects.manifest import BrokenManifest
from server.snapshot.disk import UnderWay
from tests.support.git import assert_healthy, git, is_clean
from tests.support.workspace import ADA, GRACE, Workspace, open_workspace

CANVAS = "02_Source_Creative/Canvases/main_canvas.json"
SCREENPLAY = "02_Source_Creative/Scripts/screenplay.txt"
SHOT = "shot-1"
NOTE = {"type": "note", "title": "Note", "text": "x", "position": {"x": 1, "y": 2}}
NOIR: dict[str, Any] = {"title": "Noir", "context": "wet neon", "palette": [], "parameters": {"contrast": 0.7}}
OTHER_FPS = '"fps": 24', '"fps": 25'
"""With the field's name: the two digits alone also stand in every ninth project's uuid."""


async def find_person(name: str, address: str) -> Actor | None:
    return GRACE if name == GRACE.name or address.startswith("grace@") else None


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncGenerator[Workspace]:
    async with open_workspace(tmp_path, find_person=find_person) as workspace:
        yield workspace


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - neither a file nor git, another process, has an event to wait for
            await asyncio.sleep(0.02)


async def write(workspace: Workspace, project: Project, words: str, by: Actor = ADA) -> None:
    """Words at the end of the screenplay."""

    def change(doc: Doc[Any]) -> None:
        text = doc.get("text", type=Text)
        text += words

    async with workspace.hub.room(project.id, "script/screenplay") as room:
        room.edit(by, change)
        await room.saved()


async def screenplay(workspace: Workspace, project: Project) -> str:
    async with workspace.hub.room(project.id, "script/screenplay") as room:
        return script_in(room)


def script_in(room: Room) -> str:
    return str(room.doc.get("text", type=Text))


async def canvas(workspace: Workspace, project: Project) -> Any:
    async with workspace.hub.room(project.id, "canvas") as room:
        return room.plain()


def edit_canvas(project: Project, change: Callable[[Any], None]) -> None:
    place = project.folder / CANVAS
    value = json.loads(place.read_bytes())
    change(value)
    place.write_text(json.dumps(value))


def last(project: Project) -> str:
    return git(project.folder, "log", "-1", "--format=%an: %s").strip()


async def started(workspace: Workspace) -> Project:
    """A project with a shot and a screenplay, all of it committed."""
    project = await workspace.new_project()
    await workspace.add_shot(project.id, SHOT, "The door")
    await workspace.type(project.id, SHOT, "She enters.")
    await write(workspace, project, "INT. BUS - NIGHT\n\nRosa waits.\nThe bus stops.\n")
    await workspace.snapshotter.snapshot_now(project.id)
    return project


async def test_a_screenplay_edited_in_an_editor_and_in_the_studio_keeps_both(workspace: Workspace) -> None:
    project = await started(workspace)
    place = project.folder / SCREENPLAY
    place.write_text(place.read_text().replace("Rosa waits.", "Rosa waits, 🎬 shivering."))
    await write(workspace, project, "She gets on.\n")
    await workspace.snapshotter.snapshot_now(project.id)
    both = "INT. BUS - NIGHT\n\nRosa waits, 🎬 shivering.\nThe bus stops.\nShe gets on.\n"
    assert await screenplay(workspace, project) == both == place.read_text()
    assert git(project.folder, "show", f"HEAD:{SCREENPLAY}") == both
    assert "On disk" in git(project.folder, "log", "-1", "--format=%an %(trailers:key=Co-authored-by)")
    assert is_clean(project.folder)
    assert await workspace.snapshotter.snapshot_now(project.id) is None


async def test_an_edit_on_disk_is_noticed_while_somebody_has_the_project_open(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, watch_seconds=0.05, quiet_seconds=0.2) as workspace:
        project = await started(workspace)
        async with workspace.hub.room(project.id, "script/screenplay") as room:
            (project.folder / SCREENPLAY).write_text("New.\r\nWords.")
            await until(lambda: script_in(room) == "New.\nWords.")
            await until(lambda: last(project) == "On disk: Script screenplay edited")
            await until(lambda: (project.folder / SCREENPLAY).read_text() == "New.\nWords.\n")


async def test_a_canvas_edited_as_json_changes_only_the_fields_that_differ(workspace: Workspace) -> None:
    project = await started(workspace)

    def change(value: Any) -> None:
        node = value["nodes"][SHOT]
        node["prompt"] = "She enters slowly."
        node["parameters"]["lens_mm"] = 85
        node["seed"] = 7
        value["nodes"]["note-1"] = {
            "type": "note",
            "title": "Note",
            "text": "From a script",
            "position": {"x": 1, "y": 2},
        }

    edit_canvas(project, change)
    await workspace.type(project.id, SHOT, " Rain.", by=GRACE)
    await workspace.snapshotter.snapshot_now(project.id)
    nodes = (await canvas(workspace, project))["nodes"]
    assert (nodes[SHOT]["prompt"], nodes[SHOT]["seed"]) == ("She enters slowly. Rain.", 7)
    assert nodes[SHOT]["parameters"]["lens_mm"] == 85
    assert nodes["note-1"]["text"] == "From a script"
    assert is_clean(project.folder)
    # A text that several people can type into, not a plain value.
    async with workspace.hub.room(project.id, "canvas") as room:
        assert isinstance(Canvas(room.doc).text("note-1", "text"), Text)


async def test_a_node_removed_from_the_file_is_deleted_and_can_come_back(workspace: Workspace) -> None:
    project = await started(workspace)
    edit_canvas(project, lambda value: value["nodes"].pop(SHOT))
    await workspace.snapshotter.snapshot_now(project.id)
    assert (await canvas(workspace, project))["nodes"] == {}
    async with workspace.hub.room(project.id, "canvas") as room:
        room.edit(ADA, lambda doc: Canvas(doc).set_field(SHOT, "deleted", value=False))
    assert (await canvas(workspace, project))["nodes"][SHOT]["prompt"] == "She enters."


async def test_a_commit_by_hand_is_merged_in_the_name_of_its_author(workspace: Workspace) -> None:
    project = await started(workspace)
    edit_canvas(project, lambda value: value["nodes"][SHOT].update(title="The gate"))
    git(project.folder, "commit", "-q", "-am", "Rename", "--author", "Grace Hopper <grace@example.org>")
    await workspace.snapshotter.snapshot_now(project.id)
    assert (await canvas(workspace, project))["nodes"][SHOT]["title"] == "The gate"
    async with workspace.hub.room(project.id, "canvas") as room:
        assert (await room.history())[-1].actor_name == "Grace Hopper"
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    assert "Rename" in git(project.folder, "log", "--format=%s").split("\n")
    assert is_clean(project.folder)


async def test_a_pull_that_merges_keeps_both_histories(workspace: Workspace, tmp_path: Path) -> None:
    project = await started(workspace)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project.folder), str(clone))
    (clone / SCREENPLAY).write_text("INT. BUS - NIGHT\n\nRosa sleeps.\nThe bus stops.\n")
    git(clone, "commit", "-q", "-am", "Rosa sleeps", "--author", "Grace Hopper <grace@example.org>")
    await write(workspace, project, "She gets on.\n")
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    git(project.folder, "pull", "-q", "--no-rebase", "--no-edit", str(clone), "main")
    assert len(git(project.folder, "log", "-1", "--format=%P").split()) == 2
    await workspace.snapshotter.snapshot_now(project.id)
    assert await screenplay(workspace, project) == "INT. BUS - NIGHT\n\nRosa sleeps.\nThe bus stops.\nShe gets on.\n"
    assert (await canvas(workspace, project))["nodes"][SHOT]["prompt"] == "She enters. Rain."
    assert "Rosa sleeps" in git(project.folder, "log", "--format=%s")
    assert is_clean(project.folder)
    assert_healthy(project.folder)


async def test_snapshots_wait_for_the_end_of_a_merge(workspace: Workspace, tmp_path: Path) -> None:
    project = await started(workspace)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project.folder), str(clone))
    (clone / SCREENPLAY).write_text("One.\n")
    git(clone, "commit", "-q", "-am", "One")
    (project.folder / SCREENPLAY).write_text("Two.\n")
    git(project.folder, "commit", "-q", "-am", "Two")
    with pytest.raises(AssertionError, match="CONFLICT"):
        git(project.folder, "pull", "-q", "--no-rebase", str(clone), "main")
    with pytest.raises(UnderWay, match="merge"):
        await workspace.snapshotter.snapshot_now(project.id)
    assert "<<<<<<<" in (project.folder / SCREENPLAY).read_text()
    (project.folder / SCREENPLAY).write_text("Both.\n")
    git(project.folder, "commit", "-q", "-am", "Both")
    await workspace.snapshotter.snapshot_now(project.id)
    assert await screenplay(workspace, project) == "Both.\n"


async def test_a_broken_file_is_reported_and_left_as_it_is(workspace: Workspace) -> None:
    project = await started(workspace)
    place = project.folder / CANVAS
    good = place.read_text()
    place.write_text(good[:-20])
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    assert place.read_text() == good[:-20]
    assert f"{CANVAS} cannot be read" in str(workspace.snapshotter.status(project.id)["files"])
    assert "Rain" in git(project.folder, "show", f"HEAD:{CANVAS}")
    # Repaired, with a change of its own: both hold.
    place.write_text(good.replace("The door", "The gate"))
    await workspace.snapshotter.snapshot_now(project.id)
    node = (await canvas(workspace, project))["nodes"][SHOT]
    assert (node["title"], node["prompt"]) == ("The gate", "She enters. Rain.")
    assert workspace.snapshotter.status(project.id)["files"] == []
    assert is_clean(project.folder)


async def test_a_half_edited_manifest_is_reported_and_never_written_over(workspace: Workspace) -> None:
    project = await started(workspace)
    place = project.folder / MANIFEST
    good = place.read_text()
    place.write_text(half := good.replace(*OTHER_FPS)[:-20])
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    assert place.read_text() == half
    assert "project.json of this project was edited" in str(workspace.snapshotter.status(project.id)["files"])
    assert "Rain" in git(project.folder, "show", f"HEAD:{CANVAS}")
    with pytest.raises(BrokenManifest, match="repair it"):
        await workspace.projects.update_manifest(project.id, lambda known: {**known, "title": "Other"})
    assert place.read_text() == half
    place.write_text(good.replace(*OTHER_FPS))
    await workspace.snapshotter.snapshot_now(project.id)
    assert workspace.projects.get(project.id).manifest["project_settings"]["fps"] == 25
    assert workspace.snapshotter.status(project.id)["files"] == []
    assert is_clean(project.folder)


@pytest.mark.parametrize(
    "rubbish",
    [
        {"branch": "main", "written": 7, "writing": None, "placed": None, "seen": {}},
        {"branch": "main", "written": "main", "writing": None, "placed": None, "seen": {}},
        {"branch": "main", "written": None, "writing": None, "placed": None, "seen": {"x": None}},
        {"branch": "main", "written": None, "writing": None, "placed": None, "seen": {}, "stood": {"x": [1]}},
        [],
    ],
)
async def test_a_ledger_that_somebody_spoiled_stops_no_snapshot(workspace: Workspace, rubbish: object) -> None:
    project = await started(workspace)
    (project.folder / ".workprint/disk.json").write_text(json.dumps(rubbish))
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    assert "Rain" in git(project.folder, "show", f"HEAD:{CANVAS}")
    assert is_clean(project.folder)


async def test_what_only_workprint_writes_is_not_taken_from_a_file(workspace: Workspace) -> None:
    project = await started(workspace)
    place = project.folder / "03_Renders/takes.json"
    place.write_text('{"schema": "takes.1", "jobs": {}, "takes": {"t": {}}}')
    await workspace.snapshotter.snapshot_now(project.id)
    assert "only Workprint itself writes it" in str(workspace.snapshotter.status(project.id)["files"])
    assert '"t"' in place.read_text()
    assert '"t"' not in git(project.folder, "show", "HEAD:03_Renders/takes.json")


async def test_a_lock_holds_against_a_file_too(workspace: Workspace) -> None:
    project = await started(workspace)
    lock: Any = {"kind": "shot", "target": SHOT, "by": "ada", "by_name": "Ada", "at": "", "reason": ""}
    async with workspace.hub.room(project.id, "production") as room:
        room.edit(SYSTEM, lambda doc: Production(doc).set_lock(lock))

    def change(value: Any) -> None:
        value["nodes"][SHOT]["title"] = "The gate"
        value["nodes"]["note-1"] = NOTE

    edit_canvas(project, change)
    await workspace.snapshotter.snapshot_now(project.id)
    nodes = (await canvas(workspace, project))["nodes"]
    assert (nodes[SHOT]["title"], nodes["note-1"]["text"]) == ("The door", "x")
    assert "locked by Ada" in str(workspace.snapshotter.status(project.id)["files"])


async def test_an_edit_is_merged_once_although_the_server_is_killed_before_its_snapshot(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, watch_seconds=0.05) as workspace:
        project = await started(workspace)
        async with workspace.hub.room(project.id, "script/screenplay") as room:
            (project.folder / SCREENPLAY).write_text("INT. BUS - NIGHT\n\nRosa waits.\nAnd waits.\nThe bus stops.\n")
            await until(lambda: "And waits." in script_in(room))
            await room.saved()
        # As if it had been killed here, and before it noted what it had merged.
        workspace.snapshotter._pending.clear()
        ledger = project.folder / ".workprint/disk.json"
        ledger.write_text(json.dumps({**json.loads(ledger.read_text()), "seen": {}}))
    async with open_workspace(tmp_path) as workspace:
        await workspace.snapshotter.snapshot_now(project.id)
        assert (await screenplay(workspace, project)).count("And waits.") == 1
        assert is_clean(project.folder)


async def test_two_saves_of_a_file_between_two_snapshots_are_each_merged_once(tmp_path: Path) -> None:
    async with open_workspace(tmp_path, watch_seconds=0.05) as workspace:
        project = await started(workspace)
        async with workspace.hub.room(project.id, "script/screenplay") as room:
            for words in ("One.\n", "One.\nTwo.\n", "One.\nTwo and three.\n"):
                (project.folder / SCREENPLAY).write_text(words)
                await until(lambda words=words: script_in(room) == words)
        await workspace.snapshotter.snapshot_now(project.id)
        assert (project.folder / SCREENPLAY).read_text() == "One.\nTwo and three.\n"
        assert is_clean(project.folder)


async def test_a_snapshot_that_somebody_amended_loses_nothing_and_repeats_nothing(workspace: Workspace) -> None:
    project = await started(workspace)
    await write(workspace, project, "She gets on.\n")
    await workspace.snapshotter.snapshot_now(project.id)
    place = project.folder / SCREENPLAY
    place.write_text(place.read_text() + "By hand.\n")
    git(project.folder, "commit", "-q", "-a", "--amend", "-m", "Amended")
    await workspace.snapshotter.snapshot_now(project.id)
    assert (await screenplay(workspace, project)).endswith("The bus stops.\nShe gets on.\nBy hand.\n")


async def test_a_branch_that_was_set_back_does_not_set_the_document_back(workspace: Workspace) -> None:
    project = await started(workspace)
    await write(workspace, project, "She gets on.\n")
    await workspace.snapshotter.snapshot_now(project.id)
    git(project.folder, "reset", "-q", "--hard", "HEAD~1")
    await workspace.snapshotter.snapshot_now(project.id)
    assert (await screenplay(workspace, project)).endswith("She gets on.\n")
    assert git(project.folder, "show", f"HEAD:{SCREENPLAY}").endswith("She gets on.\n")
    assert is_clean(project.folder)


async def test_styles_edited_on_disk_keep_what_the_team_did_meanwhile(workspace: Workspace) -> None:
    project = await started(workspace)
    kept = {**NOIR, "context": Text("wet neon"), "parameters": Map({"contrast": 0.7})}
    async with workspace.hub.room(project.id, "styles") as room:
        room.edit(ADA, lambda doc: doc.get("styles", type=Map).update({"n": Map(kept)}))
    await workspace.snapshotter.snapshot_now(project.id)
    place = project.folder / "01_Assets/Generative_Assets/Styles/styles.json"
    value = json.loads(place.read_bytes())
    value["styles"]["n"]["parameters"] = {"contrast": 0.9}
    place.write_text(json.dumps(value))
    async with workspace.hub.room(project.id, "styles") as room:
        room.edit(GRACE, lambda doc: doc.get("styles", type=Map)["n"].update({"title": "Black"}))
    await workspace.snapshotter.snapshot_now(project.id)
    styles = json.loads(git(project.folder, "show", "HEAD:01_Assets/Generative_Assets/Styles/styles.json"))["styles"]
    assert styles["n"] == {**NOIR, "title": "Black", "parameters": {"contrast": 0.9}}
    assert last(project).endswith("Style Black: renamed from Noir, contrast 0.7 -> 0.9")


async def test_a_file_of_the_same_name_that_somebody_had_made_before_the_script_is_kept(workspace: Workspace) -> None:
    project = await workspace.new_project()
    place = project.folder / SCREENPLAY
    place.write_text("Mine.\n")
    await write(workspace, project, "Ours.\n")
    await workspace.snapshotter.snapshot_now(project.id)
    assert place.read_text() == "Mine.\n"
    await workspace.snapshotter.snapshot_now(project.id)
    assert sorted((await screenplay(workspace, project)).splitlines()) == ["Mine.", "Ours."]
    assert sorted(place.read_text().splitlines()) == ["Mine.", "Ours."]
    assert is_clean(project.folder)


async def test_another_branch_gets_every_document_as_it_is_today(workspace: Workspace) -> None:
    project = await started(workspace)
    git(project.folder, "branch", "experiment")
    await write(workspace, project, "She gets on.\n")
    await workspace.type(project.id, SHOT, " Rain.")
    await workspace.snapshotter.snapshot_now(project.id)
    git(project.folder, "checkout", "-q", "experiment")
    await workspace.snapshotter.snapshot_now(project.id)
    assert git(project.folder, "diff", "main", "experiment", "--", SCREENPLAY, CANVAS) == ""
    assert (await screenplay(workspace, project)).endswith("She gets on.\n")
    assert is_clean(project.folder)
