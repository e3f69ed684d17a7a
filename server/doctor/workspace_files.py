"""Examines the files of a workspace beside its documents: what dead processes left, and who may read secrets."""

import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path

from server.doctor.findings import Finding
from server.projects.index import ABANDONED, ABANDONED_SECONDS
from server.snapshot.lfs import lfs_status

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SECRETS = ("secret", "workspace.sqlite", "remotes")
"""Of the workspace's state: the key of every token, password hashes, and what remotes are reached with."""


def examine_machine() -> list[Finding]:
    """Whether the programs are here that people and the server need."""
    findings = list[Finding]()
    lfs = lfs_status()
    if not lfs.ok:
        findings.append(Finding("warning", "git-lfs", lfs.message))
    if shutil.which("git") is None:
        advice = "Install it; without it nobody can clone or push, and this examination could not ask `git fsck`."
        findings.append(Finding("warning", "git", "Git is not installed on this machine", advice))
    return findings


def examine_leftovers(projects: Path, *, repair: bool) -> list[Finding]:
    """Look for half-made files of processes that died; what is younger than an hour may still be on its way."""
    findings = list[Finding]()
    for left in sorted({found for pattern in ABANDONED for found in projects.glob(pattern)}):
        with suppress(FileNotFoundError):
            if time.time() - left.lstat().st_mtime < ABANDONED_SECONDS:
                continue
            said = "it was left half-made by a process that died"
            if repair:
                _remove(left)
            if repair and not left.exists():
                findings.append(Finding("repaired", str(left), f"{said}; it was removed"))
            else:
                findings.append(Finding("warning", str(left), said, "Run `workprint doctor --repair`, or delete it."))
    return findings


def _remove(left: Path) -> None:
    with suppress(OSError):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()


def examine_secrets(state_folder: Path) -> list[Finding]:
    """Whether anybody else on this machine can read what must stay secret."""
    if not state_folder.is_dir() or not _open_to_others(state_folder):
        # Nobody else comes into the folder, whatever the files in it allow.
        return []
    places = (state_folder, *(state_folder / name for name in SECRETS))
    return [
        Finding("warning", str(place), "other users of this machine may read it", f"Run `chmod go-rwx {place}`.")
        for place in places
        if place.exists() and _open_to_others(place)
    ]


def _open_to_others(place: Path) -> bool:
    return bool(place.stat().st_mode & OTHERS)
