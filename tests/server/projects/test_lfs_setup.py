"""The scripts that set a clone or a workspace up for Git LFS, on machines where nobody ever did (W-065, W-066)."""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.projects.lfs_setup import helper_scripts
from tests.server.git.test_lfs import add_media
from tests.support.command import workprint
from tests.support.git import assert_healthy
from tests.support.remote import open_studio


@dataclass
class Machine:
    """An artist's machine: a home folder with nothing in it, and the programs that are installed."""

    home: Path
    search_path: str = os.environ["PATH"]

    def run(self, folder: Path, *command: str, status: int = 0) -> str:
        """What a command prints there."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        here = {
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "PATH": self.search_path,
        }
        done = subprocess.run(
            command,
            cwd=folder,
            env={**kept, **here, "PATH": self.search_path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "home").mkdir()
    return Machine(tmp_path / "home")


async def test_a_clone_on_a_bare_machine_is_set_up_by_its_own_script(tmp_path: Path, machine: Machine) -> None:
    async with open_studio(tmp_path / "workspace") as studio:
        media = await add_media(studio, studio.project, 3)
        await beside(machine, tmp_path, "git", "clone", "-q", studio.address("Vic"), "clone")
        clone = tmp_path / "clone"
        wanted, *others = media
        # Nobody ran `git lfs install` on this machine: every large file is a pointer.
        assert (clone / wanted).read_bytes().startswith(b"version https://git-lfs")
        said = await beside(machine, clone, "sh", "setup-lfs.sh", "--check", status=1)
        assert "MISSING  Git does not hand large files to Git LFS here." in said
        assert "MISSING  A push would leave its large files behind." in said
        said = await beside(machine, clone, "sh", "setup-lfs.sh", "--pull", wanted)
        assert "MISSING" not in said
        assert "2 large files are still to be fetched: git lfs pull" in said
        assert "credential.helper" in said
        # The address it was cloned from holds a token.
        assert f"/git/{studio.project.id}.git/info/lfs" in said
        assert studio.tokens["Vic"] not in said
        assert (clone / wanted).read_bytes() == media[wanted]
        assert (clone / others[0]).read_bytes().startswith(b"version https://git-lfs")
        await beside(machine, clone, "git", "lfs", "pull")
    assert {path: (clone / path).read_bytes() for path in media} == media
    assert machine.run(clone, "git", "status", "--porcelain") == ""
    assert "MISSING" not in machine.run(clone, "sh", "setup-lfs.sh", "--check")
    assert_healthy(clone)


async def beside(machine: Machine, folder: Path, *command: str, status: int = 0) -> str:
    """As `run`; the service goes on meanwhile."""
    return await asyncio.to_thread(machine.run, folder, *command, status=status)


def test_large_files_may_come_from_another_store(tmp_path: Path, machine: Machine) -> None:
    clone = cloned(tmp_path, machine)
    elsewhere = "https://media.example.org/film/info/lfs"
    assert f"large files come from {elsewhere}" in machine.run(clone, "sh", "setup-lfs.sh", "--url", elsewhere)
    assert f"Endpoint={elsewhere}" in machine.run(clone, "git", "lfs", "env")
    assert elsewhere not in machine.run(clone, "sh", "setup-lfs.sh", "--url", "")


def test_the_windows_script_runs_the_other_one_with_the_shell_that_git_brings(tmp_path: Path, machine: Machine) -> None:
    clone = cloned(tmp_path, machine)
    (line,) = [line for line in helper_scripts()["setup-lfs.cmd"].decode().splitlines() if line.startswith("git ")]
    assert line == 'git -C "%~dp0." -c "alias.setup-lfs=!sh setup-lfs.sh" setup-lfs %*'
    command = ("git", "-C", f"{clone}/.", "-c", "alias.setup-lfs=!sh setup-lfs.sh", "setup-lfs")
    machine.run(tmp_path, *command)
    assert "MISSING" not in machine.run(tmp_path, *command, "--check")


def test_a_machine_without_git_lfs_is_told_how_to_get_it(tmp_path: Path, machine: Machine) -> None:
    clone = cloned(tmp_path, machine)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "git", "dirname", "uname", "cut", "sed", "head", "grep"):
        (programs / name).symlink_to(shutil.which(name) or "")
    said = Machine(machine.home, str(programs)).run(clone, "sh", "setup-lfs.sh", status=1)
    assert "Git LFS is not installed on this machine" in said
    assert "git-lfs.com" in said


def test_a_hook_of_somebody_elses_is_left_alone_and_told(tmp_path: Path, machine: Machine) -> None:
    clone = cloned(tmp_path, machine)
    hook = clone / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 0\n")
    assert "pre-push" in machine.run(clone, "sh", "setup-lfs.sh", status=1)
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"


def test_what_is_no_clone_is_told_so(tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "setup-lfs.sh").write_bytes(helper_scripts()["setup-lfs.sh"])
    assert "This folder is no clone." in machine.run(tmp_path, "sh", "setup-lfs.sh", status=1)
    assert "usage:" in machine.run(tmp_path, "sh", "setup-lfs.sh", "--chekc", status=2)


def test_a_workspace_is_checked_and_set_up_by_command(tmp_path: Path) -> None:
    assert "There is no project yet." in workprint(tmp_path, "lfs", "check")
    workprint(tmp_path, "project", "new", "Night Bus")
    workprint(tmp_path, "project", "new", "Day Bus")
    assert "MISSING" not in workprint(tmp_path, "lfs", "check")
    (tmp_path / "Projects/Day_Bus/.git/hooks/pre-push").unlink()
    before, after = workprint(tmp_path, "lfs", "check", status=1).split("Night Bus\n")
    assert before.startswith("Day Bus\n")
    assert "MISSING  A push would leave" in before
    assert "MISSING" not in after
    workprint(tmp_path, "lfs", "setup")
    assert "MISSING" not in workprint(tmp_path, "lfs", "check")


def test_a_clone_is_set_up_by_command_and_no_workspace_is_made_for_it(tmp_path: Path, machine: Machine) -> None:
    clone = cloned(tmp_path, machine)
    nowhere = tmp_path / "nowhere"
    assert "MISSING" not in workprint(nowhere, "lfs", "setup", str(clone))
    assert machine.run(clone, "git", "config", "--local", "filter.lfs.clean") == "git-lfs clean -- %f\n"
    assert "There is no folder" in workprint(nowhere, "lfs", "check", str(tmp_path / "gone"), status=1)
    assert not nowhere.exists()


def cloned(tmp_path: Path, machine: Machine) -> Path:
    """A clone of a new project, made with plain git."""
    workprint(tmp_path / "workspace", "project", "new", "Night Bus")
    machine.run(tmp_path, "git", "clone", "-q", str(tmp_path / "workspace/Projects/Night_Bus"), "clone")
    return tmp_path / "clone"
