"""What people have done to a project's files and branch beside Workprint; every function blocks (W-085)."""

import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pygit2

from crdt_schema.documents import kind_of
from server.errors import Unavailable
from server.snapshot.repo import STATE_FOLDER, ProjectRepo, Tip, replace_file
from server.snapshot.tree import document_at, is_script

LEDGER = "disk.json"
PEACE_SECONDS = 0.25
"""A file that was written less long ago may be half of one."""
MOST_PATIENCE_SECONDS = 3.0
MOST_VERSIONS = 20
"""Snapshots back, to find the version that somebody's edit began with."""
COMMIT = re.compile(r"[0-9a-f]{40}")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnderWay(Unavailable):
    """Somebody is in the middle of a merge in the project's folder."""


@dataclass(frozen=True)
class Ledger:
    """What Workprint itself last did to a branch and to the work tree, on disk so that a kill changes nothing of it."""

    branch: str = ""
    written: str | None = None
    """The commit whose files hold nothing that is not in the documents."""
    writing: str | None = None
    """The commit that was about to become the branch's; it counts if it did."""
    placed: str | None = None
    """The commit whose files were put into the work tree last."""
    seen: Mapping[str, str] = field(default_factory=dict[str, str])
    """By path, the blob that somebody's edit of the file begins with, while the file has not been written anew."""
    indexed: str | None = None
    """The commit whose files the index held last: what somebody commits may be as old as that."""
    stood: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By path, the blobs that stood in the work tree lately: somebody's editor may still show one of them."""
    lay: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By path, what `seen` held before, since the file was written last: a commit may take one of those along."""
    left: bool = False
    """Whether the branch is another one than before: then every document is to be written there."""


@dataclass(frozen=True)
class Edit:
    """What somebody did to the file of a document."""

    document: str
    path: str
    base: bytes
    theirs: bytes
    mark: str
    """The same for the same edit, also after a restart."""
    blob: str
    author: tuple[str, str] | None
    """Name and address of the commit's author; None when it was not committed."""


@dataclass(frozen=True)
class Look:
    """How the files stand."""

    edits: tuple[Edit, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    """By path, in words for people. These files are left as they are."""
    ours: Mapping[str, frozenset[str]] = field(default_factory=dict[str, "frozenset[str]"])
    """By path, what may stand there and be written over: nothing of it is lost."""
    bases: Mapping[str, str] = field(default_factory=dict[str, str])
    """By path, the blob that somebody who edits the file has begun with."""


def read_ledger(repo: ProjectRepo, tip: Tip) -> Ledger:
    """What was noted, as it counts for today's branch."""
    if tip.commit is None:
        return Ledger(tip.branch)
    newest = str(tip.commit)
    try:
        noted = _noted(json.loads(_place(repo.folder).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        noted = Ledger()
    if noted.branch != tip.branch or noted.written is None:
        # Another branch, a clone, or a project from before there was a ledger.
        written = repo.newest_of_ours(newest) or newest
        left = noted.branch not in ("", tip.branch)
        return Ledger(tip.branch, written, None, repo.first_parent(written) or written, left=left)
    writing = noted.writing
    if writing is not None and repo.has_in_past(newest, writing) and repo.has_in_past(writing, noted.written):
        return replace(noted, written=writing)
    return noted


def _noted(noted: object) -> Ledger:
    """The ledger in the JSON of its file; raises TypeError, KeyError, ValueError for what somebody made of it."""
    if not isinstance(noted, dict):
        raise TypeError("a ledger is a JSON object")
    raw = cast("dict[str, Any]", noted)
    commits: dict[str, Any] = {name: raw.get(name) for name in ("written", "writing", "placed", "indexed")}
    if not all(commit is None or COMMIT.fullmatch(commit) for commit in commits.values()):
        raise ValueError("a commit has 40 hexadecimal digits")
    seen: dict[str, str] = dict(raw["seen"])
    stood: dict[str, list[str]] = dict(raw.get("stood", {}))
    lay: dict[str, list[str]] = dict(raw.get("lay", {}))
    blobs = (seen.values(), *stood.values(), *lay.values())
    if not all(COMMIT.fullmatch(blob) for each in blobs for blob in each):
        raise ValueError("a blob has 40 hexadecimal digits")
    return Ledger(branch=str(raw["branch"]), **commits, seen=seen, stood=stood, lay=lay)


def write_ledger(repo: ProjectRepo, ledger: Ledger) -> None:
    """Note it, on disk when this returns."""
    noted = {name: value for name, value in vars(ledger).items() if name != "left"}
    replace_file(_place(repo.folder), json.dumps(noted).encode(), repo.folder / STATE_FOLDER)


def note_seen(repo: ProjectRepo, edits: tuple[Edit, ...]) -> None:
    """These edits of the work tree are in the documents now."""
    seen = {edit.path: repo.keep(edit.theirs) for edit in edits if edit.author is None and edit.blob}
    if seen:
        ledger = read_ledger(repo, repo.tip())
        lay = {path: [*ledger.lay.get(path, []), ledger.seen[path]] for path in seen if path in ledger.seen}
        write_ledger(repo, replace(ledger, seen={**ledger.seen, **seen}, lay={**ledger.lay, **lay}))


def also_stood(stood: Mapping[str, list[str]], blobs: Mapping[str, str]) -> dict[str, list[str]]:
    """What stood in the work tree lately, with what stands there now."""
    new = {path: blob for path, blob in blobs.items() if blob not in stood.get(path, [])[-1:]}
    now = {path: [*stood.get(path, []), blob][-MOST_VERSIONS:] for path, blob in new.items()}
    return {**stood, **now}


def look_now(folder: Path) -> Look:
    """As `look`, of a project that is not being written. Raises UnderWay, NoRepository."""
    repo = ProjectRepo(folder)
    tip = repo.tip()
    return look(repo, tip, read_ledger(repo, tip))


def look(repo: ProjectRepo, tip: Tip, ledger: Ledger) -> Look:
    """What people have done since the last snapshot; raises UnderWay."""
    if repo.under_way():
        raise UnderWay("Somebody is in the middle of a merge in this project's folder. Snapshots wait for its end.")
    if tip.commit is None:
        return Look()
    return _Looking(repo, tip, ledger).look()


class _Looking:
    """One look; collects what it finds."""

    def __init__(self, repo: ProjectRepo, tip: Tip, ledger: Ledger) -> None:
        self._repo = repo
        self._tip = str(tip.commit)
        self._checked_out = tip.checked_out
        self._ledger = ledger
        self._stand = repo.documents(self._tip)
        self._written = repo.documents(ledger.written)
        self._writing = repo.documents(ledger.writing)
        self._indexed = repo.documents(ledger.indexed)
        self._edits: list[Edit] = []
        self._problems: dict[str, str] = {}

    def look(self) -> Look:
        behind = self._ledger.written is not None and self._repo.has_in_past(self._ledger.written, self._tip)
        for path in sorted(self._stand.keys() | self._written):
            stands, written = self._stand.get(path), self._written.get(path)
            if stands is not None and stands != written and self._written and not behind:
                if not self._is_ours(path, stands):
                    self._committed(path, stands)
            elif stands != written or self._ledger.left:
                self._write_anew(path)
        ours, bases = dict[str, frozenset[str]](), dict[str, str]()
        if self._checked_out:
            placed = self._repo.documents(self._ledger.placed)
            for path, stands in self._stand.items():
                written, seen = self._written.get(path), self._ledger.seen.get(path)
                ours[path] = frozenset(filter(None, (stands, written, self._writing.get(path), placed.get(path), seen)))
                bases[path] = seen or (stands if stands != written else placed.get(path, stands))
                self._work_tree(path, bases[path], ours[path])
        for edit in self._edits:
            ours[edit.path] = ours.get(edit.path, frozenset()) | {edit.blob}
        return Look(tuple(self._edits), self._problems, ours, bases)

    def _write_anew(self, path: str) -> None:
        """The branch was set back or the file taken out of it: the document goes on, and is to be written again."""
        mark = f"{self._ledger.written} {path} {self._tip}"
        self._edits.append(Edit(cast("str", document_at(path)), path, b"", b"", mark, "", None))

    def _is_ours(self, path: str, blob: str) -> bool:
        """Whether somebody's commit took along what lay there, and brings nothing that is not in the documents."""
        lay_there = [self._ledger.seen.get(path), self._writing.get(path), *self._ledger.lay.get(path, [])]
        if self._ledger.indexed != self._ledger.written:
            lay_there.append(self._indexed.get(path))
        if blob in lay_there:
            self._write_anew(path)
        return blob in lay_there

    def _committed(self, path: str, blob: str) -> None:
        base = self._repo.blob(self._written[path]) if path in self._written else b""
        author = self._repo.author_of(path, self._tip, self._ledger.written)
        theirs = self._repo.blob(blob)
        if base is None or theirs is None:
            return
        if problem := self._add(path, base, theirs, author):
            where = f"commit {self._tip[:10]}"
            self._problems[path] = (
                f"{path} in {where} {problem}. What the studio has goes on; that version stays there."
            )

    def _work_tree(self, path: str, base: str, ours: frozenset[str]) -> None:
        place = self._repo.folder / path
        if place.is_symlink() or not place.is_file():
            return
        data, before = place.read_bytes(), self._repo.blob(base)
        if blob_of(data) not in ours:
            data = read_in_peace(place)
        if data is None or blob_of(data) in ours or before is None:
            return
        if problem := self._add(path, before, data, None):
            self._problems[path] = f"{path} {problem}. It is left as it is; repair it, or `git checkout -- {path}`."

    def _add(self, path: str, base: bytes, theirs: bytes, author: tuple[str, str] | None) -> str:
        """Note an edit; what is wrong with it, in words, else nothing."""
        document = cast("str", document_at(path))
        if kind_of(document).written_by is None:
            return "was changed, but only Workprint itself writes it"
        try:
            if is_script(document):
                theirs.decode()
            else:
                value, before = json_of(theirs), json_of(base)
                if base and value.get("schema") != before.get("schema"):
                    return "has another schema than this version of Workprint writes"
        except (ValueError, RecursionError) as error:
            return f"cannot be read ({str(error)[:80]})"
        if author is not None or path not in self._ledger.seen:
            base = self._nearest(path, base, theirs)
        mark = f"{self._ledger.written} {path} {blob_of(base)} {blob_of(theirs)}"
        self._edits.append(Edit(document, path, base, theirs, mark, blob_of(theirs), author))
        return ""

    def _nearest(self, path: str, newest: bytes, theirs: bytes) -> bytes:
        """What an edit began with: an editor may have opened the file some snapshots ago.

        Of the last versions it is the one that differs least. Who only takes something out does that to the newest, and
        the whole of an older one is brought back on purpose. It stays the same until the next snapshot: so does its
        mark, and nothing is merged twice.
        """
        now, words = _words(path, newest), _words(path, theirs)
        if words <= now:
            return newest
        blobs = [*self._ledger.stood.get(path, []), *self._repo.versions(path, self._ledger.written, MOST_VERSIONS)]
        blobs += [self._writing.get(path, "")]
        older = {data: _words(path, data) for data in map(self._repo.blob, blobs) if data is not None}
        if words in older.values():
            return newest
        return min([newest, *older], key=lambda data: _distance(older.get(data, now), words))


def _distance(one: Counter[object], other: Counter[object]) -> int:
    """How many words are in one of two versions only."""
    return ((one - other) + (other - one)).total()


def _words(path: str, data: bytes) -> Counter[object]:
    if is_script(cast("str", document_at(path))):
        return Counter(data.decode(errors="replace").split())
    found: Counter[object] = Counter()
    try:
        _count(json_of(data), "", found)
    except (ValueError, RecursionError):
        found[data] += 1
    return found


def _count(value: object, place: str, found: Counter[object]) -> None:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            _count(inner, f"{place}/{key}", found)
    elif isinstance(value, str):
        found.update((place, word) for word in value.split())
    else:
        found[place, json.dumps(value)] += 1


def read_in_peace(place: Path) -> bytes | None:
    """A file once nobody has written it for a moment: editors empty it first. None when they do not stop."""
    ends = time.monotonic() + MOST_PATIENCE_SECONDS
    while time.monotonic() < ends:
        written = place.stat().st_mtime_ns
        age = time.time() - written / 1e9
        # A time in the future says nothing.
        if 0 <= age < PEACE_SECONDS:
            time.sleep(PEACE_SECONDS - age)
            continue
        data = place.read_bytes()
        if place.stat().st_mtime_ns == written:
            return data
    return None


def json_of(data: bytes) -> Mapping[str, Any]:
    """The JSON object in a file, nothing in an empty one; raises ValueError."""
    value: object = json.loads(data, parse_constant=_refuse) if data else {}
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - as every other fault of the file
    return cast("dict[str, Any]", value)


def text_of(data: bytes) -> str:
    """The text in a file, whichever editor wrote it; raises ValueError."""
    return data.removeprefix(BYTE_ORDER_MARK).decode().replace("\r\n", "\n")


def blob_of(data: bytes) -> str:
    """The id that Git gives a file."""
    return str(pygit2.hash(data))


def _place(folder: Path) -> Path:
    return folder / STATE_FOLDER / LEDGER


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no JSON")
