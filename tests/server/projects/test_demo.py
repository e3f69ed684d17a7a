"""The demo project: complete, ready to generate, and its history reads like a story."""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.project import ASPECT_RATIOS, contract_gate
from server.auth.actor import SYSTEM
from server.projects.boards import mood_boards
from server.projects.demo import create_demo
from server.projects.index import Project
from tests.support.git import assert_healthy, git, is_clean
from tests.support.service import PNG_PIXEL
from tests.support.workspace import Workspace, open_workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the demo was made by a server that has stopped since."""
    root = tmp_path_factory.mktemp("demo")

    async def make() -> None:
        async with open_workspace(root) as workspace:
            await create_demo(workspace.projects, workspace.hub, workspace.snapshotter, by=SYSTEM)

    asyncio.run(make())
    return root


@pytest.fixture
async def made(root: Path) -> AsyncGenerator[tuple[Workspace, Project]]:
    async with open_workspace(root) as workspace:
        yield workspace, workspace.projects.all()[0]


async def test_its_brief_is_complete(made: tuple[Workspace, Project]) -> None:
    manifest = made[1].manifest
    assert manifest["title"] == "Neo-Noir Laundromat"
    assert manifest["project_settings"]["governance"] == "studio"
    assert contract_gate(manifest["creative_contract"], "studio")["holds"]
    assert manifest["project_settings"]["aspect_ratio"] in ASPECT_RATIOS
    assert manifest["creative_contract"]["aspectRatio"] == manifest["project_settings"]["aspect_ratio"]
    assert manifest["creative_contract"]["budgetCap"] == 20
    assert all(made[1].blobs.has(blob) for blob in manifest["creative_contract"]["referencePack"])


async def test_every_shot_is_ready_to_generate(made: tuple[Workspace, Project]) -> None:
    workspace, project = made
    async with workspace.hub.room(project.id, "canvas") as room:
        canvas = Canvas(room.doc)
        nodes = canvas.nodes()
        shots = [node for node in nodes.values() if node["type"] == "shot"]
        assert [(shot["chapter"], shot["scene"]) for shot in shots] == [(1, 1)] * 3
        assert sorted((int(shot["shot"]), shot["title"]) for shot in shots) == [
            (1, "The door"),
            (2, "The wait"),
            (3, "The silhouette"),
        ]
        joined = [(edge["target"], edge["target_socket"]) for edge in canvas.edges().values()]
        for node_id, node in nodes.items():
            if node["type"] == "shot":
                assert node["prompt"]
                assert sorted(socket for target, socket in joined if target == node_id) == [
                    "pipeline",
                    "prompt",
                    "style",
                ]
        assert {node["type"] for node in nodes.values()} == {"shot", "pipeline", "style", "prompt", "note"}


async def test_no_node_lies_on_another(made: tuple[Workspace, Project]) -> None:
    workspace, project = made
    sizes = {"shot": (320, 460), "pipeline": (240, 130), "style": (260, 220), "prompt": (280, 160), "note": (220, 150)}
    async with workspace.hub.room(project.id, "canvas") as room:
        boxes = [(node["position"], sizes[node["type"]]) for node in Canvas(room.doc).nodes().values()]
    for number, (one, (width, height)) in enumerate(boxes):
        for other, (other_width, other_height) in boxes[number + 1 :]:
            beside = one["x"] + width < other["x"] or other["x"] + other_width < one["x"]
            above = one["y"] + height < other["y"] or other["y"] + other_height < one["y"]
            assert beside or above


async def test_its_history_reads_like_a_story(made: tuple[Workspace, Project]) -> None:
    folder = made[1].folder
    assert git(folder, "log", "--reverse", "--format=%s").strip().split("\n") == [
        "Start Neo-Noir Laundromat",
        "Story structure changed",
        "Brief: 3 references added",
        "Style Neo-noir, Prompt The laundromat and Pipeline Previz frame added",
        "Shot 1.1.1 The door added; 3 edges joined",
        "Shot 1.1.2 The wait added; 3 edges joined",
        "Shot 1.1.3 The silhouette added; 3 edges joined",
        "Shot 1.1.1 The door: lens 35 mm -> 28 mm, lighting natural-window -> neon-night; and 2 more",
        "Ready to shoot: Note Start here added",
    ]
    assert git(folder, "tag").split() == ["Ready-to-shoot"]


async def test_git_finds_nothing_wrong_with_it(made: tuple[Workspace, Project], tmp_path: Path) -> None:
    folder = made[1].folder
    assert is_clean(folder)
    assert_healthy(folder)
    git(tmp_path, "clone", "-q", str(folder), "clone")
    git(tmp_path / "clone", "lfs", "pull")
    assert_healthy(tmp_path / "clone")
    pictures = sorted((tmp_path / "clone/01_Assets/Source_Media/References").glob("*.jpg"))
    assert [picture.read_bytes()[:3] for picture in pictures] == [b"\xff\xd8\xff"] * 3


def test_the_mood_boards_are_the_same_bytes_every_time() -> None:
    assert mood_boards() == mood_boards()


def paths_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


async def test_the_readme_shows_its_real_tree_and_its_real_log(root: Path, tmp_path: Path) -> None:
    section = (Path(__file__).parents[3] / "README.md").read_text().split("\n## Where is my work?\n")[1]
    tree, log = section.split("```text\n")[1:3]
    shutil.copytree(root, workspace_root := tmp_path / "Generative_Studio_Workspace")
    async with open_workspace(workspace_root) as workspace:
        (project,) = workspace.projects.all()
        async with workspace.hub.room(project.id, "canvas") as room:
            nodes = Canvas(room.doc).nodes()
        door = next(key for key, node in nodes.items() if node["type"] == "shot" and node["shot"] == 1)
        await workspace.make_take(project, door, PNG_PIXEL)
        await workspace.snapshotter.snapshot_now(project.id)
    shown = log.split("```")[0].splitlines()
    assert shown[0] == f"$ git -C {project.folder.relative_to(tmp_path)} log --format=%s"
    assert shown[1:] == git(project.folder, "log", "--format=%s").splitlines()
    named = set(re.findall(r"[\w.-]+(?:/[\w.-]+)+/?|[\w.-]+/|[\w-]+\.(?:json|md|sh|cmd)", tree.split("```")[0]))
    assert {"Library/", "project.json", "05_Cache/", ".workprint/", "setup-lfs.cmd"} <= named
    there = paths_below(tmp_path)
    missing = [name for name in named if not any(f"/{path}".endswith(f"/{name.rstrip('/')}") for path in there)]
    assert missing == []
    folders = {path.name for path in project.folder.iterdir() if path.is_dir()} - {".git"}
    assert all(f"{folder}/" in named for folder in folders), "the README leaves no folder of a project out"
