"""The repository of a project that somebody sent: every object looked at before anything is believed. It blocks."""

import hashlib
import re
from pathlib import Path
from typing import cast

import pygit2
from pygit2.enums import FileMode

from server.projects.duplicate import files_below
from server.projects.filing import link_once
from server.projects.unpacking import BadBundle
from server.snapshot.lfs import MAX_POINTER_BYTES, Pointer, parse_pointer
from server.snapshot.repo import ProjectRepo
from server.store.blobs import READ_ONLY, LocalBlobs

NEEDED = ("refs/heads", "refs/tags", "objects/info", "objects/pack", "lfs/objects")
"""Folders that an archive leaves out when nothing is in them."""
BRANCH = re.compile(r"ref: refs/heads/[^\s~^:?*\[\\]{1,200}\n?")
DAMAGED = (
    "The repository in it is damaged or not whole. Check it with `git fsck --full`; of a shallow clone, fetch the rest "
    "with `git fetch --unshallow`, and send it again."
)


class Repository:
    """What came as `.git` of a folder. Settings and hooks are ours: none are taken from what was sent."""

    def __init__(self, folder: Path) -> None:
        """Raises BadBundle."""
        self._folder = folder
        git = folder / ".git"
        for path in NEEDED:
            (git / path).mkdir(parents=True, exist_ok=True)
        if not BRANCH.fullmatch((git / "HEAD").read_text(errors="replace")):
            raise BadBundle("No branch is checked out in it. Run `git switch main` and send it again.")
        try:
            self._repo = ProjectRepo.create(folder)
            self._git = pygit2.Repository(str(git))
        except (pygit2.GitError, ValueError) as error:
            raise BadBundle(DAMAGED) from error
        self._blobs = LocalBlobs(git / "lfs")

    def check(self) -> None:
        """Read everything that a branch or a tag reaches, which checks its hash; raises BadBundle."""
        try:
            for name in list(self._git.references):
                if not name.startswith(("refs/heads/", "refs/tags/")):
                    self._git.references.delete(name)
            left = [self._git.references[name].target for name in self._git.references]
            if self._repo.tip().commit is None:
                raise BadBundle("There is no commit in it. Send a clone of a project.")
            self._read_all([target for target in left if isinstance(target, pygit2.Oid)])
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise BadBundle(DAMAGED) from error

    def _read_all(self, left: list[pygit2.Oid]) -> None:
        seen = set[pygit2.Oid]()
        while left:
            oid = left.pop()
            if oid in seen:
                continue
            seen.add(oid)
            found = cast("object", self._git[oid])
            if isinstance(found, pygit2.Commit):
                left += [found.tree_id, *found.parent_ids]
            elif isinstance(found, pygit2.Tag):
                left.append(found.target)
            elif isinstance(found, pygit2.Tree):
                left += [entry.id for entry in found if _is_entry(entry)]

    def check_out(self) -> list[str]:
        """Put every file of the last commit in its place that is not there; the large ones whose bytes are missing."""
        self._drop_false_objects()
        tree, missing = self._repo.tip().tree, list[str]()
        for path, data in self._repo.files(tree):
            pointer, place = parse_pointer(data), self._folder / path
            if pointer is None:
                if not place.exists():
                    _write(place, data)
            elif not self._put_large(pointer, place):
                missing.append(path)
                if not place.exists():
                    _write(place, data)
        if tree is not None:
            self._git.index.read_tree(tree)
            self._git.index.write()
        return missing

    def _put_large(self, pointer: Pointer, place: Path) -> bool:
        """Whether a large file is here, in the store and in its place."""
        is_pointer = place.is_file() and parse_pointer(_head(place)) == pointer
        if not self._blobs.has(pointer.blob):
            if is_pointer or not place.is_file() or sha256(place) != pointer.blob:
                return False
            # A clone whose media lie in the work tree only.
            link_once(place, self._folder / ".git" / "lfs" / "objects" / lfs_path(pointer.blob), self._folder)
        if is_pointer:
            place.unlink()
        if not place.exists():
            link_once(self._blobs.path(pointer.blob), place, self._folder)
        self._blobs.path(pointer.blob).chmod(READ_ONLY)
        return True

    def _drop_false_objects(self) -> None:
        """An object whose bytes are not what its name says is worse than none."""
        objects = self._folder / ".git" / "lfs" / "objects"
        for path in list(files_below(objects, ())):
            place = objects / path
            if path != lfs_path(place.name) or sha256(place) != place.name:
                place.unlink()


def sha256(place: Path) -> str:
    """The hash of a file."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lfs_path(blob: str) -> str:
    """Where a blob lies among the objects."""
    return f"{blob[:2]}/{blob[2:4]}/{blob}"


def _is_entry(entry: pygit2.Object) -> bool:
    """Whether there is an object to be read; raises BadBundle for names that would lead out of the project."""
    name = str(entry.name)
    if name in {"", ".", ".."} or "/" in name or name.casefold().rstrip(". ") in {".git", "git~1"}:
        raise BadBundle("The repository in it holds a file whose name would lead out of the project.")
    return entry.filemode != FileMode.COMMIT


def _head(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(MAX_POINTER_BYTES + 1)


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
