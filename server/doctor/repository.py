"""Examines the repository of a project: branch, objects of Git, and the LFS object of every pointer."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from crdt_schema.ids import BlobHash
from crdt_schema.records import Take
from server.doctor.findings import Finding
from server.errors import NotFound
from server.projects.takes_folder import sha256_of
from server.snapshot.lfs import MAX_POINTER_BYTES, Pointer, parse_pointer
from server.snapshot.repo import NoRepository, ProjectRepo
from server.store.blobs import LocalBlobs

FSCK_SECONDS = 3600
MOST_TOLD = 10
LOCK_SECONDS = 3600
"""No work of Git in a project takes so long."""
UNLOCK = "When no Git runs in this project (nobody commits, pulls or gc's), delete that file."
PACK_INDEX = b"\xfftOc\x00\x00\x00\x02"
"""What version 2 of a pack's index begins with (gitformat-pack)."""
REINDEX = "Delete it; where its .pack is there, `git index-pack` that makes it again."
Fetch = Callable[[BlobHash], bool]
"""Brings a blob from elsewhere; whether it is here then."""
ADVICE = (
    "Copy the project's folder away, then bring back what is missing from a clone or a pushed remote: "
    "`git fetch` into this repository restores objects that another one has."
)
LOST = "Bring it back from a backup, a clone (`git lfs fetch --all` there has it) or the bucket, then run this again."


@dataclass(frozen=True)
class Asked:
    """How to examine."""

    deep: bool = False
    """Read every large file and compare its SHA-256, instead of its size."""
    repair: bool = False


@dataclass
class Repository:
    """What was found, and which blobs something names."""

    findings: list[Finding] = field(default_factory=list[Finding])
    pointers: dict[str, Pointer] = field(default_factory=dict[str, Pointer])
    """By path, of the newest commit."""
    readable: bool = True


def examine_repository(folder: Path, asked: Asked) -> Repository:
    """Look at branch and Git objects. It blocks, for as long as `git fsck` takes."""
    found, where = Repository(), str(folder / ".git")
    try:
        repo = ProjectRepo(folder)
        tip = repo.tip()
        if tip.commit is None:
            found.findings.append(Finding("damage", where, f"the branch {tip.branch} has no commit", ADVICE))
        for path, data in repo.files(tip.tree):
            if (pointer := parse_pointer(data)) is not None:
                found.pointers[path] = pointer
    except (NoRepository, pygit2.GitError, KeyError, ValueError) as error:
        found.readable = False
        found.findings.append(Finding("damage", where, f"the repository cannot be read: {error}", ADVICE))
        return found
    found.findings += [*_fsck(folder, asked), *_left_locks(folder / ".git"), *_packs(folder / ".git")]
    return found


def _left_locks(git_folder: Path) -> list[Finding]:
    """Git's own locks that nobody can still hold; whose they were nobody knows, so they are told and left."""
    locks = (*git_folder.glob("*.lock"), *(git_folder / "refs").rglob("*.lock"))
    return [
        Finding("warning", str(lock), "a Git that died has left its lock, and others wait for it", UNLOCK)
        for lock in sorted(locks)
        if time.time() - lock.stat().st_mtime > LOCK_SECONDS
    ]


def _packs(git_folder: Path) -> list[Finding]:
    """Indexes of packs that are none: `git fsck` passes them by in silence."""
    found = list[Finding]()
    for index in sorted((git_folder / "objects" / "pack").glob("*.idx")):
        with index.open("rb") as file:
            head = file.read(len(PACK_INDEX))
        if head != PACK_INDEX or not index.with_suffix(".pack").is_file():
            found.append(Finding("warning", str(index), "it is no index of a pack, or has no pack", REINDEX))
    return found


def _fsck(folder: Path, asked: Asked) -> list[Finding]:
    git = shutil.which("git")
    if git is None:
        return []  # said once for the machine
    how = "--full" if asked.deep else "--connectivity-only"
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - a program found on PATH, and no input but a folder of the workspace
            # The folder may be another user's: whoever examines a workspace may read it.
            [git, "-C", folder, "-c", "safe.directory=*", "fsck", "--no-progress", "--no-dangling", how],
            env={**settings, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=FSCK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Finding("warning", str(folder / ".git"), f"git fsck did not end: {error}", "Run it by hand.")]
    if done.returncode == 0:
        return []
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    told = "; ".join(lines[:MOST_TOLD])
    return [Finding("damage", str(folder / ".git"), f"git fsck finds: {told}", ADVICE)]


def examine_objects(
    folder: Path, repository: Repository, takes: Mapping[str, Take] | None, asked: Asked, fetch: Fetch
) -> list[Finding]:
    """Look at every large file that the newest commit or a take names; with `repair`, bring back what is missing."""
    blobs, findings = LocalBlobs(folder / ".git" / "lfs"), list[Finding]()
    wanted = {pointer.blob: (path, pointer.size_bytes) for path, pointer in repository.pointers.items()}
    for take in (takes or {}).values():
        for kind in ("media", "thumbnail"):
            with suppress(KeyError, TypeError, ValueError):
                media = take[kind]
                wanted.setdefault(BlobHash(media["blob"]), (f"the take {take['name']}", int(media["size_bytes"])))
    for blob, (name, size_bytes) in sorted(wanted.items()):
        wrong = _wrong(blobs, blob, size_bytes, asked)
        if wrong:
            findings.append(_judge(folder, blobs, _Lost(blob, name, wrong), asked, fetch))
    findings += _orphans(folder, blobs, repository, wanted)
    return findings


@dataclass(frozen=True)
class _Lost:
    blob: BlobHash
    name: str
    wrong: str


def _wrong(blobs: LocalBlobs, blob: str, size_bytes: int, asked: Asked) -> str:
    """What is wrong with a blob; empty when nothing is."""
    try:
        here = blobs.size_bytes(blob)
        if here != size_bytes:
            return f"its object has {here} bytes instead of {size_bytes}"
        if asked.deep and sha256_of(blobs.path(blob)) != blob:
            return "its object holds other bytes"
    except NotFound:
        return "its object is missing"
    except OSError as error:
        return f"its object cannot be read: {error.strerror}"
    return ""


def _judge(folder: Path, blobs: LocalBlobs, lost: _Lost, asked: Asked, fetch: Fetch) -> Finding:
    place = folder / lost.name
    where = str(place) if place.is_file() else f"{folder}, {lost.name}"
    if asked.repair:
        if _from_work_tree(folder, blobs, lost):
            return Finding("repaired", where, f"{lost.wrong}; it was made again from the file in the folder")
        if not blobs.has(lost.blob) and fetch(lost.blob):
            return Finding("repaired", where, f"{lost.wrong}; it was brought back from the bucket")
    return Finding("damage", where, f"{lost.wrong} (SHA-256 {lost.blob})", "" if asked.repair else LOST)


def _from_work_tree(folder: Path, blobs: LocalBlobs, lost: _Lost) -> bool:
    """Make the object again from the file that was linked to it, if that still holds the very bytes."""
    place = folder / lost.name
    if not place.is_file() or place.is_symlink():
        return False
    incoming = blobs.incoming()
    try:
        with place.open("rb") as file:
            while chunk := file.read(1 << 20):
                incoming.write(chunk)
        if incoming.finish() != lost.blob:
            return False
        with suppress(NotFound):
            blobs.path(lost.blob).unlink()
        blobs.adopt(incoming.path, lost.blob)
    except OSError:
        return False
    finally:
        incoming.discard()
    return True


def _orphans(folder: Path, blobs: LocalBlobs, repository: Repository, wanted: Iterable[str]) -> list[Finding]:
    """Count the large files that nothing names, neither today nor in any version."""
    if not repository.readable:
        return []
    left = set(blobs.names()) - set(wanted)
    if left:
        left -= _pointed_at(folder)
    if not left:
        return []
    size_bytes = sum(blobs.size_bytes(blob) for blob in left)
    said = f"{len(left)} large files ({size_bytes:,} bytes) are named by no document and no version"
    return [Finding("fine", str(folder / ".git" / "lfs" / "objects"), said, "They are kept; they only take space.")]


def _pointed_at(folder: Path) -> set[BlobHash]:
    """What any pointer in the repository names, whether a commit reaches it or not."""
    git, found = pygit2.Repository(str(folder / ".git")), set[BlobHash]()
    for oid in git:
        with suppress(KeyError, pygit2.GitError):
            kind, size_bytes = git.odb.read_header(oid)
            if kind == ObjectType.BLOB and size_bytes <= MAX_POINTER_BYTES:
                pointer = parse_pointer(git.odb.read(oid)[1])
                if pointer is not None:
                    found.add(pointer.blob)
    return found
