"""Git plumbing of one project: tree, commit, tag, index; every method blocks, so call it in a thread."""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pygit2
from pygit2.enums import FileMode, FileStatus, ObjectType, RepositoryState, SortMode

from server.auth.actor import SYSTEM, Actor
from server.errors import Unavailable
from server.snapshot import lfs, objects
from server.snapshot.tree import DOCUMENT_PATHS, FOLDERS, LATER_PATHS, document_at

MAIN_BRANCH = "refs/heads/main"
STATE_FOLDER = ".workprint"
"""Git-ignored: the document log, locks and temporary files of one project."""
NO_HOST = "workprint.invalid"
"""Nobody can ever be written to there (RFC 2606)."""
WRITERS = 16
MOST_LOOKED_AT = 1000
"""Commits, to find out who changed a file."""
TWO = 2
"""Parents: a merge."""
CRASH_WINDOW_SECONDS = 60.0
"""A snapshot never takes this long, so a lock file younger than that relative to a crashed snapshot was its own."""


class TipMoved(Exception):
    """Somebody else committed first; nothing was changed."""


class LeadsOut(Unavailable):
    """A link on the disk leads out of a project; nothing is written behind it."""


class NoRepository(Unavailable):
    """The folder holds no Git repository that can be read."""

    code = "no_repository"


@dataclass(frozen=True)
class Tip:
    """The newest commit of the branch, or None in an empty repository."""

    branch: str
    commit: pygit2.Oid | None
    tree: pygit2.Oid | None
    checked_out: bool
    """False when a person has checked out a single commit: then the work tree and the index are theirs."""


@dataclass(frozen=True)
class HistoryEntry:
    """One commit as people see it."""

    commit: str
    message: str
    author: str
    at: str
    names: tuple[str, ...]
    """What people called this version, in the order of its tags."""


class ProjectRepo:
    """The repository of one project folder. One object belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        """Raises NoRepository."""
        lfs.register_filter()
        # A commit is only worth its name when it survives a power cut.
        pygit2.settings.enable_fsync_gitdir(True)
        self.folder = folder
        try:
            self._git = pygit2.Repository(str(folder / ".git"))
        except pygit2.GitError as error:
            raise NoRepository("The Git repository of this project cannot be read. Ask an administrator.") from error

    @classmethod
    def create(cls, folder: Path) -> "ProjectRepo":
        """`git init` on branch main, with Git LFS set up."""
        lfs.set_up(pygit2.init_repository(str(folder), initial_head="main"))
        return cls(folder)

    def tip(self) -> Tip:
        """Where the next commit goes: the checked-out branch, else main."""
        detached = self._git.head_is_detached
        branch = MAIN_BRANCH if detached else str(self._git.lookup_reference("HEAD").target)
        found = self._git.references.get(branch)
        if found is None:
            return Tip(branch, None, None, checked_out=not detached)
        commit = found.peel(pygit2.Commit)
        return Tip(branch, commit.id, commit.tree_id, checked_out=not detached)

    def read(self, tree: pygit2.Oid | None, path: str) -> tuple[pygit2.Oid, bytes] | None:
        """A file as it stands in a tree: its blob and its bytes."""
        if tree is None:
            return None
        try:
            found = self._git[tree].peel(pygit2.Tree)[path]
        except KeyError:
            return None
        return (found.id, found.data) if isinstance(found, pygit2.Blob) else None

    def listing(self, tree: pygit2.Oid | None, folder: str) -> list[str]:
        """The names of the files that stand in a folder of a tree."""
        if tree is None:
            return []
        try:
            found = self._git[tree].peel(pygit2.Tree)[folder]
        except KeyError:
            return []
        there = found if isinstance(found, pygit2.Tree) else ()
        return [str(entry.name) for entry in there if isinstance(entry, pygit2.Blob)]

    def files(self, tree: pygit2.Oid | None) -> Generator[tuple[str, bytes]]:
        """Path and bytes of every file of a tree; links and submodules are passed over."""
        if tree is None:
            return
        index = pygit2.Index()
        index.read_tree(self._git[tree].peel(pygit2.Tree))
        for entry in cast("Iterable[pygit2.IndexEntry]", index):
            found = self._git.get(entry.id)
            if isinstance(found, pygit2.Blob) and entry.mode != FileMode.LINK:
                yield str(entry.path), found.data

    def write_tree(self, tip: Tip, files: Mapping[str, bytes | None]) -> tuple[pygit2.Oid, dict[str, pygit2.Oid]]:
        """The tip's tree with `files` put in, None being taken out, and the blob of each; on disk when this returns."""
        return objects.write_tree(self._git, tip.tree, files)

    def has_all(self, tip: Tip, files: Mapping[str, bytes | None]) -> bool:
        """Whether all of `files` stand in the tip's tree as they are, and none that is None; nothing is written."""
        return tip.tree is not None and objects.has_all(self._git, tip.tree, files)

    def commit(self, tip: Tip, tree: pygit2.Oid, message: str, author: Actor, at: datetime) -> pygit2.Oid:
        """Commit on top of `tip` if it is still the tip; raises TipMoved."""
        made = self.make_commit(tip, tree, message, author, at)
        self.advance(tip, made)
        return made

    def make_commit(self, tip: Tip, tree: pygit2.Oid, message: str, author: Actor, at: datetime) -> pygit2.Oid:
        """A commit on top of `tip` that is no branch's yet."""
        parents = [] if tip.commit is None else [tip.commit]
        return self._git.create_commit(None, signature(author, at), signature(SYSTEM, at), message, tree, parents)

    def advance(self, tip: Tip, made: pygit2.Oid) -> None:
        """Make a commit the branch's newest if `tip` is still that; raises TipMoved."""
        try:
            self._advance(tip, made)
        except (pygit2.GitError, ValueError, OSError) as error:
            # libgit2 compares the branch with what it was while it holds the branch's lock. A tip that moved and a
            # lock that is held are both somebody else's commit; whatever else it is fails again on the next attempt.
            raise TipMoved(str(error)) from error

    def _advance(self, tip: Tip, commit: pygit2.Oid) -> None:
        found = self._git.references.get(tip.branch)
        if found is None:
            self._git.references.create(tip.branch, commit)
        elif found.target != tip.commit:
            raise TipMoved("somebody else has committed")
        else:
            found.set_target(commit, "commit: snapshot")

    def under_way(self) -> bool:
        """Whether somebody is in the middle of a merge, a rebase or the like."""
        return self._git.state() != RepositoryState.NONE

    def keep(self, data: bytes) -> str:
        """Put some bytes into the object store; their id."""
        return str(self._git.create_blob(data))

    def blob(self, blob_id: str) -> bytes | None:
        """The bytes of a blob; None when it is not here any more."""
        found = self._git.get(blob_id) if blob_id else None
        return found.data if isinstance(found, pygit2.Blob) else None

    def documents(self, commit: str | None) -> dict[str, str]:
        """The blob of each document's file in a commit, by its path; nothing when the commit is not here any more."""
        found = self._git.get(commit) if commit else None
        if found is None:
            return {}
        tree, blobs = found.peel(pygit2.Tree), dict[str, str]()
        for path in (*DOCUMENT_PATHS.values(), *LATER_PATHS.values()):
            if path in tree:
                blobs[path] = str(tree[path].id)
        for folder in FOLDERS:
            for entry in _folder(tree, folder):
                if document_at(f"{folder}/{entry.name}") is not None:
                    blobs[f"{folder}/{entry.name}"] = str(entry.id)
        return blobs

    def versions(self, path: str, commit: str | None, most: int) -> list[str]:
        """The blobs of a file in that commit and those before it, newest first, each once."""
        found: dict[str, None] = {}
        at = self._git.get(commit) if commit else None
        for _ in range(most):
            if at is None:
                break
            at = at.peel(pygit2.Commit)
            if (entry := _entry_id(at.tree, path)) is not None:
                found[str(entry)] = None
            at = self._git.get(at.parent_ids[0]) if at.parent_ids else None
        return list(found)

    def has_in_past(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is that commit or lies before it."""
        if self._git.get(ancestor) is None or self._git.get(commit) is None:
            return False
        return commit == ancestor or self._git.descendant_of(commit, ancestor)

    def newest_of_ours(self, tip: str) -> str | None:
        """The newest commit of Workprint itself on the way back along first parents."""
        commit = self._git.get(tip)
        for _ in range(MOST_LOOKED_AT):
            if commit is None:
                return None
            commit = commit.peel(pygit2.Commit)
            if commit.committer.email == git_email(SYSTEM):
                return str(commit.id)
            commit = self._git.get(commit.parent_ids[0]) if commit.parent_ids else None
        return None

    def first_parent(self, commit: str) -> str | None:
        """The commit before one."""
        found = self._git.get(commit)
        parents = found.peel(pygit2.Commit).parent_ids if found is not None else []
        return str(parents[0]) if parents else None

    def author_of(self, path: str, tip: str, since: str | None) -> tuple[str, str]:
        """Name and address of whoever changed a file last, in a commit that is no merge; those of the tip's author."""
        walk = self._git.walk(tip, SortMode.TOPOLOGICAL)
        if since is not None and self._git.get(since) is not None:
            walk.hide(since)
        for commit, _ in zip(walk, range(MOST_LOOKED_AT), strict=False):
            if len(commit.parent_ids) < TWO:
                before = self._git[commit.parent_ids[0]].peel(pygit2.Tree) if commit.parent_ids else None
                if _entry_id(commit.tree, path) != _entry_id(before, path):
                    return commit.author.name, commit.author.email
        author = self._git[tip].peel(pygit2.Commit).author
        return author.name, author.email

    def tag(self, commit: pygit2.Oid, name: str, tagger: Actor, at: datetime) -> str:
        """An annotated tag that carries `name` as people wrote it; returns the tag's own, unique name."""
        wanted = tag_name(name)
        for number in range(1, 1000):
            candidate = wanted if number == 1 else f"{wanted}-{number}"
            with suppress(ValueError):
                self._git.create_tag(candidate, commit, ObjectType.COMMIT, signature(tagger, at), name.strip() + "\n")
                return candidate
        raise TipMoved(f"there are too many tags called {wanted}")

    def put_into_work_tree(self, files: Mapping[str, bytes], ours: Mapping[str, frozenset[str]] | None = None) -> None:
        """Write the files that differ, each in one step, so that a reader never sees half of one.

        `ours`: by path, the blobs that may be written over; a file that is another one is somebody's, and is left.
        """
        if not files:
            return
        # Each waits for the disk, and the disk takes many at once.
        over = [ours.get(path) if ours is not None else None for path in files]
        with ThreadPoolExecutor(min(WRITERS, len(files))) as pool:
            list(pool.map(self._put_file, files, files.values(), over))

    def _put_file(self, path: str, data: bytes, ours: frozenset[str] | None) -> None:
        place = self.folder / path
        demand_inside(self.folder, place)
        with suppress(FileNotFoundError):
            stands = place.read_bytes()
            if stands == data or (ours is not None and str(pygit2.hash(stands)) not in ours):
                return
        place.parent.mkdir(parents=True, exist_ok=True)

        def is_ours() -> bool:
            """Looked at again once all is written but the name: somebody may have saved meanwhile."""
            with suppress(FileNotFoundError):
                return ours is None or str(pygit2.hash(place.read_bytes())) in ours
            return True

        replace_file(place, data, self.folder / STATE_FOLDER, only_if=is_ours)

    def differs(self, path: str, blob: str | None) -> bool:
        """Whether a file of the work tree is another one than that blob; none is not."""
        try:
            return str(pygit2.hash((self.folder / path).read_bytes())) != blob
        except OSError:
            return False

    def stage(self, blobs: Mapping[str, pygit2.Oid], removed: Iterable[str] = ()) -> bool:
        """Bring the index in step for these paths, so that `git status` is clean; other staged work stays.

        False when somebody else is writing the index right now: nothing was changed.
        """
        index = self._git.index
        index.read(False)
        behind = {path: blob for path, blob in blobs.items() if _staged(index, path) != blob}
        for path, blob in behind.items():
            # By path first: that notes size and times of the file, so git need not read a film to know it unchanged.
            with suppress(OSError, KeyError, pygit2.GitError):
                index.add(path)
            if _staged(index, path) != blob:
                index.add(pygit2.IndexEntry(path, blob, FileMode.BLOB))
        gone = [path for path in removed if _staged(index, path) is not None]
        for path in gone:
            index.remove(path)
        try:
            if behind or gone:
                index.write()
        except (pygit2.GitError, OSError):
            index.read(True)
            if Path(self._git.path, "index.lock").exists():
                return False
            raise
        return True

    def history(self, limit: int) -> list[HistoryEntry]:
        """The newest commits first."""
        tip = self.tip()
        if tip.commit is None:
            return []
        walk, names = self._git.walk(tip.commit, SortMode.TOPOLOGICAL), self.names()
        return [_entry(commit, names) for commit, _ in zip(walk, range(limit), strict=False)]

    def names(self) -> dict[str, list[str]]:
        """The names people gave, by commit: the words of annotated tags."""
        names: dict[str, list[str]] = {}
        for reference in sorted(self._git.references):
            target = self._git.get(self._git.references[reference].target)
            if reference.startswith("refs/tags/") and isinstance(target, pygit2.Tag):
                names.setdefault(str(target.target), []).append(target.message.strip())
        return names

    def changed_files(self) -> int:
        """How many files differ from the last commit, as `git status` counts them."""
        ignored = {FileStatus.CURRENT, FileStatus.IGNORED}
        return sum(FileStatus(flags) not in ignored for flags in self._git.status().values())


def _folder(tree: pygit2.Tree, path: str) -> Iterable[pygit2.Object]:
    found = tree[path] if path in tree else None  # noqa: SIM401 - a Tree has no `get`
    return found if isinstance(found, pygit2.Tree) else ()


def _entry_id(tree: pygit2.Tree | None, path: str) -> pygit2.Oid | None:
    return tree[path].id if tree is not None and path in tree else None


def _staged(index: pygit2.Index, path: str) -> pygit2.Oid | None:
    try:
        return index[path].id
    except KeyError:
        return None


def _entry(commit: pygit2.Commit, names: Mapping[str, list[str]]) -> HistoryEntry:
    at = datetime.fromtimestamp(commit.commit_time, UTC).isoformat().replace("+00:00", "Z")
    message, called = commit.message.split("\n", maxsplit=1)[0], tuple(names.get(str(commit.id), ()))
    return HistoryEntry(str(commit.id), message, commit.author.name, at, called)


def signature(actor: Actor, at: datetime) -> pygit2.Signature:
    """An actor as Git writes people."""
    return pygit2.Signature(git_name(actor), git_email(actor), int(at.timestamp()), 0)


def git_name(actor: Actor) -> str:
    """The name without what Git gives a meaning to."""
    return " ".join(re.sub(r"[<>\x00-\x1f\x7f]", " ", actor.name).split()).strip(".,:;\"' ") or actor.user_id


def git_email(actor: Actor) -> str:
    """An address that says who it was and can never be written to."""
    return f"{actor.user_id}@{NO_HOST}"


def tag_name(name: str) -> str:
    """A name people wrote as a Git reference name."""
    safe = re.sub(r"[^\w.-]+|\.{2,}", "-", name).strip("-.")[:60].removesuffix(".lock").strip("-.")
    return safe if safe not in {"", "HEAD"} else f"{safe}-snapshot".strip("-")


def demand_inside(folder: Path, place: Path) -> None:
    """Raise LeadsOut when a link on the way to `place` leads out of `folder`, the project's (X-014)."""
    if not place.parent.resolve().is_relative_to(folder.resolve()):
        raise LeadsOut("A folder of this project leads out of it. Ask whoever runs this studio to put it right.")


def replace_file(
    place: Path,
    data: bytes,
    temporary_folder: Path,
    mode: int = 0o644,
    *,
    only_if: Callable[[], bool] = lambda: True,
) -> None:
    """Write a file and put it in place in one step, on disk when this returns; both folders are on one file system.

    `only_if` is asked at the last moment.
    """
    # Not those above it: a project that was moved away must not come to life again as an empty folder.
    temporary_folder.mkdir(exist_ok=True)
    number, name = tempfile.mkstemp(dir=temporary_folder, prefix="write-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            os.fchmod(number, mode)
            file.flush()
            os.fsync(number)
        if only_if():
            Path(name).replace(place)
        else:
            Path(name).unlink()
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def exclusive(folder: Path) -> Generator[None]:
    """One snapshot of a project at a time, across processes; clears Git's lock files when the last one was killed."""
    state = folder / STATE_FOLDER
    state.mkdir(exist_ok=True)
    with (state / "snapshot.lock").open("a+") as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        marker.seek(0)
        with suppress(ValueError):
            # Empty unless the last one was killed between the two truncations.
            _remove_left_locks(folder / ".git", began=float(marker.read()))
        marker.truncate(0)
        marker.write(str(time.time()))
        marker.flush()
        try:
            yield
        finally:
            marker.truncate(0)


def _remove_left_locks(git_folder: Path, began: float) -> None:
    """Remove the lock files of a snapshot that began then and was killed; a lock made later is somebody's work."""
    for lock in (*git_folder.glob("*.lock"), *(git_folder / "refs").rglob("*.lock")):
        with suppress(FileNotFoundError):
            # A second of grace: file systems keep coarser time than the clock.
            if -1.0 <= lock.stat().st_mtime - began <= CRASH_WINDOW_SECONDS:
                lock.unlink()
