"""Commits: the timeline of one project, page by page, and what stood in a commit; every method blocks."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import pygit2
from pygit2.enums import ObjectType, SortMode

from server.errors import NotFound, TooLarge
from server.history.compare import as_record
from server.snapshot.repo import NoRepository, ProjectRepo
from server.snapshot.tree import DOCUMENT_PATHS, LATER_PATHS, document_at

MOST_TAKES_SHOWN = 4
LONGEST_FILE_BYTES = 64 << 20
"""No document may be larger than this, so a larger file was not written by Workprint."""
FOLDERS_OF_NAMED = ("02_Source_Creative", "03_Renders")
"""Where documents stand that have names of their own."""
DEEPEST_FOLDER = 3
_COMMIT = re.compile("[0-9a-f]{40}")
_CO_AUTHOR = re.compile(r"^Co-authored-by: (.*?)\s*(?:<([^<>]*)>)?\s*$", re.IGNORECASE | re.MULTILINE)


class TakeMade(NamedTuple):
    """A take as the timeline shows it."""

    id: str
    name: str
    thumbnail: str
    """SHA-256 of the picture; empty when it has none."""


@dataclass(frozen=True)
class Entry:
    """One commit on the timeline."""

    commit: str
    message: str
    author: str
    people: tuple[str, ...]
    """Whoever worked on it, the author first."""
    at: str
    names: tuple[str, ...]
    """What people called this version."""
    takes: tuple[TakeMade, ...]
    """Takes that were made in it; the newest few."""
    files: int
    """How many files differ from the commit before it."""


@dataclass(frozen=True)
class Page:
    """Some entries, newest first."""

    entries: tuple[Entry, ...]
    following: str | None
    """What to ask for the next page with; None on the last one."""


class Commits:
    """The repository of one project, to be read. One object belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        """Raises NoRepository."""
        self._repo = ProjectRepo(folder)
        self._lists: dict[pygit2.Oid, dict[str, TakeMade]] = {}
        try:
            self._git = pygit2.Repository(str(folder / ".git"))
        except pygit2.GitError as error:
            raise NoRepository("The Git repository of this project cannot be read. Ask an administrator.") from error

    def page(self, before: str, limit: int) -> Page:
        """At most `limit` entries, newest first, those after the commit `before` or the newest; raises NotFound."""
        walk = self._walk()
        if before and not any(str(commit.id) == before for commit in walk):
            raise NotFound("There is no such version of this project.")
        commits = list(islice(walk, limit + 1))
        names = self._repo.names()
        entries = tuple(self._entry(commit, names) for commit in commits[:limit])
        return Page(entries, entries[-1].commit if len(commits) > limit else None)

    def documents(self, commit: str) -> dict[str, Any]:
        """Every document as it stood in a commit, by its name: JSON, or the text of a script.

        Only commits that a branch or a tag reaches are found. Raises NotFound, TooLarge.
        """
        tree = self._find(commit).tree
        found = {name: path for name, path in _places(tree).items() if path in tree}
        return {name: _read(name, tree[path]) for name, path in sorted(found.items())}

    def _walk(self) -> Iterator[pygit2.Commit]:
        tip = self._repo.tip()
        return iter(()) if tip.commit is None else iter(self._git.walk(tip.commit, SortMode.TOPOLOGICAL))

    def _find(self, name: str) -> pygit2.Commit:
        found = cast("object", self._git.get(name)) if _COMMIT.fullmatch(name) else None
        if not isinstance(found, pygit2.Commit) or not self._is_reached(found.id):
            raise NotFound("There is no such version of this project.")
        return found

    def _is_reached(self, commit: pygit2.Oid) -> bool:
        """Whether a branch or a tag leads there: what somebody threw away is nobody's business any more."""
        tips: dict[pygit2.Oid, None] = {}
        for name in sorted(self._git.references):
            if not name.startswith(("refs/heads/", "refs/tags/")):
                continue
            try:
                tips[self._git.references[name].peel(ObjectType.COMMIT).id] = None
            except (pygit2.GitError, KeyError, ValueError):
                continue
        return commit in tips or any(self._git.descendant_of(tip, commit) for tip in tips)

    def _entry(self, commit: pygit2.Commit, names: Mapping[str, list[str]]) -> Entry:
        before = commit.parents[0].tree if commit.parents else None
        message = commit.message
        return Entry(
            commit=str(commit.id),
            message=message.split("\n", maxsplit=1)[0],
            author=commit.author.name,
            people=_people(commit),
            at=datetime.fromtimestamp(commit.commit_time, UTC).isoformat().replace("+00:00", "Z"),
            names=tuple(names.get(str(commit.id), ())),
            takes=self._takes_made(before, commit.tree),
            files=_files_changed(before, commit.tree),
        )

    def _takes_made(self, before: pygit2.Tree | None, after: pygit2.Tree) -> tuple[TakeMade, ...]:
        had, have = (_takes_blob(tree) for tree in (before, after))
        if have is None or (had is not None and had.id == have.id):
            return ()
        known = self._takes_in(had) if had is not None else {}
        made = [take for take_id, take in self._takes_in(have).items() if take_id not in known]
        return tuple(made[::-1][:MOST_TAKES_SHOWN])

    def _takes_in(self, blob: pygit2.Blob) -> dict[str, TakeMade]:
        """The takes of one list, oldest first; two commits in a row ask for the one between them."""
        if blob.id not in self._lists:
            self._lists[blob.id] = _takes_listed(blob.data)
        return self._lists[blob.id]


def _takes_blob(tree: pygit2.Tree | None) -> pygit2.Blob | None:
    path = DOCUMENT_PATHS["takes"]
    found = tree[path] if tree is not None and path in tree else None
    return found if isinstance(found, pygit2.Blob) and found.size <= LONGEST_FILE_BYTES else None


def _takes_listed(data: bytes) -> dict[str, TakeMade]:
    takes = {take_id: as_record(take) for take_id, take in as_record(as_record(_json(data)).get("takes")).items()}
    return {
        take_id: TakeMade(take_id, str(take.get("name", "")), str(as_record(take.get("thumbnail")).get("blob", "")))
        for take_id, take in sorted(takes.items(), key=lambda each: (str(each[1].get("created_at", "")), each[0]))
    }


def _people(commit: pygit2.Commit) -> tuple[str, ...]:
    """The author and whoever stands in the trailers, each once."""
    by_address = {commit.author.email: commit.author.name}
    for name, address in _CO_AUTHOR.findall(commit.message):
        by_address.setdefault(address or name, name)
    return tuple(dict.fromkeys(by_address.values()))


def _files_changed(before: pygit2.Tree | None, after: pygit2.Tree) -> int:
    diff = after.diff_to_tree() if before is None else before.diff_to_tree(after)
    return len(diff)


def _places(tree: pygit2.Tree) -> dict[str, str]:
    """The path of every document that may stand in a tree, by its name."""
    found = {**DOCUMENT_PATHS, **LATER_PATHS}
    for folder in FOLDERS_OF_NAMED:
        if folder in tree and isinstance(below := tree[folder], pygit2.Tree):
            found |= {name: path for path in _files(below, folder) if (name := document_at(path))}
    return found


def _files(tree: pygit2.Tree, path: str, depth: int = 1) -> Iterator[str]:
    for entry in tree:
        if isinstance(entry, pygit2.Blob):
            yield f"{path}/{entry.name}"
        elif isinstance(entry, pygit2.Tree) and depth < DEEPEST_FOLDER and not _holds_media(entry):
            yield from _files(entry, f"{path}/{entry.name}", depth + 1)


def _holds_media(tree: pygit2.Tree) -> bool:
    """Takes lie in folders of their own, thousands of them."""
    return str(tree.name).startswith(("Chapter_", "Scene_", "Shot_"))


def _read(name: str, blob: object) -> object:
    if not isinstance(blob, pygit2.Blob):
        return {}
    if blob.size > LONGEST_FILE_BYTES:
        raise TooLarge(f"{name} is too large in this version to be shown. Clone the repository to look at it.")
    return blob.data.decode(errors="replace") if name.startswith("script/") else as_record(_json(blob.data))


def _json(data: bytes) -> object:
    """What somebody edited by hand and broke counts as empty."""
    try:
        return cast("object", json.loads(data))
    except (ValueError, RecursionError):
        return {}
