"""The commands about projects: listed, exported, imported, thrown away, put back, erased."""

from pathlib import Path

from server import keys
from server.workspace import only_one
from tests.support.command import workprint
from tests.support.git import assert_healthy, git
from tests.support.service import running_service


def test_a_project_leaves_and_comes_back_by_command(tmp_path: Path) -> None:
    one, two, bundle = tmp_path / "one", tmp_path / "two", tmp_path / "film.workprint"
    _, project = workprint(one, "project", "new", "Night Bus").strip().split(": ")
    assert workprint(one, "project", "list") == f"{project}  Night Bus\n"
    workprint(one, "project", "export", "night bus", str(bundle))
    assert "there already" in workprint(one, "project", "export", project, str(bundle), status=2)
    assert workprint(two, "project", "import", str(bundle)) == f"Night Bus: {project}\n"
    assert_healthy(two / "Projects" / "Night_Bus")
    assert git(two / "Projects" / "Night_Bus", "log", "--format=%s") == "Start Night Bus\n"
    assert "cannot be read" in workprint(two, "project", "import", str(tmp_path / "none.zip"), status=2)
    workprint(two, "project", "import", str(bundle), "--name", "Second")
    assert len(workprint(two, "project", "list").splitlines()) == 2


def test_a_project_goes_to_the_trash_and_back_by_command(tmp_path: Path) -> None:
    _, project = workprint(tmp_path, "project", "new", "Night Bus").strip().split(": ")
    assert "no project called" in workprint(tmp_path, "project", "trash", "Day Bus", status=2)
    workprint(tmp_path, "project", "trash", "Night Bus", "--reason", "done")
    assert workprint(tmp_path, "project", "list") == f"{project}  Night Bus  (in the trash)\n"
    workprint(tmp_path, "project", "restore", project)
    assert (tmp_path / "Projects" / "Night_Bus" / "project.json").exists()
    workprint(tmp_path, "project", "trash", "Night Bus")
    assert "not the title" in workprint(tmp_path, "project", "delete", project, "--title", "Bus", status=2)
    workprint(tmp_path, "project", "delete", project, "--title", "Night Bus")
    assert list((tmp_path / "Projects" / ".trash").iterdir()) == []


async def test_what_is_put_back_beside_a_hub_is_found_by_it(tmp_path: Path) -> None:
    _, project = workprint(tmp_path, "project", "new", "Night Bus").strip().split(": ")
    workprint(tmp_path, "project", "trash", project)
    async with running_service(tmp_path) as service:
        assert service.app[keys.PROJECTS].all() == []
        workprint(tmp_path, "project", "restore", project)
        assert [each.id for each in service.app[keys.PROJECTS].all()] == [project]


def test_nothing_is_thrown_away_behind_the_back_of_a_hub(tmp_path: Path) -> None:
    _, project = workprint(tmp_path, "project", "new", "Night Bus").strip().split(": ")
    with only_one(tmp_path / ".workprint" / "hub.lock", "taken", patience_seconds=0.0):
        assert "A hub runs in this workspace" in workprint(tmp_path, "project", "trash", project, status=2)
    assert workprint(tmp_path, "project", "list") == f"{project}  Night Bus\n"
