"""A new project: the whole tree, a repository that plain git and git-lfs like, a name every system takes."""

import errno
import json
import re
import shutil
from pathlib import Path

import pytest

from crdt_schema.project import NarrativeStructure
from server.auth.actor import Actor
from server.errors import BadRequest
from server.projects.index import Projects
from server.projects.manifest import NewProject
from server.projects.narratives import STRUCTURES
from server.projects.scaffold import gitattributes
from tests.support.git import assert_healthy, git, is_clean

ADA = Actor("ada", "Ada Lovelace", "owner")

TREE = {
    ".gitattributes",
    ".gitignore",
    "01_Assets/AI_Models/.gitkeep",
    "01_Assets/Generative_Assets/Characters/.gitkeep",
    "01_Assets/Generative_Assets/Locations/.gitkeep",
    "01_Assets/Generative_Assets/Music/.gitkeep",
    "01_Assets/Generative_Assets/Styles/.gitkeep",
    "01_Assets/Source_Media/.gitkeep",
    "02_Source_Creative/Canvases/main_canvas.json",
    "02_Source_Creative/Scripts/.gitkeep",
    "02_Source_Creative/ShotLists/.gitkeep",
    "02_Source_Creative/Treatments/.gitkeep",
    "03_Renders/takes.json",
    "04_Project_Files/Auto_Saves/.gitkeep",
    "04_Project_Files/EDLs/.gitkeep",
    "project.json",
    "setup-lfs.cmd",
    "setup-lfs.sh",
}
IGNORED = {"05_Cache/thumbnails", "05_Cache/control_maps", "06_Exports", ".workprint"}


@pytest.fixture
async def projects(tmp_path: Path) -> Projects:
    projects = Projects(tmp_path / "workspace")
    await projects.start()
    return projects


def tracked(folder: Path) -> set[str]:
    return set(git(folder, "ls-files", "-z").split("\0")) - {""}


async def test_the_workspace_has_its_folders(projects: Projects, tmp_path: Path) -> None:
    folders = {
        str(path.relative_to(tmp_path / "workspace")) for path in (tmp_path / "workspace").rglob("*") if path.is_dir()
    }
    assert folders == {
        "Projects",
        "Library",
        "Library/Branding",
        "Library/Stock_Media",
        "Library/Pipeline_Templates",
        "Library/Narrative_Templates",
        "Library/AI_Models",
        "Library/Assets",
        "Library/Style_Templates",
    }
    assert projects.all() == []
    said = (tmp_path / "workspace/Library/README.md").read_text()
    assert all(f"`{folder.rpartition('/')[2]}/`: " in said for folder in folders - {"Projects", "Library"})


async def test_what_a_studio_wrote_into_its_library_stays(tmp_path: Path) -> None:
    await Projects(tmp_path / "workspace").start()
    said = tmp_path / "workspace/Library/README.md"
    said.write_text("Ask Ada before you change anything here.\n")
    await Projects(tmp_path / "workspace").start()
    assert said.read_text() == "Ask Ada before you change anything here.\n"


async def test_a_new_project_is_the_tree_of_the_table(projects: Projects) -> None:
    project = await projects.create(NewProject("Night Bus", description="A road film"), ADA)
    assert project.folder.name == "Night_Bus"
    assert tracked(project.folder) == TREE
    files = {
        str(path.relative_to(project.folder))
        for path in project.folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(project.folder).parts
    }
    assert files == TREE
    assert all((project.folder / folder).is_dir() for folder in IGNORED)


async def test_plain_git_and_git_lfs_find_nothing_wrong_with_it(projects: Projects) -> None:
    folder = (await projects.create(NewProject("Night Bus"), ADA)).folder
    assert is_clean(folder)
    assert_healthy(folder)
    assert git(folder, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert git(folder, "log", "--format=%an|%cn|%s").strip() == "Ada Lovelace|Workprint|Start Night Bus"
    # git-lfs finds its own hooks and settings and has nothing to add.
    before = (folder / ".git/config").read_text()
    git(folder, "lfs", "install", "--local")
    assert (folder / ".git/config").read_text() == before


async def test_a_person_commits_a_film_with_plain_git_and_it_goes_to_lfs(projects: Projects) -> None:
    folder = (await projects.create(NewProject("Night Bus"), ADA)).folder
    (folder / "01_Assets/Source_Media/A001C002_240101.MXF").write_bytes(b"\0" * 5000)
    (folder / "02_Source_Creative/Scripts/screenplay.txt").write_text("INT. BUS - NIGHT\n")
    (folder / "05_Cache/thumbnails/a.png").write_bytes(b"x")
    (folder / "06_Exports/final.mp4").write_bytes(b"x")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "Camera originals")
    assert git(folder, "lfs", "ls-files", "--name-only").split() == ["01_Assets/Source_Media/A001C002_240101.MXF"]
    assert "05_Cache" not in git(folder, "ls-files")
    assert "06_Exports" not in git(folder, "ls-files")
    assert_healthy(folder)


def test_every_media_and_model_type_has_an_lfs_rule() -> None:
    rules = gitattributes()
    for suffix in "png jpg exr tif mp4 mov mxf mkv webm wav mp3 flac safetensors ckpt pt onnx gguf glb psd".split():  # noqa: SIM905 - a table
        assert f"\n*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" in rules
    assert not re.search(r"\*\.(json|txt|edl|otio|cube|fountain|md) filter", rules)


@pytest.mark.parametrize("structure", STRUCTURES)
async def test_a_narrative_structure_brings_its_chapters_and_beats(
    projects: Projects, structure: NarrativeStructure
) -> None:
    story = (await projects.create(NewProject("Story", structure=structure), ADA)).manifest["narrative"]
    assert story["structure"] == structure
    assert [chapter["number"] for chapter in story["chapters"]] == list(range(1, len(story["chapters"]) + 1))
    assert all(chapter["title"] and chapter["scenes"] for chapter in story["chapters"])
    assert all(scene["title"] and scene["summary"] for chapter in story["chapters"] for scene in chapter["scenes"])
    assert len(story["emotionalBeats"]) >= 4


async def test_a_studio_can_change_a_narrative_template(projects: Projects, tmp_path: Path) -> None:
    template = tmp_path / "workspace/Library/Narrative_Templates/three-act.json"
    story = json.loads(template.read_text())
    story["chapters"] = [{"number": 1, "title": "Cold open", "scenes": []}]
    template.write_text(json.dumps(story))
    made = await projects.create(NewProject("One"), ADA)
    assert [chapter["title"] for chapter in made.manifest["narrative"]["chapters"]] == ["Cold open"]
    template.write_text("{ broken")
    made = await projects.create(NewProject("Two"), ADA)
    assert made.manifest["narrative"]["chapters"][0]["title"] == "Act One: Setup"


@pytest.mark.parametrize(
    ("title", "folder"),
    [
        ("../x", "x"),
        ("..", "Project"),
        ("/etc/passwd", "etc_passwd"),
        ("CON", "CON_"),
        ("com1", "com1_"),
        ('a\\b:c*d?e"f<g>h|i', "a_b_c_d_e_f_g_h_i"),
        ("ends with a dot. ", "ends_with_a_dot"),
        ("🎬🔥", "Project"),
        ("🎬 Night Bus 🔥", "Night_Bus"),
        ("-rf", "rf"),
        (".git", "git"),
        ("Über naïve Čapek", "Über_naïve_Čapek"),
        ("夜のバス", "夜のバス"),
        ("हिन्दी फ़िल्म", "हिन्दी_फ़िल्म"),
        ("line\nbreak\tand tab", "line_break_and_tab"),
        ("x" * 300, "x" * 100),
        ("é" * 300, "é" * 50),
    ],
)
async def test_a_hostile_title_makes_a_folder_that_every_system_takes(
    projects: Projects, tmp_path: Path, title: str, folder: str
) -> None:
    project = await projects.create(NewProject(title), ADA)
    assert project.folder == tmp_path / "workspace/Projects" / folder
    assert project.manifest["title"] == " ".join(title.split())
    assert is_clean(project.folder)


async def test_the_same_title_again_gets_a_folder_of_its_own(projects: Projects) -> None:
    titles = ["Night Bus", "night bus", "NIGHT BUS"]
    names = [(await projects.create(NewProject(title), ADA)).folder.name for title in titles]
    assert names == ["Night_Bus", "night_bus_2", "NIGHT_BUS_3"]
    assert len(projects.all()) == 3


@pytest.mark.parametrize("title", ["", "   ", "\n", "x" * 301, "nul\x00", "\ud800"])
async def test_a_title_that_is_none_is_refused_and_leaves_nothing(
    projects: Projects, tmp_path: Path, title: str
) -> None:
    with pytest.raises(BadRequest, match="title must be"):
        await projects.create(NewProject(title), ADA)
    assert list((tmp_path / "workspace/Projects").iterdir()) == []


async def test_a_project_that_fails_half_way_leaves_nothing(
    projects: Projects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("server.projects.scaffold.ProjectRepo.create", fail)
    with pytest.raises(OSError, match="No space left"):
        await projects.create(NewProject("Night Bus"), ADA)
    assert list((tmp_path / "workspace/Projects").iterdir()) == []


async def test_a_project_survives_being_copied_to_another_place(projects: Projects, tmp_path: Path) -> None:
    folder = (await projects.create(NewProject("Night Bus"), ADA)).folder
    shutil.copytree(folder, tmp_path / "elsewhere")
    shutil.rmtree(folder)
    assert is_clean(tmp_path / "elsewhere")
    assert_healthy(tmp_path / "elsewhere")
