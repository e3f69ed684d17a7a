"""Writes one snapshot: from the bytes of documents to a commit, a work tree and an index in step. It blocks."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

import pygit2

from crdt_schema import plain
from crdt_schema.ids import ProjectId
from crdt_schema.project import Manifest
from server.auth.actor import Actor
from server.errors import BadRequest
from server.snapshot.assets import DOCUMENTS, FOLDERS, asset_lists
from server.snapshot.copies import Copy
from server.snapshot.disk import Edit, Ledger, Look, also_stood, look, read_ledger, write_ledger
from server.snapshot.messages import State, compose, credit, describe
from server.snapshot.repo import ProjectRepo, Tip, TipMoved, exclusive, git_email, git_name
from server.snapshot.tree import (
    DOCUMENT_PATHS,
    LATER_PATHS,
    MANIFEST_PATH,
    Encoded,
    build,
    document_at,
    document_path,
    is_script,
)
from server.snapshot.wording import Record

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
"""Between attempts, doubled each time: some two seconds for somebody else's commit to finish."""


class Home(Protocol):
    """Where a project lives."""

    @property
    def folder(self) -> Path:
        """Its folder, which holds the repository."""
        ...

    @property
    def manifest(self) -> Manifest:
        """Its `project.json` as it is now."""
        ...


class Homes(Protocol):
    """What a snapshot needs of the index of projects."""

    def get(self, project_id: ProjectId, /) -> Home:
        """The project; raises NotFound."""
        ...

    def tracked_media(self, project_id: ProjectId, takes: Mapping[str, object], /) -> Mapping[str, Encoded]:
        """What stands beside the documents: the pointer of every media file whose bytes are here, and provenance."""
        ...

    def set_index(self, project_id: ProjectId, version: int, assets: Mapping[str, list[str]], /) -> None:
        """Write the snapshot counter and the lists of assets to `project.json`."""
        ...


@dataclass(frozen=True)
class Order:
    """What to snapshot: the documents that may have changed, and who changed them how often."""

    project: ProjectId
    at: datetime
    copies: Mapping[str, Copy]
    """By name."""
    changes: Mapping[Actor, int] = field(default_factory=dict[Actor, int])
    name: str = ""
    asked_by: Actor | None = None
    merged: frozenset[str] = frozenset()
    """Marks of what people did on disk and is in the documents."""
    removed: frozenset[str] = frozenset()
    """Paths of files that were taken out of the project's folder; one that is there again stays."""


class Behind(Exception):
    """Somebody has changed files or committed, and that is not in the documents; nothing was written."""

    def __init__(self, edits: tuple[Edit, ...]) -> None:
        """`edits`: what has to be merged first."""
        super().__init__(", ".join(edit.path for edit in edits))
        self.edits = edits


@dataclass(frozen=True)
class Written:
    """What became of an order."""

    commit: str | None
    """The new commit; for a named snapshot without a change the one that got the name; None when nothing changed."""
    problems: Mapping[str, str]
    """By path, what people have to repair; those files were left as they are."""
    index_behind: bool
    """A person's git held the index: `git status` shows the commit's files as changed until the next snapshot."""


@dataclass(frozen=True)
class _Content:
    """A tree that could be committed, and what it is made of."""

    tree: pygit2.Oid
    files: dict[str, bytes]
    blobs: dict[str, pygit2.Oid]
    manifest: Manifest
    removed: list[str]
    """Paths of files that are gone."""

    def get(self, path: str) -> tuple[pygit2.Oid, bytes] | None:
        """Blob and bytes of a file."""
        return (self.blobs[path], self.files[path]) if path in self.files else None

    @property
    def documents(self) -> list[str]:
        """The paths of documents."""
        return [path for path in self.files if document_at(path) is not None]


def write_snapshot(homes: Homes, order: Order) -> Written:
    """Commit what changed.

    Raises Behind when people changed files meanwhile, UnderWay while they merge, TipMoved when others kept committing,
    NotFound, NoRepository, OSError.
    """
    with exclusive(homes.get(order.project).folder):
        for copy in order.copies.values():
            copy.catch_up()
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return _attempt(homes, order)
            except TipMoved:
                if pause > LONGEST_PAUSE_SECONDS:
                    raise
                time.sleep(pause)
                pause *= 2


def _attempt(homes: Homes, order: Order) -> Written:
    home = homes.get(order.project)
    repo = ProjectRepo(home.folder)
    tip = repo.tip()
    ledger = read_ledger(repo, tip)
    ground = look(repo, tip, ledger)
    if left := tuple(edit for edit in ground.edits if edit.mark not in order.merged):
        raise Behind(left)
    copies = _with_place(repo, tip, order)
    content = _content(homes, order, repo, tip, copies)
    commit = None
    if content.tree != tip.tree:
        message, author = _message(order, _clauses(repo, tip, copies, content))
        commit = repo.make_commit(tip, content.tree, message, author, order.at)
        write_ledger(repo, replace(ledger, writing=str(commit)))
    # The branch last: what somebody commits meanwhile is then at least as new as what they commit upon.
    problems = {**ground.problems, **(_index_noted(homes, order.project, content.manifest) if tip.checked_out else {})}
    in_step = _settle(repo, tip, content, ground)
    if commit is not None:
        repo.advance(tip, commit)
    _note(repo, tip, ledger, ground, str(commit or tip.commit), in_step=in_step)
    if order.name.strip() and (named := commit or tip.commit) is not None:
        repo.tag(named, order.name, order.asked_by or credit(order.changes)[0], order.at)
        commit = named
    return Written(str(commit) if commit else None, problems, index_behind=not in_step)


def _with_place(repo: ProjectRepo, tip: Tip, order: Order) -> dict[str, Copy]:
    """The documents that have a file: some have none before there is something in them."""
    stood = repo.documents(str(tip.commit)) if tip.commit else {}
    return {
        name: copy
        for name, copy in order.copies.items()
        if name in DOCUMENT_PATHS or document_path(name) in stood or not plain.is_empty(copy.plain)
    }


def _content(homes: Homes, order: Order, repo: ProjectRepo, tip: Tip, copies: Mapping[str, Copy]) -> _Content:
    home = homes.get(order.project)
    takes = copies["takes"].plain if "takes" in copies else _read(repo, tip, DOCUMENT_PATHS["takes"])
    media = homes.tracked_media(order.project, takes)
    gone = sorted(path for path in order.removed if path not in media and not (home.folder / path).exists())
    manifest = _indexed(home.manifest, _standing(repo, tip, gone, media), copies)
    # The counter is the repository's: one that was written after a crash and never committed does not count.
    manifest["version"] = _whole(_read(repo, tip, MANIFEST_PATH).get("version"))
    files = build({name: copy.file for name, copy in copies.items()}, manifest, media)
    if not repo.has_all(tip, {**files, **dict.fromkeys(gone)}):
        manifest["version"] += 1
        files[MANIFEST_PATH] = plain.encode(manifest)
    tree, blobs = repo.write_tree(tip, {**files, **dict.fromkeys(gone)})
    return _Content(tree, files, blobs, manifest, gone)


def _standing(repo: ProjectRepo, tip: Tip, gone: Iterable[str], media: Iterable[str]) -> list[str]:
    """What will stand in the folders whose files the manifest lists."""
    stand = {f"{folder}/{name}" for folder in FOLDERS.values() for name in repo.listing(tip.tree, folder)}
    return [*(stand - set(gone)), *media]


def _indexed(manifest: Manifest, stand: list[str], copies: Mapping[str, Copy]) -> Manifest:
    """The manifest with what there is now in its lists of assets."""
    plains = {name: copies[name].plain for name in DOCUMENTS if name in copies}
    return {**manifest, "assets": asset_lists(manifest["assets"], stand, plains)}


def _clauses(repo: ProjectRepo, tip: Tip, copies: Mapping[str, Copy], content: _Content) -> list[str]:
    """What changed, in words."""
    stood = repo.documents(str(tip.commit)) if tip.commit else {}
    paths = {name: document_path(name) for name in copies}
    rewritten = [name for name, path in paths.items() if stood.get(path) != str(content.blobs[path])]
    before = {name: _read(repo, tip, path) for name, path in DOCUMENT_PATHS.items()}
    others = {
        name: _read(repo, tip, paths[name]) for name in copies if name not in DOCUMENT_PATHS and not is_script(name)
    }
    after = before | {name: copy.plain for name, copy in copies.items()}
    return describe(
        State(before["canvas"], before["takes"], _read(repo, tip, MANIFEST_PATH), others),
        State(after["canvas"], after["takes"], cast("Record", content.manifest), after),
        rewritten,
        [path for path in content.removed if repo.read(tip.tree, path) is not None],
    )


def _message(order: Order, clauses: list[str]) -> tuple[str, Actor]:
    changes = order.changes or ({order.asked_by: 1} if order.asked_by else {})
    author, others = credit(changes)
    co_authors = [f"{git_name(person)} <{git_email(person)}>" for person in others]
    return compose(clauses, name=order.name, co_authors=co_authors), author


def _settle(repo: ProjectRepo, tip: Tip, content: _Content, ground: Look) -> bool:
    """Bring files and index in step with the commit; also what a killed snapshot left undone. As `stage` returns."""
    if not tip.checked_out:
        return True
    # All documents, not only those that changed: another one may have been left behind.
    paths = {*DOCUMENT_PATHS.values(), *LATER_PATHS.values(), *ground.ours, *content.documents}
    stand = {path: found for path in sorted(paths) if (found := content.get(path) or repo.read(content.tree, path))}
    # A document that had no file until now: one that stands there is somebody's, and is merged the next time.
    ours = {path: ground.ours.get(path, frozenset[str]()) for path in stand}
    repo.put_into_work_tree({path: data for path, (_, data) in stand.items()}, ours)
    return repo.stage({**content.blobs, **{path: blob for path, (blob, _) in stand.items()}}, content.removed)


def _index_noted(homes: Homes, project: ProjectId, index: Manifest) -> Mapping[str, str]:
    """Bring the lists of `project.json` in step; what people have to repair before that works."""
    today = homes.get(project).manifest
    try:
        if (today["version"], today["assets"]) != (index["version"], index["assets"]):
            homes.set_index(project, index["version"], index["assets"])
    except BadRequest as error:
        return {MANIFEST_PATH: str(error)}
    return {}


def _note(repo: ProjectRepo, tip: Tip, ledger: Ledger, ground: Look, commit: str, *, in_step: bool) -> None:
    """Note that a commit holds what is in the documents; a file that was left alone is still to be merged."""
    stand = repo.documents(commit) if tip.checked_out else {}
    left = [path for path, blob in stand.items() if repo.differs(path, blob)]
    seen = {path: ground.bases.get(path) or repo.keep(b"") for path in left}
    placed = commit if tip.checked_out else ledger.placed
    stood = also_stood(
        also_stood(ledger.stood, ledger.seen), {path: blob for path, blob in stand.items() if path not in seen}
    )
    lay = {path: blobs for path, blobs in ledger.lay.items() if path in seen}
    noted = Ledger(tip.branch, commit, None, placed, seen, placed if in_step else ledger.indexed, stood, lay)
    if noted != ledger:
        write_ledger(repo, noted)


def _read(repo: ProjectRepo, tip: Tip, path: str) -> Record:
    """The plain value of a file of a commit; empty where it is not there or cannot be read."""
    try:
        _, data = repo.read(tip.tree, path) or (None, b"{}")
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("Record", value) if isinstance(value, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
