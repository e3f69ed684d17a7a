"""Commits that cannot be lost, by two writers at once or by a kill in the middle."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.auth.actor import Actor
from server.snapshot.lfs import LFS_MISSING, lfs_status
from server.snapshot.repo import NoRepository, ProjectRepo, TipMoved, exclusive, git_name, tag_name
from tests.support.git import assert_healthy, git, is_clean

ADA = Actor("ada", "Ada Lovelace", "owner")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return ProjectRepo.create(tmp_path).folder


def commit(folder: Path, files: dict[str, bytes], message: str = "Change\n") -> str:
    repo = ProjectRepo(folder)
    tip = repo.tip()
    return str(repo.commit(tip, repo.write_tree(tip, files)[0], message, ADA, NOW))


def test_a_commit_on_a_tip_that_moved_is_refused_and_changes_nothing(folder: Path) -> None:
    commit(folder, {"a.txt": b"1"})
    repo = ProjectRepo(folder)
    tip = repo.tip()
    newer = commit(folder, {"a.txt": b"2"})
    with pytest.raises(TipMoved):
        repo.commit(tip, repo.write_tree(tip, {"a.txt": b"3"})[0], "Late\n", ADA, NOW)
    assert git(folder, "rev-parse", "main").strip() == newer
    assert git(folder, "show", "main:a.txt") == "2"


def test_no_commit_is_lost_when_many_write_at_once(folder: Path) -> None:
    def write(number: int) -> None:
        while True:
            repo = ProjectRepo(folder)
            tip = repo.tip()
            tree, _ = repo.write_tree(tip, {f"{number}.txt": b"x"})
            try:
                repo.commit(tip, tree, f"Write {number}\n", ADA, NOW)
            except TipMoved:
                time.sleep(0.001)
            else:
                return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(24)))
    assert git(folder, "rev-list", "--count", "main").strip() == "24"
    assert len(git(folder, "ls-tree", "--name-only", "main").split()) == 24


def test_files_nobody_named_stay_in_the_tree(folder: Path) -> None:
    commit(folder, {"kept.txt": b"1", "deep/er/a.txt": b"1"})
    commit(folder, {"deep/er/b.txt": b"2"})
    assert git(folder, "ls-tree", "-r", "--name-only", "main").split() == ["deep/er/a.txt", "deep/er/b.txt", "kept.txt"]


def test_a_tree_is_the_one_that_git_itself_would_write(folder: Path, tmp_path: Path) -> None:
    names = ["a.txt", "a/b", "a-b/c", "a.d/e", "z/é/🎬.json", "z/e"]
    commit(folder, {name: name.encode() for name in names})
    commit(folder, {"a/b": b"changed", "new/deep/er.txt": b"new", "z/e": b""})
    plain = tmp_path / "plain"
    git(tmp_path, "clone", "-q", "--no-checkout", str(folder), str(plain))
    git(plain, "checkout", "-q", "main")
    git(plain, "add", "-A")
    assert git(plain, "write-tree") == git(folder, "rev-parse", "main^{tree}")
    assert git(plain, "status", "--porcelain") == ""
    assert_healthy(folder)


def test_many_new_files_are_one_pack_that_git_accepts(folder: Path) -> None:
    files = {f"{n % 7}/{n}.txt": str(n).encode() * (n * 37) for n in range(200)}
    commit(folder, files)
    assert len(list((folder / ".git/objects/pack").glob("*.pack"))) == 1
    (index,) = (folder / ".git/objects/pack").glob("*.idx")
    git(folder, "verify-pack", str(index))
    assert_healthy(folder)
    for path, data in files.items():
        assert git(folder, "show", f"main:{path}").encode() == data
    git(folder, "gc", "-q")
    assert_healthy(folder)


def test_the_same_files_once_more_write_no_object(folder: Path) -> None:
    commit(folder, {f"{n}/x.txt": b"x" for n in range(40)})
    before = {path for path in (folder / ".git/objects").rglob("*") if path.is_file()}
    repo = ProjectRepo(folder)
    assert repo.write_tree(repo.tip(), {f"{n}/x.txt": b"x" for n in range(40)})[0] == repo.tip().tree
    assert {path for path in (folder / ".git/objects").rglob("*") if path.is_file()} == before


def test_locks_of_a_snapshot_that_was_killed_are_removed_and_those_of_a_person_are_not(folder: Path) -> None:
    commit(folder, {"a.txt": b"1"})
    left = [folder / ".git/index.lock", folder / ".git/refs/heads/main.lock"]
    script = (
        "import os, pathlib, signal, sys\n"
        "from server.snapshot.repo import exclusive\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with exclusive(folder):\n"
        "    for lock in ('.git/index.lock', '.git/refs/heads/main.lock'):\n"
        "        (folder / lock).touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert all(lock.exists() for lock in left)
    later = folder / ".git/HEAD.lock"
    later.touch()
    os.utime(later, (time.time() + 3600, time.time() + 3600))
    with exclusive(folder):
        assert not any(lock.exists() for lock in left)
    assert later.exists()
    later.unlink()
    # Now that nothing was killed, a lock is somebody's.
    left[0].touch()
    with exclusive(folder):
        assert left[0].exists()


def test_only_one_snapshot_of_a_project_runs_at_a_time(folder: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        with exclusive(folder):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.005)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(12)))
    assert max(most) == 1


def test_staging_leaves_what_a_person_has_staged(folder: Path) -> None:
    commit(folder, {"ours.txt": b"1"})
    git(folder, "checkout", "-q", "main", "--", ".")
    (folder / "theirs.txt").write_text("draft")
    git(folder, "add", "theirs.txt")
    repo = ProjectRepo(folder)
    tip = repo.tip()
    tree, blobs = repo.write_tree(tip, {"ours.txt": b"2"})
    repo.commit(tip, tree, "Ours\n", ADA, NOW)
    repo.put_into_work_tree({"ours.txt": b"2"})
    assert repo.stage(blobs)
    assert git(folder, "status", "--porcelain") == "A  theirs.txt\n"


def test_a_work_tree_file_is_replaced_in_one_step(folder: Path) -> None:
    repo = ProjectRepo(folder)
    repo.put_into_work_tree({"deep/a.json": b"1"})
    with (folder / "deep/a.json").open("rb") as reader:
        repo.put_into_work_tree({"deep/a.json": b"2"})
        assert reader.read() == b"1"
    assert (folder / "deep/a.json").read_bytes() == b"2"
    unchanged = (folder / "deep/a.json").stat()
    repo.put_into_work_tree({"deep/a.json": b"2"})
    assert (folder / "deep/a.json").stat().st_ino == unchanged.st_ino
    assert list((folder / ".workprint").iterdir()) == []


def test_a_folder_without_a_repository_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoRepository):
        ProjectRepo(tmp_path)


def test_a_new_repository_has_no_history(folder: Path) -> None:
    assert ProjectRepo(folder).history(5) == []
    assert is_clean(folder)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada <ada@example.org>", "Ada ada@example.org"),
        ("a\nb\tc", "a b c"),
        ("...", "ada"),
        ("", "ada"),
        ("Žofie 🎬", "Žofie 🎬"),
    ],
)
def test_any_name_can_sign(folder: Path, name: str, shown: str) -> None:
    actor = Actor("ada", name, "owner")
    assert git_name(actor) == shown
    repo = ProjectRepo(folder)
    tip = repo.tip()
    repo.commit(tip, repo.write_tree(tip, {"a.txt": b"1"})[0], "Sign\n", actor, NOW)
    assert git(folder, "log", "-1", "--format=%an <%ae>").strip() == f"{shown} <ada@workprint.invalid>"
    git(folder, "fsck", "--strict")


@pytest.mark.parametrize(
    "name", ["Rough cut", "../../HEAD", "a..b", "x.lock", "-f", "@{now}", "🎬", "a" * 300, "v1.0~^:?*[\\", ".", "é è"]
)
def test_any_name_becomes_a_tag_that_git_takes(folder: Path, name: str) -> None:
    commit(folder, {"a.txt": b"1"})
    git(folder, "check-ref-format", f"refs/tags/{tag_name(name)}")
    repo = ProjectRepo(folder)
    tip = repo.tip()
    assert tip.commit is not None
    first, second = (repo.tag(tip.commit, name, ADA, NOW) for _ in range(2))
    assert git(folder, "tag").split() == sorted([first, second])
    assert repo.history(1)[0].names == (name.strip(), name.strip())


def test_git_lfs_is_found_or_the_way_to_it_is_told(tmp_path: Path) -> None:
    found = lfs_status()
    assert found.ok
    assert found.version.startswith("git-lfs/")
    assert found.message == ""
    missing = lfs_status(search_path=str(tmp_path))
    assert not missing.ok
    assert missing.message == LFS_MISSING
    assert "apt install git-lfs" in missing.message
    (tmp_path / "git-lfs").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "git-lfs").chmod(0o755)
    assert not lfs_status(search_path=str(tmp_path)).ok


def test_a_file_that_is_taken_out_takes_its_empty_folder_along(folder: Path, tmp_path: Path) -> None:
    repo = ProjectRepo(folder)
    tip = repo.tip()
    tree, _ = repo.write_tree(tip, {"a/b/one.txt": b"1", "a/b.txt": b"2", "c.txt": b"3"})
    repo.commit(tip, tree, "Start\n", ADA, NOW)
    wanted, _ = repo.write_tree(repo.tip(), {"c.txt": b"4", "a/b/one.txt": None, "not/there": None})
    git(folder, "read-tree", "HEAD")
    git(folder, "rm", "-q", "--cached", "a/b/one.txt")
    (tmp_path / "four").write_text("4")
    blob = git(folder, "hash-object", str(tmp_path / "four")).strip()
    git(folder, "update-index", "--cacheinfo", f"100644,{blob},c.txt")
    assert git(folder, "write-tree").strip() == str(wanted)
    assert not repo.has_all(repo.tip(), {"a/b/one.txt": None})
    assert repo.has_all(repo.tip(), {"c.txt": b"3", "not/there": None})
