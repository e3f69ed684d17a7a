"""What copies and imports share: a folder under construction, and documents that begin a new life in it."""

import asyncio
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, cast

from pycrdt import Doc

from crdt_schema import founding, plain
from crdt_schema.documents import UnknownDocument, identity_of, initialise, kind_of
from crdt_schema.ids import new_id
from crdt_schema.project import Manifest
from server.auth.actor import SYSTEM, Actor
from server.hub.nesting import check_nesting
from server.hub.replica import panics_told
from server.projects import forks, layout
from server.snapshot.repo import STATE_FOLDER, ProjectRepo
from server.snapshot.tree import build, encode, has_place
from server.store.base import NewUpdate
from server.store.sqlite import SqliteUpdateStore

LOG = f"{STATE_FOLDER}/documents.sqlite"
FICLONE = 0x40049409
"""Linux: share the blocks of a file until one of the two is changed."""

Documents = dict[str, dict[str, object]]
"""Plain values by the document's name."""


@dataclass(frozen=True)
class Contents:
    """What a project that is being built holds."""

    manifest: Manifest
    documents: Documents
    more: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Further files of the tree, as they stand in Git, that lie in the work tree already."""


@contextmanager
def building_folder(projects: Path) -> Generator[Path]:
    """A folder under a name that the index passes over; what is left of it at the end is removed."""
    folder = projects / f".new-{new_id()}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def back_up(log: Path, copy: Path) -> bool:
    """Copy a log as it is at one instant, while others write it; False when there is none. It blocks."""
    if not log.is_file():
        return False
    copy.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(log)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return True


async def read_log(log: Path) -> Documents:
    """Every document of a log that nobody else writes, as plain values; raises NewerStore, BadMessage, Ruined.

    A fork is what the canvas would be if it were merged; one that cannot be merged is left out.
    """
    store = await SqliteUpdateStore.open(log)
    try:
        found: Documents = {}
        for name in await store.documents():
            with suppress(UnknownDocument):
                kind_of(name)
                histories = [[row.update for row in await store.load(name)]]
                if forks.is_fork(name):
                    histories.append([row.update for row in await store.load("canvas")])
                value = await asyncio.to_thread(_plain, name, histories)
                if value is not None and (forks.is_fork(name) or not plain.is_empty(value)):
                    found[name] = value
        return found
    finally:
        await store.close()


def _plain(name: str, histories: list[list[bytes]]) -> dict[str, object] | None:
    """A document with all of these histories in it; None when they have no beginning in common."""
    for update in chain.from_iterable(histories):
        check_nesting(update)
    with panics_told():
        docs = [_doc(history) for history in histories]
        if len({identity_of(doc).epoch for doc in docs}) > 1:
            return None
        return cast("dict[str, object]", plain.dump(_doc([doc.get_update() for doc in docs]), name))


def _doc(history: list[bytes]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    for update in history:
        doc.apply_update(update)
    return doc


async def write_log(folder: Path, documents: Documents, by: Actor, at: datetime) -> Documents:
    """Found every document anew, with a new epoch: whoever holds the original's history holds another one.

    Returns the documents as a snapshot writes them; canvas and takes are always among them.
    """
    rows, founded = await asyncio.to_thread(_founded, {"canvas": {}, "takes": {}} | documents, by, at)
    store = await SqliteUpdateStore.open(folder / LOG)
    try:
        await store.append(rows)
    finally:
        await store.close()
    return founded


def _founded(documents: Documents, by: Actor, at: datetime) -> tuple[list[NewUpdate], Documents]:
    found: Documents = {}
    rows, stamp = list[NewUpdate](), at.astimezone(UTC).isoformat(timespec="milliseconds")
    canvas = b""
    for name, value in documents.items():
        if forks.is_fork(name):
            continue
        doc: Doc[Any] = Doc()
        initialise(doc, name)
        state = doc.get_state()
        rows.append(NewUpdate(name, SYSTEM.user_id, SYSTEM.name, stamp, doc.get_update()))
        founding.fill(doc, name, value)
        rows.append(NewUpdate(name, by.user_id, by.name, stamp, doc.get_update(state)))
        found[name] = cast("dict[str, object]", plain.dump(doc, name))
        if name == "canvas":
            canvas = doc.get_update()
    for name, value in documents.items():
        if forks.is_fork(name):
            rows.append(NewUpdate(name, SYSTEM.user_id, SYSTEM.name, stamp, canvas))
            updates = forks.branched(canvas, value, found["takes"])
            rows.extend(NewUpdate(name, by.user_id, by.name, stamp, update) for update in updates)
            found[name] = cast("dict[str, object]", plain.dump(_doc([canvas, *updates]), name))
    return rows, found


def commit_contents(folder: Path, contents: Contents, message: str, by: Actor, at: datetime) -> None:
    """Bring repository and work tree in step with the contents; a commit where that changes anything. It blocks."""
    repo = ProjectRepo(folder)
    tip = repo.tip()
    documents = {name: encode(name, value) for name, value in contents.documents.items() if has_place(name)}
    files = build(documents, contents.manifest, {})
    tree, blobs = repo.write_tree(tip, contents.more | files)
    if tree != tip.tree:
        contents.manifest["version"] += 1
        files = build(documents, contents.manifest, {})
        tree, blobs = repo.write_tree(tip, contents.more | files)
        repo.commit(tip, tree, f"{message}\n", by, at)
    repo.put_into_work_tree(files)
    repo.stage(blobs)


def make_ignored_folders(folder: Path) -> None:
    """The folders that stand in no repository."""
    for path in (*layout.TRACKED_FOLDERS, *layout.IGNORED_FOLDERS):
        (folder / path).mkdir(parents=True, exist_ok=True)


def copy_file(source: Path, place: Path) -> None:
    """A file in a copy: a link where nobody writes it any more, else bytes of its own. It blocks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = source.stat().st_mode
    if not mode & 0o222:
        with suppress(OSError):
            place.hardlink_to(source)
            return
    with source.open("rb") as file, place.open("xb") as target:
        try:
            fcntl.ioctl(target.fileno(), FICLONE, file.fileno())
        except OSError:
            shutil.copyfileobj(file, target, 1 << 20)
        os.fchmod(target.fileno(), mode & 0o777)
