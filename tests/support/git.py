"""The real git and git-lfs, with settings of their own, as a person with a fresh machine has them."""

import functools
import os
import subprocess
import tempfile
from pathlib import Path


@functools.cache
def environment() -> dict[str, str]:
    """A home folder in which somebody ran `git lfs install` once, and nothing else."""
    # Lives as long as the test process: the object is kept by the cache.
    home = _home()
    settings = {
        "HOME": home.name,
        "GIT_CONFIG_GLOBAL": f"{home.name}/.gitconfig",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    result = kept | settings
    subprocess.run(["git", "lfs", "install", "--skip-repo"], env=result, check=True, capture_output=True, cwd=home.name)
    subprocess.run(["git", "config", "--global", "user.name", "Person"], env=result, check=True)
    subprocess.run(["git", "config", "--global", "user.email", "person@example.org"], env=result, check=True)
    return result


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="workprint-git-home-", ignore_cleanup_errors=True)


def git(folder: Path, *arguments: str) -> str:
    """What `git …` prints in a folder; raises AssertionError with git's own words when it fails."""
    done = subprocess.run(
        ["git", *arguments], check=False, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def is_clean(folder: Path) -> bool:
    """Whether `git status` has nothing to say."""
    return git(folder, "status", "--porcelain") == ""


def assert_healthy(folder: Path) -> None:
    """Both checks of a repository pass, and neither warns."""
    assert "error" not in git(folder, "fsck", "--full", "--strict")
    assert "Git LFS fsck OK" in git(folder, "lfs", "fsck")
